"""Sums that do not depend on the order they were added in. Torch-free."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

_SCALE = 1 << 60


@dataclass
class Total:
    """A sum of numbers as a whole number of 2⁻⁶⁰ths: any split over any processes merges to the same bits.

    Each number is rounded by at most 2⁻⁶¹; whole numbers, such as pixels, not at all, however large the sum.
    """

    units: int = 0

    def add(self, values: Iterable[float]) -> None:
        """Adds finite numbers. Raises ValueError or OverflowError for others."""
        for value in values:
            top, bottom = value.as_integer_ratio()
            self.units += (top * _SCALE + bottom // 2) // bottom

    def merge(self, other: Total) -> None:
        """Adds another sum."""
        self.units += other.units

    @property
    def value(self) -> float:
        """The sum, rounded once."""
        return self.units / _SCALE
