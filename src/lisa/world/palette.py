"""The named colours, what may be combined with what, and small colour arithmetic."""

from __future__ import annotations

import zlib
from functools import lru_cache

import numpy as np

RGB = tuple[float, float, float]
"""Red, green and blue, 0–255."""
Colour = str | RGB
"""A hex string, a name of `COLOURS`, or the three numbers."""

COLOURS: dict[str, RGB] = {
    "red": (212, 44, 44),
    "orange": (240, 136, 36),
    "yellow": (246, 208, 52),
    "green": (64, 160, 72),
    "blue": (48, 104, 204),
    "purple": (132, 68, 176),
    "pink": (244, 140, 180),
    "brown": (132, 84, 48),
    "black": (44, 44, 50),
    "white": (244, 244, 240),
    "grey": (146, 150, 156),
}

ALL = tuple(COLOURS)
BRIGHT = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "white")


def held_out_pair(kind: str, colour: str | None) -> bool:
    """Whether this kind in this colour is kept out of training; a fixed tenth of all pairs."""
    return colour is not None and zlib.crc32(f"{kind}/{colour}/pair".encode()) % 10 == 3


@lru_cache(maxsize=4096)
def rgb(colour: Colour) -> RGB:
    """Numbers of a colour however it is written."""
    if not isinstance(colour, str):
        return colour
    if colour.startswith("#"):
        return (int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16))
    return COLOURS[colour]


@lru_cache(maxsize=8192)
def mix(a: Colour, b: Colour, share: float) -> RGB:
    """`a` with this share of `b`."""
    p, q = rgb(a), rgb(b)
    return (p[0] + (q[0] - p[0]) * share, p[1] + (q[1] - p[1]) * share, p[2] + (q[2] - p[2]) * share)


def light(colour: Colour, share: float) -> RGB:
    """Nearer to white."""
    return mix(colour, (255, 252, 244), share)


def dark(colour: Colour, share: float) -> RGB:
    """Nearer to a bluish black."""
    return mix(colour, (18, 14, 30), share)


def vary(colour: Colour, rng: np.random.Generator, amount: float = 9.0) -> RGB:
    """The same named colour as another hand would mix it."""
    r, g, b = np.clip(np.asarray(rgb(colour)) + rng.normal(0, amount, 3) * 0.6 + rng.normal(0, amount) * 0.8, 8, 250)
    return (float(r), float(g), float(b))
