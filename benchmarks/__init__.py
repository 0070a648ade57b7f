"""What the experiment costs, measured side by side in one process on the machine at hand."""
