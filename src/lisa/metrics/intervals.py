"""Bootstrap intervals over pictures: how far a figure would move had other pictures been drawn. Torch-free."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Figure:
    """A figure with its interval."""

    value: float
    low: float
    high: float
    count: int

    def to_json(self) -> dict[str, float]:
        """`value`, `low`, `high`, `count`; a figure over nothing has NaN, which becomes None."""
        numbers = {"value": self.value, "low": self.low, "high": self.high}
        return {k: None if v != v else round(v, 6) for k, v in numbers.items()} | {"count": self.count}  # type: ignore[return-value]

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def ratio(
    top: ArrayLike, bottom: ArrayLike, pictures: ArrayLike, *, seed: int = 0, draws: int = 1000, level: float = 0.95
) -> Figure:
    """Σ top / Σ bottom with a percentile bootstrap that resamples whole pictures.

    `top`, `bottom` and `pictures` are `[n]`, one row per mask or question; with `bottom` 1 everywhere it is a mean,
    with intersections over unions it is cIoU. Rows of one picture stay together, since they are not independent.
    """
    t, b = np.asarray(top, np.float64), np.asarray(bottom, np.float64)
    if len(t) == 0 or b.sum() == 0:
        return Figure(float("nan"), float("nan"), float("nan"), len(t))
    _, index = np.unique(np.asarray(pictures), return_inverse=True)
    tops, bottoms = np.bincount(index, t), np.bincount(index, b)
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(len(tops), np.full(len(tops), 1 / len(tops)), size=draws)
    denominators = counts @ bottoms
    values = (counts @ tops)[denominators > 0] / denominators[denominators > 0]
    tail = (1 - level) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return Figure(float(t.sum() / b.sum()), float(low), float(high), len(t))
