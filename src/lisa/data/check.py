"""Bad annotations, found before they cost a night: every picture is read once, and what is wrong is named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from lisa.data.base import Reader
from lisa.errors import LisaError

_REMEMBERED = 1000


@dataclass
class Findings:
    """What a reading of a whole dataset found."""

    pictures: int = 0
    conversations: int = 0
    masks: int = 0
    problems: list[str] = field(default_factory=list)
    """One line each, with the record's name; the first thousand."""
    kinds: Counter[str] = field(default_factory=Counter)
    """Kind of problem → how often."""

    def note(self, kind: str, line: str) -> None:
        """Counts a problem."""
        self.kinds[kind] += 1
        if len(self.problems) < _REMEMBERED:
            self.problems.append(f"{kind}: {line}")

    def render(self, most: int = 20) -> str:
        """Counts, then the first problems."""
        lines = [f"{self.pictures} pictures read, {self.conversations} conversations, {self.masks} masks"]
        lines += [f"{count} × {kind}" for kind, count in self.kinds.most_common()] or ["nothing wrong"]
        return "\n".join([*lines, *(f"  {p}" for p in self.problems[:most])])


def check(reader: Reader, *, limit: int | None = None, progress: Callable[[int], None] | None = None) -> Findings:
    """Reads every picture (or the first `limit`) with all that is asked about it in one draw."""
    found = Findings()
    for index in range(len(reader) if limit is None else min(limit, len(reader))):
        try:
            samples = reader.draw(index, np.random.default_rng(index))
        except LisaError as error:
            found.note("cannot be read", str(error))
            samples = ()
        else:
            found.pictures += 1
            if not samples:
                found.note("nothing to learn", f"picture {index}")
        for sample in samples:
            found.conversations += 1
            for target in (t for turn in sample.turns for t in turn.targets):
                found.masks += 1
                if not target.mask.any():
                    found.note("empty mask", sample.id)
                elif target.mask.all():
                    found.note("mask of the whole picture", sample.id)
        if progress is not None:
            progress(1)
    return found
