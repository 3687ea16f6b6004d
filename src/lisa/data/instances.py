"""Datasets in COCO's form: COCO, LVIS, PACO-LVIS and PASCAL-Part (whose categories are "thing:part"), one's own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lisa.data import prompts
from lisa.data.base import Reader, some
from lisa.data.files import MALFORMED, decode_together, inside, once, packed, read_annotations
from lisa.errors import BadInput, Missing, shown
from lisa.images import open_image
from lisa.types import Mask, Sample, Target, Turn


@dataclass(frozen=True, kw_only=True)
class Name:
    """A category's name; `part` where it is a part of a thing."""

    thing: str
    part: str = ""

    @staticmethod
    def of(category: str, *, brackets: bool = False) -> Name:
        """ "dog:head" → the head of a dog; "bow_(weapon)" → bow; "traffic_light" → traffic light.

        `brackets`: what stands in them is said, "bow (weapon)".
        """
        thing, _, part = category.strip().partition(":")
        return Name(thing=_plain(thing, brackets), part=_plain(part, brackets))

    def ask(self, rng: np.random.Generator) -> str:
        """An instruction for it."""
        return prompts.ask_part(self.thing, self.part, rng) if self.part else prompts.ask_name(self.thing, rng)

    @property
    def spoken(self) -> str:
        """As it is said: "dog head"."""
        return f"{self.thing} {self.part}".rstrip()

    @property
    def whole(self) -> str:
        """As a class is called: "dog:head"."""
        return f"{self.thing}:{self.part}" if self.part else self.thing


@dataclass(frozen=True, kw_only=True, slots=True)
class Annotation:
    """What is kept of a record."""

    id: Any
    category: int
    crowd: bool
    """Whether it covers many that nobody told apart."""
    segmentation: Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """A picture's file, its size, and what is annotated in it."""

    file: str
    height: int
    width: int
    partial: frozenset[int]
    """Categories of which there may be more than is annotated, as LVIS says."""
    annotations: list[Annotation] = field(default_factory=list)


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
        data = read_annotations(annotations, each=packed) if data is None else data
        try:
            self.names = names_of(data["categories"])
            found = {int(image["id"]): _picture(image) for image in data["images"]}
            once(data["images"], "images", annotations)
            once(data["categories"], "categories", annotations)
            for row in map(packed, data["annotations"]):
                category, image = int(row["category_id"]), int(row["image_id"])
                if category not in self.names or image not in found:
                    raise BadInput(
                        f"{shown(annotations)}, annotation {row.get('id')}: its category or image is unknown"
                    )
                crowd, segmentation = bool(row.get("iscrowd")), row.get("segmentation")
                found[image].annotations.append(
                    Annotation(id=row.get("id"), category=category, crowd=crowd, segmentation=segmentation)
                )
        except MALFORMED as error:
            raise BadInput(f"{shown(annotations)} is not in COCO's form: {error} is missing or wrong") from error
        self.rows = [picture for _, picture in sorted(found.items()) if picture.annotations]
        if not self.rows:
            raise Missing(f"{shown(annotations)} has no annotations to learn from")

    def __len__(self) -> int:
        return len(self.rows)

    def draw(self, index: int, rng: np.random.Generator) -> Sequence[Sample]:
        """See `Reader`: a conversation for each of a few classes, or annotations, of the picture."""
        row = self.rows[index]
        image = open_image(inside(self.pictures, row.file))
        size = row.height, row.width
        if image.shape[:2] != size:
            raise BadInput(
                f"{shown(row.file)} is {image.shape[1]} × {image.shape[0]}, "
                f"but {shown(self.file)} says {row.width} × {row.height}"
            )
        groups = self._groups(row)
        return [
            Sample(
                id=f"{self.name}/{index}/{i}",
                image=image,
                turns=(self._turn(groups[i], size, rng),),
                group=self.name,
            )
            for i in some(len(groups), self.most, rng)
        ]

    def _turn(self, rows: Sequence[Annotation], size: tuple[int, int], rng: np.random.Generator) -> Turn:
        name = self.names[rows[0].category]
        asked, answer = name.ask(rng), prompts.answer(rng, to=name.thing)
        return Turn(
            instruction=asked, answer=answer, targets=(Target(mask=self._mask(rows, size), phrase=name.spoken),)
        )

    def picture(self, index: int) -> Path:
        """The file of a picture."""
        return inside(self.pictures, self.rows[index].file)

    def things(self, index: int) -> list[tuple[str, Mask]]:
        """Class name and mask of every annotation of a picture."""
        row = self.rows[index]
        size = row.height, row.width
        return [(self.names[a.category].whole, self._mask([a], size)) for a in row.annotations]

    def crowds(self, index: int) -> list[bool]:
        """Of each of `things`, whether it is a crowd that nobody told apart."""
        return [a.crowd for a in self.rows[index].annotations]

    def partial(self, index: int) -> set[str]:
        """Class names of which there may be more in a picture than `things` has."""
        return {self.names[number].whole for number in self.rows[index].partial if number in self.names}

    def _groups(self, row: Picture) -> list[list[Annotation]]:
        if not self.together:
            return [[annotation] for annotation in row.annotations]
        classes: dict[Name, list[Annotation]] = {}
        for annotation in row.annotations:
            if annotation.category not in row.partial:
                classes.setdefault(self.names[annotation.category], []).append(annotation)
        return list(classes.values())

    def _mask(self, rows: Sequence[Annotation], size: tuple[int, int]) -> Mask:
        return decode_together([(row.segmentation, f"{self.name}, annotation {row.id}") for row in rows], size)


def names_of(categories: Iterable[Any]) -> dict[int, Name]:
    """Category → its name; with what stands in brackets where it is the same without: "mouse (computer equipment)"."""
    called = {int(c["id"]): str(c["name"]) for c in categories}
    short = {number: Name.of(name) for number, name in called.items()}
    times = Counter(short.values())
    return {n: name if times[name] == 1 else Name.of(called[n], brackets=True) for n, name in short.items()}


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


def pascal_part(folder: Path) -> Reader:
    """`vlpart/pascal_part/{train.json or Annotations_Part/*.mat, VOCdevkit/VOC2010/JPEGImages}`, a part at a time.

    Of the `.mat` files, which are of training and validation, only those in `ImageSets/Main/train.txt`, if it is there.
    """
    home = folder / "vlpart" / "pascal_part"
    voc = home / "VOCdevkit" / "VOC2010"
    if not (home / "train.json").is_file() and (home / "Annotations_Part").is_dir():
        from lisa.data.pascal_parts import PascalParts  # which has names from here

        split = voc / "ImageSets" / "Main" / "train.txt"
        return PascalParts(home / "Annotations_Part", voc / "JPEGImages", split=split if split.is_file() else None)
    return Instances("pascal_part", home / "train.json", voc / "JPEGImages", together=False)


def _picture(image: dict[str, Any]) -> Picture:
    partial = frozenset(int(number) for number in image.get("not_exhaustive_category_ids") or ())
    return Picture(file=_file_of(image), height=int(image["height"]), width=int(image["width"]), partial=partial)


def _file_of(image: dict[str, Any]) -> str:
    """Where a picture lies; LVIS has no file names but the address it was fetched from, which ends in one."""
    if "file_name" in image:
        return str(image["file_name"])
    return "/".join(str(image["coco_url"]).split("/")[-2:])


def _plain(name: str, brackets: bool) -> str:
    """With blanks, and without what stands in brackets unless that is wanted."""
    return (name if brackets else name.split("_(")[0]).replace("_", " ").strip()
