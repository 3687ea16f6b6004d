"""Drawn scenes in the layouts of the datasets that LISA is trained on, for the real readers.

Stage 1 has no question with a mask whose answer takes knowledge or several steps; what things are for it is told in
words alone, as a language model knows it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import PIL.Image
import yaml

from lisa.claims.plan import ASKED, LEARN, Sizes, reason
from lisa.data.world import REASON_KINDS, WorldDataset, in_words, world_reason
from lisa.data.world_files import write_world
from lisa.data.world_layouts import REFERRED, ReasonSegFiles
from lisa.files import write_text
from lisa.world.questions import ask, dialogues
from lisa.world.questions.asked import Asked
from lisa.world.scene import Picture

SCENES, HELD, REASON, MANY = 31, 231, 41, 42
"""Seeds of scenes; those of stage 1 and of the many reasoning ones move with a run's own seed."""
EXPRESSIONS = 16
SPOKEN = 6
"""Questions of a picture's conversation."""
SAME, TRIES = 4, 24
"""Wordings of a reasoning sample at most, and how often chance looks for one."""
LEAP = 1_000
DONE = "done"

Report = Callable[[str], None]


def write_data(out: Path, sizes: Sizes, seed: int, report: Report) -> None:
    """All files below `out`, each set once; what was cut off is written anew."""
    leap = LEAP * (seed - 1)
    learn, asked = out / LEARN, out / ASKED
    if not (learn / DONE).exists():
        report(f"drawing {sizes.scenes} scenes of stage 1")
        _empty(learn)
        write_world(learn, count=sizes.scenes, seed=SCENES + leap, ask=ordinary)
        many = WorldDataset(seed=MANY + leap, count=sizes.many, split="train", kinds=REASON_KINDS)
        report(f"drawing {sizes.many} reasoning scenes")
        _set(learn, "reason_many", many, sizes.many)
        few = WorldDataset(seed=REASON + leap, count=max(sizes.curve), split="train", kinds=REASON_KINDS)
        for count in sizes.curve:
            _set(learn, reason(sizes, count), few, count)
        for kind in ("plain", "bare"):
            _set(learn, reason(sizes, sizes.samples, kind), few, sizes.samples, kind)
        write_text(learn / DONE, "")
    if not (asked / DONE).exists():
        report("drawing what is asked")
        _empty(asked)
        write_world(asked, count=sizes.held, seed=HELD, split="test", part="val", ask=ordinary)
        for part in ("val", "test"):
            files = ReasonSegFiles(asked / "reason_seg" / "ReasonSeg", part)
            data = world_reason(part)
            for i in range(min(getattr(sizes, part) or len(data), len(data))):
                _add(files, data, i, [data[i].turns[0].instruction])
            files.close()
        write_text(asked / DONE, "")


def ordinary(picture: Picture, rng: np.random.Generator) -> list[list[Asked]]:
    """Referring expressions with masks, and questions of every kind that are answered in words alone."""
    refer = dialogues(picture, rng, EXPRESSIONS, weights=dict.fromkeys(REFERRED, 1.0))
    said = [turns for asked in dialogues(picture, rng, 3 * SPOKEN) if (turns := in_words(asked)) is not None]
    return [*(turns for turns in refer if len(turns) == 1), *said[:SPOKEN]]


def wordings(data: WorldDataset, index: int, count: int) -> list[str]:
    """A question, and others that mean the same of the same picture."""
    sample = data[index]
    kind, targets = sample.group, sample.meta["targets"]
    picture = data.picture_at(sample)
    rng = np.random.default_rng([data.seed, index, 7])
    found = [sample.turns[0].instruction]
    for _ in range(TRIES):
        if len(found) == count:
            break
        again = ask(picture, rng, kind=kind, split=data.split)
        if again and len(again) == 1 and again[0].targets == targets and again[0].instruction not in found:
            found.append(again[0].instruction)
    return found


def _set(learn: Path, name: str, data: WorldDataset, count: int, kind: str = "") -> None:
    """One training set in ReasonSeg's layout, noted by its name; the 239 lie where ReasonSeg itself would."""
    home = learn / "reason_seg" / "ReasonSeg" if name == "reason" else learn / "sets" / name
    files = ReasonSegFiles(home, "train", explained=kind != "bare")
    for i in range(count):
        _add(files, data, i, wordings(data, i, 1 if kind == "plain" else SAME))
    files.close()
    if name != "reason":
        write_text(learn / f"{name}.yaml", yaml.safe_dump({"path": f"sets/{name}"}))


def _add(files: ReasonSegFiles, data: WorldDataset, index: int, texts: Sequence[str]) -> None:
    sample = data[index]
    turn = sample.turns[0]
    name = f"{index:06d}"
    place = files.picture(name)
    place.parent.mkdir(parents=True, exist_ok=True)
    PIL.Image.fromarray(sample.image).save(place, quality=95, subsampling=0)
    mask = np.logical_or.reduce([t.mask for t in turn.targets])
    called = turn.targets[0].phrase.removeprefix("the ") if len(turn.targets) == 1 else "things"
    files.add(name, texts, turn.answer or "", mask, called)


def _empty(folder: Path) -> None:
    import shutil

    if folder.exists():
        shutil.rmtree(folder)
