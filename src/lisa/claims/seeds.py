"""Answers of trainings that differ in their seed alone: how sure is a figure over them, or a change? Torch-free.

Another training would have moved a figure, too, not only other pictures. The variance of each is taken by leaving out
one after the other (the jackknife); both are added, and Student's t knows of how few trainings that was learned
(Satterthwaite's degrees of freedom).
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

LEVEL = 0.95
_GRID = 20_001
"""Angles between 0 and π / 2 at which Student's density is summed: t = √freedom · tan, of which it is a cosine."""

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
        return _estimated([(seed, r.id, r.iou, 1.0) for seed, rows in self.rows.items() for r in rows]).figure

    def forced(self) -> Figure | None:
        """The same teacher-forced, where that was asked."""
        flat = [(seed, r) for seed, rows in self.rows.items() for r in rows if r.forced]
        if not flat:
            return None
        return _estimated([(seed, r.id, float(np.mean([o.iou for o in r.forced])), 1.0) for seed, r in flat]).figure

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
    """After − before, question by question and seed by seed, and the chance of one so large if there were none."""
    return _estimated([(seed, a.id, b.iou - a.iou, 1.0) for seed, a, b in pairs(before, after)])


def share(part: Seeds, whole: Seeds) -> Figure:
    """gIoU of one, of that of the other, over the seeds that both have."""
    return _estimated([(seed, a.id, b.iou, a.iou) for seed, a, b in pairs(whole, part)]).figure


def noise(same: Sequence[Seeds]) -> tuple[float, int]:
    """The deviation of gIoU between seeds within each of `same`, and the degrees of freedom that it was taken with.

    NaN and 0 where nothing was trained twice.
    """
    values = [np.array(seeds.values) for seeds in same]
    freedom = sum(len(v) - 1 for v in values)
    squares = sum(float(np.square(v - v.mean()).sum()) for v in values)
    return (math.sqrt(squares / freedom), freedom) if freedom else (float("nan"), 0)


def by_seed(moved: float, deviation: float, freedom: int) -> float:
    """The chance that two trainings differ so much by their seeds alone; 1 where that is unknown."""
    if not freedom or moved == 0:
        return 1.0
    return beyond(moved / (math.sqrt(2) * deviation), freedom) if deviation else 0.0


def beyond(t: float, freedom: float) -> float:
    """The chance of a Student's t at least so far from zero, on either side."""
    angles, below = _student(freedom)
    return float(1 - np.interp(math.atan2(abs(t), math.sqrt(freedom)), angles, below))


def within(freedom: float) -> float:
    """How far from zero 95 % of Student's t lie at most."""
    angles, below = _student(freedom)
    return math.sqrt(freedom) * math.tan(float(np.interp(LEVEL, below, angles)))


def _student(freedom: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Angles, and which share of |t| lies below each."""
    angles = np.linspace(0, math.pi / 2, _GRID)
    density = np.cos(angles) ** (freedom - 1)
    if freedom < 1:
        density[-1] = density[-2]  # it has no end
    below = np.concatenate([[0.0], np.cumsum(density[1:] + density[:-1])])
    return angles, below / below[-1]


def holm(chances: Sequence[float]) -> list[float]:
    """Each p corrected for all that were asked together, by Holm's procedure."""
    found, least = [0.0] * len(chances), 0.0
    for done, i in enumerate(sorted(range(len(chances)), key=lambda i: chances[i])):
        least = max(least, min((len(chances) - done) * chances[i], 1.0))
        found[i] = least
    return found


def _estimated(cells: Sequence[Cell]) -> Difference:
    """Σ above / Σ below with its interval, and the chance of being so far from zero where nothing is.

    Of a single seed, pictures alone are known to vary.
    """
    if not cells or not any(cell[3] for cell in cells):
        return Difference(Figure(float("nan"), float("nan"), float("nan"), len(cells)), 1.0)
    grid = [_sums(cells, by) for by in (0, 1)]
    value = float(grid[0][0].sum() / grid[0][1].sum())
    parts = [(_jackknife(top, bottom), len(top) - 1) for top, bottom in grid]
    variance = sum(part for part, _ in parts)
    if variance == 0:
        return Difference(Figure(value, value, value, len(cells)), float(value == 0))
    freedom = variance**2 / sum(part**2 / count for part, count in parts if part > 0)
    error = math.sqrt(variance)
    half = within(freedom) * error
    return Difference(Figure(value, value - half, value + half, len(cells)), beyond(value / error, freedom))


def _sums(cells: Sequence[Cell], by: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What is above and below the line for each seed (0) or picture (1)."""
    names, index = np.unique([cell[by] for cell in cells], return_inverse=True)
    top, bottom = np.zeros(len(names)), np.zeros(len(names))
    np.add.at(top, index, [cell[2] for cell in cells])
    np.add.at(bottom, index, [cell[3] for cell in cells])
    return top, bottom


def _jackknife(top: NDArray[np.float64], bottom: NDArray[np.float64]) -> float:
    """Variance of Σ top / Σ bottom, had other rows been drawn; 0 of a single one."""
    kept = bottom.sum() - bottom
    if len(top) < 2 or not (kept > 0).all():
        return 0.0
    left = (top.sum() - top) / kept
    return float((len(left) - 1) / len(left) * np.square(left - left.mean()).sum())
