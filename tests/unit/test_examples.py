import runpy

import matplotlib.pyplot as plt
import torch

from grvae.model.training import train_vae
from grvae.model.vae import save_vae
from tests.conftest import PROJECT


def test_latent_is_moved_from_zero_past_what_the_picture_gave(
    images, recipe, tmp_path, monkeypatch
):
    longer = recipe.model_copy(update={"epochs": 10, "decoder_epochs": 0})
    model, _ = train_vae(images, images[:0], longer, "relu", seed=0)
    save_vae(tmp_path / "weights", model)
    monkeypatch.setenv("WEIGHTS", str(tmp_path / "weights"))
    done = runpy.run_path(str(PROJECT / "examples" / "move_a_latent.py"))
    latents = done["means"].clamp(min=0)
    with torch.no_grad():
        as_it_is = model.decode(latents[None]).sigmoid()[0]
        latents[done["latent"]] = 0
        without = model.decode(latents[None]).sigmoid()[0]
    torch.testing.assert_close(done["images"][4], as_it_is)
    torch.testing.assert_close(done["images"][0], without)
    assert (done["images"].diff(dim=0).abs().amax(dim=1) > 0).all()
    plt.close(done["figure"])
