"""Several datasets as one endless row of samples, in shares: place → sample, a pure function of the place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lisa.data.base import Reader
from lisa.types import Sample

ORDERS = ("random", "by_size", "rounds", "shuffled")
_WORDS = 1
"""Keeps the dice that choose words apart from those that choose pictures."""
_BLOCK = 120
"""Places of "rounds" among which each dataset has its share, up to one."""


@dataclass(frozen=True)
class Part:
    """A dataset and how often it is drawn, against the others."""

    dataset: Reader
    share: float = 1.0


class Mixture:
    """The row. `order` "random" draws a dataset by its share, then one of its samples with replacement: the reference.

    "by_size" does so too, each share times its dataset's number of samples.
    "rounds" draws datasets by their shares, too, but goes through the samples of each once, shuffled, before any comes
    again, so that how many different ones are seen does not hang on chance.
    "shuffled" goes through all samples of all datasets once, in a shuffled order, before any comes again.
    """

    def __init__(self, parts: Sequence[Part], *, seed: int, order: str = "random") -> None:
        """Raises ValueError for no data, an empty dataset, a share that is not positive, or an unknown order."""
        if not parts or any(len(p.dataset) == 0 or p.share <= 0 for p in parts) or order not in ORDERS:
            raise ValueError(f"a mixture needs datasets that are not empty, positive shares, an order of {ORDERS}")
        self.parts, self.seed, self.order = tuple(parts), seed, order
        shares = [p.share * (len(p.dataset) if order == "by_size" else 1) for p in parts]
        self._shares = np.cumsum(shares) / sum(shares)
        self._ends = np.cumsum([len(p.dataset) for p in parts])
        self._epochs: dict[int | None, tuple[int, NDArray[np.int64]]] = {}
        self._before = [np.zeros(len(parts), np.int64)]

    def where(self, place: int) -> tuple[int, int]:
        """The dataset at a place of the row, and the number in it."""
        if self.order == "rounds":
            part, before = self._turn(place)
            epoch, left = divmod(before, len(self.parts[part].dataset))
            return part, int(self._order(epoch, part)[left])
        if self.order != "shuffled":
            rng = np.random.default_rng([self.seed, place])
            part = min(int(np.searchsorted(self._shares, rng.random(), side="right")), len(self.parts) - 1)
            return part, int(rng.integers(len(self.parts[part].dataset)))
        epoch, left = divmod(place, int(self._ends[-1]))
        index = int(self._order(epoch)[left])
        part = int(np.searchsorted(self._ends, index, side="right"))
        return part, index - (int(self._ends[part - 1]) if part else 0)

    def __call__(self, place: int) -> list[Sample]:
        """Conversations about the picture at a place."""
        part, index = self.where(place)
        return list(self.parts[part].dataset.draw(index, np.random.default_rng([self.seed, place, _WORDS])))

    def _turn(self, place: int) -> tuple[int, int]:
        """The dataset of "rounds" at a place, and how often it came before."""
        block, left = divmod(place, _BLOCK)
        while len(self._before) <= block:
            latest = self._block(len(self._before) - 1)
            self._before.append(self._before[-1] + np.bincount(latest, minlength=len(self.parts)))
        drawn = self._block(block)
        part = int(drawn[left])
        return part, int(self._before[block][part] + (drawn[:left] == part).sum())

    def _block(self, block: int) -> NDArray[np.int64]:
        """The datasets of a block's places: even steps over the shares, shuffled."""
        rng = np.random.default_rng([self.seed, block])
        steps = (rng.permutation(_BLOCK) + rng.random()) / _BLOCK
        return np.minimum(np.searchsorted(self._shares, steps, side="right"), len(self.parts) - 1)

    def _order(self, epoch: int, part: int | None = None) -> NDArray[np.int64]:
        """A shuffled round of all samples, or of one dataset's."""
        if part not in self._epochs or self._epochs[part][0] != epoch:
            more = [] if part is None else [_WORDS + 1 + part]
            count = int(self._ends[-1]) if part is None else len(self.parts[part].dataset)
            self._epochs[part] = epoch, np.random.default_rng([self.seed, epoch, *more]).permutation(count)
        return self._epochs[part][1]
