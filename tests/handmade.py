"""Models and images whose measures can be worked out by hand."""

import torch
from torch import Tensor, nn

from grvae.model.images import ImageSet
from grvae.model.vae import VAE, Architecture, build_vae

# What the page shows of a run's measures.
MEASURES = {
    "images": 200,
    "argmax_accuracy": 0.5,
    "assigned_accuracy": 0.5,
    "squared_error_per_image": 25.0,
    "assignment": list(range(10)),
    "limits": {"low_ink": 1.0, "high_ink": 700.0, "high_error": 300.0, "high_error_share": 1.5},
}
# Of a run; a recall of 0.6 is that of a collapsed class.
SCALARS = {
    "images": 10_000,
    "sampled_accuracy": 0.94,
    "assigned_accuracy": 0.97,
    "lowest_recall": 0.6,
    "probe_accuracy": 0.96,
    "mse_per_pixel": 0.03,
    "bce_per_image": 120.0,
    "kl_per_image": 20.0,
    "dead_latents": 0,
    "recall": [0.6] * 10,
}


def pixel_reader(
    latents: int = 10, latent_act: str = "relu", posterior: str = "gaussian", scale: float = 0.0
) -> VAE:
    """A model whose means are the first pixels, and whose decoder shows its latents there."""
    architecture = Architecture("mlp", (latents,), "relu", False, latents, latent_act, posterior)
    model = build_vae(architecture, torch.Generator().manual_seed(0))
    model.decoder = nn.Linear(latents, 784)
    with torch.no_grad():
        for layer in (model.encoder[0], model.mean_head, model.decoder):
            layer.weight.copy_(torch.eye(*layer.weight.shape))
            layer.bias.zero_()
        model.scale_head.weight.zero_()
        model.scale_head.bias.fill_(scale)
    return model.eval()


def images_of(codes: Tensor, labels: Tensor) -> ImageSet:
    """Black images that show codes (image, latent) in their first pixels."""
    pixels = torch.zeros(len(codes), 784)
    pixels[:, : codes.shape[1]] = codes
    return ImageSet(pixels, labels)


def images_read_as(places: Tensor, labels: Tensor) -> ImageSet:
    """Images of which a `pixel_reader` takes each for the digit at its place."""
    return images_of(torch.eye(10)[places], labels)


def brightest_of_ten(pixels: Tensor) -> Tensor:
    """A classifier that names the brightest of the first ten pixels."""
    return 100 * pixels[:, :10]
