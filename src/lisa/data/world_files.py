"""Drawn scenes as files: with their whole truth, and in the layouts of the datasets that LISA is trained on.

    pictures/NAME.jpg   scenes.jsonl: things, parts, relations, masks   questions.jsonl: conversations and masks
    ade20k/  coco/  refer_seg/refcoco/  reason_seg/ReasonSeg/  llava_dataset/   as the real ones lie under data_dir

So the real readers are tested and trained on pictures that anyone may draw and show.
"""

from __future__ import annotations

import json
import os
import pickle
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image

from lisa import rle
from lisa.data.convert import instance_record
from lisa.data.files import read_annotations, read_lines
from lisa.data.outlines import shapes_of
from lisa.errors import BadInput, shown
from lisa.files import write_json, write_text
from lisa.types import Mask
from lisa.world.draw import draw
from lisa.world.questions import dialogues
from lisa.world.questions.asked import Asked
from lisa.world.scene import Picture, Scene
from lisa.world.sets import make_picture
from lisa.world.shapes import kinds
from lisa.world.spec import record_of, scene_of

SPLITS = ("train", "test", "backgrounds", "pairs", "templates")
QUESTIONS = 8
"""About each picture."""
REASONED = (
    "function",
    "knowledge",
    "multi_step",
    "explanation",
    "vitamin_c",
    "stand_higher",
    "near_lens",
    "baby_fence",
)
"""Question kinds that go into ReasonSeg's layout."""
REFERRED = ("name", "colour", "attribute", "location", "relation")
"""Question kinds that go into refCOCO's layout."""


def write_world(
    out: Path, *, count: int, seed: int, split: str = "train", progress: Callable[[int], None] | None = None
) -> int:
    """Draws scenes 0 … `count` − 1 of a set and writes them in every layout; returns the number of questions.

    Raises BadInput for an unknown split, or a folder that holds something.
    """
    if split not in SPLITS:
        raise BadInput(f"there is no split {split!r}: choose {', '.join(SPLITS)}")
    return _write(out, (make_picture(seed, index, split) for index in range(count)), seed, split, progress)


def write_stated(out: Path, scenes: Sequence[Scene], *, seed: int) -> int:
    """Writes given scenes in every layout; returns the number of questions. Raises BadInput for a folder in use."""
    return _write(out, (draw(scene) for scene in scenes), seed, "test", None)


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


def _write(
    out: Path, pictures: Iterable[Picture], seed: int, split: str, progress: Callable[[int], None] | None
) -> int:
    if out.exists() and any(out.iterdir()):
        raise BadInput(f"{shown(out)} holds something already: give a new folder")
    layouts = [_Truth(out), _Ade20k(out), _Coco(out), _Refer(out), _ReasonSeg(out), _Llava(out)]
    (out / "pictures").mkdir(parents=True)
    questions = 0
    for index, picture in enumerate(pictures):
        asked = dialogues(picture, np.random.default_rng([seed, index]), QUESTIONS, split=split)
        name = f"{index:06d}"
        file = out / "pictures" / f"{name}.jpg"
        PIL.Image.fromarray(picture.image).save(file, quality=95, subsampling=0)
        for layout in layouts:
            layout.add(name, file, picture, asked)
        questions += len(asked)
        if progress is not None:
            progress(1)
    for layout in layouts:
        layout.close()
    return questions


