"""ReasonSeg (LISA): 239 / 200 / 779 pictures with polygons, instructions that need reasoning, and explanations.

ReasonSeg/train/NAME.jpg, NAME.json   {"shapes": [{"label", "points"}], "text": […], "is_sentence": bool}
ReasonSeg/explanatory/train.json      [{"image": "NAME.jpg", "query", "outputs"}]
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lisa.data import prompts
from lisa.data.base import named_by, some
from lisa.data.files import MALFORMED, read_annotations
from lisa.errors import BadInput, Missing, shown
from lisa.images import open_image
from lisa.types import SEG, Sample, Target, Turn

TARGET, IGNORED = 1, 255
UNNAMED = "target"
"""What the benchmark calls every shape that is meant; another label names it."""
EXPLAINED = 0.1
"""How often a picture that has an explanation is answered by it alone, as the reference draws it."""
_FAR = 1e6


class ReasonSeg:
    """One split. Read by number it gives the question that is evaluated, drawn from it gives up to three to learn."""

    def __init__(self, folder: Path, split: str, *, sentences: int = 3) -> None:
        """`folder` holds `train`, `val` and `test`. Raises Missing where the split is not there."""
        home = folder / split
        self.pictures = sorted(home.glob("*.jpg"))
        if not self.pictures:
            raise Missing(f"there are no pictures in {shown(home)}: it needs NAME.jpg and NAME.json side by side")
        self.split, self.most = split, sentences
        listing = folder / "explanatory" / f"{split}.json"
        rows = read_annotations(listing) if listing.is_file() else []
        self.explanations = _by_image(rows, listing)

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> Sample:
        """The picture with its first text, asked as the reference's validation asks."""
        note = self.annotation(index)
        text = note.texts[0]
        asked = f"{text} Please output segmentation mask."
        if not note.is_sentence:
            asked = f"What is {text} in this image? Please output segmentation mask."
        return self._sample(index, note, [Turn(instruction=asked, answer="[SEG].")], [True])

    def __iter__(self) -> Iterator[Sample]:
        return (self[i] for i in range(len(self)))

    def other(self, sample: Sample) -> Sample | None:
        """None: all texts of a picture mean the same mask."""
        return None

    def draw(self, index: int, rng: np.random.Generator) -> Sequence[Sample]:
        """See `Reader`. Ignored regions are background in training, as in the reference."""
        note = self.annotation(index)
        told = self.explanations.get(self.pictures[index].name)
        if told is not None and SEG in told:
            raise BadInput(f"the explanation of {shown(self.pictures[index].name)} says {SEG}: leave it out there")
        turns, masked = [], []
        for i in some(len(note.texts), self.most, rng):
            text = note.texts[i]
            if told is not None and rng.random() < EXPLAINED:
                turns.append(Turn(instruction=text, answer=told))
                masked.append(False)
                continue
            explain = told is not None and rng.random() < 0.5
            sentence = explain or note.is_sentence
            asked = prompts.ask_sentence(text, rng, explain=explain) if sentence else prompts.ask_name(text, rng)
            turns.append(Turn(instruction=asked, answer=prompts.answer(rng, told or "" if explain else "", to=text)))
            masked.append(True)
        whole = self._sample(index, note, turns, masked)
        return [
            Sample(id=f"{whole.id}/{i}", image=whole.image, turns=(turn,), group=whole.group)
            for i, turn in enumerate(whole.turns)
        ]

    def annotation(self, index: int) -> Annotation:
        """What stands beside a picture. Raises BadInput or Missing with the file's name."""
        return Annotation(self.pictures[index].with_suffix(".json"))

    def _sample(self, index: int, note: Annotation, turns: Sequence[Turn], masked: Sequence[bool]) -> Sample:
        path = self.pictures[index]
        image = open_image(path)
        labels = note.labels(image.shape[0], image.shape[1])
        ignore = labels == IGNORED
        target = Target(mask=labels == TARGET, ignore=ignore if ignore.any() else None, phrase=note.name)
        told = tuple(
            Turn(instruction=t.instruction, answer=t.answer, targets=(target,) if has else ())
            for t, has in zip(turns, masked)
        )
        group = "long" if note.is_sentence else "short"
        return Sample(id=f"{self.split}/{path.stem}", image=image, turns=told, group=group, meta=named_by(path))


