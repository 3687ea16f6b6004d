"""What a drawn scene is: things in painter's order, how they stand to each other, and the exact truth.

A scene is data; `draw` turns it into a picture with the visible mask of every thing and part.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lisa.types import Image, Mask, Size

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 in pixels of the scene."""


@dataclass(frozen=True, kw_only=True)
class Thing:
    """One drawn thing."""

    id: int
    """From 1, unique in its scene; the value of its pixels in `Picture.ids`."""
    kind: str
    """A row of the facts table, such as "orange"."""
    box: Box
    """Its whole extent, before anything hides it."""
    colour: str | None = None
    """One of the named colours, for kinds that come in colours; None where the colour is the kind's own."""
    size: str | None = None
    """"small" or "large" where it is markedly so among its kind."""
    material: str | None = None
    pattern: str | None = None
    """"striped", "dotted", "checked" or None for plain."""
    state: str | None = None
    """Such as "open", "lit", "broken", "full"; a kind's row says which it can have."""
    name: str | None = None
    """A named character's name; only for people."""
    look: dict[str, str] = field(default_factory=dict)
    """What else the drawing needs and questions may use (hair, shirt, hat, facing …)."""


@dataclass(frozen=True, kw_only=True)
class Relation:
    """`subject` stands to `object` as `name` says: the person (subject) "standing on" the ladder (object)."""

    subject: int
    name: str
    """One of "on", "standing on", "behind", "in", "holding", "wearing", "under", "next to", "sitting on"."""
    object: int


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A whole scene, reproducible from its seed."""

    seed: int
    theme: str
    background: str
    """The named variant of the theme's background; some are held out of training."""
    size: Size
    things: tuple[Thing, ...]
    """Painter's order: a later thing hides an earlier one."""
    relations: tuple[Relation, ...] = ()
    set_piece: str | None = None
    """Name of the arranged example in it ("vitamin_c", "stand_higher", "near_lens", "baby_fence", "named" …)."""

    taken: Thing | None = None
    """What was taken away from another scene to make this its twin; it is asked for, and is not there."""

    def thing(self, id: int) -> Thing:
        """The thing with that id. Raises StopIteration where there is none."""
        return next(t for t in self.things if t.id == id)


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A drawn scene with its truth."""

    scene: Scene
    image: Image
    ids: NDArray[np.uint8]
    """`[H, W]`, id of the thing seen at each pixel, 0 for the background."""
    parts: NDArray[np.uint8]
    """`[H, W]`, 1 + index into `part_names` of the part seen at each pixel, 0 for none."""
    part_names: tuple[str, ...] = ()
    whole_area: dict[int, int] = field(default_factory=dict)
    """Thing id → its pixels if nothing stood in front of it; with the visible ones this gives how much is hidden."""

    def mask(self, *ids: int) -> Mask:
        """Visible pixels of these things together, `[H, W]` bool."""
        if len(ids) == 1:
            return self.ids == ids[0]
        meant = np.zeros(256, np.bool_)
        meant[list(ids)] = True
        return meant.take(self.ids)

    @cached_property
    def pixels(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Pixels by id in each row, `[H, 256]`, and in each column, `[W, 256]`; counted once for all who measure."""
        height, width = self.ids.shape
        ids = self.ids.astype(np.intp)
        by_row = np.bincount((ids + 256 * np.arange(height)[:, None]).ravel(), minlength=256 * height)
        by_column = np.bincount((ids + 256 * np.arange(width)).ravel(), minlength=256 * width)
        return by_row.reshape(height, 256), by_column.reshape(width, 256)

    def part_mask(self, id: int, part: str) -> Mask:
        """Visible pixels of one named part of one thing, `[H, W]` bool."""
        index = self.part_names.index(part) + 1 if part in self.part_names else 255
        return (self.ids == id) & (self.parts == index)

    def visible(self, id: int) -> float:
        """Visible share of a thing, 0–1."""
        return float((self.ids == id).sum()) / max(self.whole_area.get(id, 0), 1)
