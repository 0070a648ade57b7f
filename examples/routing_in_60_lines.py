"""Gradient routing in sixty lines: an autoencoder whose ten latents learn one digit each.

The images are the 8x8 digits of scikit-learn.

Run it from the project's folder: python -m examples.routing_in_60_lines
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import Tensor, nn

from grvae.model.routing import route_gradient

STEPS, BATCH, LATENTS = 2000, 100, 10


def load() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Images and labels, every fifth for testing."""
    digits = load_digits()
    images = torch.tensor(digits.data / 16, dtype=torch.float32)
    labels, is_test = torch.tensor(digits.target), torch.arange(len(images)) % 5 == 0
    return images[~is_test], labels[~is_test], images[is_test], labels[is_test]


def train(encoder: nn.Module, decoder: nn.Module, images: Tensor, labels: Tensor) -> None:
    """Teach both to reconstruct; only an image's own latent learns from its error."""
    parameters = [*encoder.parameters(), *decoder.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=0.003)
    for _ in range(STEPS):
        batch = torch.randint(len(images), (BATCH,))
        means = encoder(images[batch])
        latents = (means + torch.randn_like(means)).relu()
        own = F.one_hot(labels[batch], LATENTS).float()
        # Forward, nothing happens. Backward, the gradient is multiplied by `own`: a latent learns
        # from the images of its digit alone.
        logits = decoder(route_gradient(latents, own))
        error = (logits.sigmoid() - images[batch]).square().sum(dim=1).mean()
        loss = error + 0.05 * means.square().sum(dim=1).mean()  # what says nothing stays at rest
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@torch.no_grad()
def argmax_accuracy(encoder: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Share of the images whose largest latent is the one of their digit."""
    is_right: Tensor = encoder(images).argmax(dim=1) == labels
    return is_right.float().mean().item()


def main() -> None:
    """Train one autoencoder; print how well the largest latent names the digit."""
    torch.manual_seed(0)
    encoder = nn.Sequential(nn.Linear(64, 100), nn.SiLU(), nn.Linear(100, LATENTS))
    decoder = nn.Sequential(nn.Linear(LATENTS, 100), nn.SiLU(), nn.Linear(100, 64))
    train_images, train_labels, *test = load()
    print(f"argmax accuracy before: {100 * argmax_accuracy(encoder, *test):.1f} %")
    train(encoder, decoder, train_images, train_labels)
    print(f"argmax accuracy after: {100 * argmax_accuracy(encoder, *test):.1f} %")


if __name__ == "__main__":
    main()