class Annotation:
    """One JSON file: texts, and shapes that become a label map."""

    def __init__(self, path: Path) -> None:
        """Raises BadInput where it is not of ReasonSeg's form."""
        self.path = path
        data = read_annotations(path, encodings=("utf-8", "cp1252"))
        if not isinstance(data, dict):
            raise BadInput(f"{shown(path)} holds no record: ReasonSeg needs shapes, text and is_sentence")
        texts, shapes = data.get("text"), data.get("shapes")
        if not isinstance(texts, list) or not texts or not all(isinstance(t, str) and t.strip() for t in texts):
            raise BadInput(f"{shown(path)}: text has to be a list of instructions")
        if not isinstance(shapes, list):
            raise BadInput(f"{shown(path)}: shapes has to be a list of labelled polygons")
        self.texts: list[str] = texts
        self.is_sentence = bool(data.get("is_sentence"))
        self.shapes = [self._shape(i, shape) for i, shape in enumerate(shapes)]

    @property
    def name(self) -> str:
        """What all that is meant is called, as in one's own annotations; empty where they are called nothing."""
        called = {label for label, _ in self.shapes if "ignore" not in label.lower() and label.lower() != "flag"}
        return called.pop() if len(called) == 1 and called != {UNNAMED} else ""

    def labels(self, height: int, width: int) -> NDArray[np.uint8]:
        """`[H, W]`: 1 on the target, 255 where nothing is judged, 0 elsewhere.

        Larger shapes are drawn first, of equals the later one; each with its outline, corners cut to whole pixels.
        """
        import cv2

        kept = [(label, points) for label, points in self.shapes if label.lower() != "flag"]
        areas = []
        for _, points in kept:
            alone = np.zeros((height, width), np.uint8)
            _fill(cv2, alone, points, 1)
            areas.append(int(alone.sum()))
        labels = np.zeros((height, width), np.uint8)
        for i in np.argsort(areas, kind="stable")[::-1]:
            label, points = kept[i]
            _fill(cv2, labels, points, IGNORED if "ignore" in label.lower() else TARGET)
        return labels

    def _shape(self, index: int, shape: Any) -> tuple[str, NDArray[np.int32]]:
        where = f"{shown(self.path)}, shape {index}"
        try:
            label, points = shape["label"], np.asarray(shape["points"], np.float64)
        except MALFORMED as error:
            raise BadInput(f"{where} needs a label and points") from error
        if not isinstance(label, str) or points.ndim != 2 or points.shape[1] != 2 or not len(points):
            raise BadInput(f"{where} needs a label and points [[x, y], …]")
        if not np.isfinite(points).all() or np.abs(points).max() > _FAR:
            raise BadInput(f"{where} has a corner that is no place in a picture")
        return label, points.astype(np.int32)


def _fill(cv2: Any, canvas: NDArray[np.uint8], points: NDArray[np.int32], value: int) -> None:
    cv2.polylines(canvas, [points], True, value, 1)
    cv2.fillPoly(canvas, [points], value)


def _by_image(rows: Any, listing: Path) -> dict[str, str]:
    try:
        return {str(row["image"]): str(row["outputs"]) for row in rows}
    except MALFORMED as error:
        raise BadInput(f"{shown(listing)} needs records with image and outputs") from error


def is_reasonseg(folder: Path) -> bool:
    """Whether it holds a training part in this layout."""
    picture = next((folder / "train").glob("*.jpg"), None)
    note = None if picture is None else picture.with_suffix(".json")
    data = read_annotations(note, encodings=("utf-8", "cp1252")) if note is not None and note.is_file() else None
    return isinstance(data, dict) and "text" in data
