"""A picture and its label map changed alike: a crop of it, mirrored, in another light. Torch-free.

Words come after: a question about "the left" is made from the map as it is then.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from lisa.types import Image

Labels = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """What may happen to a picture; the defaults are what helped on CamVid."""

    smallest: float = 0.5
    """The least share of a side that a crop keeps; 1: nothing is cropped."""
    mirror: bool = True
    light: float = 0.25
    """How far gamma and the channels' gains may go from 1, as a share."""

    def __call__(self, image: Image, labels: Labels, rng: np.random.Generator) -> tuple[Image, Labels]:
        """Picture `[H, W, 3]` and map `[H, W]` → the same sizes, changed by `rng`; the map keeps its numbers."""
        height, width = labels.shape
        share = float(rng.uniform(self.smallest, 1.0))
        h, w = max(round(height * share), 8), max(round(width * share), 8)
        top, left = int(rng.integers(height - h + 1)), int(rng.integers(width - w + 1))
        image, labels = image[top : top + h, left : left + w], labels[top : top + h, left : left + w]
        if (h, w) != (height, width):
            image = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.uint8)
            small = labels.astype(np.int32)
            labels = cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST).astype(np.int64)
        if self.mirror and rng.random() < 0.5:
            image, labels = image[:, ::-1], labels[:, ::-1]
        if self.light:
            image = _lit(image, rng.uniform(-self.light, self.light, 4))
        return np.ascontiguousarray(image), np.ascontiguousarray(labels)


def _lit(image: Image, change: NDArray[np.float64]) -> Image:
    """Another gamma, and another gain for each channel."""
    levels = np.arange(256) / 255
    table = levels[:, None] ** np.exp(change[0]) * np.exp(0.5 * change[1:])
    table = np.rint(255 * table).clip(0, 255).astype(np.uint8)
    return np.stack([table[image[..., c], c] for c in range(3)], axis=-1)
