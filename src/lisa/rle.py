"""Masks as COCO run-length encoding, the form in which they stand in JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
        counts = rle["counts"] if isinstance(rle["counts"], str) else bytes(rle["counts"]).decode("ascii")
        check_runs(spelled_out(counts), (height, width))
        pixels: NDArray[np.uint8] = coco.decode({"size": [height, width], "counts": counts.encode("ascii")})
    except Exception as error:
        raise BadInput('a mask is not in COCO\'s compressed RLE: it needs {"size": [H, W], "counts": "…"}') from error
    return pixels.astype(np.bool_)


def spelled_out(counts: str) -> list[int]:
    """Compressed runs as numbers. Raises ValueError for none.

    pycocotools takes any: what does not add up gives it chance pixels, or never ends.
    """
    runs: list[int] = []
    run = bits = 0
    for code in counts.encode("ascii"):
        run |= (code - 48 & 31) << bits
        bits += 5
        if bits > 60:
            raise ValueError("a run is longer than any picture")
        if code - 48 & 32:
            continue
        if code - 48 & 16:
            run -= 1 << bits
        runs.append(run + (runs[-2] if len(runs) > 2 else 0))
        run = bits = 0
    return runs


def check_runs(runs: Sequence[int], size: tuple[int, int]) -> None:
    """Raises ValueError where runs do not add up to a picture of `size`, (height, width)."""
    if min(runs, default=0) < 0 or sum(runs) != size[0] * size[1]:
        raise ValueError("its runs do not add up to the picture")
