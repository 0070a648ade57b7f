"""Digits as people draw them: strokes of our own, by digit and style.

A form is a digit drawn in one way (a seven with a bar, an open four); a hand is a way to draw any
form (slanted, narrow, small, with a trembling line). Each form is drawn by every hand, always the
same. The forms are in strokes.yaml. Points are (x, y) in [0, 1], y down; a drawing is a list of
strokes.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from ruamel.yaml import YAML

Point = tuple[float, float]
Strokes = list[list[Point]]


@dataclass(frozen=True)
class Drawing:
    """One drawn digit.

    Attributes:
        digit: what it means.
        style: the form's name and the hand's.
        strokes: the pen's way.
    """

    digit: int
    style: str
    strokes: Strokes


def line(*points: Point) -> list[Point]:
    """Straight pieces from point to point, with points in between as a pen gives them."""
    drawn = [points[0]]
    for (x, y), (to_x, to_y) in pairwise(points):
        pieces = max(1, round(math.hypot(to_x - x, to_y - y) / 0.03))
        drawn += [
            (x + (to_x - x) * i / pieces, y + (to_y - y) * i / pieces) for i in range(1, pieces + 1)
        ]
    return drawn


def arc(x: float, y: float, width: float, height: float, start: float, end: float) -> list[Point]:
    """A piece of an ellipse about (x, y); degrees clockwise from three o'clock."""
    count = max(2, round(abs(end - start) / 9))
    angles = np.radians(np.linspace(start, end, count + 1))
    return [(x + width * math.cos(a), y + height * math.sin(a)) for a in angles]


def points_of(pieces: Iterable[Any]) -> list[Point]:
    """The points of a stroke, given by its pieces as in `strokes.yaml`."""
    points: list[Point] = []
    for kind, *values in pieces:
        points += line(*((x, y) for x, y in values)) if kind == "line" else arc(*values)
    return points


FORMS: dict[int, dict[str, Strokes]] = {
    digit: {name: [points_of(pieces) for pieces in strokes] for name, strokes in forms.items()}
    for digit, forms in YAML(typ="safe").load(Path(__file__).with_suffix(".yaml")).items()
}


def mapped(change: Callable[[float, float], Point]) -> Callable[[Strokes], Strokes]:
    """A hand that moves every point about the middle of the pad."""

    def hand(strokes: Strokes) -> Strokes:
        moved = [[change(x - 0.5, y - 0.5) for x, y in stroke] for stroke in strokes]
        return [[(x + 0.5, y + 0.5) for x, y in stroke] for stroke in moved]

    return hand


def turned(degrees: float) -> Callable[[Strokes], Strokes]:
    """A hand that turns the digit clockwise."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return mapped(lambda x, y: (x * cos - y * sin, x * sin + y * cos))


def trembling(strokes: Strokes) -> Strokes:
    """A hand that is not quite still."""
    noise = np.random.default_rng(7)
    return [
        [
            (x + 0.012 * noise.standard_normal(), y + 0.012 * noise.standard_normal())
            for x, y in each
        ]
        for each in strokes
    ]


def bold(strokes: Strokes) -> Strokes:
    """A hand that goes over each stroke again, beside it."""
    return strokes + [[(x + 0.035, y + 0.01) for x, y in stroke] for stroke in strokes]


HANDS: dict[str, Callable[[Strokes], Strokes]] = {
    "plain": mapped(lambda x, y: (x, y)),
    "slanted": mapped(lambda x, y: (x - 0.3 * y, y)),
    "backward": mapped(lambda x, y: (x + 0.2 * y, y)),
    "thin": mapped(lambda x, y: (0.7 * x, y)),
    "broad": mapped(lambda x, y: (1.25 * x, 0.9 * y)),
    "small": mapped(lambda x, y: (0.35 * x - 0.2, 0.35 * y + 0.2)),
    "corner": mapped(lambda x, y: (0.6 * x + 0.18, 0.6 * y - 0.18)),
    "turned": turned(10),
    "trembling": trembling,
    "bold": bold,
}


def drawings() -> Iterator[Drawing]:
    """Every form by every hand."""
    for digit, forms in FORMS.items():
        for form, strokes in forms.items():
            for name, hand in HANDS.items():
                yield Drawing(digit, f"{form} {name}", within_pad(hand(strokes)))


def within_pad(strokes: Strokes) -> Strokes:
    """The strokes, moved to where they do not leave the pad."""
    points = np.array([point for stroke in strokes for point in stroke])
    low, high = points.min(axis=0), points.max(axis=0)
    dx, dy = np.clip(0, 0.02 - low, np.maximum(0.98 - high, 0.02 - low))
    return [[(float(x + dx), float(y + dy)) for x, y in stroke] for stroke in strokes]
