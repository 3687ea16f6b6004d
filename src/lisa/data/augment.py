"""A picture and its label map changed alike: cropped, mirrored, in another light. Torch-free.

Words come after: a question about "the left" is made from the map as it is then.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lisa.types import Image

Labels = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """What may happen to a picture; the defaults are what helped on CamVid."""

    smallest: float = 0.5
    """The least share of a side that a crop keeps; 1: nothing is cropped."""
    square: bool = False
    """Whether a crop is as wide as it is high, so that nothing is padded where a square is learned from."""
    mirror: bool = True
    light: float = 0.25
    """How far gamma and the channels' gains may go from 1, as a share."""

    def __call__(self, image: Image, labels: Labels, rng: np.random.Generator) -> tuple[Image, Labels]:
        """Picture `[H, W, 3]` and map `[H, W]` → a crop of both, not resized, changed by `rng`; numbers stay."""
        height, width = labels.shape
        share = float(rng.uniform(self.smallest, 1.0))
        sides = (min(height, width),) * 2 if self.square else (height, width)
        h, w = (min(max(round(side * share), 8), side) for side in sides)
        top, left = int(rng.integers(height - h + 1)), int(rng.integers(width - w + 1))
        image, labels = image[top : top + h, left : left + w], labels[top : top + h, left : left + w]
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
