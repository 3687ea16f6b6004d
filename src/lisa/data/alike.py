"""Pictures that are the same, or the same but for size and compression: what must not be in training and test."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from lisa.types import Image

NEAR = 14
"""Bits of 128 in which two looks may differ. Other sizes and JPEG qualities of 120 photographs of COCO differ in up to
9, of 60 drawn scenes in up to 13; other photographs in 33 and more, other scenes in 30, pictures of CamVid's film that
lie ten apart in 22."""
_FLAT = 3.0
_CELLS = 8


@dataclass(frozen=True)
class Match:
    """A picture that another is alike to."""

    name: str
    bits: int
    """Of 128 that differ; −1 where every pixel is the same."""


def look(image: Image) -> NDArray[np.uint8] | None:
    """128 bits: whether each of 8 × 8 cells is brighter than its right, and than its lower neighbour (difference hash).

    None for a picture that is all one colour, which would be alike to any other.
    """
    grey = PIL.Image.fromarray(image).convert("L")
    cells = np.asarray(grey.resize((_CELLS + 1, _CELLS + 1), PIL.Image.Resampling.BOX), np.float64)
    if cells.std() < _FLAT:
        return None
    across = cells[:-1, :-1] > cells[:-1, 1:]
    down = cells[:-1, :-1] > cells[1:, :-1]
    return np.packbits(np.concatenate([across.ravel(), down.ravel()]))


@dataclass
class Gallery:
    """Pictures that others are compared with."""

    exact: dict[bytes, str] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    looks: list[NDArray[np.uint8]] = field(default_factory=list)
    same: dict[bytes, str] = field(default_factory=dict)
    """Look → the first picture that has it."""
    _table: NDArray[np.uint8] | None = None

    @classmethod
    def of(cls, pictures: Iterable[tuple[str, Image]]) -> Gallery:
        """Named pictures."""
        gallery = cls()
        for name, image in pictures:
            gallery.add(name, image)
        return gallery

    def __len__(self) -> int:
        return len(self.exact)

    def add(self, name: str, image: Image) -> None:
        """One more."""
        self.exact.setdefault(_hash(image), name)
        if (bits := look(image)) is not None:
            self.names.append(name)
            self.looks.append(bits)
            self.same.setdefault(bits.tobytes(), name)
            self._table = None

    def find(self, image: Image, *, near: int = NEAR) -> Match | None:
        """The picture that is the same or most alike; None where none is near."""
        if (same := self.exact.get(_hash(image))) is not None:
            return Match(same, -1)
        bits = look(image)
        if bits is None or not self.looks:
            return None
        if (alike := self.same.get(bits.tobytes())) is not None or near == 0:
            return None if alike is None else Match(alike, 0)
        if self._table is None:
            self._table = np.stack(self.looks)
        away = np.bitwise_count(self._table ^ bits).sum(1)
        k = int(np.argmin(away))
        return Match(self.names[k], int(away[k])) if away[k] <= near else None


def _hash(image: Image) -> bytes:
    return hashlib.sha256(repr(image.shape).encode() + np.ascontiguousarray(image).tobytes()).digest()
