"""Images moved and turned at random, so that a network learns what does not depend on the place."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from grvae.base.sizes import SIDE


def augment(pixels: Tensor, max_shift: int, max_degrees: float, stream: torch.Generator) -> Tensor:
    """Turn and move images (batch, 784) at random, by what the two functions below say."""
    if max_degrees:
        pixels = rotate_at_random(pixels, max_degrees, stream)
    if max_shift:
        pixels = shift_at_random(pixels, max_shift, stream)
    return pixels


def shift_at_random(pixels: Tensor, max_shift: int, stream: torch.Generator) -> Tensor:
    """Move images (batch, 784) by up to `max_shift` pixels in both directions, onto black.

    The batch, itself in random order, is cut into as many parts as there are shifts, and each part
    moves as one: all shifts occur equally often, and no index has to be made for each pixel.
    """
    padded = F.pad(pixels.view(-1, SIDE, SIDE), [max_shift] * 4)
    shifts = 2 * max_shift + 1
    parts = padded.chunk(shifts**2)
    corners = torch.randperm(shifts**2, generator=stream).tolist()
    moved = []
    for part, corner in zip(parts, corners, strict=False):
        row, column = divmod(corner, shifts)
        moved.append(part[:, row : row + SIDE, column : column + SIDE])
    return torch.cat(moved).flatten(start_dim=1)


def rotate_at_random(pixels: Tensor, max_degrees: float, stream: torch.Generator) -> Tensor:
    """Turn each image (batch, 784) about its centre by up to `max_degrees` either way."""
    angle = math.radians(max_degrees) * (2 * torch.rand(len(pixels), generator=stream) - 1)
    cos, sin, zero = angle.cos(), angle.sin(), torch.zeros_like(angle)
    turn = torch.stack([cos, -sin, zero, sin, cos, zero], dim=1).view(-1, 2, 3)
    images = pixels.view(-1, 1, SIDE, SIDE)
    grid = F.affine_grid(turn, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False).flatten(start_dim=1)
