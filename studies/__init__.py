"""Questions beside the main one, each with a pipeline of its own."""

import grvae  # noqa: F401 - pins the maths libraries before anything loads them