class _Truth:
    """Everything, in our own words."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.scenes: list[str] = []
        self.questions: list[str] = []

    def add(self, name: str, file: Path, picture: Picture, asked: list[list[Asked]]) -> None:
        self.scenes.append(json.dumps({"picture": f"pictures/{file.name}", **scene_record(picture)}))
        for turns in asked:
            told = [turn_record(picture, turn) for turn in turns]
            self.questions.append(
                json.dumps({"picture": f"pictures/{file.name}", "kind": turns[-1].kind, "turns": told})
            )

    def close(self) -> None:
        write_text(self.out / "scenes.jsonl", "".join(f"{line}\n" for line in self.scenes))
        write_text(self.out / "questions.jsonl", "".join(f"{line}\n" for line in self.questions))


class _Ade20k:
    """Kinds as semantic classes: `ade20k/{images,annotations}/training`, `objectInfo150.txt`."""

    def __init__(self, out: Path) -> None:
        self.home = out / "ade20k"
        self.numbers = {kind: i for i, kind in enumerate(kinds(), 1)}

    def add(self, name: str, file: Path, picture: Picture, asked: list[list[Asked]]) -> None:
        _link(file, self.home / "images" / "training" / file.name)
        table = np.zeros(256, np.uint8)
        for thing in picture.scene.things:
            table[thing.id] = self.numbers[thing.kind]
        _save_map(table[picture.ids], self.home / "annotations" / "training" / f"{name}.png")

    def close(self) -> None:
        rows = [f"{number}\t0\t0\t0\t{kind}" for kind, number in self.numbers.items()]
        write_text(self.home / "objectInfo150.txt", "\n".join(["Idx\tRatio\tTrain\tVal\tName", *rows]) + "\n")


class _Coco:
    """Things as instances: `coco/annotations/instances_train2017.json` over `coco/train2017`."""

    def __init__(self, out: Path) -> None:
        self.home = out / "coco"
        self.numbers = {kind: i for i, kind in enumerate(kinds(), 1)}
        self.images: list[dict[str, Any]] = []
        self.annotations: list[dict[str, Any]] = []

    def add(self, name: str, file: Path, picture: Picture, asked: list[list[Asked]]) -> None:
        _link(file, self.home / "train2017" / file.name)
        self.images.append(image_record(len(self.images) + 1, file.name, picture))
        for id, kind, mask in seen_things(picture):
            row = instance_record(len(self.annotations) + 1, len(self.images), self.numbers[kind], mask)
            self.annotations.append(row | {"thing": id})

    def close(self) -> None:
        classes = [{"id": number, "name": kind} for kind, number in self.numbers.items()]
        data = {"images": self.images, "annotations": self.annotations, "categories": classes}
        write_json(self.home / "annotations" / "instances_train2017.json", data)


class _Refer:
    """Expressions for single things: `refer_seg/refcoco/{refs(unc).p, instances.json}`."""

    def __init__(self, out: Path) -> None:
        self.home = out / "refer_seg"
        self.refs: list[dict[str, Any]] = []
        self.images: list[dict[str, Any]] = []
        self.annotations: list[dict[str, Any]] = []

    def add(self, name: str, file: Path, picture: Picture, asked: list[list[Asked]]) -> None:
        _link(file, self.home / "images" / "mscoco" / "images" / "train2014" / file.name)
        self.images.append(image_record(len(self.images) + 1, file.name, picture))
        numbers: dict[int, int] = {}
        for id, _, mask in seen_things(picture):
            self.annotations.append(instance_record(len(self.annotations) + 1, len(self.images), 1, mask))
            numbers[id] = len(self.annotations)
        sentences: dict[int, list[str]] = {}
        for (turn,) in (turns for turns in asked if len(turns) == 1 and turns[0].kind in REFERRED):
            if len(turn.targets) == 1 and len(turn.targets[0]) == 1 and turn.parts == (None,):
                sentences.setdefault(turn.targets[0][0], []).append(turn.instruction.rstrip(".?!").lower())
        for id, said in sentences.items():
            number = len(self.refs)
            told = [{"sent": s, "raw": s, "tokens": s.split(), "sent_id": 100 * number + i} for i, s in enumerate(said)]
            self.refs.append(
                {"ref_id": number, "ann_id": numbers[id], "image_id": len(self.images), "category_id": 1,
                 "split": "train", "file_name": file.name, "sentences": told, "sent_ids": [t["sent_id"] for t in told]}
            )  # fmt: skip

    def close(self) -> None:
        home = self.home / "refcoco"
        home.mkdir(parents=True, exist_ok=True)
        data = {"images": self.images, "annotations": self.annotations, "categories": [{"id": 1, "name": "thing"}]}
        write_json(home / "instances.json", data)
        (home / "refs(unc).p").write_bytes(pickle.dumps(self.refs, protocol=2))


class _ReasonSeg:
    """Questions that take a thought: `reason_seg/ReasonSeg/train/NAME.{jpg,json}`, `explanatory/train.json`."""

    def __init__(self, out: Path) -> None:
        self.home = out / "reason_seg" / "ReasonSeg"
        self.told: list[dict[str, str]] = []

    def add(self, name: str, file: Path, picture: Picture, asked: list[list[Asked]]) -> None:
        for (turn,) in (turns for turns in asked if len(turns) == 1 and turns[0].kind in REASONED):
            mask = target_mask(picture, turn)
            _link(file, self.home / "train" / file.name)
            shapes = [{"label": "target", "points": points} for points in shapes_of(mask)]
            record = {"text": [turn.instruction], "is_sentence": True, "shapes": shapes}
            write_json(self.home / "train" / f"{name}.json", record)
            explanation = turn.answer.partition("[SEG].")[2].strip()
            if explanation:
                self.told.append({"image": file.name, "query": turn.instruction, "outputs": explanation})
            return  # ReasonSeg has one mask for each picture

    def close(self) -> None:
        write_json(self.home / "explanatory" / "train.json", self.told)


class _Llava:
    """Plain questions: `llava_dataset/llava_instruct_150k.json`, pictures in `coco/train2017`."""

    def __init__(self, out: Path) -> None:
        self.file = out / "llava_dataset" / "llava_instruct_150k.json"
        self.rows: list[dict[str, Any]] = []

    def add(self, name: str, file: Path, picture: Picture, asked: list[list[Asked]]) -> None:
        for turns in (t for t in asked if all(not turn.targets for turn in t)):
            said = []
            for i, turn in enumerate(turns):
                said.append({"from": "human", "value": ("<image>\n" if i == 0 else "") + turn.instruction})
                said.append({"from": "gpt", "value": turn.answer})
            self.rows.append({"id": f"{name}-{len(self.rows)}", "image": file.name, "conversations": said})

    def close(self) -> None:
        write_json(self.file, self.rows)


def seen_things(picture: Picture) -> Iterator[tuple[int, str, Mask]]:
    """Id, kind and visible mask of every thing of which something is seen."""
    for thing in picture.scene.things:
        mask = picture.mask(thing.id)
        if mask.any():
            yield thing.id, thing.kind, mask


def scene_record(picture: Picture) -> dict[str, Any]:
    """A scene with all masks, for JSON; `lisa.world.spec.scene_of` draws it again."""
    record = record_of(picture.scene)
    for thing in record["things"]:
        parts = {p: picture.part_mask(thing["id"], p) for p in picture.part_names}
        thing["visible"] = round(picture.visible(thing["id"]), 3)
        thing["rle"] = rle.encode(picture.mask(thing["id"]))
        thing["parts"] = {p: rle.encode(mask) for p, mask in parts.items() if mask.any()}
    return record


def turn_record(picture: Picture, turn: Asked) -> dict[str, Any]:
    """A turn with the masks of its [SEG], for JSON."""
    targets = [
        {"things": list(ids), "part": part, "phrase": phrase, "rle": rle.encode(_mask(picture, ids, part))}
        for ids, part, phrase in zip(turn.targets, turn.parts, turn.phrases)
    ]
    return {"instruction": turn.instruction, "answer": turn.answer, "language": turn.language, "targets": targets}


def target_mask(picture: Picture, turn: Asked) -> Mask:
    """All targets of a turn together."""
    masks = [_mask(picture, ids, part) for ids, part in zip(turn.targets, turn.parts)]
    return np.logical_or.reduce([np.zeros(picture.ids.shape, np.bool_), *masks])


def image_record(id: int, file: str, picture: Picture) -> dict[str, Any]:
    """COCO's record of a picture."""
    return {"id": id, "file_name": file, "height": picture.image.shape[0], "width": picture.image.shape[1]}


def _mask(picture: Picture, ids: tuple[int, ...], part: str | None) -> Mask:
    return picture.mask(*ids) if part is None else picture.part_mask(ids[0], part)


def _save_map(labels: np.ndarray, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    PIL.Image.fromarray(labels).save(path)


def _link(file: Path, place: Path) -> None:
    """The same picture at another place: no second copy where the disk can do without."""
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.exists():
        return
    try:
        os.link(file, place)
    except OSError:
        shutil.copyfile(file, place)
