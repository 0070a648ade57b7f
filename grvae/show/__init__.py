"""Pictures and words: figures, numbers as text, the report."""
