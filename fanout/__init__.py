"""`dvc repro` with independent stages side by side, on one machine or on a Dask cluster.

It knows DVC and nothing of the project whose pipeline it runs; see README.md beside this file.
"""
