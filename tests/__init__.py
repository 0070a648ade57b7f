"""Every test runs as a process of the project does, so this comes before torch and matplotlib."""

from grvae.base import process  # noqa: F401
