"""COCO's panoptic form: one PNG a picture whose colours are segment numbers, and a JSON that names them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lisa.data import prompts
from lisa.data.base import some
from lisa.data.files import MALFORMED, inside, once, read_annotations, read_colours
from lisa.data.instances import Name
from lisa.errors import BadInput, Missing, shown
from lisa.images import open_image
from lisa.types import Mask, Sample, Target, Turn


def is_panoptic(data: Any) -> bool:
    """Whether what a JSON file holds is of this form."""
    rows = data.get("annotations") if isinstance(data, dict) else None
    return isinstance(rows, list) and bool(rows) and isinstance(rows[0], dict) and "segments_info" in rows[0]


class Panoptic:
    """One annotation file; `maps` holds its PNGs. A class is asked for with all its segments."""

    def __init__(self, name: str, annotations: Path, pictures: Path, maps: Path, *, data: Any = None, most: int = 3):
        """Raises Missing, or BadInput where the file is not of this form."""
        self.name, self.pictures, self.maps, self.most = name, pictures, maps, most
        data = read_annotations(annotations) if data is None else data
        try:
            self.names = {int(c["id"]): _named(str(c["name"])) for c in data["categories"]}
            files = {int(i["id"]): str(i["file_name"]) for i in data["images"]}
            once(data["images"], "images", annotations)
            self.rows = [
                (files[int(row["image_id"])], str(row["file_name"]), _segments(row["segments_info"]))
                for row in data["annotations"]
            ]
            if unknown := {c for _, _, found in self.rows for c in found} - self.names.keys():
                raise BadInput(f"{shown(annotations)}: segments are of class {min(unknown)}, which has no name")
        except MALFORMED as error:
            raise BadInput(f"{shown(annotations)} is not in COCO's panoptic form: {error} is missing") from error
        if not self.rows:
            raise Missing(f"{shown(annotations)} has no annotations to learn from")

    def __len__(self) -> int:
        return len(self.rows)

    def draw(self, index: int, rng: np.random.Generator) -> Sequence[Sample]:
        """See `Reader`: a conversation for each of a few classes of the picture."""
        picture, file, found = self.rows[index]
        image = open_image(inside(self.pictures, picture))
        labels = read_colours(inside(self.maps, file), (image.shape[0], image.shape[1]))
        classes = list(found.items())
        return [
            Sample(
                id=f"{self.name}/{index}/{number}",
                image=image,
                turns=(
                    Turn(
                        instruction=self.names[number].ask(rng),
                        answer=prompts.answer(rng, to=self.names[number].thing),
                        targets=(Target(mask=np.isin(labels, segments), phrase=self.names[number].spoken),),
                    ),
                ),
                group=self.name,
            )
            for number, segments in (classes[i] for i in some(len(classes), self.most, rng))
        ]

    def picture(self, index: int) -> Path:
        """The file of a picture."""
        return inside(self.pictures, self.rows[index][0])

    def things(self, index: int) -> list[tuple[str, Mask]]:
        """Class name and mask of every segment of a picture."""
        _, file, found = self.rows[index]
        labels = read_colours(inside(self.maps, file))
        return [(self.names[c].thing, labels == segment) for c, segments in found.items() for segment in segments]


def _named(category: str) -> Name:
    """Without what COCO adds to classes that are put together or are no things: "wall-other-merged" → wall."""
    return Name.of(re.sub(r"(-(other|merged|stuff))+$", "", category).replace("-", " "))


def _segments(rows: Any) -> dict[int, list[int]]:
    """Class → its segments' numbers."""
    classes: dict[int, list[int]] = {}
    for row in rows:
        classes.setdefault(int(row["category_id"]), []).append(int(row["id"]))
    return classes
