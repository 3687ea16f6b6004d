"""One's own reasoning set in the making: pictures of a folder, and what was drawn and written about each.

    DIR/photo.jpg …  ─►  DIR/reason_seg/ReasonSeg/{train/photo.{jpg,json}, explanatory/train.json}   DIR/coco.json

Every note is written at once and whole, in ReasonSeg's layout: `lisa train … data='{reason: 1}' data_dir=DIR` reads it.
"""

from __future__ import annotations

import contextlib
import math
import os
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image

from lisa.data.convert import instance_record
from lisa.data.files import MALFORMED, read_annotations
from lisa.data.folders import pictures_in
from lisa.data.reasonseg import TARGET, Annotation
from lisa.errors import BadInput, LisaError, Missing, shown
from lisa.files import write_json
from lisa.images import open_image, picture_size
from lisa.types import SEG, Image, Size

LABELS = ("target", "ignore")
MOST_SHAPES, MOST_POINTS, LONGEST = 200, 20_000, 2_000
"""Shapes of a picture, points of a shape, characters of a text."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A polygon."""

    label: str
    """One of `LABELS`; what is ignored counts neither as right nor as wrong."""
    points: tuple[tuple[float, float], ...]
    """x, y in pixels, at least three."""


@dataclass(frozen=True, kw_only=True)
class Note:
    """What is said of one picture."""

    texts: tuple[str, ...]
    """The same instruction in several wordings."""
    explanation: str = ""
    shapes: tuple[Shape, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As the page has it."""
        shapes = [{"label": s.label, "points": [list(p) for p in s.points]} for s in self.shapes]
        return {"texts": list(self.texts), "explanation": self.explanation, "shapes": shapes}


def note_of(data: Any) -> Note:
    """A note from JSON of unknown hands. Raises BadInput with what is missing."""
    if not isinstance(data, dict):
        raise BadInput("a note is an object of texts, explanation and shapes")
    texts, told, shapes = data.get("texts"), data.get("explanation", ""), data.get("shapes")
    texts = [t.strip() for t in texts if isinstance(t, str) and t.strip()] if isinstance(texts, list) else []
    if not texts:
        raise BadInput("write an instruction first: what would somebody ask about this picture?")
    if not isinstance(told, str) or any(len(t) > LONGEST for t in [*texts, told]):
        raise BadInput(f"a text has at most {LONGEST} characters")
    if SEG in told:
        raise BadInput(f"an explanation is in words: leave {SEG} out, the answer gets it where the mask belongs")
    if not isinstance(shapes, list) or len(shapes) > MOST_SHAPES:
        raise BadInput(f"shapes is a list of at most {MOST_SHAPES} outlines")
    return Note(
        texts=tuple(" ".join(t.split()) for t in texts),
        explanation=" ".join(told.split()),
        shapes=tuple(_shape_of(s) for s in shapes),
    )


def _shape_of(data: Any) -> Shape:
    points = data.get("points") if isinstance(data, dict) else None
    if not isinstance(points, list) or not 3 <= len(points) <= MOST_POINTS or data.get("label") not in LABELS:
        raise BadInput("an outline has a label, target or ignore, and at least three points")
    for point in points:
        good = isinstance(point, list) and len(point) == 2
        if not good or not all(map(_is_place, point)):
            raise BadInput("a point of an outline is a pair of numbers")
    return Shape(label=data["label"], points=tuple((float(x), float(y)) for x, y in points))


def box_of(data: Any) -> tuple[float, float, float, float]:
    """A box x0, y0, x1, y1 from JSON of unknown hands. Raises BadInput where it is none."""
    box = data.get("box") if isinstance(data, dict) else None
    if not isinstance(box, list) or len(box) != 4 or not all(map(_is_place, box)):
        raise BadInput("a box is four numbers: x0, y0, x1, y1")
    return box[0], box[1], box[2], box[3]


def _is_place(value: Any) -> bool:
    return isinstance(value, int | float) and abs(value) < 1e6  # which NaN is not


Record = tuple[Size, str, "dict[str, Any] | None"]
"""A picture's size, its first instruction, and COCO's record of its mask if it has one, but for the numbers."""


class Notes:
    """The pictures of a folder and the notes on them."""

    def __init__(self, folder: Path) -> None:
        """Raises Missing where there is no picture."""
        if not folder.is_dir() or not (found := pictures_in(folder)):
            raise Missing(f"there are no pictures in {shown(folder)}: give a folder of JPEG or PNG files")
        self.folder, self.pictures = folder, found
        twice = [stem for stem, times in Counter(p.stem for p in found).items() if times > 1]
        if twice:
            raise BadInput(f"two pictures are called {shown(twice[0])}, but for their endings: rename one")
        self.home = folder / "reason_seg" / "ReasonSeg" / "train"
        self.told = self.home.parent / "explanatory" / "train.json"
        self.coco = folder / "coco.json"
        self._records: dict[int, Record] = {}

    def path(self, number: int) -> Path:
        """A picture's file. Raises BadInput where there are fewer."""
        if not 0 <= number < len(self.pictures):
            raise BadInput(f"there are {len(self.pictures)} pictures, none has the number {number}")
        return self.pictures[number]

    def image(self, number: int) -> Image:
        """A picture. Raises BadInput, BadImage."""
        return open_image(self.path(number))

    def has(self, number: int) -> bool:
        """Whether there is a note on it."""
        return self._file(number).exists()

    def read(self, number: int) -> Note | None:
        """The note on a picture, None where there is none. Raises BadInput where its file was broken."""
        if not self.has(number):
            return None
        note = Annotation(self._file(number))
        told = next((r["outputs"] for r in self._explanations() if r.get("image") == f"{self._stem(number)}.jpg"), "")
        shapes = tuple(
            Shape(label="ignore" if "ignore" in label.lower() else "target", points=tuple(map(tuple, points.tolist())))
            for label, points in note.shapes
        )
        return Note(texts=tuple(note.texts), explanation=told, shapes=shapes)

    def write(self, number: int, note: Note) -> None:
        """Puts a note on a picture, in the place of an earlier one."""
        path, goal = self.path(number), self._file(number)
        goal.parent.mkdir(parents=True, exist_ok=True)
        picture = goal.with_suffix(".jpg")
        if not picture.exists():
            _put(path, picture)
        shapes = [
            {"label": s.label, "shape_type": "polygon", "points": [list(p) for p in s.points]} for s in note.shapes
        ]
        is_sentence = any(len(t.split()) > 4 or t.endswith(("?", ".", "？", "。")) for t in note.texts)
        write_json(goal, {"shapes": shapes, "text": list(note.texts), "is_sentence": is_sentence})
        rows = [r for r in self._explanations() if r.get("image") != picture.name]
        if note.explanation:
            rows.append({"image": picture.name, "query": note.texts[0], "outputs": note.explanation})
        if rows or self.told.exists():
            write_json(self.told, rows)
        self._records[number] = self._record(number)
        self._write_coco()

    def _file(self, number: int) -> Path:
        return self.home / f"{self._stem(number)}.json"

    def _stem(self, number: int) -> str:
        return self.path(number).stem

    def _explanations(self) -> list[dict[str, Any]]:
        rows = read_annotations(self.told) if self.told.exists() else []
        return [r for r in rows if isinstance(r, dict)] if isinstance(rows, list) else []

    def _write_coco(self) -> None:
        """All notes as one COCO file, whose categories are the instructions."""
        noted = [number for number in range(len(self.pictures)) if self.has(number)]
        if earlier := [number for number in noted if number not in self._records]:
            drawn = self._drawn()
            for number in earlier:
                with contextlib.suppress(LisaError):
                    self._records[number] = drawn.get(number) or self._record(number)
        images, annotations, categories = [], [], []
        for id, number in enumerate((n for n in noted if n in self._records), 1):
            size, text, mask = self._records[number]
            images.append({"id": id, "file_name": self.pictures[number].name, "height": size[0], "width": size[1]})
            categories.append({"id": id, "name": text})
            if mask is not None:
                annotations.append(mask | {"id": len(annotations) + 1, "image_id": id, "category_id": id})
        write_json(self.coco, {"images": images, "annotations": annotations, "categories": categories})

    def _drawn(self) -> dict[int, Record]:
        """What the COCO file of an earlier session holds of notes that are not newer: nothing where it is broken."""
        found: dict[int, Record] = {}
        numbers = {path.name: number for number, path in enumerate(self.pictures)}
        with contextlib.suppress(*MALFORMED, LisaError, OSError):
            data, written = read_annotations(self.coco), self.coco.stat().st_mtime_ns
            texts = {category["id"]: category["name"] for category in data["categories"]}
            masks = {mask["image_id"]: mask for mask in data["annotations"]}
            for image in data["images"]:
                number, text = numbers.get(image["file_name"]), texts[image["id"]]
                if number is None or not self.has(number):
                    continue
                note = self._file(number)
                if note.stat().st_mtime_ns <= written and Annotation(note).texts[0] == text:
                    found[number] = (int(image["height"]), int(image["width"])), text, masks.get(image["id"])
        return found

    def _record(self, number: int) -> Record:
        note, (height, width) = Annotation(self._file(number)), picture_size(self.path(number))
        mask = note.labels(height, width) == TARGET
        return (height, width), note.texts[0], instance_record(0, 0, 0, mask) if mask.any() else None


def _put(path: Path, goal: Path) -> None:
    """A JPEG is linked or copied as it is, another picture becomes one."""
    if path.suffix.lower() in (".jpg", ".jpeg"):
        try:
            os.link(path, goal)
        except OSError:
            shutil.copyfile(path, goal)
    else:
        PIL.Image.fromarray(open_image(path)).save(goal, quality=95, subsampling=0)


def outline_in_box(image: Image, box: tuple[float, float, float, float]) -> np.ndarray:
    """The thing in a box x0, y0, x1, y1 by its colours alone (GrabCut, Rother et al., 2004): a mask `[H, W]` bool.

    All of the box where nothing stands out in it. Raises BadInput for a box of no size.
    """
    import cv2

    height, width = image.shape[:2]
    x0, x1 = sorted(min(max(round(v), 0), width) for v in box[::2])
    y0, y1 = sorted(min(max(round(v), 0), height) for v in box[1::2])
    if x1 - x0 < 2 or y1 - y0 < 2:
        raise BadInput("draw a box around the thing: this one has no size")
    # a large picture is looked at from afar; the margin tells what is not the thing
    margin_x, margin_y = (x1 - x0) // 3 + 8, (y1 - y0) // 3 + 8
    left, top = max(x0 - margin_x, 0), max(y0 - margin_y, 0)
    crop = image[top : y1 + margin_y, left : x1 + margin_x]
    share = min(1.0, 400 / max(crop.shape[:2]))
    small = cv2.resize(crop, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
    state = np.full(small.shape[:2], cv2.GC_BGD, np.uint8)
    rows = slice(int((y0 - top) * share), math.ceil((y1 - top) * share))
    columns = slice(int((x0 - left) * share), math.ceil((x1 - left) * share))
    state[rows, columns] = cv2.GC_PR_FGD
    if (state == cv2.GC_BGD).any():
        cv2.setRNGSeed(0)
        models = np.zeros((1, 65)), np.zeros((1, 65))
        cv2.grabCut(np.ascontiguousarray(small), state, (0, 0, 0, 0), *models, 5, cv2.GC_INIT_WITH_MASK)
    found = np.isin(state, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    if not found.any():
        found[rows, columns] = 1
    mask = np.zeros((height, width), np.bool_)
    full = cv2.resize(found, (crop.shape[1], crop.shape[0]), interpolation=cv2.INTER_LINEAR) > 0
    mask[top : top + crop.shape[0], left : left + crop.shape[1]] = full
    return mask


def simple_outlines(mask: np.ndarray, *, least: float = 0.01, rough: float = 1.0) -> list[list[list[float]]]:
    """A mask as few points: outlines of its pieces larger than this share of it, true to `rough` pixels."""
    import cv2

    found = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]
    large = [c for c in found if cv2.contourArea(c) >= least * mask.sum()]
    outlines = [cv2.approxPolyDP(c, rough, closed=True)[:, 0].tolist() for c in large]
    return [points for points in outlines if len(points) >= 3]
