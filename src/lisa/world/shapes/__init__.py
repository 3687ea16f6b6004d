"""The table of drawable kinds: adding one is a drawing function and a row in its theme's module."""

from __future__ import annotations

from functools import lru_cache

from lisa.world.shapes.kind import Kind


@lru_cache(maxsize=1)
def kinds() -> dict[str, Kind]:
    """Kind name → its row."""
    from lisa.world.shapes import food, home, outdoors, people

    return {k.name: k for rows in (food.ROWS, home.ROWS, outdoors.ROWS, people.ROWS) for k in rows}


__all__ = ["Kind", "kinds"]
