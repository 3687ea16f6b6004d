"""What a dataset is: pictures by number, and conversations about them by number and dice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import is_dataclass, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from lisa.types import Mask, Sample

ABSENT = "absent"
"""Group of questions about what is not in the picture."""


REASONS = "reasons"
"""In a sample's `meta`: sentences that are true of its target, where its answer is to give a reason."""
SEEN = "seen"
"""In a sample's `meta`: turn → masks of what its answer is about although it masks nothing."""
ABOUT = "about"
"""In a sample's `meta`: for each turn the things that its question goes out from, by their numbers in the picture."""


class Reader(Protocol):
    """A dataset that is learned from. Reading is pure: the same number and dice give the same samples."""

    def __len__(self) -> int:
        """How many pictures (or conversations, where these are what is numbered)."""
        ...

    def draw(self, index: int, rng: np.random.Generator, /) -> Sequence[Sample]:
        """Conversations about one picture, in words drawn by `rng`; none where it gives nothing to learn.

        Raises a LisaError that names the record where it cannot be read.
        """
        ...


@runtime_checkable
class SeveralAsked(Protocol):
    """A dataset that has several conversations for a picture."""

    most: int
    """How many of them are drawn at once, at most."""


@runtime_checkable
class Classed(Protocol):
    """A dataset whose masks are of classes, and which knows its picture files."""

    def __len__(self) -> int: ...

    def picture(self, index: int, /) -> Path:
        """The file of a picture."""
        ...

    def things(self, index: int, /) -> Sequence[tuple[str, Mask]]:
        """Class name and mask `[H, W]` of all that is annotated in it."""
        ...


@runtime_checkable
class LeavesOut(Protocol):
    """A dataset that does not read all that its files hold."""

    left_out: Mapping[str, int]
    """What it leaves out → how often."""


def asking(reader: Reader, most: int) -> Reader:
    """The same dataset with up to so many conversations for a picture, where it has several."""
    if not isinstance(reader, SeveralAsked):
        return reader
    if is_dataclass(reader):
        return replace(reader, most=most)  # type: ignore[return-value]
    changed = copy(reader)
    changed.most = most
    return changed  # type: ignore[return-value]


def picture_of(sample: Sample) -> str:
    """What a sample's picture is known by: questions about the same one have the same."""
    return str(sample.meta.get("picture_id", sample.id))


def named_by(picture: Path) -> dict[str, str]:
    """What other people's results may call a picture: its file, and the number that COCO's files are named by."""
    return {"file_name": picture.name} | ({"image_id": str(int(picture.stem))} if picture.stem.isdigit() else {})


def some(count: int, most: int, rng: np.random.Generator) -> list[int]:
    """Up to `most` different numbers below `count`, in random order."""
    return [int(i) for i in rng.permutation(count)[:most]]
