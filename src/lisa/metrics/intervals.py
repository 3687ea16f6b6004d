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


def mean_ratio(
    top: ArrayLike,
    bottom: ArrayLike,
    classes: ArrayLike,
    pictures: ArrayLike,
    *,
    seed: int = 0,
    draws: int = 1000,
    level: float = 0.95,
) -> Figure:
    """Mean over classes of Σ top / Σ bottom, as semantic segmentation's mIoU; bootstrap as in `ratio`.

    Classes without any `bottom` are left out. All are `[n]`, a row for each class of each picture.
    """
    t, b = np.asarray(top, np.float64), np.asarray(bottom, np.float64)
    kinds, column = np.unique(np.asarray(classes), return_inverse=True)
    rows, index = np.unique(np.asarray(pictures), return_inverse=True)
    if not len(t) or not b.sum():
        return Figure(float("nan"), float("nan"), float("nan"), len(t))
    tops, bottoms = (np.zeros((len(rows), len(kinds))) for _ in range(2))
    np.add.at(tops, (index, column), t)
    np.add.at(bottoms, (index, column), b)
    counts = np.random.default_rng(seed).multinomial(len(rows), np.full(len(rows), 1 / len(rows)), size=draws)
    with np.errstate(invalid="ignore", divide="ignore"):
        values = np.nanmean((counts @ tops) / (counts @ bottoms), axis=1)
        value = float(np.nanmean(tops.sum(0) / bottoms.sum(0)))
    tail = (1 - level) / 2
    low, high = np.nanquantile(values, [tail, 1 - tail])
    return Figure(value, float(low), float(high), len(t))
