"""Drawn scenes in each layout: what is added to one picture by picture lies, when closed, as the real dataset does."""

from __future__ import annotations

import json
import os
import pickle
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import PIL.Image

from lisa import rle
from lisa.data.convert import instance_record
from lisa.data.outlines import shapes_of
from lisa.data.reasonseg import UNNAMED
from lisa.data.world import REASON_KINDS, REFERRED
from lisa.files import write_json, write_text
from lisa.types import SEG, Mask
from lisa.world.questions.asked import Asked
from lisa.world.scene import Picture
from lisa.world.shapes import kinds
from lisa.world.spec import record_of


class Layout(Protocol):
    """One dataset that is being written."""

    def add(self, name: str, file: Path, picture: Picture, asked: list[list[Asked]]) -> None:
        """A picture, its file, and dialogues about it."""
        ...

    def close(self) -> None:
        """Writes what is written once."""
        ...


def layouts(out: Path, part: str) -> list[Layout]:
    """All of them below one folder; `part` "train" or "val" is which part of the real datasets it will be."""
    real = (_Ade20k, _Coco, _Refer, _ReasonSeg, _Llava)
    return [_Truth(out), *(layout(out, part) for layout in real)]


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

    def __init__(self, out: Path, part: str) -> None:
        self.home, self.part = out / "ade20k", {"train": "training", "val": "validation"}[part]
        self.numbers = numbers_of_kinds()

    def add(self, name: str, file: Path, picture: Picture, asked: list[list[Asked]]) -> None:
        _link(file, self.home / "images" / self.part / file.name)
        table = np.zeros(256, np.uint8)
        for thing in picture.scene.things:
            table[thing.id] = self.numbers[thing.kind]
        _save_map(table[picture.ids], self.home / "annotations" / self.part / f"{name}.png")

    def close(self) -> None:
        rows = [f"{number}\t0\t0\t0\t{kind}" for kind, number in self.numbers.items()]
        write_text(self.home / "objectInfo150.txt", "\n".join(["Idx\tRatio\tTrain\tVal\tName", *rows]) + "\n")


class _Coco:
    """Things as instances: `coco/annotations/instances_train2017.json` over `coco/train2017`."""

    def __init__(self, out: Path, part: str) -> None:
        self.home, self.part = out / "coco", f"{part}2017"
        self.numbers = numbers_of_kinds()
        self.images: list[dict[str, Any]] = []
        self.annotations: list[dict[str, Any]] = []

    def add(self, name: str, file: Path, picture: Picture, asked: list[list[Asked]]) -> None:
        _link(file, self.home / self.part / file.name)
        self.images.append(image_record(len(self.images) + 1, file.name, picture))
        for id, kind, mask in seen_things(picture):
            row = instance_record(len(self.annotations) + 1, len(self.images), self.numbers[kind], mask)
            self.annotations.append(row | {"thing": id})

    def close(self) -> None:
        data = {"images": self.images, "annotations": self.annotations, "categories": categories()}
        write_json(self.home / "annotations" / f"instances_{self.part}.json", data)


class _Refer:
    """Expressions for single things: `refer_seg/refcoco/{refs(unc).p, instances.json}`."""

    def __init__(self, out: Path, part: str) -> None:
        self.home, self.part = out / "refer_seg", part
        self.numbers = numbers_of_kinds()
        self.refs: list[dict[str, Any]] = []
        self.images: list[dict[str, Any]] = []
        self.annotations: list[dict[str, Any]] = []

    def add(self, name: str, file: Path, picture: Picture, asked: list[list[Asked]]) -> None:
        _link(file, self.home / "images" / "mscoco" / "images" / "train2014" / file.name)
        self.images.append(image_record(len(self.images) + 1, file.name, picture))
        numbers: dict[int, int] = {}
        for id, kind, mask in seen_things(picture):
            number = len(self.annotations) + 1
            self.annotations.append(instance_record(number, len(self.images), self.numbers[kind], mask))
            numbers[id] = number
        sentences: dict[int, list[str]] = {}
        for (turn,) in (turns for turns in asked if len(turns) == 1 and turns[0].kind in REFERRED):
            expression = turn.said.inner if turn.said is not None and turn.said.core == "n" else ""
            if expression and len(turn.targets) == 1 and len(turn.targets[0]) == 1 and turn.parts == (None,):
                sentences.setdefault(turn.targets[0][0], []).append(expression.lower().removeprefix("the "))
        for id, said in sentences.items():
            number = len(self.refs)
            told = [{"sent": s, "raw": s, "tokens": s.split(), "sent_id": 100 * number + i} for i, s in enumerate(said)]
            self.refs.append(
                {
                    "ref_id": number,
                    "ann_id": numbers[id],
                    "image_id": len(self.images),
                    "category_id": self.annotations[numbers[id] - 1]["category_id"],
                    "split": self.part,
                    "file_name": file.name,
                    "sentences": told,
                    "sent_ids": [t["sent_id"] for t in told],
                }
            )

    def close(self) -> None:
        home = self.home / "refcoco"
        home.mkdir(parents=True, exist_ok=True)
        data = {"images": self.images, "annotations": self.annotations, "categories": categories()}
        write_json(home / "instances.json", data)
        (home / "refs(unc).p").write_bytes(pickle.dumps(self.refs, protocol=2))


