"""Two models on the same questions: is one better, or did chance do it? Torch-free."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lisa.metrics.intervals import Figure, ratio

_NUMBERS = 4_000_000
"""Of a permutation that are held at a time."""


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
    rng, block, far = np.random.default_rng([seed, 1]), max(_NUMBERS // len(rows), 1), 0
    for start in range(0, draws, block):  # in blocks, so that memory does not grow with the pictures
        signs = rng.integers(0, 2, (min(block, draws - start), len(rows))) * 2.0 - 1.0
        far += int((np.abs(signs @ sums) >= abs(sums.sum()) - 1e-12).sum())
    figure = ratio(change, np.ones(len(change)), np.asarray(pictures), seed=seed)
    return Difference(figure, (far + 1) / (draws + 1))
