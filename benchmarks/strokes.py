"""Digits as people draw them: strokes of our own, by digit and style, and how well a model reads.

A form is a digit drawn in one way (a seven with a bar, an open four); a hand is a way to draw any
form (slanted, narrow, small, with a trembling line). Each form is drawn by every hand, always the
same. Points are (x, y) in [0, 1], y down; a drawing is a list of strokes.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from grvae.use.ink import draw_strokes

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


FORMS: dict[int, dict[str, Strokes]] = {
    0: {
        "round": [arc(0.5, 0.5, 0.27, 0.36, -90, 270)],
        "narrow": [arc(0.5, 0.5, 0.15, 0.38, -90, 270)],
        "slashed": [arc(0.5, 0.5, 0.26, 0.37, -90, 270), line((0.66, 0.22), (0.34, 0.78))],
        "open": [arc(0.5, 0.5, 0.26, 0.36, -75, 255)],
        "clockwise": [arc(0.5, 0.5, 0.22, 0.36, 270, -100)],
    },
    1: {
        "stroke": [line((0.5, 0.12), (0.5, 0.88))],
        "flag": [line((0.36, 0.3), (0.53, 0.13), (0.53, 0.88))],
        "foot": [line((0.38, 0.28), (0.52, 0.13), (0.52, 0.86)), line((0.36, 0.86), (0.68, 0.86))],
        "leaning": [line((0.6, 0.12), (0.42, 0.88))],
    },
    2: {
        "round": [
            arc(0.5, 0.32, 0.24, 0.2, 190, 390) + line((0.7, 0.43), (0.26, 0.86), (0.76, 0.86))
        ],
        "looped": [
            arc(0.5, 0.3, 0.22, 0.18, 190, 400)
            + line((0.66, 0.42), (0.36, 0.82))
            + arc(0.33, 0.79, 0.07, 0.06, 60, 330)
            + line((0.4, 0.8), (0.55, 0.86), (0.77, 0.82))
        ],
        "angular": [line((0.28, 0.25), (0.5, 0.13), (0.72, 0.3), (0.27, 0.86), (0.76, 0.86))],
        "wavy": [
            arc(0.48, 0.32, 0.22, 0.19, 170, 380)
            + line((0.67, 0.42), (0.28, 0.82), (0.5, 0.79), (0.76, 0.87))
        ],
    },
    3: {
        "round": [arc(0.47, 0.31, 0.22, 0.18, 200, 440) + arc(0.47, 0.68, 0.25, 0.2, -80, 160)],
        "flat": [
            line((0.28, 0.14), (0.7, 0.14), (0.46, 0.43)) + arc(0.46, 0.65, 0.25, 0.22, -80, 155)
        ],
        "nosed": [
            arc(0.47, 0.31, 0.22, 0.18, 200, 420)
            + line((0.42, 0.48))
            + arc(0.47, 0.68, 0.24, 0.2, -70, 160)
        ],
        "small_top": [
            arc(0.47, 0.25, 0.15, 0.12, 200, 440) + arc(0.46, 0.62, 0.26, 0.25, -85, 160)
        ],
    },
    4: {
        "open": [line((0.34, 0.13), (0.28, 0.52), (0.72, 0.52)), line((0.66, 0.13), (0.64, 0.88))],
        "closed": [line((0.62, 0.88), (0.62, 0.12), (0.24, 0.6), (0.78, 0.6))],
        "wide": [line((0.3, 0.2), (0.24, 0.56), (0.8, 0.56)), line((0.64, 0.32), (0.6, 0.88))],
        "curved": [
            line((0.33, 0.15)) + arc(0.5, 0.36, 0.2, 0.2, 170, 30),
            line((0.69, 0.13), (0.66, 0.88)),
        ],
    },
    5: {
        "capped": [
            line((0.36, 0.14), (0.33, 0.45)) + arc(0.48, 0.63, 0.23, 0.23, 230, 510),
            line((0.36, 0.14), (0.72, 0.14)),
        ],
        "one_stroke": [
            line((0.7, 0.14), (0.36, 0.14), (0.34, 0.46)) + arc(0.48, 0.64, 0.22, 0.22, 230, 510)
        ],
        "angular": [
            line(
                (0.7, 0.14),
                (0.34, 0.14),
                (0.34, 0.46),
                (0.62, 0.48),
                (0.68, 0.66),
                (0.58, 0.85),
                (0.3, 0.83),
            )
        ],
        "slim": [
            line((0.64, 0.14), (0.42, 0.14), (0.39, 0.44)) + arc(0.47, 0.64, 0.17, 0.22, 230, 500)
        ],
    },
    6: {
        "round": [
            line((0.62, 0.12), (0.46, 0.26), (0.36, 0.45)) + arc(0.5, 0.66, 0.19, 0.21, 190, 555)
        ],
        "straight": [line((0.55, 0.1), (0.34, 0.6)) + arc(0.5, 0.68, 0.18, 0.19, 200, 560)],
        "big_loop": [arc(0.62, 0.52, 0.34, 0.4, 260, 190) + arc(0.52, 0.62, 0.24, 0.25, 180, 530)],
        "small_loop": [arc(0.62, 0.5, 0.3, 0.38, 265, 120) + arc(0.5, 0.72, 0.16, 0.14, 90, -190)],
    },
    7: {
        "plain": [line((0.26, 0.16), (0.74, 0.16), (0.44, 0.88))],
        "barred": [line((0.26, 0.16), (0.74, 0.16), (0.44, 0.88)), line((0.38, 0.52), (0.7, 0.5))],
        "hooked": [line((0.27, 0.3), (0.28, 0.16), (0.74, 0.16), (0.46, 0.88))],
        "curved": [line((0.27, 0.16), (0.72, 0.15)) + arc(0.82, 0.8, 0.38, 0.6, 250, 185)],
    },
    8: {
        "two_circles": [arc(0.5, 0.3, 0.17, 0.17, 90, 450), arc(0.5, 0.67, 0.21, 0.2, -90, 270)],
        "one_stroke": [
            arc(0.5, 0.3, 0.18, 0.17, -30, -180)
            + line((0.34, 0.38), (0.62, 0.54))
            + arc(0.48, 0.68, 0.2, 0.18, -40, 220)
            + line((0.36, 0.56), (0.65, 0.38), (0.65, 0.22))
        ],
        "slim": [arc(0.5, 0.3, 0.12, 0.17, 90, 450), arc(0.5, 0.67, 0.14, 0.2, -90, 270)],
        "hourglass": [line((0.32, 0.16), (0.68, 0.84), (0.32, 0.84), (0.68, 0.16), (0.32, 0.16))],
    },
    9: {
        "straight": [arc(0.49, 0.33, 0.2, 0.2, 0, -360) + line((0.69, 0.3), (0.66, 0.88))],
        "hooked": [
            arc(0.49, 0.33, 0.2, 0.2, 0, -360)
            + line((0.69, 0.33), (0.68, 0.68))
            + arc(0.5, 0.68, 0.18, 0.18, 0, 150)
        ],
        "wide": [arc(0.47, 0.34, 0.27, 0.21, 0, -360) + line((0.74, 0.34), (0.66, 0.86))],
        "leaning": [arc(0.52, 0.32, 0.18, 0.19, 10, -350) + line((0.7, 0.34), (0.5, 0.88))],
        "open": [arc(0.5, 0.32, 0.2, 0.19, -30, -320) + line((0.68, 0.16), (0.66, 0.88))],
    },
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


def rasterise(strokes: Strokes) -> NDArray[np.float32]:
    """The image (784,) that the page makes of a drawing."""
    image = draw_strokes(strokes)
    assert image is not None
    return image


def images() -> tuple[list[Drawing], NDArray[np.float32]]:
    """Every drawing, and its image (drawing, 784)."""
    drawn = list(drawings())
    return drawn, np.stack([rasterise(each.strokes) for each in drawn])


def reading_rates(drawn: Sequence[Drawing], readings: Sequence[int]) -> dict[int, float]:
    """The share of each digit's drawings that were read right."""
    return {
        digit: float(
            np.mean([r == digit for d, r in zip(drawn, readings, strict=True) if d.digit == digit])
        )
        for digit in FORMS
    }


# What is no digit: the page should say that it is like nothing it knows.
NO_DIGITS: dict[str, Strokes] = {
    "dot": [[(0.5, 0.5)]],
    "dots": [[(0.2, 0.2)], [(0.8, 0.3)], [(0.4, 0.8)]],
    "scribble": [
        [(0.5 + 0.4 * math.sin(1.3 * i), 0.5 + 0.4 * math.cos(2.1 * i)) for i in range(60)]
    ],
    "grid": [line((0.1, y), (0.9, y)) for y in (0.1, 0.37, 0.63, 0.9)]
    + [line((x, 0.1), (x, 0.9)) for x in (0.1, 0.37, 0.63, 0.9)],
    "zigzag": [line((0.1, 0.1), (0.9, 0.2), (0.1, 0.3), (0.9, 0.4), (0.1, 0.5), (0.9, 0.6))],
    "cross": [line((0.1, 0.5), (0.9, 0.5)), line((0.5, 0.1), (0.5, 0.9))],
    "horizontal": [line((0.1, 0.5), (0.9, 0.5))],
}
