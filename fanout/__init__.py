"""Run the independent stages of the pipeline on many workers, and let DVC finish.

DVC stays the only record of what is done: a worker runs `dvc repro` in a work folder of its own
and leaves the result in DVC's run-cache, from where the caller's `dvc repro` restores it.
"""
