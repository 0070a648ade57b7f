"""Small programs to read and run."""

import grvae  # noqa: F401 - pins the maths libraries before anything loads them
