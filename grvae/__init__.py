"""Gradient-routed variational autoencoders: the library behind the experiment."""

from grvae.base import determinism  # noqa: F401 - before anything that computes
