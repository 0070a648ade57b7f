"""Labelled images from wherever they are: published sets, drawn letters, and people's own."""
