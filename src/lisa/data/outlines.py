"""Masks as outlines: for layouts that hold polygons, which know no holes."""

from __future__ import annotations

import cv2
import numpy as np

from lisa.data.files import decode_segmentation
from lisa.types import Mask


def without_holes(mask: Mask) -> list[Mask]:
    """Parts of a mask that together are it; it is cut through every hole."""
    found, tree = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    holes = [] if tree is None else [c for c, (_, _, _, parent) in zip(found, tree[0]) if parent >= 0]
    if not holes:
        return [mask]
    rows = holes[0][:, 0, 1]
    cut = int(rows.min() + rows.max()) // 2
    upper, lower = mask.copy(), mask.copy()
    upper[cut + 1 :] = False
    lower[: cut + 1] = False
    return without_holes(upper) + without_holes(lower)


def shapes_of(mask: Mask) -> list[list[list[int]]]:
    """A mask as polygons [[x, y], …] through its outer pixels; filled and outlined, as ReasonSeg's are, they are it."""
    parts = [part.astype(np.uint8) for part in without_holes(mask)]
    found = [c for part in parts for c in cv2.findContours(part, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]]
    return [contour[:, 0, :].tolist() for contour in found]


def outlines_of(mask: Mask) -> tuple[list[list[float]], bool]:
    """A mask as YOLO's outlines x0 y0 x1 y1 … in shares, between the pixels; and whether they give it back exactly."""
    height, width = mask.shape
    outlines = []
    for part in without_holes(mask):
        big = np.kron(part.astype(np.uint8), np.ones((2, 2), np.uint8))  # so that the outline runs between the pixels
        for contour in cv2.findContours(big, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]:
            corners = contour[:, 0, :]
            corners = (corners + corners % 2) / 2  # a pixel's far side is where the next begins
            if len(corners) >= 3:
                outlines.append([float(v) for x, y in corners for v in (x / width, y / height)])
    back = np.zeros_like(mask)
    for outline in outlines:
        scaled = [v * (height if i % 2 else width) for i, v in enumerate(outline)]
        back |= decode_segmentation([scaled], (height, width), "an outline")
    return outlines, bool(np.array_equal(back, mask))
