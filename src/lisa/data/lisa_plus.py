"""LISA++ (Yang et al., 2023): instances told apart, reasoning in steps, captions and conversations with masks in them.

lisa_plus/*.json   a list of records about pictures of COCO 2017, of one of three forms:
  {"img_path", "English Question", "ID": [id], "points": {id: {"points" or "polygon", "label name"}}}
  {"image_path", "English Question", "English Answer", "info": {id: outlines}}
  {"img_pth", "output": "<person>: … <robot>: …", "info": {id: outlines}}
In answers a thing is meant by `<id|label>`, `《id|label》` or `label <id>`, several of them in square brackets.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lisa.data.files import MALFORMED, decode_segmentation, inside, read_annotations
from lisa.errors import BadInput, Missing, shown
from lisa.images import open_image
from lisa.types import SEG, Mask, Sample, Target, Turn

_MEANT = re.compile(r"[<《]\s*(?P<id>\d+)\s*\|\s*(?P<label>[^>》]*)[>》]|(?P<word>\w+)\s*<\s*(?P<after>\d+)\s*>")
_LISTED = re.compile(r"\[([^\[\]]*[<《][^\[\]]*)\]")
_SPEAKERS = re.compile(r"<(person|robot)>\s*:")


class LisaPlus:
    """The files of a folder, read as one dataset."""

    def __init__(self, files: Sequence[Path], pictures: Path) -> None:
        """Raises Missing where there is none, BadInput for a file that is no list of records."""
        self.pictures = pictures
        self.rows: list[tuple[Path, int, dict[str, Any]]] = []
        for path in files:
            found = read_annotations(path)
            if not isinstance(found, list) or not all(isinstance(r, dict) for r in found):
                raise BadInput(f"{shown(path)} is no list of records, as LISA++'s files are")
            self.rows += [(path, i, row) for i, row in enumerate(found)]
        if not self.rows:
            raise Missing("LISA++'s files hold no records: put its .json files into lisa_plus/")

    def __len__(self) -> int:
        return len(self.rows)

    def draw(self, index: int, rng: np.random.Generator) -> Sequence[Sample]:
        """See `Reader`: the conversation of one record; `rng` has nothing to decide."""
        path, number, row = self.rows[index]
        where = f"{shown(path)}, record {number}"
        try:
            name = str(row.get("img_path") or row.get("image_path") or row["img_pth"])
            image = open_image(inside(self.pictures, name))
            turns = _turns(row, (image.shape[0], image.shape[1]), where)
        except MALFORMED as error:
            raise BadInput(f"{where}: {error} is missing or wrong") from error
        return [Sample(id=f"lisa_plus/{index}", image=image, turns=turns, group="lisa_plus")]


def _turns(row: dict[str, Any], size: tuple[int, int], where: str) -> tuple[Turn, ...]:
    things = row.get("points") if "ID" in row else row.get("info")
    things = things or {}
    if "ID" in row:
        labels = [(str(things[i].get("label name", "object")).strip(), i) for i in map(str, row["ID"])]
        named = [f"{label} <{i}>" for label, i in labels]
        answer = f"{', '.join(named[:-1])} and {named[-1]}." if len(named) > 1 else f"{named[0]}."
        return (_turn(str(row["English Question"]), answer, things, size, where),)
    if "English Answer" in row:
        return (_turn(str(row["English Question"]), str(row["English Answer"]), things, size, where),)
    parts = _SPEAKERS.split(str(row["output"]))[1:]
    speakers, texts = parts[::2], parts[1::2]
    if not texts or speakers != ["person", "robot"] * (len(speakers) // 2):
        raise ValueError("output, <person> and <robot> by turns,")
    return tuple(_turn(q, a, things, size, where) for q, a in zip(texts[::2], texts[1::2]))


def _turn(question: str, answer: str, things: dict[str, Any], size: tuple[int, int], where: str) -> Turn:
    """A question and an answer whose references become [SEG]; those to nothing become words."""
    targets: list[Target] = []

    def said(match: re.Match[str]) -> str:
        id, label = match["id"] or match["after"], (match["label"] or match["word"] or "").strip()
        if id not in things:
            return label
        mask = _mask(things[id], size, f"{where}, thing {id}")
        if not mask.any():
            return label
        targets.append(Target(mask=mask, phrase=label))
        return f"{label} {SEG}".strip()

    told = _MEANT.sub(said, _LISTED.sub(r"\1", answer))
    asked = _MEANT.sub(lambda m: (m["label"] or m["word"] or "").strip(), _LISTED.sub(r"\1", question))
    return Turn(instruction=" ".join(asked.split()), answer=" ".join(told.split()), targets=tuple(targets))


def _mask(thing: Any, size: tuple[int, int], where: str) -> Mask:
    outlines = thing.get("polygon") or thing["points"] if isinstance(thing, dict) else thing
    if all(isinstance(p, list | tuple) and len(p) == 2 and not isinstance(p[0], list) for p in outlines):
        outlines = [[v for point in outlines for v in point]]  # one outline as a list of points
    flat = [[v for p in o for v in p] if isinstance(o[0], list) else list(o) for o in outlines]
    return decode_segmentation(flat, size, where)


def lisa_plus(folder: Path) -> LisaPlus:
    """`lisa_plus/*.json`, the files of LISA++'s datasets, pictures in `coco/train2017`."""
    return LisaPlus(sorted((folder / "lisa_plus").glob("*.json")), folder / "coco" / "train2017")
