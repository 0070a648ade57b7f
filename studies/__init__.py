"""Questions beside the main one, each with a pipeline of its own."""

from grvae.base import process  # noqa: F401 - before any library that reads these variables
