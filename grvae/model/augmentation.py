"""Images moved at random, so that a network learns what does not depend on the place."""

import torch
import torch.nn.functional as F
from torch import Tensor

from grvae.base.image_spec import ImageSpec


def shift_at_random(
    pixels: Tensor, spec: ImageSpec, max_shift: int, stream: torch.Generator
) -> Tensor:
    """Move images (batch, pixel) by up to `max_shift` pixels in both directions, onto black.

    With 0 they are returned as they are.

    The batch, itself in random order, is cut into as many parts as there are shifts, and each part
    moves as one: all shifts occur equally often, and no index has to be made for each pixel.
    """
    if not max_shift:
        return pixels
    padded = F.pad(pixels.view(-1, spec.colours, spec.side, spec.side), [max_shift] * 4)
    shifts = 2 * max_shift + 1
    parts = padded.chunk(shifts**2)
    corners = torch.randperm(shifts**2, generator=stream).tolist()
    moved = []
    for part, corner in zip(parts, corners, strict=False):
        row, column = divmod(corner, shifts)
        moved.append(part[:, :, row : row + spec.side, column : column + spec.side])
    return torch.cat(moved).flatten(start_dim=1)
