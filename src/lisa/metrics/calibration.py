"""Whether scores are what they say: masks with a score of 0.8 should overlap by 0.8 in the mean. Torch-free."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Bin:
    """Predictions whose score lies between two bounds."""

    low: float
    high: float
    count: int
    score: float
    """Their mean score."""
    truth: float
    """Their mean true value."""


def reliability(scores: ArrayLike, truths: ArrayLike, *, bins: int = 10) -> tuple[float, Sequence[Bin]]:
    """Expected calibration error, 0 … 1, NaN over nothing; and the bins that have any predictions.

    `scores`, `truths`: `[n]` in 0 … 1. Bins are equally wide (Guo et al., 2017), a score of 1 is in the last one.
    """
    s, t = np.asarray(scores, np.float64), np.asarray(truths, np.float64)
    if s.shape != t.shape or s.ndim != 1:
        raise ValueError(f"scores and truths are [n] both, not {list(s.shape)} and {list(t.shape)}")
    if not len(s):
        return float("nan"), ()
    place = np.minimum((s * bins).astype(np.int64), bins - 1)
    found = []
    for k in range(bins):
        chosen = place == k
        if chosen.any():
            count = int(chosen.sum())
            found.append(Bin(k / bins, (k + 1) / bins, count, float(s[chosen].mean()), float(t[chosen].mean())))
    error = sum(b.count * abs(b.score - b.truth) for b in found) / len(s)
    return float(error), tuple(found)
