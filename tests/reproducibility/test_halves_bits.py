"""The halves autoencoder's bits do not depend on the number of threads."""

import os
import subprocess
import sys

from tests.conftest import PROJECT

# The shapes of the study, on images that lie in no file.
TRAIN = """
import torch
from grvae.model.images import ImageSet
from studies.claims.halves import train_halves
from tests.unit.test_halves import recipe_with
pixels = torch.rand(300, 784, generator=torch.Generator().manual_seed(0))
images = ImageSet(pixels, torch.arange(300) % 10)
weights = {"top_l1_weight": 0.003, "bottom_l1_weight": 0.003, "correlation_weight": 0.1}
recipe = recipe_with(hidden_sizes=[256, 128], latents=32, **weights)
print(torch.get_num_threads(), train_halves(images, images, recipe, 0))
"""


def test_bits_do_not_depend_on_the_number_of_threads():
    results = {}
    for threads in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", f"import grvae\n{TRAIN}"],
            env=os.environ | {"OMP_NUM_THREADS": threads},
            cwd=PROJECT,
            check=True,
            capture_output=True,
            text=True,
        )
        used, _, result = done.stdout.partition(" ")
        assert used == threads
        results[threads] = result
    assert len(set(results.values())) == 1
