"""Masks as COCO run-length encoding, the form in which they stand in JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lisa.errors import BadInput
from lisa.types import Mask


def encode(mask: Mask) -> dict[str, Any]:
    """`[H, W]` bool → `{"size": [H, W], "counts": str}`, readable by pycocotools."""
    from pycocotools import mask as coco

    rle: Any = coco.encode(np.asfortranarray(mask, dtype=np.uint8))
    return {"size": [int(side) for side in rle["size"]], "counts": bytes(rle["counts"]).decode("ascii")}


def decode(rle: Mapping[str, Any]) -> Mask:
    """The way back: `{"size", "counts"}` → `[H, W]` bool. Raises BadInput for anything that is no compressed RLE."""
    from pycocotools import mask as coco

    try:
        height, width = (int(side) for side in rle["size"])
        counts = rle["counts"]
        raw = counts.encode("ascii") if isinstance(counts, str) else bytes(counts)
        pixels: NDArray[np.uint8] = coco.decode({"size": [height, width], "counts": raw})
    except Exception as error:
        raise BadInput('a mask is not in COCO\'s compressed RLE: it needs {"size": [H, W], "counts": "…"}') from error
    return pixels.astype(np.bool_)
