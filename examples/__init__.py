"""Small programs to read and run."""
