"""Two models on the same questions: is one better, or did chance do it? Torch-free."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lisa.metrics.intervals import Figure, ratio


@dataclass(frozen=True)
class Difference:
    """B − A, its bootstrap interval, and the probability of one so large if both were equally good."""

    figure: Figure
    p: float

    @property
    def better(self) -> int:
        """1 where B is better beyond 5 % of doubt, −1 where A is, 0 where nobody can tell."""
        return 0 if self.p > 0.05 else int(np.sign(self.figure.value))


def difference(
    first: ArrayLike, second: ArrayLike, pictures: ArrayLike, *, seed: int = 0, draws: int = 2000
) -> Difference:
    """Mean of second − first over questions `[n]`; whole pictures are resampled, and exchanged for the permutation.

    The permutation turns the sign of all differences of a picture together, since its questions are not independent.
    """
    change = np.asarray(second, np.float64) - np.asarray(first, np.float64)
    if not len(change):
        return Difference(Figure(float("nan"), float("nan"), float("nan"), 0), 1.0)
    rows, index = np.unique(np.asarray(pictures), return_inverse=True)
    sums = np.zeros(len(rows))
    np.add.at(sums, index, change)
    signs = np.random.default_rng([seed, 1]).integers(0, 2, (draws, len(rows))) * 2 - 1
    far = np.abs(signs @ sums) >= abs(sums.sum()) - 1e-12
    figure = ratio(change, np.ones(len(change)), np.asarray(pictures), seed=seed)
    return Difference(figure, float((far.sum() + 1) / (draws + 1)))
