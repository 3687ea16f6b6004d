"""refCOCO, refCOCO+, refCOCOg, refCLEF in the layout of the refer toolkit, and gRefCOCO.

gRefCOCO's expressions may mean several things, which make one mask, or none, which is said so.

refer_seg/refcoco/{refs(unc).p, instances.json}   refer_seg/images/mscoco/images/train2014/*.jpg
refer_seg/refclef/{refs(unc).p, instances.json}   refer_seg/images/saiapr_tc-12/*.jpg
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from lisa.data import prompts
from lisa.data.base import ABSENT, some
from lisa.data.files import MALFORMED, decode_together, inside, packed, read_annotations, read_refs
from lisa.data.prompts import WORDINGS
from lisa.errors import BadInput, Missing, shown
from lisa.images import open_image
from lisa.types import Image, Sample, Target, Turn

SPLIT_BY = {"refcoco": "unc", "refcoco+": "unc", "refcocog": "umd", "refclef": "unc", "grefcoco": "unc"}
"""Dataset → who made the split that LISA uses; refCOCOg also has google's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Expression:
    """One referring expression, and the annotations it means; none where it means nothing that is there."""

    image: int
    text: str
    annotations: tuple[int, ...]
    numbers: tuple[tuple[str, str], ...] = ()
    """What the file calls it: its "sent_id", and the "ref_id" where that has no other sentence."""


class Refer:
    """One split. Read by number it gives an expression, drawn from it gives up to three about one picture."""

    def __init__(
        self,
        folder: Path,
        name: str,
        split: str,
        *,
        split_by: str | None = None,
        expressions: int = 3,
        wording: int = 0,
    ) -> None:
        """`folder` is `refer_seg`. Raises Missing or BadInput where its files are not as they should be."""
        if name not in SPLIT_BY:
            raise BadInput(f"no refer dataset is called {name!r}: known are {', '.join(SPLIT_BY)}")
        home = folder / name
        by = split_by or SPLIT_BY[name]
        refs = home / (f"grefs({by}).json" if name == "grefcoco" else f"refs({by}).p")
        self.name, self.most, self.wording = name, expressions, WORDINGS[wording]
        self.home = folder / "images" / ("saiapr_tc-12" if name == "refclef" else "mscoco/images/train2014")
        records = read_annotations(refs) if refs.suffix == ".json" else read_refs(refs)
        self._read(read_annotations(home / "instances.json", each=packed), records, split, refs)
        if not self.expressions:
            raise Missing(f"{shown(refs)} has no expressions of a split called {split!r}")
        found: dict[int, list[Expression]] = {}
        for expression in self.expressions:
            found.setdefault(expression.image, []).append(expression)
        self.by_picture = list(found.values())

    def __len__(self) -> int:
        return len(self.by_picture)

    def __iter__(self) -> Iterator[Sample]:
        """Every expression in one wording, by default as the reference's validation asks.

        Those that follow each other about one picture share its array, by which a model knows it again.
        """
        for number, numbered in groupby(enumerate(self.expressions), lambda pair: pair[1].image):
            image = self._image(number)
            for i, expression in numbered:
                asked = self.wording.format(name=expression.text)
                answer = "[SEG]." if expression.annotations else prompts.ENGLISH.nothing[0]
                yield self._sample(expression, image, asked, answer, str(i))

    def draw(self, index: int, rng: np.random.Generator) -> Sequence[Sample]:
        """See `Reader`."""
        group = self.by_picture[index]
        image = self._image(group[0].image)
        found = []
        for i in some(len(group), self.most, rng):
            asked, answer = prompts.ask_name(group[i].text, rng), _answer(group[i], rng)
            found.append(self._sample(group[i], image, asked, answer, f"{index}/{i}", self._name(group[i])))
        return found

    def _name(self, expression: Expression) -> str:
        """The category of the one thing that is meant; empty where several are."""
        return self.names.get(expression.annotations[0], "") if len(expression.annotations) == 1 else ""

    def _sample(self, expression: Expression, image: Image, asked: str, answer: str, id: str, name: str = "") -> Sample:
        size = (image.shape[0], image.shape[1])
        meant = [(self.masks[n], f"{self.name}, annotation {n}") for n in expression.annotations]
        drawn = [(mask, where) for mask, where in meant if mask != []]  # as in the reference, no outline is no pixel
        mask = decode_together(drawn, size) if drawn else np.zeros(size, np.bool_)
        targets = (Target(mask=mask, phrase=name),) if expression.annotations else ()
        turn = Turn(instruction=asked, answer=answer, targets=targets)
        meta: dict[str, Any] = {"picture_id": expression.image, "united": self.name == "grefcoco"}
        meta |= {**dict(expression.numbers), "image_id": str(expression.image)}
        group = self.name if targets else ABSENT
        return Sample(id=f"{self.name}/{id}", image=image, turns=(turn,), group=group, meta=meta)

    def _image(self, number: int) -> Image:
        return open_image(inside(self.home, self.files[number]))

    def _read(self, instances: Any, refs: list[dict[str, Any]], split: str, path: Path) -> None:
        try:
            kept = [ref for ref in refs if _is_of(split, ref["split"])]
            self.expressions = [
                Expression(
                    image=int(ref["image_id"]),
                    text=str(sentence["sent"]).strip().lower(),
                    annotations=_meant(ref["ann_id"]),
                    numbers=_numbers(ref, sentence),
                )
                for ref in kept
                for sentence in ref["sentences"]
            ]
            meant = {number for e in self.expressions for number in e.annotations}
            rows = {int(row["id"]): row for row in instances["annotations"] if int(row["id"]) in meant}
            self.files = {int(row["id"]): row["file_name"] for row in instances["images"]}
            self.masks = {number: row["segmentation"] for number, row in rows.items()}
            called = {row["id"]: str(row["name"]) for row in instances.get("categories", ())}
            self.names = {number: called.get(row.get("category_id"), "") for number, row in rows.items()}
        except MALFORMED as error:
            raise BadInput(f"{shown(path)} or its instances.json lacks {error}: fetch them again") from error
        for e in self.expressions:
            if e.image not in self.files or any(a not in self.masks for a in e.annotations):
                raise BadInput(f"{shown(path)} means picture {e.image}, which instances.json does not have")


def _is_of(split: str, marked: str) -> bool:
    """Whether a record marked so belongs to a split, by the refer toolkit's rule: testA takes testAB's too."""
    if split in ("testA", "testB", "testC"):
        return split[-1] in marked
    return "test" in marked if split == "test" else marked == split


def _answer(expression: Expression, rng: np.random.Generator) -> str:
    said = prompts.answer if expression.annotations else prompts.nothing
    return said(rng, to=expression.text)


def _numbers(ref: dict[str, Any], sentence: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    found = [("sent_id", sentence.get("sent_id"))]
    if len(ref["sentences"]) == 1:
        found.append(("ref_id", ref.get("ref_id")))
    return tuple((name, str(number)) for name, number in found if isinstance(number, int))


def _meant(numbers: Any) -> tuple[int, ...]:
    """`ann_id` of a record: a number, or gRefCOCO's list, in which −1 stands for nothing."""
    return tuple(int(n) for n in (numbers if isinstance(numbers, list) else [numbers]) if int(n) >= 0)
