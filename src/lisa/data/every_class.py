"""Datasets with named masks, asked: every class of every picture by one fixed wording, to be evaluated by."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from lisa.data.base import Classed, named_by
from lisa.data.instances import Instances
from lisa.data.label_maps import ade20k, cocostuff, mapillary
from lisa.data.prompts import WORDINGS
from lisa.errors import BadInput
from lisa.images import open_image
from lisa.types import SEG, Mask, Sample, Target, Turn


class EveryClass:
    """A question for each class that is in a picture: all of it as one mask, or a mask for each instance (`apart`).

    Iterating reads each picture once, up to `limit` questions. `wording` is a place in `WORDINGS`.
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
        classes: dict[str, list[Mask]] = {}
        for thing, mask in self.data.things(index):
            classes.setdefault(thing, []).append(mask)
        image = open_image(self.data.picture(index))
        for thing in sorted(classes):
            masks = classes[thing]
            if any(mask.shape != image.shape[:2] for mask in masks):
                raise BadInput(f"{self.name}, picture {index}: masks have another size than the picture")
            yield self._sample(index, thing, image, masks)

    def _sample(self, index: int, thing: str, image: np.ndarray, masks: list[Mask]) -> Sample:
        targets = masks if self.apart else [np.logical_or.reduce(np.stack(masks), axis=0)]
        spoken = thing.replace(":", " ")
        turn = Turn(
            instruction=self.wording.format(name=spoken),
            answer=", ".join([SEG] * len(targets)) + ".",
            targets=tuple(Target(mask=mask, phrase=spoken) for mask in targets),
        )
        meta = {"picture_id": index, "class": spoken, "present_only": True} | named_by(self.data.picture(index))
        return Sample(id=f"{self.name}/{index}/{spoken}", image=image, turns=(turn,), group=self.name, meta=meta)


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