class _ReasonSeg:
    """Questions that take a thought: `reason_seg/ReasonSeg/train/NAME.{jpg,json}`, `explanatory/train.json`."""

    def __init__(self, out: Path, part: str) -> None:
        self.files = ReasonSegFiles(out / "reason_seg" / "ReasonSeg", part)

    def add(self, name: str, file: Path, picture: Picture, asked: list[list[Asked]]) -> None:
        single = (turns[0] for turns in asked if len(turns) == 1)
        for turn in (turn for turn in single if turn.kind in REASON_KINDS and turn.targets):
            _link(file, self.files.picture(name))
            self.files.add(name, [turn.instruction], turn.answer, target_mask(picture, turn))
            return  # ReasonSeg has one mask for each picture

    def close(self) -> None:
        self.files.close()


class ReasonSegFiles:
    """One part in ReasonSeg's layout; the pictures are put there by others."""

    def __init__(self, home: Path, part: str, *, explained: bool = True) -> None:
        """`explained`: whether what an answer says behind its [SEG] becomes an explanation."""
        self.home, self.part, self.explained = home, part, explained
        self.told: list[dict[str, str]] = []

    def picture(self, name: str) -> Path:
        """Where a picture belongs."""
        return self.home / self.part / f"{name}.jpg"

    def add(self, name: str, texts: Sequence[str], answer: str, mask: Mask, called: str = UNNAMED) -> None:
        """The question in one wording or more, its answer, and what is meant; `called`: the label of its shapes."""
        shapes = [{"label": called, "points": points} for points in shapes_of(mask)]
        record = {"text": list(texts), "is_sentence": True, "shapes": shapes}
        write_json(self.picture(name).with_suffix(".json"), record)
        explanation = answer.partition(f"{SEG}.")[2].strip()
        if explanation and self.explained:
            self.told.append({"image": f"{name}.jpg", "query": texts[0], "outputs": explanation})

    def close(self) -> None:
        """Writes the explanations."""
        write_json(self.home / "explanatory" / f"{self.part}.json", self.told)


class _Llava:
    """Plain questions: `llava_dataset/llava_instruct_150k.json`, one conversation a picture, in `coco/train2017`."""

    def __init__(self, out: Path, part: str) -> None:
        self.file = out / "llava_dataset" / "llava_instruct_150k.json"
        self.rows: list[dict[str, Any]] = []

    def add(self, name: str, file: Path, picture: Picture, asked: list[list[Asked]]) -> None:
        said: list[dict[str, str]] = []
        for turn in (turn for turns in asked if all(not t.targets for t in turns) for turn in turns):
            said.append({"from": "human", "value": ("" if said else "<image>\n") + turn.instruction})
            said.append({"from": "gpt", "value": turn.answer})
        if said:
            self.rows.append({"id": name, "image": file.name, "conversations": said})

    def close(self) -> None:
        write_json(self.file, self.rows)


def numbers_of_kinds() -> dict[str, int]:
    """Kind of thing → its number as a class, from 1."""
    return {kind: i for i, kind in enumerate(kinds(), 1)}


def categories() -> list[dict[str, Any]]:
    """The same as COCO's records."""
    return [{"id": number, "name": kind} for kind, number in numbers_of_kinds().items()]


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
