"""Pictures that differ in one thing only: what was asked for is there, and in its twin it is not.

Whether a thing is there cannot be told from the kind of scene then, nor from anything but the thing itself.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lisa.world.questions.view import View
from lisa.world.scene import Picture, Scene, Thing


def removable(picture: Picture) -> list[Thing]:
    """Things that can be taken away: well seen, the only one of their kind, with nothing on, in or around them."""
    view = View(picture)
    tied = {i for r in picture.scene.relations for i in (r.subject, r.object)}
    return [s.thing for s in view.able if view.alone(s) and s.id not in tied and "layer" not in s.thing.look]


def twin_of(picture: Picture, rng: np.random.Generator) -> Scene | None:
    """The scene without one of its things, which it remembers as `taken`; None where none can be taken."""
    found = removable(picture)
    if not found:
        return None
    gone = found[int(rng.integers(len(found)))]
    scene = picture.scene
    return replace(scene, things=tuple(t for t in scene.things if t.id != gone.id), set_piece=None, taken=gone)
