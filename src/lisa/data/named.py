"""Answers that say what they mask, for small models: what such a one says before [SEG] is how it tells things apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lisa.data.base import Reader
from lisa.data.prompts import wording_of
from lisa.types import SEG, Sample, Turn


class Named:
    """A dataset whose answers are another's, with the name of the one thing that they mask; see `Reader`."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader

    def __len__(self) -> int:
        return len(self.reader)

    def draw(self, index: int, rng: np.random.Generator) -> list[Sample]:
        """What the other draws; an answer that names its thing already, or whose thing has no name, stays."""
        found = self.reader.draw(index, rng)
        return [replace(s, turns=tuple(_named(turn) for turn in s.turns)) for s in found]


def _named(turn: Turn) -> Turn:
    name = turn.targets[0].phrase if len(turn.targets) == 1 else ""
    if not name or turn.answer is None or name.lower() in turn.answer.lower():
        return turn
    _, _, behind = turn.answer.partition(SEG)
    return replace(turn, answer=wording_of(name).named.format(name=name) + behind.lstrip(".。"))
