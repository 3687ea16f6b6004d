"""The data that crosses rooms: samples go in, segmentations come out. Torch-free.

One legend of shape letters, used everywhere:

    B conversations   T tokens   D language width   S [SEG] tokens of a batch
    N masks of one answer   H, W original height and width   h, w decoder grid   P prompt width
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""An RGB picture `[H, W, 3]`, upright."""

Mask = NDArray[np.bool_]
"""`[H, W]`, True on the object."""

Size = tuple[int, int]
"""(height, width) in pixels, height first."""

SEG = "[SEG]"
"""The token that asks for a mask, as it stands in answers."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """What one [SEG] of an answer stands for."""

    mask: Mask
    """`[H, W]` bool."""
    phrase: str = ""
    """What it is called; the answer, where it names it, does so with these words."""
    ignore: Mask | None = None
    """`[H, W]` bool, pixels that evaluation leaves out; None where there are none."""


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One instruction and, where it is known, its answer with one target per [SEG]."""

    instruction: str
    answer: str | None = None
    targets: tuple[Target, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One picture and one conversation about it, as every data reader gives it."""

    id: str
    """Unique inside its dataset and stable between runs."""
    image: Image
    turns: tuple[Turn, ...]
    group: str = ""
    """The group that tables are split by, such as the kind of question."""
    meta: dict[str, Any] = field(default_factory=dict)
