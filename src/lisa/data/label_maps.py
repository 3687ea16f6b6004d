"""Semantic segmentation whose annotation is a map of label numbers: ADE20K, COCO-Stuff, Mapillary Vistas, one's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lisa.data import prompts
from lisa.data.base import some
from lisa.data.files import MALFORMED, read_annotations, read_labels, read_lines
from lisa.errors import BadInput, Missing, shown
from lisa.images import open_image
from lisa.types import Mask, Sample, Target, Turn


@dataclass(frozen=True, kw_only=True)
class LabelMaps:
    """Pictures, where each one's map lies, and the names that numbers stand for; other numbers are not asked about."""

    name: str
    pictures: Sequence[Path]
    label_of: Callable[[Path], Path]
    names: Mapping[int, str]
    most: int = 3
    """Most classes asked about in one picture."""
    read: Callable[..., NDArray[np.int64]] = read_labels
    """Map file and the picture's size → numbers."""

    def __post_init__(self) -> None:
        if not self.pictures:
            raise Missing(f"{self.name} has no pictures where they should lie: see `lisa data list` for the layout")

    def __len__(self) -> int:
        return len(self.pictures)

    def draw(self, index: int, rng: np.random.Generator) -> Sequence[Sample]:
        """See `Reader`: a conversation for each of a few classes that the picture shows."""
        path = self.pictures[index]
        image = open_image(path)
        labels = self.read(self.label_of(path), (image.shape[0], image.shape[1]))
        shown_classes = self._classes(labels)
        return [
            Sample(
                id=f"{self.name}/{path.stem}/{number}",
                image=image,
                turns=(
                    Turn(
                        instruction=prompts.ask_name(self.names[number], rng),
                        answer=prompts.answer(rng, to=self.names[number]),
                        targets=(Target(mask=labels == number, phrase=self.names[number]),),
                    ),
                ),
                group=self.name,
            )
            for number in (shown_classes[i] for i in some(len(shown_classes), self.most, rng))
        ]

    def picture(self, index: int) -> Path:
        """The file of a picture."""
        return self.pictures[index]

    def things(self, index: int) -> list[tuple[str, Mask]]:
        """Name and mask of every class that a picture shows."""
        labels = self.read(self.label_of(self.pictures[index]))
        return [(self.names[n], labels == n) for n in self._classes(labels)]

    def _classes(self, labels: NDArray[np.int64]) -> list[int]:
        """The numbers in a map that stand for a class; counted where they are small, since sorting takes long."""
        small = labels.min() >= 0 and labels.max() < 1 << 16
        found = np.flatnonzero(np.bincount(labels.ravel())) if small else np.unique(labels)
        return [n for n in found.tolist() if n in self.names]


def ade20k(folder: Path, *, part: str = "training") -> LabelMaps:
    """`ade20k/{images,annotations}/training`, and the challenge's `objectInfo150.txt`; 0 is none of the 150."""
    home = folder / "ade20k"
    rows = read_lines(home / "objectInfo150.txt")[1:]
    names = {int(row.split("\t")[0]): row.split("\t")[-1].split(",")[0].strip() for row in rows}
    maps = home / "annotations" / part
    return LabelMaps(
        name="ade20k",
        pictures=sorted((home / "images" / part).glob("*.jpg")),
        label_of=lambda path: maps / f"{path.stem}.png",
        names=names,
    )


def cocostuff(folder: Path, *, part: str = "train2017") -> LabelMaps:
    """`cocostuff/train2017/*.png` over `coco/train2017/*.jpg`, and `cocostuff/labels.txt`; pixel = label − 1.

    As in the reference, names with a "-" are left out ("wall-brick").
    """
    rows = [row.partition(":") for row in read_lines(folder / "cocostuff" / "labels.txt")]
    names = {int(number) - 1: name.strip() for number, _, name in rows if int(number) > 0}
    pictures = folder / "coco" / part
    maps = sorted((folder / "cocostuff" / part).glob("*.png"))
    return LabelMaps(
        name="cocostuff",
        pictures=[pictures / f"{path.stem}.jpg" for path in maps],
        label_of=lambda path: folder / "cocostuff" / part / f"{path.stem}.png",
        names={number: name for number, name in names.items() if "-" not in name},
    )


def mapillary(folder: Path, *, part: str = "training") -> LabelMaps:
    """`mapillary/{config_v2.0.json, training/images, training/v2.0/labels}`; v1.2 where only that config is there."""
    home = folder / "mapillary"
    old = (home / "config_v1.2.json").is_file() and not (home / "config_v2.0.json").is_file()
    version = "v1.2" if old else "v2.0"
    data = read_annotations(home / f"config_{version}.json")
    try:
        asked = {i: str(row["readable"]).lower() for i, row in enumerate(data["labels"]) if row.get("evaluate", True)}
        names = {i: name for i, name in asked.items() if name != "unlabeled"}
    except MALFORMED as error:
        raise BadInput(f"{shown(home)}/config_{version}.json needs labels, each with a readable name") from error
    return LabelMaps(
        name="mapillary",
        pictures=sorted((home / part / "images").glob("*.jpg")),
        label_of=lambda path: home / part / version / "labels" / f"{path.stem}.png",
        names=names,
    )
