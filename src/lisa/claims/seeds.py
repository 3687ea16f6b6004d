"""Answers of trainings that differ in their seed alone: how sure is a figure over them, or a change? Torch-free.

Another training would have moved a figure, too, not only other pictures: intervals resample both.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lisa.errors import BadInput
from lisa.evaluate.rows import Row
from lisa.metrics.intervals import Figure
from lisa.metrics.paired import Difference

DRAWS = 4000
"""Resamples; a chance below 2 / 4001 cannot be told."""

Cell = tuple[int, str, float, float]
"""Seed, picture, and what is summed above and below the line."""


@dataclass(frozen=True)
class Seeds:
    """Rows of one test by the seed of the training that was asked."""

    rows: Mapping[int, list[Row]]

    @property
    def values(self) -> list[float]:
        """gIoU of each seed."""
        return [float(np.mean([r.iou for r in rows])) for rows in self.rows.values()]

    def figure(self) -> Figure:
        """gIoU over all seeds."""
        return _resampled([(seed, r.id, r.iou, 1.0) for seed, rows in self.rows.items() for r in rows])[0]

    def forced(self) -> Figure | None:
        """The same teacher-forced, where that was asked."""
        flat = [(seed, r) for seed, rows in self.rows.items() for r in rows if r.forced]
        if not flat:
            return None
        return _resampled([(seed, r.id, float(np.mean([o.iou for o in r.forced])), 1.0) for seed, r in flat])[0]

    def only(self, seed: int) -> Seeds:
        """One of them."""
        return Seeds({seed: self.rows[seed]})


def pairs(before: Seeds, after: Seeds) -> list[tuple[int, Row, Row]]:
    """Seed, and the same question to two trainings of it. Raises BadInput where they were asked something else."""
    found: list[tuple[int, Row, Row]] = []
    for seed in sorted(before.rows.keys() & after.rows.keys()):
        a, b = before.rows[seed], after.rows[seed]
        if [_asked(row) for row in a] != [_asked(row) for row in b]:
            raise BadInput(f"two runs of seed {seed} were asked different questions: delete their tests/, ask again")
        found += [(seed, *both) for both in zip(a, b, strict=True)]
    return found


def _asked(row: Row) -> tuple[int, str, str]:
    return row.index, row.id, row.instruction


def change(before: Seeds, after: Seeds) -> Difference:
    """After − before, question by question and seed by seed.

    Its p is twice the share of resamples that are not on its side of zero.
    """
    figure, values = _resampled([(seed, a.id, b.iou - a.iou, 1.0) for seed, a, b in pairs(before, after)])
    beyond = min(int((values <= 0).sum()), int((values >= 0).sum()))
    return Difference(figure, min(2 * (beyond + 1) / (DRAWS + 1), 1.0) if len(values) else 1.0)


def share(part: Seeds, whole: Seeds) -> Figure:
    """gIoU of one, of that of the other, over the seeds that both have."""
    return _resampled([(seed, a.id, b.iou, a.iou) for seed, a, b in pairs(whole, part)])[0]


def noise(same: Sequence[Seeds]) -> tuple[float, int]:
    """The deviation of gIoU between seeds within each of `same`, and the degrees of freedom that it was taken with.

    NaN and 0 where nothing was trained twice.
    """
    values = [np.array(seeds.values) for seeds in same]
    freedom = sum(len(v) - 1 for v in values)
    squares = sum(float(np.square(v - v.mean()).sum()) for v in values)
    return (math.sqrt(squares / freedom), freedom) if freedom else (float("nan"), 0)


def by_seed(moved: float, deviation: float, freedom: int) -> float:
    """The chance that two trainings differ so much by their seeds alone, by Student's t; 1 where that is unknown."""
    if not freedom:
        return 1.0
    begin = math.atan2(abs(moved), math.sqrt(2 * freedom) * deviation)  # t² = freedom · tan², whose density is a cosine
    tail, all_ = (np.linspace(start, math.pi / 2, 10_001) for start in (begin, 0.0))
    return float(np.trapezoid(np.cos(tail) ** (freedom - 1), tail) / np.trapezoid(np.cos(all_) ** (freedom - 1), all_))


def holm(chances: Sequence[float]) -> list[float]:
    """Each p corrected for all that were asked together, by Holm's procedure."""
    found, least = [0.0] * len(chances), 0.0
    for done, i in enumerate(sorted(range(len(chances)), key=lambda i: chances[i])):
        least = max(least, min((len(chances) - done) * chances[i], 1.0))
        found[i] = least
    return found


def _resampled(cells: Sequence[Cell]) -> tuple[Figure, NDArray[np.float64]]:
    """Σ above / Σ below with its interval of 95 %, and what it was in each resample of seeds and pictures.

    Of n seeds n − 1 are drawn, since n would understate the variance of a mean of so few.
    """
    if not cells:
        return Figure(float("nan"), float("nan"), float("nan"), 0), np.zeros(0)
    seeds, row = np.unique([cell[0] for cell in cells], return_inverse=True)
    pictures, column = np.unique([cell[1] for cell in cells], return_inverse=True)
    tops, bottoms = (np.zeros((len(seeds), len(pictures))) for _ in range(2))
    np.add.at(tops, (row, column), [cell[2] for cell in cells])
    np.add.at(bottoms, (row, column), [cell[3] for cell in cells])
    rng = np.random.default_rng(0)
    trained = rng.multinomial(max(len(seeds) - 1, 1), np.full(len(seeds), 1 / len(seeds)), DRAWS).astype(np.float64)
    drawn = rng.multinomial(len(pictures), np.full(len(pictures), 1 / len(pictures)), DRAWS)
    top, bottom = (np.einsum("dp,dp->d", trained @ part, drawn) for part in (tops, bottoms))
    values = top[bottom > 0] / bottom[bottom > 0]
    low, high = np.quantile(values, [0.025, 0.975]) if len(values) else (float("nan"), float("nan"))
    value = float(tops.sum() / bottoms.sum()) if bottoms.any() else float("nan")
    return Figure(value, float(low), float(high), len(cells)), values
