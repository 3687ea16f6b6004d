"""Answers as pictures: the overlay, and one black and white PNG per mask."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import PIL.Image

if TYPE_CHECKING:
    from lisa.segmentation import Segmentation


def write_overlay(result: Segmentation, folder: Path, name: str, question: Mapping[str, str]) -> list[Path]:
    """`NAME.overlay.png`, or nothing where the answer does not hold its picture."""
    if result.image is None:
        return []
    path = folder / f"{name}.overlay.png"
    result.overlay().save(path)
    return [path]


def write_masks(result: Segmentation, folder: Path, name: str, question: Mapping[str, str]) -> list[Path]:
    """`NAME.mask-1.png` …: 255 on the object, 0 elsewhere, at the picture's own size."""
    paths = []
    for number, mask in enumerate(result.masks, start=1):
        path = folder / f"{name}.mask-{number}.png"
        PIL.Image.fromarray(mask.astype(np.uint8) * np.uint8(255)).save(path)
        paths.append(path)
    return paths
