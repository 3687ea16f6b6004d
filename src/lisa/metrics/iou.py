"""IoU of binary masks by the reference's definitions. Torch-free.

gIoU is the mean of per-mask IoU (not Rezatofighi's), cIoU the sum of intersections over the sum of unions. Pixels
whose target is 255 are left out. A mask whose target and prediction are both empty counts as IoU 1, an empty target
with any prediction as 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

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


def iou(predicted: ArrayLike, target: ArrayLike) -> NDArray[np.float64]:
    """IoU of each mask, `[n, H, W]` twice → `[n]`."""
    i, u = intersection_union(predicted, target)
    return np.where(u == 0, 1.0, i / np.maximum(u, 1))


def together(masks: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """`[n, H, W]` → `[H, W]`, where any of them is."""
    return np.logical_or.reduce(masks, axis=0)
