"""Datasets in COCO's form: COCO, LVIS, PACO-LVIS and PASCAL-Part (whose categories are "thing:part"), one's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lisa.data import prompts
from lisa.data.base import some
from lisa.data.files import MALFORMED, decode_together, inside, read_annotations
from lisa.data.pascal_parts import PascalParts
from lisa.errors import BadInput, Missing, shown
from lisa.images import open_image
from lisa.types import Mask, Sample, Target, Turn


@dataclass(frozen=True, kw_only=True)
class Name:
    """A category's name; `part` where it is a part of a thing."""

    thing: str
    part: str = ""

    @staticmethod
    def of(category: str) -> Name:
        """ "dog:head" → the head of a dog; "bow_(weapon)" → bow; "traffic_light" → traffic light."""
        thing, _, part = category.strip().partition(":")
        return Name(thing=_plain(thing), part=_plain(part))

    def ask(self, rng: np.random.Generator) -> str:
        """An instruction for it."""
        return prompts.ask_part(self.thing, self.part, rng) if self.part else prompts.ask_name(self.thing, rng)

    @property
    def spoken(self) -> str:
        """As it is said: "dog head"."""
        return f"{self.thing} {self.part}".rstrip()


class Instances:
    """One annotation file. Masks are kept as they stand in it, and decoded when they are drawn."""

    def __init__(
        self,
        name: str,
        annotations: Path,
        pictures: Path,
        *,
        data: Any = None,
        together: bool = True,
        most: int = 3,
    ) -> None:
        """`data`: what the file holds, if it is in memory. `together`: a class is asked for with all its instances;
        otherwise one annotation at a time.

        Raises Missing, or BadInput where the file is not of COCO's form.
        """
        self.name, self.file, self.pictures, self.together, self.most = name, annotations, pictures, together, most
        data = read_annotations(annotations) if data is None else data
        try:
            self.names = {int(c["id"]): Name.of(str(c["name"])) for c in data["categories"]}
            files = {int(i["id"]): (_file_of(i), int(i["height"]), int(i["width"])) for i in data["images"]}
            found: dict[int, list[dict[str, Any]]] = {}
            for row in data["annotations"]:
                if int(row["category_id"]) not in self.names or int(row["image_id"]) not in files:
                    raise BadInput(
                        f"{shown(annotations)}, annotation {row.get('id')}: its category or image is unknown"
                    )
                found.setdefault(int(row["image_id"]), []).append(row)
        except MALFORMED as error:
            raise BadInput(f"{shown(annotations)} is not in COCO's form: {error} is missing or wrong") from error
        if not found:
            raise Missing(f"{shown(annotations)} has no annotations to learn from")
        self.rows = [(*files[image], rows) for image, rows in sorted(found.items())]

    def __len__(self) -> int:
        return len(self.rows)

    def draw(self, index: int, rng: np.random.Generator) -> Sequence[Sample]:
        """See `Reader`: a conversation for each of a few classes, or annotations, of the picture."""
        file, height, width, rows = self.rows[index]
        image = open_image(inside(self.pictures, file))
        if image.shape[:2] != (height, width):
            raise BadInput(
                f"{shown(file)} is {image.shape[1]} × {image.shape[0]}, but {shown(self.file)} says {width} × {height}"
            )
        groups = self._groups(rows)
        return [
            Sample(
                id=f"{self.name}/{index}/{i}",
                image=image,
                turns=(self._turn(groups[i], (height, width), rng),),
                group=self.name,
            )
            for i in some(len(groups), self.most, rng)
        ]

    def _turn(self, rows: list[dict[str, Any]], size: tuple[int, int], rng: np.random.Generator) -> Turn:
        name = self.names[int(rows[0]["category_id"])]
        asked, answer = name.ask(rng), prompts.answer(rng, to=name.thing)
        return Turn(
            instruction=asked, answer=answer, targets=(Target(mask=self._mask(rows, size), phrase=name.spoken),)
        )

    def picture(self, index: int) -> Path:
        """The file of a picture."""
        return inside(self.pictures, self.rows[index][0])

    def things(self, index: int) -> list[tuple[str, Mask]]:
        """Class name and mask of every annotation of a picture."""
        _, height, width, rows = self.rows[index]
        names = [self.names[int(row["category_id"])] for row in rows]
        return [
            (n.thing + (f":{n.part}" if n.part else ""), self._mask([r], (height, width))) for n, r in zip(names, rows)
        ]

    def _groups(self, rows: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
        if not self.together:
            return [[row] for row in rows]
        classes: dict[int, list[dict[str, Any]]] = {}
        for row in rows:
            classes.setdefault(int(row["category_id"]), []).append(row)
        return list(classes.values())

    def _mask(self, rows: list[dict[str, Any]], size: tuple[int, int]) -> Mask:
        named = [(row.get("segmentation"), f"{self.name}, annotation {row.get('id')}") for row in rows]
        return decode_together(named, size)


def coco(folder: Path) -> Instances:
    """`coco/annotations/instances_train2017.json` over `coco/train2017`."""
    home = folder / "coco"
    return Instances("coco", home / "annotations" / "instances_train2017.json", home / "train2017")


def lvis(folder: Path) -> Instances:
    """`lvis/lvis_v1_train.json` over COCO's pictures in `coco`."""
    return Instances("lvis", folder / "lvis" / "lvis_v1_train.json", folder / "coco")


def paco_lvis(folder: Path) -> Instances:
    """`vlpart/paco/annotations/paco_lvis_v1_train.json` over COCO's pictures in `coco`, one annotation at a time."""
    file = folder / "vlpart" / "paco" / "annotations" / "paco_lvis_v1_train.json"
    return Instances("paco_lvis", file, folder / "coco", together=False)


def pascal_part(folder: Path) -> Instances | PascalParts:
    """`vlpart/pascal_part/{train.json or Annotations_Part/*.mat, VOCdevkit/VOC2010/JPEGImages}`, a part at a time."""
    home = folder / "vlpart" / "pascal_part"
    pictures = home / "VOCdevkit" / "VOC2010" / "JPEGImages"
    if not (home / "train.json").is_file() and (home / "Annotations_Part").is_dir():
        return PascalParts(home / "Annotations_Part", pictures)
    return Instances("pascal_part", home / "train.json", pictures, together=False)


def _file_of(image: dict[str, Any]) -> str:
    """Where a picture lies; LVIS has no file names but the address it was fetched from, which ends in one."""
    if "file_name" in image:
        return str(image["file_name"])
    return "/".join(str(image["coco_url"]).split("/")[-2:])


def _plain(name: str) -> str:
    """Without what stands in brackets, with blanks."""
    return name.split("_(")[0].replace("_", " ").strip()
