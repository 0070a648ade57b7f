"""Where a process of ours computes and draws, whatever the environment says: by being imported.

Only what starts as a process of this project imports it, first of all: a stage, a study, a
benchmark, the command. In somebody's notebook these variables are theirs.
"""

import os

# A notebook's backend may be one that only the notebook has. Figures here need none.
os.environ["MPLBACKEND"] = "agg"
# How long a thread spins before it sleeps. With none, waking up costs more than the work between;
# with the usual 300,000 turns, threads that share cores with others starve them.
os.environ["GOMP_SPINCOUNT"] = "5000"
# Each binds a process to the first cores, and all processes of a pipeline to the same ones.
for binding in (
    "OMP_PROC_BIND",
    "OMP_PLACES",
    "GOMP_CPU_AFFINITY",
    "KMP_AFFINITY",
    "KMP_HW_SUBSET",
):
    os.environ.pop(binding, None)
