"""Datasets by name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from lisa.data.mixture import Indexed
from lisa.errors import BadInput
from lisa.types import Sample


class Dataset(Protocol):
    """Samples in a fixed order."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Sample]: ...

    def other(self, sample: Sample) -> Sample | None:
        """Another question, with another target, of the same picture; None where there is none."""
        ...


def open_dataset(name: str, *, folder: Path | None, split: str | None, seed: int, limit: int | None) -> Dataset:
    """The dataset of that name. Raises BadInput for an unknown one."""
    if name == "world":
        from lisa.data.world import WorldDataset

        return WorldDataset(seed=seed, count=500 if limit is None else limit, split=split or "test")
    if name == "world-seed":
        from lisa.data.world import WorldDataset
        from lisa.world.questions import SEED_KINDS

        count = 50 * len(SEED_KINDS) if limit is None else limit
        return WorldDataset(seed=seed, count=count, split=split or "test", kinds=SEED_KINDS)
    raise BadInput(f"no dataset is called {name!r}: known are world, world-seed")


def open_training(name: str, *, folder: Path, seed: int) -> Indexed:
    """The samples of a dataset to train on, read by number. Raises BadInput for an unknown one."""
    if name == "world":
        from lisa.data.world import WorldDataset

        return WorldDataset(seed=seed, count=1_000_000, split="train")
    raise BadInput(f"no dataset to train on is called {name!r} in {folder}: known is world")
