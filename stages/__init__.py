"""One command per DVC stage: read, one library call, write. The science is in `grvae`."""

from grvae.base import process  # noqa: F401 - before any library that reads these variables
