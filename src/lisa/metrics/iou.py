"""gIoU and cIoU of binary masks by the reference's definitions, as sums that can be merged. Torch-free.

gIoU is the mean of per-mask IoU (not Rezatofighi's), cIoU the sum of intersections over the sum of unions. Pixels
whose target is 255 are left out. A mask whose target and prediction are both empty counts as IoU 1, an empty target
with any prediction as 0.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lisa.metrics.totals import Total

IGNORE = 255
"""Target value of pixels that count nowhere."""


def intersection_union(predicted: ArrayLike, target: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Foreground pixels in both and in either, per mask: `[n, H, W]` twice (0, 1; target also 255) → `[n]` twice."""
    p, t = np.asarray(predicted), np.asarray(target)
    if p.shape != t.shape or p.ndim != 3:
        raise ValueError(f"masks must both be [n, H, W], not {list(p.shape)} and {list(t.shape)}")
    counted = t != IGNORE
    p, t = (p != 0) & counted, (t == 1) & counted
    return (p & t).sum((1, 2), dtype=np.int64), (p | t).sum((1, 2), dtype=np.int64)


def together(masks: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """`[n, H, W]` → `[H, W]`, where any of them is."""
    return np.logical_or.reduce(masks, axis=0)


@dataclass
class IouState:
    """Sums over masks; states of several processes merge by adding."""

    intersection: int = 0
    union: int = 0
    iou_sum: Total = field(default_factory=Total)
    count: int = 0

    def update(self, predicted: ArrayLike, target: ArrayLike) -> None:
        """Adds masks `[n, H, W]`: predictions of 0 and 1, targets of 0, 1 and 255."""
        intersection, union = intersection_union(predicted, target)
        self.intersection += int(intersection.sum())
        self.union += int(union.sum())
        # the reference's small constants are kept, so that its published numbers mean the same here
        self.iou_sum.add(np.where(union == 0, 1.0, intersection / (union + 1e-5)).tolist())
        self.count += len(union)

    def merge(self, other: IouState) -> None:
        """Adds another state to this one."""
        self.intersection += other.intersection
        self.union += other.union
        self.iou_sum.merge(other.iou_sum)
        self.count += other.count

    def compute(self) -> dict[str, float]:
        """`giou` and `ciou`, 0 … 1."""
        return {
            "giou": self.iou_sum.value / (self.count + 1e-5),
            "ciou": self.intersection / (self.union + 1e-10),
        }
