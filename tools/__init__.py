"""Small chores around the repository; each runs as `python -m tools.NAME`."""
