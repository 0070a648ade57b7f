"""Images by their numbers, and whether they are strange: asked in Python and in the page."""

LIMITS = {"low_ink": 20.0, "high_ink": 200.0, "high_error": 40.0, "high_error_share": 0.5}
# (ink, error, sum of squares) and the answer
CASES = [
    ((19.9, 1.0, 15.0), "less ink"),
    ((20.0, 1.0, 15.0), None),
    ((200.0, 1.0, 150.0), None),
    ((200.1, 1.0, 150.0), "more ink"),
    ((100.0, 40.0, 80.0), None),
    ((100.0, 40.1, 90.0), "large reconstruction error"),
    ((100.0, 30.0, 59.0), "large reconstruction error"),
    ((19.0, 99.0, 15.0), "less ink"),
]
