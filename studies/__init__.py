"""Questions beside the main one, each with a pipeline of its own."""
