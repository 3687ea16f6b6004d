"""Average precision of scored masks against several instances, as COCO defines it. Torch-free."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

RECALLS = np.linspace(0.0, 1.0, 101)


def matched(ious: NDArray[np.float64], scores: Sequence[float], threshold: float) -> list[bool]:
    """`[predictions, targets]` IoUs → whether each prediction found a target, the surest choosing first.

    Each target is found once; a prediction takes the one it overlaps most of those that are left.
    """
    free = np.ones(ious.shape[1], bool)
    hits = [False] * len(scores)
    for p in np.argsort(-np.asarray(scores, np.float64), kind="stable"):
        overlaps = np.where(free, ious[p], -1.0) if ious.shape[1] else np.zeros(0)
        if len(overlaps) and overlaps.max() >= threshold:
            free[len(overlaps) - 1 - int(np.argmax(overlaps[::-1]))] = False  # of equals the last, as COCO's code
            hits[int(p)] = True
    return hits


@dataclass
class PrecisionState:
    """Scores and hits of all predictions; states of several processes merge by joining."""

    found: list[tuple[float, bool]] = field(default_factory=list)
    wanted: int = 0

    def update(self, scores: Sequence[float], hits: Sequence[bool], wanted: int) -> None:
        """Adds the predictions for one picture and the number of its targets."""
        self.found += [(float(s), bool(h)) for s, h in zip(scores, hits, strict=True)]
        self.wanted += wanted

    def merge(self, other: PrecisionState) -> None:
        """Adds another state to this one."""
        self.found += other.found
        self.wanted += other.wanted

    def compute(self) -> float:
        """Mean over 101 recalls of the best precision at that recall or more; NaN without targets."""
        if not self.wanted:
            return float("nan")
        ordered = sorted(self.found, key=lambda f: -f[0])
        hits = np.cumsum([h for _, h in ordered])
        if not len(hits) or not hits[-1]:
            return 0.0
        recall, precision = hits / self.wanted, hits / np.arange(1, len(hits) + 1)
        best = np.maximum.accumulate(precision[::-1])[::-1]
        places = np.searchsorted(recall, RECALLS, side="left")
        return float(np.where(places < len(best), best[np.minimum(places, len(best) - 1)], 0.0).mean())
