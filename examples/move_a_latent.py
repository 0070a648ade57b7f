# %% [markdown]
"""Move one latent of a trained model, and look at what it draws.

A notebook as a plain script: editors run it cell by cell. From the project's folder, after
`make repro`: WEIGHTS=runs/gated/20/weights.safetensors python -m examples.move_a_latent
"""

# %%
import os
import tempfile
from pathlib import Path

import grvae  # noqa: F401 # isort: skip - before torch: the same numbers everywhere
import matplotlib.pyplot as plt
import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_digits

from grvae.model.images import as_pictures
from grvae.model.vae import load_vae
from grvae.show.pictures import draw_images
from grvae.use.pictures import read_picture

WEIGHTS = Path(os.environ.get("WEIGHTS", "runs/gated/20/weights.safetensors"))
model = load_vae(WEIGHTS)

# %% [markdown]
# Any picture of one digit will do; this one is scikit-learn's first three, with paper around it.

# %%
ink = np.pad(load_digits().images[3], 2) * 255 / 16
with tempfile.TemporaryDirectory() as folder:
    picture = Path(folder) / "three.png"
    Image.fromarray(ink.astype(np.uint8)).resize((240, 240)).save(picture)
    pixels = read_picture(picture, model.architecture.images)
with torch.no_grad():
    means = model.encode(pixels[None])[0][0]
latent = int(means.argmax())
print("means:", [round(mean, 2) for mean in means.tolist()], "largest:", latent)

# %% [markdown]
# The largest latent is the digit that the model sees. Here it goes down to 0 and up again.

# %%
values = torch.linspace(0, 2, 9) * means[latent]
moved = means.repeat(len(values), 1)
moved[:, latent] = values
with torch.no_grad():
    images = model.decode(model.activate(moved)).sigmoid()

# %%
figure, panel = plt.subplots(figsize=(9, 1.5))
row = as_pictures(torch.cat([pixels[None], images]), model.architecture.images)
draw_images(panel, row[None].numpy())
panel.set_title(f"the picture, then latent {latent} from 0 to twice its mean")
plt.show()
