"""Bad annotations, found before they cost a night: every picture is read once, and what is wrong is named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

import numpy as np

from lisa.data.alike import Gallery
from lisa.data.base import Classed, LeavesOut, Reader, asking
from lisa.errors import LisaError
from lisa.types import Sample

_REMEMBERED = 1000
ALL = 10_000
"""Questions about a picture: more than any has."""


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
    left_out: Mapping[str, int] = field(default_factory=dict)
    """What is not read, which is no problem → how often."""

    def note(self, kind: str, line: str) -> None:
        """Counts a problem."""
        self.kinds[kind] += 1
        if len(self.problems) < _REMEMBERED:
            self.problems.append(f"{kind}: {line}")

    def render(self, most: int = 20) -> str:
        """Counts, then the first problems."""
        lines = [f"{self.pictures} pictures read, {self.conversations} conversations, {self.masks} masks"]
        lines += [f"{count} × {what}: left out" for what, count in self.left_out.items()]
        lines += [f"{count} × {kind}" for kind, count in self.kinds.most_common()] or ["nothing wrong"]
        return "\n".join([*lines, *(f"  {p}" for p in self.problems[:most])])


def check(
    reader: Reader,
    *,
    limit: int | None = None,
    against: Mapping[str, Gallery] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Findings:
    """Reads every picture (or the first `limit`) with all that can be asked about it.

    `against`: name → pictures that must not be among these, such as those of a test.
    """
    found = Findings(left_out=reader.left_out if isinstance(reader, LeavesOut) else {})
    reader = asking(reader, ALL)
    own = Gallery()
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
            else:
                _compare(samples[0], own, against or {}, found)
            if isinstance(reader, Classed):
                _compare_masks(reader, index, found)
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


def _compare_masks(reader: Classed, index: int, found: Findings) -> None:
    """Of one class in one picture; what is asked about may put them together, so the annotations are looked at."""
    seen: set[tuple[str, bytes]] = set()
    for name, mask in reader.things(index):
        if (same := (name, sha256(mask.tobytes()).digest())) in seen:
            found.note("the same mask twice", f"{reader.picture(index).name}, {name}")
        seen.add(same)


def _compare(sample: Sample, own: Gallery, others: Mapping[str, Gallery], found: Findings) -> None:
    if any(turn.targets for turn in sample.turns):  # chats come one by one about a picture
        if (twin := own.find(sample.image, near=0)) is not None and twin.name != sample.id:
            found.note("the same picture twice", f"{sample.id} and {twin.name}")
        own.add(sample.id, sample.image)
    for name, gallery in others.items():
        if (twin := gallery.find(sample.image)) is not None:
            how = "the same pixels" if twin.bits < 0 else f"{twin.bits} of 128 bits apart"
            found.note(f"also in {name}", f"{sample.id} is {twin.name}, {how}")
