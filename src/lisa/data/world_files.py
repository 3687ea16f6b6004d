"""Drawn scenes as files: with their whole truth, and in the layouts of the datasets that LISA is trained on.

    pictures/NAME.jpg   scenes.jsonl: things, parts, relations, masks   questions.jsonl: conversations and masks
    ade20k/  coco/  refer_seg/refcoco/  reason_seg/ReasonSeg/  llava_dataset/   as the real ones lie under data_dir

So the real readers are tested and trained on pictures that anyone may draw and show.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import PIL.Image

from lisa.data.files import read_annotations, read_lines
from lisa.data.world_layouts import layouts
from lisa.errors import BadInput, shown
from lisa.world.draw import draw
from lisa.world.questions import dialogues
from lisa.world.questions.asked import Asked
from lisa.world.scene import Picture, Scene
from lisa.world.sets import make_picture
from lisa.world.spec import scene_of

SPLITS = ("train", "test", "backgrounds", "pairs", "templates")
PARTS = ("train", "val")
QUESTIONS = 8
"""About each picture."""

Ask = Callable[[Picture, np.random.Generator], list[list[Asked]]]
"""A picture and dice → dialogues about it."""
Progress = Callable[[int], None]


def write_world(
    out: Path,
    *,
    count: int,
    seed: int,
    split: str = "train",
    part: str = "train",
    ask: Ask | None = None,
    progress: Progress | None = None,
) -> int:
    """Draws scenes 0 … `count` − 1 of a set and writes them in every layout; returns the number of questions.

    `part` "train" or "val": which part of the real datasets they will be. `ask`: in the place of eight dialogues of all
    kinds. Raises BadInput for an unknown split or part, or a folder that holds something.
    """
    for kind, value, known in (("split", split, SPLITS), ("part", part, PARTS)):
        if value not in known:
            raise BadInput(f"there is no {kind} {value!r}: choose {', '.join(known)}")
    pictures = (make_picture(seed, index, split) for index in range(count))
    return _write(out, pictures, seed, part, ask or _all_kinds(split), progress)


def _all_kinds(split: str) -> Ask:
    return lambda picture, rng: dialogues(picture, rng, QUESTIONS, split=split)


def write_stated(out: Path, scenes: Sequence[Scene], *, seed: int) -> int:
    """Writes given scenes in every layout; returns the number of questions. Raises BadInput for a folder in use."""
    return _write(out, (draw(scene) for scene in scenes), seed, "train", _all_kinds("test"), None)


def read_scenes(path: Path) -> list[Scene]:
    """The scenes of a JSON file of one or several, or of a JSONL file. Raises Missing or BadInput."""
    if path.suffix == ".jsonl":
        lines = read_lines(path)
        try:
            found = [json.loads(line) for line in lines]
        except (ValueError, RecursionError) as error:
            raise BadInput(f"{shown(path)} has a line that is no JSON ({error}): one scene a line") from error
    else:
        found = read_annotations(path)
    return [scene_of(record) for record in (found if isinstance(found, list) else [found])]


def _write(out: Path, pictures: Iterable[Picture], seed: int, part: str, ask: Ask, progress: Progress | None) -> int:
    if out.exists() and any(out.iterdir()):
        raise BadInput(f"{shown(out)} holds something already: give a new folder")
    written = layouts(out, part)
    (out / "pictures").mkdir(parents=True)
    questions = 0
    for index, picture in enumerate(pictures):
        asked = ask(picture, np.random.default_rng([seed, index]))
        name = f"{index:06d}"
        file = out / "pictures" / f"{name}.jpg"
        PIL.Image.fromarray(picture.image).save(file, quality=95, subsampling=0)
        for layout in written:
            layout.add(name, file, picture, asked)
        questions += len(asked)
        if progress is not None:
            progress(1)
    for layout in written:
        layout.close()
    return questions
