"""Drawn scenes in the layouts of the datasets that LISA is trained on, for the real readers.

Stage 1 has no question with a mask whose answer takes knowledge or several steps; what things are for it is told in
words alone, as a language model knows it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import PIL.Image
import yaml

from lisa.claims.plan import LEARN, NEW, TESTS, VAL, Sizes, reason
from lisa.data.world import REASON_KINDS, REFERRED, WorldDataset, in_words, world_reason
from lisa.data.world_files import write_world
from lisa.data.world_layouts import ReasonSegFiles
from lisa.files import write_text
from lisa.types import Sample
from lisa.world.phrases import Said
from lisa.world.questions import ask, dialogues
from lisa.world.questions.asked import Asked
from lisa.world.scene import Picture

SCENES, REASON, MANY = 31, 41, 42
"""Seeds of the scenes that are learned from, of the first repetition; each further one is `BEYOND` them."""
HELD, FRESH = 231, 242
"""Of those that are asked about, in all of them."""
BEYOND, MOST = 17, 4
"""No two of so many repetitions have a seed in common, their bases' included, and all lie below 100."""
EXPRESSIONS, ASKED_FOR = 16, 4
"""Of a scene to learn from, and of one in which the old tasks are asked: more scenes tell more than more questions."""
SPOKEN = 6
"""Questions of a picture's conversation."""
SAME, TRIES = 4, 40
"""Wordings of a reasoning sample at most, and how often chance looks for one."""
REASONSEG = Path("reason_seg") / "ReasonSeg"
DONE = "done"

Report = Callable[[str], None]


def write_data(out: Path, sizes: Sizes, seed: int, report: Report) -> None:
    """All files below `out`, each set once; what was cut off is written anew."""
    for folder, write in ((LEARN, _learn), (TESTS[VAL].folder, _asked), (TESTS[NEW].folder, _new)):
        home = out / folder
        if not is_written(home):
            report(f"drawing {home}")
            shutil.rmtree(home, ignore_errors=True)
            write(home, sizes, BEYOND * (seed - 1))
            write_text(home / DONE, "")


def is_written(home: Path) -> bool:
    """Whether one of these folders is whole."""
    return (home / DONE).exists()


def _learn(home: Path, sizes: Sizes, leap: int) -> None:
    write_world(home, count=sizes.scenes, seed=SCENES + leap, ask=ordinary)
    many = WorldDataset(seed=MANY + leap, count=sizes.many, split="train", kinds=REASON_KINDS)
    _set(home, "reason_many", (_read(many, i) for i in range(sizes.many)))
    few = WorldDataset(seed=REASON + leap, count=max(sizes.curve), split="train", kinds=REASON_KINDS)
    read = [_read(few, i) for i in range(max(sizes.curve))]
    for count in sizes.curve:
        _set(home, reason(sizes, count), read[:count])
    plain = [(sample, texts[:1] * len(texts)) for sample, texts in read[: sizes.samples]]
    _set(home, reason(sizes, sizes.samples, "plain"), plain)
    _set(home, reason(sizes, sizes.samples, "bare"), read[: sizes.samples], explained=False)


def _asked(home: Path, sizes: Sizes, leap: int) -> None:
    few = partial(ordinary, expressions=ASKED_FOR)
    write_world(home, count=sizes.held, seed=HELD, split="test", part="val", ask=few)
    for part, count in (("val", sizes.val), ("test", sizes.test)):
        _ask(world_reason(part), count, ReasonSegFiles(home / REASONSEG, part))


def _new(home: Path, sizes: Sizes, leap: int) -> None:
    data = WorldDataset(seed=FRESH, count=sizes.new, split="templates", kinds=REASON_KINDS)
    _ask(data, None, ReasonSegFiles(home / REASONSEG, "val"))


def _ask(data: WorldDataset, count: int | None, files: ReasonSegFiles) -> None:
    _write(files, ((sample, [sample.turns[0].instruction]) for sample in islice(data, count)))


def ordinary(picture: Picture, rng: np.random.Generator, *, expressions: int = EXPRESSIONS) -> list[list[Asked]]:
    """Referring expressions with masks, and questions of every kind that are answered in words alone."""
    refer = dialogues(picture, rng, expressions, weights=dict.fromkeys(REFERRED, 1.0))
    said = [turns for asked in dialogues(picture, rng, 3 * SPOKEN) if (turns := in_words(asked)) is not None]
    return [*(turns for turns in refer if len(turns) == 1), *said[:SPOKEN]]


def wordings(data: WorldDataset, index: int, sample: Sample, count: int) -> list[str]:
    """A question, and others that ask the same about the same, in other words."""
    picture, meta = data.picture_at(sample), sample.meta
    rng = np.random.default_rng([data.seed, index, 7])
    found = [sample.turns[0].instruction]
    for _ in range(TRIES):
        if len(found) == count:
            break
        again = ask(picture, rng, kind=sample.group, split=data.split)
        if not again or len(again) != 1 or again[0].instruction in found:
            continue
        same = (again[0].targets, again[0].parts, again[0].answer) == (
            meta["targets"],
            meta["parts"],
            sample.turns[0].answer,
        )
        if same and _meaning(again[0].said) == _meaning(meta["said"]):
            found.append(again[0].instruction)
    return found


def _meaning(said: Said | None) -> object:
    return None if said is None else (said.name, dict(said.words))


Question = tuple[Sample, list[str]]
"""A sample, and its wordings."""


def _read(data: WorldDataset, index: int) -> Question:
    sample = data[index]
    return sample, wordings(data, index, sample, SAME)


def _set(learn: Path, name: str, questions: Iterable[Question], *, explained: bool = True) -> None:
    """One training set in ReasonSeg's layout, noted by its name; the 239 lie where ReasonSeg itself would."""
    home = learn / REASONSEG if name == "reason" else learn / "sets" / name
    _write(ReasonSegFiles(home, "train", explained=explained), questions)
    if name != "reason":
        write_text(learn / f"{name}.yaml", yaml.safe_dump({"path": f"sets/{name}"}))


def _write(files: ReasonSegFiles, questions: Iterable[Question]) -> None:
    for index, (sample, texts) in enumerate(questions):
        (turn,), name = sample.turns, f"{index:06d}"
        place = files.picture(name)
        place.parent.mkdir(parents=True, exist_ok=True)
        PIL.Image.fromarray(sample.image).save(place, quality=95, subsampling=0)
        (target,) = turn.targets
        files.add(name, texts, turn.answer or "", target.mask, target.phrase.removeprefix("the "))
    files.close()
