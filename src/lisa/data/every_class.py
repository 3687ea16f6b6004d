"""Datasets with named masks, asked: every class of every picture by one fixed wording, to be evaluated by."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice, repeat
from pathlib import Path

import numpy as np

from lisa.data.base import Classed, named_by
from lisa.data.instances import Instances
from lisa.data.label_maps import ade20k, cocostuff, mapillary
from lisa.data.prompts import WORDINGS
from lisa.errors import BadInput
from lisa.images import open_image
from lisa.types import SEG, Image, Mask, Sample, Target, Turn


class EveryClass:
    """A question for each class that is in a picture: all of it as one mask, or a mask for each instance (`apart`).

    Iterating reads each picture once, up to `limit` questions. `wording` is a place in `WORDINGS`. Classes of which not
    all in a picture is annotated are left out there; where instances are wanted, their crowds' pixels do not count.
    """

    def __init__(
        self, name: str, data: Classed, *, apart: bool = False, wording: int = 0, limit: int | None = None
    ) -> None:
        self.name, self.data, self.apart, self.wording, self.limit = name, data, apart, WORDINGS[wording], limit

    def __len__(self) -> int:
        """Pictures; how many questions they make is known when they are read."""
        return len(self.data)

    def __iter__(self) -> Iterator[Sample]:
        return islice((s for index in range(len(self.data)) for s in self._about(index)), self.limit)

    def other(self, sample: Sample) -> Sample | None:
        """The next class of the same picture; None where there is none."""
        about = list(self._about(sample.meta["picture_id"]))
        place = next(k for k, s in enumerate(about) if s.id == sample.id)
        return about[(place + 1) % len(about)] if len(about) > 1 else None

    def _about(self, index: int) -> Iterator[Sample]:
        image = open_image(self.data.picture(index))
        for thing, (masks, crowds) in sorted(self._classes(index).items()):
            if any(mask.shape != image.shape[:2] for mask in (*masks, *crowds)):
                raise BadInput(f"{self.name}, picture {index}: masks have another size than the picture")
            if not self.apart:
                masks, crowds = [_union([*masks, *crowds])], []
            if masks:
                yield self._sample(index, thing, image, masks, _union(crowds) if crowds else None)

    def _classes(self, index: int) -> dict[str, tuple[list[Mask], list[Mask]]]:
        """Class → masks of its instances and of its crowds."""
        things, crowds, partial = self.data.things(index), repeat(False), set()
        if isinstance(self.data, Instances):
            crowds, partial = self.data.crowds(index), self.data.partial(index)
        classes: dict[str, tuple[list[Mask], list[Mask]]] = {}
        for (thing, mask), crowd in zip(things, crowds):
            if thing not in partial:
                classes.setdefault(thing, ([], []))[crowd].append(mask)
        return classes

    def _sample(self, index: int, thing: str, image: Image, masks: list[Mask], crowd: Mask | None) -> Sample:
        spoken = thing.replace(":", " ")
        turn = Turn(
            instruction=self.wording.format(name=spoken.lower()),
            answer=", ".join([SEG] * len(masks)) + ".",
            targets=tuple(
                Target(mask=mask, phrase=spoken, ignore=None if crowd is None else crowd & ~mask) for mask in masks
            ),
        )
        meta = {"picture_id": index, "class": spoken, "present_only": True} | named_by(self.data.picture(index))
        return Sample(id=f"{self.name}/{index}/{spoken}", image=image, turns=(turn,), group=self.name, meta=meta)


def _union(masks: list[Mask]) -> Mask:
    return np.logical_or.reduce(masks, axis=0)


def _coco(folder: Path) -> Instances:
    home = folder / "coco"
    return Instances("coco", home / "annotations" / "instances_val2017.json", home / "val2017")


def _lvis(folder: Path) -> Instances:
    return Instances("lvis", folder / "lvis" / "lvis_v1_val.json", folder / "coco")


def _paco(folder: Path) -> Instances:
    return Instances("paco_lvis", folder / "vlpart/paco/annotations/paco_lvis_v1_val.json", folder / "coco")


def _parts(folder: Path) -> Instances:
    home = folder / "vlpart" / "pascal_part"
    return Instances("pascal_part", home / "val.json", home / "VOCdevkit" / "VOC2010" / "JPEGImages")


EVALUATED: dict[str, tuple[Callable[[Path], Classed], bool]] = {
    "ade20k-val": (lambda folder: ade20k(folder, part="validation"), False),
    "cocostuff-val": (lambda folder: cocostuff(folder, part="val2017"), False),
    "mapillary-val": (lambda folder: mapillary(folder, part="validation"), False),
    "coco-val": (_coco, False),
    "coco-val-instances": (_coco, True),
    "lvis-val": (_lvis, False),
    "lvis-val-instances": (_lvis, True),
    "paco_lvis-val": (_paco, False),
    "pascal_part-val": (_parts, False),
}
"""Dataset → what opens its validation part, and whether a mask is wanted for each instance."""
