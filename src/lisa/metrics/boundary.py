"""Boundary IoU (Cheng et al., CVPR 2021): IoU of what lies within a distance of the masks' own outlines. Torch-free."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lisa.types import Mask

DILATION = 0.02
"""The distance as a share of the picture's diagonal, as the authors have it."""


def boundary(mask: Mask, *, dilation: float = DILATION) -> Mask:
    """The pixels of a mask `[H, W]` that are near its outline; the picture's own edge counts as outline."""
    import cv2

    height, width = mask.shape
    distance = max(round(dilation * float(np.hypot(height, width))), 1)
    padded = cv2.copyMakeBorder(mask.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    inner = cv2.erode(padded, np.ones((3, 3), np.uint8), iterations=distance)[1:-1, 1:-1]
    return mask & (inner == 0)


def boundary_overlap(
    predicted: Mask, target: Mask, ignore: Mask | None = None, *, dilation: float = DILATION
) -> tuple[int, int]:
    """Pixels of both boundaries and of either; what is ignored counts in neither."""
    near: list[NDArray[np.bool_]] = [boundary(m, dilation=dilation) for m in (predicted, target)]
    if ignore is not None:
        near = [m & ~ignore for m in near]
    return int((near[0] & near[1]).sum()), int((near[0] | near[1]).sum())
