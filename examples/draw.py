"""Draws the example pictures with their true masks: `python examples/draw.py` (or `make examples`).

Scenes come from seed 2026, of which the embedded model's training (seeds 1–99) has seen nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import PIL.Image

from lisa.world.draw import draw
from lisa.world.make import make_scene
from lisa.world.scene import Picture
from lisa.world.sets import scene_seed

SEED = 2026
SIZE = (576, 768)
HERE = Path(__file__).parent


def target(kind: str) -> Callable[[Picture], int | None]:
    """Finds the one thing of a kind."""

    def find(picture: Picture) -> int | None:
        ids = [t.id for t in picture.scene.things if t.kind == kind]
        return ids[0] if len(ids) == 1 else None

    return find


def support(picture: Picture) -> int | None:
    """What a woman stands on."""
    kinds = {t.id: t.kind for t in picture.scene.things}
    women = [t for t in picture.scene.things if t.kind == "woman"]
    pairs = [r for r in picture.scene.relations if r.name == "standing on" and kinds[r.subject] == "woman"]
    return pairs[0].object if len(women) == len(pairs) == 1 else None


def lisa(picture: Picture) -> int | None:
    """Lisa, among other people."""
    return next((t.id for t in picture.scene.things if t.name == "Lisa"), None)


EXAMPLES: tuple[tuple[str, str, Callable[[Picture], int | None], str], ...] = (
    ("breakfast", "vitamin_c", target("orange"), "Which food has the most vitamin C?"),
    ("ladder", "stand_higher", support, "What can make the woman stand higher? Please explain why."),
    ("lenses", "near_lens", target("short lens"), "Which lens is more suitable for photographing near objects?"),
    ("nursery", "baby_fence", target("fence"), "What keeps the baby safe?"),
    ("people", "named", lisa, "Who is Lisa?"),
)


def find(piece: str, choose: Callable[[Picture], int | None]) -> tuple[Picture, int]:
    """The first picture of the seed that holds the arrangement, with its target in plain sight."""
    theme = "breakfast" if piece == "vitamin_c" else None
    for index in range(2_000):
        picture = draw(make_scene(scene_seed(SEED, index), theme=theme, set_piece=piece, size=SIZE, split="test"))
        id = choose(picture)
        if picture.scene.set_piece == piece and id is not None and picture.visible(id) > 0.8:
            return picture, id
    raise LookupError(piece)


def main() -> None:
    """Writes NAME.png and NAME.mask.png for each example, and examples.json."""
    for name, piece, choose, _ in EXAMPLES:
        picture, id = find(piece, choose)
        PIL.Image.fromarray(picture.image).save(HERE / f"{name}.png", optimize=True)
        PIL.Image.fromarray(picture.mask(id).astype(np.uint8) * 255).save(HERE / f"{name}.mask.png", optimize=True)
    rows = [{"image": f"{name}.png", "instruction": question} for name, _, _, question in EXAMPLES]
    (HERE / "examples.json").write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
