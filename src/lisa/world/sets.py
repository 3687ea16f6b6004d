"""Sets of scenes: the index-th picture of a seed, the same on every machine."""

from __future__ import annotations

import numpy as np

from lisa.world.draw import draw
from lisa.world.make import make_scene
from lisa.world.scene import Picture


def scene_seed(seed: int, index: int) -> int:
    """The seed of the index-th scene of a set; sets of different seeds share none."""
    return int(np.random.SeedSequence([seed, index]).generate_state(1, np.uint64)[0] >> 1)


def make_picture(seed: int, index: int, split: str = "train", *, set_piece: str | None = None) -> Picture:
    """The index-th picture of the set `seed`: about 10 ms, so training draws afresh instead of storing.

    `set_piece`: arranged for this example; by default few are, for any.
    """
    return draw(make_scene(scene_seed(seed, index), set_piece=set_piece, split=split))
