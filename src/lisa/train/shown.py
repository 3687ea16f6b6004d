"""What drawn scenes show to those who learn to look: what a word speaks of, what a question goes out from, and facts.

"what is left of the saw" ─► "saw": where saws are, of a single one what it is and what is beside it ─► the question: it
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lisa.data.base import ABOUT
from lisa.train.dense import classes_of_world, tables_of
from lisa.types import Mask, Sample
from lisa.world.mentions import mentions
from lisa.world.scene import Picture


@dataclass(frozen=True, kw_only=True)
class Noted:
    """What something in a text speaks of."""

    mask: Mask
    """All that it may mean, `[H, W]` bool; nothing where it is not there."""
    facts: NDArray[np.int64] | None = None
    """Of a single thing what it is and what is beside it, `[F]`; −1 where that is not clear."""
    end: int = 0
    """Characters of the text up to the end of the word."""


class Shown(Protocol):
    """Knows what texts about a picture speak of."""

    sizes: Mapping[str, int]
    """Name of a fact → of how many classes it is one; 0 is none."""

    def mentions(self, sample: Sample, text: str) -> Sequence[Noted]:
        """The words of a conversation's text that speak of something."""
        ...

    def about(self, sample: Sample, turn: int) -> Noted | None:
        """What one of its questions goes out from; None where nothing is told of that."""
        ...


class WorldShown:
    """See `Shown`; samples are of drawn scenes, with their `picture`."""

    def __init__(self) -> None:
        self.classes = classes_of_world()
        self.sizes: Mapping[str, int] = self.classes.token_sizes
        self._last: tuple[Picture, dict[int, NDArray[np.int64]]] | None = None

    def mentions(self, sample: Sample, text: str) -> list[Noted]:
        """See `Shown`."""
        picture, found = sample.meta["picture"], []
        for mention in mentions(text, sample.meta["language"]):
            mask, ids = mention.meaning.mask(picture), mention.meaning.things(picture)
            found.append(Noted(mask=mask, facts=self._facts(picture, ids), end=mention.end))
        return found

    def about(self, sample: Sample, turn: int) -> Noted | None:
        """See `Shown`: what another is left of, what is pointed at, whose part is asked for; or the target."""
        picture, ids = sample.meta["picture"], sample.meta[ABOUT][turn]
        return Noted(mask=picture.mask(*ids), facts=self._facts(picture, ids)) if ids else None

    def _facts(self, picture: Picture, ids: Sequence[int]) -> NDArray[np.int64] | None:
        """Of a single thing that is seen, by its number."""
        if self._last is None or self._last[0] is not picture:  # conversations come picture by picture
            tables = tables_of(picture, self.classes)
            rows = np.stack([tables[name] for name in self.sizes], axis=1)
            self._last = picture, {id: rows[id] for id in np.unique(picture.ids).tolist() if id}
        seen = [self._last[1][id] for id in ids if id in self._last[1]]
        return seen[0] if len(seen) == 1 else None
