"""The shape of the data: ten digits, each image a square of grey pixels."""

DIGITS = 10
SIDE = 28
PIXELS = SIDE * SIDE
