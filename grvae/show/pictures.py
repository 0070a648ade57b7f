"""What models decode, as pictures side by side and in motion."""

import io
import itertools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageFont

from grvae.show.style import PANEL_WIDTH, make_panels, styled

FOLDED = 13  # classes; the rows of more stand in columns


@styled
def draw_traversals(
    traversals: Mapping[str, np.ndarray],
    assignments: Mapping[str, Sequence[int]],
    classes: Sequence[str],
) -> Figure:
    """What each latent decodes to along its range, all others at rest; a panel a variant.

    Args:
        traversals: by variant, pictures (class, step, side, side), or with a last axis of three
            colours, in [0, 1], from the low to the high end of each class's slider.
        assignments: by variant, the class (latent,) that each latent is assigned to, one to one.
        classes: their names.
    """
    if len(classes) > FOLDED:
        return _draw_folded_traversals(traversals, classes)
    figure, panels = make_panels(len(traversals), height=0.36 * len(classes) + 0.85)
    for panel, (variant, images) in zip(panels, traversals.items(), strict=True):
        latent_of = np.argsort(assignments[variant])
        draw_images(panel, images)
        labels = [
            f"{latent} \N{RIGHTWARDS ARROW} {name}"
            for name, latent in zip(classes, latent_of, strict=True)
        ]
        panel.set_yticks(centres(images), labels)
        panel.set_title(f"{variant}: latent \N{RIGHTWARDS ARROW} class assigned to it")
        panel.set_xlabel("value of the latent, from low to high")
    return figure


def _draw_folded_traversals(traversals: Mapping[str, np.ndarray], classes: Sequence[str]) -> Figure:
    """The same for many classes: a row of panels a variant, each with some of the classes."""
    columns = math.ceil(len(classes) / FOLDED)
    per_panel = math.ceil(len(classes) / columns)
    width = 2 * PANEL_WIDTH / max(2, columns)
    cell = min(0.2, (width - 0.2) / next(iter(traversals.values())).shape[1])
    figure, panels = make_panels(
        columns * len(traversals), height=cell * per_panel + 0.5, per_row=columns, width=width
    )
    for place, (panel, (variant, first)) in enumerate(
        zip(panels, itertools.product(traversals, range(0, len(classes), per_panel)), strict=True)
    ):
        images = traversals[variant][first : first + per_panel]
        draw_images(panel, images)
        panel.set_yticks(centres(images), classes[first : first + per_panel])
        panel.set_ylim(bottom=per_panel * (images.shape[2] + 1) + 0.5)  # the last may have fewer
        panel.set_title(variant if place % columns == 0 else "")
    return figure


@styled
def draw_reconstructions(
    originals: np.ndarray, reconstructions: Mapping[str, np.ndarray]
) -> Figure:
    """One test image (class, side, side) of each class above what each variant makes of it.

    Those of many classes are in several blocks, one below the other.
    """
    rows = {"original": originals, **reconstructions}
    images = np.stack(list(rows.values()))
    blocks = math.ceil(len(originals) / (2 * FOLDED))
    in_a_block = max(10, math.ceil(len(originals) / blocks))
    height = 0.75 * 10 / in_a_block * len(rows) + 0.1
    figure, panels = make_panels(blocks, height, per_row=1, width=2 * PANEL_WIDTH)
    for block, panel in enumerate(panels):
        shown = images[:, block * in_a_block : (block + 1) * in_a_block]
        draw_images(panel, shown)
        panel.set_yticks(centres(shown), list(rows))
        panel.set_xlim(right=in_a_block * (shown.shape[2] + 1) + 0.5)  # fewer images are no larger
    return figure


def draw_images(panel: Axes, images: np.ndarray) -> None:
    """A sheet of pictures (row, column, side, side), parted by thin lines.

    Grey ones are shown as dark ink on white; those with a last axis of colours as they are.
    """
    rows, columns, side, _, *colours = images.shape
    cell = side + 1
    sheet = np.full((rows * cell + 1, columns * cell + 1, *colours), 0.22)
    for row, column in np.ndindex(rows, columns):
        top, left = row * cell + 1, column * cell + 1
        sheet[top : top + side, left : left + side] = images[row, column]
    panel.imshow(sheet, cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")
    panel.set_xticks([])
    panel.tick_params(length=0)
    panel.grid(False)
    panel.spines[:].set_visible(False)


def centres(images: np.ndarray) -> np.ndarray:
    """Where the rows of a sheet of pictures (row, column, side, side) have their middle."""
    middles: np.ndarray = (np.arange(len(images)) + 0.5) * (images.shape[2] + 1)
    return middles


def draw_sweep(
    sweeps: Mapping[str, np.ndarray], classes: Sequence[str]
) -> tuple[list[Image.Image], list[int]]:
    """An animation from the typical image of each class to the next, all variants side by side.

    Args:
        sweeps: by variant, pictures (class, frame, side, side), or with a last axis of colours, in
            [0, 1].
        classes: their names.

    Returns:
        The frames, and for how many milliseconds each is shown: longer at a class.
    """
    margin, title, footer, levels = 16, 26, 44, 24
    (count, per_class, side, _, *colours) = next(iter(sweeps.values())).shape
    edge = side * (196 // side)
    width, height = margin + len(sweeps) * (edge + margin), title + edge + footer
    font, large = _font(14), _font(17)
    frames, milliseconds = [], []
    white = (255, 255, 255) if colours else 255
    for label, number in np.ndindex(count, per_class):
        frame = Image.new("RGB" if colours else "L", (width, height), white)
        canvas = ImageDraw.Draw(frame)
        for place, (variant, images) in enumerate(sweeps.items()):
            left = margin + place * (edge + margin)
            canvas.text((left + edge / 2, title - 5), variant, 0, font, anchor="ms")
            ink = np.round(images[label, number] * (levels - 1)) / (levels - 1)
            image = Image.fromarray(np.round(255 * (ink if colours else 1 - ink)).astype(np.uint8))
            frame.paste(image.resize((edge, edge), Image.Resampling.NEAREST), (left, title))
            canvas.rectangle((left - 1, title - 1, left + edge, title + edge), outline=160)
        position, ends = label + number / per_class, (margin, width - margin)
        _draw_scale(canvas, classes, position, ends, height - 22, font, large)
        frames.append(frame)
        milliseconds.append(600 if number == 0 else 70)
    return frames, milliseconds


def _draw_scale(
    canvas: ImageDraw.ImageDraw,
    classes: Sequence[str],
    position: float,
    ends: tuple[int, int],
    middle: int,
    font: ImageFont.FreeTypeFont,
    large: ImageFont.FreeTypeFont,
) -> None:
    """The classes in a line, the first at both ends, with a mark where the sweep is.

    Where the names have no room beside one another, only the nearest one is written.
    """
    left, right, count = ends[0] + 10, ends[1] - 10, len(classes)
    mark = left + (right - left) * position / count
    canvas.ellipse((mark - 13, middle - 13, mark + 13, middle + 13), fill=215)
    room = (right - left) / count
    fits = all(font.getlength(name) + 4 < room for name in classes)
    for place in range(count + 1):
        here = round(position) == place
        spot = (left + (right - left) * place / count, middle)
        if here or fits:
            name = classes[place % count]
            canvas.text(spot, name, 0 if here else 130, large if here else font, "mm")


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
