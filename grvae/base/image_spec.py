"""What all images of a set share: size, colours, and the names of the classes."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

SIDES = (16, 64)  # the least and the largest; both convolutions need a multiple of 4


@dataclass(frozen=True)
class ImageSpec:
    """What all images of a set share.

    Attributes:
        classes: their names, in the order of the labels.
        side: in pixels; images are square.
        colours: 1 is grey; 3 are red, green and blue.
    """

    classes: Annotated[tuple[str, ...], Field(min_length=2)]
    side: Annotated[int, Field(ge=SIDES[0], le=SIDES[1], multiple_of=4)]
    colours: Literal[1, 3]

    @property
    def pixels(self) -> int:
        """How many values an image has."""
        return self.colours * self.side**2


# What a file without a word of its images holds: handwritten digits, or what has their shape.
MNIST = ImageSpec(classes=tuple("0123456789"), side=28, colours=1)
