"""Bootstrap intervals over pictures: how far a figure would move had other pictures been drawn. Torch-free."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

_NUMBERS = 4_000_000
"""Of a bootstrap that are held at a time."""


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
    return mean_ratio(top, bottom, np.zeros(len(np.asarray(top))), pictures, seed=seed, draws=draws, level=level)


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
    if len(t) == 0 or b.sum() == 0:
        return Figure(float("nan"), float("nan"), float("nan"), len(t))
    kinds, column = np.unique(np.asarray(classes), return_inverse=True)
    rows, index = np.unique(np.asarray(pictures), return_inverse=True)
    tops, bottoms = (np.zeros((len(rows), len(kinds))) for _ in range(2))
    np.add.at(tops, (index, column), t)
    np.add.at(bottoms, (index, column), b)
    rng = np.random.default_rng(seed)
    even, block = np.full(len(rows), 1 / len(rows)), max(_NUMBERS // len(rows), 1)
    parts = []
    for start in range(0, draws, block):  # in blocks, so that memory does not grow with the pictures
        counts = rng.multinomial(len(rows), even, size=min(block, draws - start)).astype(np.float64)
        parts.append(_mean_of_ratios(counts @ tops, counts @ bottoms))
    values = np.concatenate(parts)
    tail = (1 - level) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    (value,) = _mean_of_ratios(tops.sum(0)[None], bottoms.sum(0)[None])
    return Figure(float(value), float(low), float(high), len(t))


Item = TypeVar("Item")


def resampled(
    items: Sequence[Item],
    statistic: Callable[[Sequence[Item]], float],
    picture: Callable[[Item], str],
    *,
    seed: int = 0,
    draws: int = 200,
    level: float = 0.95,
) -> Figure:
    """Any statistic of items with a percentile bootstrap over pictures, for those that are no ratio of sums."""
    if not items:
        return Figure(float("nan"), float("nan"), float("nan"), 0)
    groups: dict[str, list[Item]] = {}
    for item in items:
        groups.setdefault(picture(item), []).append(item)
    whole = [groups[name] for name in sorted(groups)]
    rng = np.random.default_rng(seed)
    picks = rng.integers(len(whole), size=(draws, len(whole)))
    values = [statistic([item for k in row for item in whole[k]]) for row in picks]
    tail = (1 - level) / 2
    kept = [v for v in values if v == v] or [float("nan")]
    low, high = np.quantile(kept, [tail, 1 - tail])
    return Figure(float(statistic(items)), float(low), float(high), len(items))


def _mean_of_ratios(tops: NDArray[np.float64], bottoms: NDArray[np.float64]) -> NDArray[np.float64]:
    """`[draws, classes]` twice → a mean for each draw that has a class with anything below."""
    seen = bottoms > 0
    ratios = np.divide(tops, bottoms, out=np.zeros_like(tops), where=seen)
    kept = seen.any(1)
    return ratios[kept].sum(1) / seen[kept].sum(1)
