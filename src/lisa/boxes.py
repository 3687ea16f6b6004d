"""Boxes around masks: x0, y0, x1, y1 in pixels, right and bottom exclusive."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def boxes_of(masks: NDArray[np.bool_]) -> NDArray[np.float32]:
    """`[N, H, W]` → the tight boxes `[N, 4]` x0, y0, x1, y1, right and bottom exclusive; zeros for an empty mask."""
    boxes = np.zeros((len(masks), 4), np.float32)
    for index, mask in enumerate(masks):
        columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
        if len(columns):
            boxes[index] = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
    return boxes


def overlaps(box: NDArray[np.float64], boxes: NDArray[np.float32]) -> NDArray[np.float64]:
    """IoU of a box with each of some `[N, 4]`."""
    sides = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    both = sides.clip(min=0).prod(1)
    return both / np.maximum((box[2:] - box[:2]).prod() + (boxes[:, 2:] - boxes[:, :2]).prod(1) - both, 1e-6)
