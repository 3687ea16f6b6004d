"""One row of the table of drawable kinds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Draw = Callable[[Any], None]
"""A drawing function; it gets the pen."""


@dataclass(frozen=True)
class Kind:
    """How one kind of thing is drawn and where it may be."""

    name: str
    draw: Draw
    width: float
    height: float
    """The design box, in the units of the drawing function."""
    tall: float
    """Height in the scene at scale 1, as a share of the picture's short side."""
    place: str = "table"
    """What it stands on by nature: "table" (small things), "floor", "wall", "sky" or "water"."""
    colours: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    tilt: float = 0.0
    """Largest tilt in degrees."""
    alt: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Other design boxes, by a word of the look, such as a pose."""
