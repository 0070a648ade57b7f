"""Digits as pictures: what models draw, side by side and in motion."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageFont

from grvae.base.sizes import DIGITS, SIDE
from grvae.show.style import PANEL_WIDTH, make_panels, styled


@styled
def draw_traversals(
    traversals: Mapping[str, np.ndarray], assignments: Mapping[str, Sequence[int]]
) -> Figure:
    """What each latent decodes to along its range, all others at rest; a panel a variant.

    Args:
        traversals: by variant, images (digit, step, 784) in [0, 1], from the low to the high end of
            each digit's slider.
        assignments: by variant, the digit (latent,) that each latent is assigned to, one to one.
    """
    figure, panels = make_panels(len(traversals), height=4.45)
    for panel, (variant, images) in zip(panels, traversals.items(), strict=True):
        latent_of = np.argsort(assignments[variant])
        draw_images(panel, images)
        labels = [
            f"{latent} \N{RIGHTWARDS ARROW} {digit}" for digit, latent in enumerate(latent_of)
        ]
        panel.set_yticks(centres(DIGITS), labels)
        panel.set_title(variant)
        panel.set_ylabel("latent \N{RIGHTWARDS ARROW} digit assigned to it")
        panel.set_xlabel("value of the latent, from low to high")
    return figure


@styled
def draw_reconstructions(
    originals: np.ndarray, reconstructions: Mapping[str, np.ndarray]
) -> Figure:
    """One test image (digit, 784) of each digit above what each variant makes of it."""
    rows = {"original": originals, **reconstructions}
    figure, (panel,) = make_panels(1, height=0.75 * len(rows) + 0.1, width=2 * PANEL_WIDTH)
    draw_images(panel, np.stack(list(rows.values())))
    panel.set_yticks(centres(len(rows)), list(rows))
    return figure


def draw_images(panel: Axes, images: np.ndarray) -> None:
    """A sheet of images (row, column, 784) as dark ink on white, parted by thin lines."""
    rows, columns, _ = images.shape
    cell = SIDE + 1
    sheet = np.full((rows * cell + 1, columns * cell + 1), 0.22)
    for (row, column), _ in np.ndenumerate(images[..., 0]):
        top, left = row * cell + 1, column * cell + 1
        sheet[top : top + SIDE, left : left + SIDE] = images[row, column].reshape(SIDE, SIDE)
    panel.imshow(sheet, cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")
    panel.set_xticks([])
    panel.tick_params(length=0)
    panel.grid(False)
    panel.spines[:].set_visible(False)


def centres(count: int) -> np.ndarray:
    """Where the rows or the columns of a sheet of images have their middle."""
    return (np.arange(count) + 0.5) * (SIDE + 1)


def draw_sweep(sweeps: Mapping[str, np.ndarray]) -> tuple[list[Image.Image], list[int]]:
    """An animation from the typical image of each digit to the next, all variants side by side.

    Args:
        sweeps: by variant, images (frame, 784) in [0, 1]; every tenth of the frames starts at the
            next digit.

    Returns:
        The frames, and for how many milliseconds each is shown: longer at a digit.
    """
    zoom, margin, title, footer, levels = 7, 16, 26, 44, 24
    edge = SIDE * zoom
    width, height = margin + len(sweeps) * (edge + margin), title + edge + footer
    font, large = _font(14), _font(17)
    frames, milliseconds = [], []
    (count,) = {len(images) for images in sweeps.values()}
    per_digit = count // DIGITS
    for number in range(count):
        frame = Image.new("L", (width, height), 255)
        canvas = ImageDraw.Draw(frame)
        for place, (variant, images) in enumerate(sweeps.items()):
            left = margin + place * (edge + margin)
            canvas.text((left + edge / 2, title - 5), variant, 0, font, anchor="ms")
            ink = np.round(images[number].reshape(SIDE, SIDE) * (levels - 1)) / (levels - 1)
            image = Image.fromarray(np.round(255 * (1 - ink)).astype(np.uint8))
            frame.paste(image.resize((edge, edge), Image.Resampling.NEAREST), (left, title))
            canvas.rectangle((left - 1, title - 1, left + edge, title + edge), outline=160)
        _draw_scale(canvas, number / per_digit, (margin, width - margin), height - 22, font, large)
        frames.append(frame)
        milliseconds.append(600 if number % per_digit == 0 else 70)
    return frames, milliseconds


def _draw_scale(
    canvas: ImageDraw.ImageDraw,
    position: float,
    ends: tuple[int, int],
    middle: int,
    font: ImageFont.FreeTypeFont,
    large: ImageFont.FreeTypeFont,
) -> None:
    """The digits in a line, 0 at both ends, with a mark where the sweep is."""
    left, right = ends[0] + 10, ends[1] - 10
    mark = left + (right - left) * position / 10
    canvas.ellipse((mark - 13, middle - 13, mark + 13, middle + 13), fill=215)
    for place in range(11):
        here = round(position) == place
        spot = (left + (right - left) * place / 10, middle)
        canvas.text(spot, str(place % 10), 0 if here else 130, large if here else font, "mm")


def _font(size: int) -> ImageFont.FreeTypeFont:
    path = Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)


def encode_gif(frames: Sequence[Image.Image], milliseconds: Sequence[int]) -> bytes:
    """The bytes of a GIF file that repeats for ever."""
    buffer = io.BytesIO()
    first, *others = frames
    first.save(
        buffer,
        format="GIF",
        save_all=True,
        append_images=others,
        duration=list(milliseconds),
        loop=0,
        optimize=True,
    )
    return buffer.getvalue()
