"""What the experiment costs, measured side by side in one process on the machine at hand."""

from grvae.base import process  # noqa: F401 - before any library that reads these variables
