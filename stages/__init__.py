"""One command per DVC stage: read, one library call, write. The science is in `grvae`."""

import grvae  # noqa: F401 - pins the maths libraries before anything loads them
