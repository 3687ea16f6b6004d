"""Folders of pictures with a folder of masks beside them, and Pascal VOC's, which are label maps by another name.

images/NAME.jpg   masks/NAME.png        label numbers; classes.txt names them, one a line, from 1 on
images/NAME.jpg   masks/CLASS/NAME.png  white on what is of that class
JPEGImages/NAME.jpg   SegmentationClass/NAME.png   palette numbers, or colours that labelmap.txt names
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lisa.data import prompts
from lisa.data.base import some
from lisa.data.files import read_colours, read_labels, read_lines, read_mask
from lisa.data.label_maps import LabelMaps
from lisa.data.yolo import PICTURES
from lisa.errors import BadInput, Missing, shown
from lisa.images import open_image
from lisa.types import Mask, Sample, Target, Turn

VOC = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "dining table", "dog",
    "horse", "motorbike", "person", "potted plant", "sheep", "sofa", "train", "tv monitor",
)  # fmt: skip
"""Pascal VOC's classes 1 … 20; 0 is background and 255 left out."""


def is_voc(folder: Path) -> bool:
    """Whether a folder is laid out as Pascal VOC's."""
    return (folder / "JPEGImages").is_dir() and (folder / "SegmentationClass").is_dir()


def voc(folder: Path) -> LabelMaps:
    """Pascal VOC's layout; with a `labelmap.txt` ("name:red,green,blue"), as CVAT writes it, maps are in colours.

    `ImageSets/Segmentation/train.txt` says which pictures are learned from; all of them where there is none.
    """
    maps = folder / "SegmentationClass"
    found = {p.stem: p for p in pictures_in(folder / "JPEGImages")}
    split = folder / "ImageSets" / "Segmentation" / "train.txt"
    kept = {line.strip() for line in read_lines(split)} if split.is_file() else found.keys()
    pictures = [found[p.stem] for p in sorted(maps.glob("*.png")) if p.stem in found.keys() & kept]
    listing = folder / "labelmap.txt"
    named = dict(_colour(line, listing) for line in read_lines(listing) if not line.startswith("#")) if (
        listing.is_file()
    ) else dict(enumerate(VOC, 1))  # fmt: skip
    return LabelMaps(
        name="own",
        pictures=pictures,
        label_of=lambda path: maps / f"{path.stem}.png",
        names={number: name for number, name in named.items() if name.lower() not in ("background", "ignored")},
        read=read_colours if listing.is_file() else read_labels,
    )


def masks(folder: Path) -> LabelMaps | ClassFolders:
    """Either form of `images` and `masks`. Raises Missing where nothing names the numbers."""
    home = folder / "masks"
    pictures = pictures_in(folder / "images")
    classes = sorted(p for p in home.iterdir() if p.is_dir())
    if classes:
        return ClassFolders(pictures=pictures, classes=classes)
    listing = folder / "classes.txt"
    if not listing.is_file():
        raise Missing(f"{shown(folder)} needs classes.txt: the names of masks' numbers, one a line, from 1 on")
    return LabelMaps(
        name="own",
        pictures=[p for p in pictures if (home / f"{p.stem}.png").is_file()],
        label_of=lambda path: home / f"{path.stem}.png",
        names=dict(enumerate(read_lines(listing), 1)),
    )


@dataclass(frozen=True, kw_only=True)
class ClassFolders:
    """Pictures, and for each class a folder with masks of the same names."""

    pictures: Sequence[Path]
    classes: Sequence[Path]
    most: int = 3

    def __post_init__(self) -> None:
        if not self.pictures:
            raise Missing(f"there are no pictures beside {shown(self.classes[0].parent)}, in images")

    def __len__(self) -> int:
        return len(self.pictures)

    def draw(self, index: int, rng: np.random.Generator) -> Sequence[Sample]:
        """See `Reader`: a conversation for each of a few classes of the picture."""
        path = self.pictures[index]
        files = [(c.name, c / f"{path.stem}.png") for c in self.classes if (c / f"{path.stem}.png").is_file()]
        image = open_image(path)
        return [
            Sample(
                id=f"own/{path.stem}/{name}",
                image=image,
                turns=(
                    Turn(
                        instruction=prompts.ask_name(_spoken(name), rng),
                        answer=prompts.answer(rng, to=name),
                        targets=(Target(mask=read_mask(file, image.shape[:2]), phrase=_spoken(name)),),
                    ),
                ),
                group="own",
            )
            for name, file in (files[i] for i in some(len(files), self.most, rng))
        ]

    def picture(self, index: int) -> Path:
        """The file of a picture."""
        return self.pictures[index]

    def things(self, index: int) -> list[tuple[str, Mask]]:
        """Name and mask of every class that has one for this picture."""
        files = [(c.name, c / f"{self.pictures[index].stem}.png") for c in self.classes]
        return [(name, read_mask(file)) for name, file in files if file.is_file()]


def _spoken(name: str) -> str:
    return name.replace("_", " ")


def pictures_in(folder: Path) -> list[Path]:
    """The picture files of a folder, in order."""
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in PICTURES)


def _colour(line: str, path: Path) -> tuple[int, str]:
    name, _, rest = line.partition(":")
    try:
        red, green, blue = (int(x) for x in rest.split(":")[0].split(","))
    except ValueError as error:
        raise BadInput(f"{shown(path)}: {shown(line)} is not name:red,green,blue") from error
    return red + 256 * green + 65536 * blue, name.strip()
