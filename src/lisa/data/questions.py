"""One's own questions as rows of image, instruction and mask, wherever they come from: sheets, shards, tables.

    image        a file                               instruction  what is asked
    mask         a PNG, white on the thing    or      rle          COCO's run-length encoding
    polygon      [[x, y], …] or several       or      box          [x0, y0, x1, y1]
    answer       optional; "[SEG]" where the mask belongs
    explanation  optional, said behind the answer

A row without any mask is a plain question if it has an answer, and otherwise asks for what is not there.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lisa.data import prompts
from lisa.data.base import ABSENT, some
from lisa.data.files import MALFORMED, decode_segmentation, read_mask
from lisa.errors import BadInput, Missing
from lisa.images import open_image
from lisa.types import SEG, Mask, Sample, Target, Turn

FORMS = ("mask", "rle", "polygon", "box")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One question, as it stands in its file."""

    where: str
    """Its place, for messages."""
    image: str
    instruction: str
    answer: str
    explanation: str
    form: str
    """One of `FORMS`, or "" where nothing is to be masked."""
    value: Any


class Questions:
    """Questions by picture; a subclass says what a file's name stands for."""

    def __init__(self, name: str, rows: Iterable[Row], *, most: int = 4) -> None:
        """`most`: questions drawn of one picture. Raises Missing where there are no rows."""
        self.name, self.most = name, most
        by_picture: dict[str, list[Row]] = {}
        for row in rows:
            by_picture.setdefault(row.image, []).append(row)
        if not by_picture:
            raise Missing(f"{name} has no rows: it needs image, instruction and mask")
        self.pictures = list(by_picture.items())

    def __len__(self) -> int:
        return len(self.pictures)

    def file(self, name: str) -> Path | bytes:
        """A file that a row names. Raises BadInput for one that is not among the dataset's own."""
        raise NotImplementedError

    def draw(self, index: int, rng: np.random.Generator) -> Sequence[Sample]:
        """See `Reader`: a conversation for each of a few rows of the picture."""
        name, rows = self.pictures[index]
        image = open_image(self.file(name))
        size = (image.shape[0], image.shape[1])
        return [
            Sample(
                id=f"{self.name}/{index}/{i}",
                image=image,
                turns=(self._turn(rows[i], size, rng),),
                group=self.name if rows[i].form else "plain" if rows[i].answer else ABSENT,
            )
            for i in some(len(rows), self.most, rng)
        ]

    def _turn(self, row: Row, size: tuple[int, int], rng: np.random.Generator) -> Turn:
        if not row.form:
            if SEG in row.answer:
                raise BadInput(f"{row.where}: the answer says {SEG}, but there is no mask for it")
            return Turn(instruction=row.instruction, answer=row.answer or prompts.nothing(rng, to=row.instruction))
        answer = row.answer or prompts.answer(rng, row.explanation, to=row.instruction)
        if answer.count(SEG) != 1:
            raise BadInput(f"{row.where}: an answer with a mask says {SEG} once, where the mask belongs")
        return Turn(instruction=row.instruction, answer=answer, targets=(Target(mask=self._mask(row, size)),))

    def _mask(self, row: Row, size: tuple[int, int]) -> Mask:
        if row.form == "mask":
            return read_mask(self.file(row.value), size)
        if row.form == "rle":
            return decode_segmentation(row.value, size, row.where)
        if row.form == "polygon":
            return decode_segmentation(_polygons(row.value, row.where), size, row.where)
        return _box(row, size)


def row_of(fields: Mapping[str, Any], where: str) -> Row:
    """A record of names and values as a row. Raises BadInput with its place."""
    given = {k: v for k, v in fields.items() if isinstance(k, str) and v not in (None, "")}
    for name in ("image", "instruction"):
        if not isinstance(given.get(name), str) or not given[name].strip():
            raise BadInput(f"{where} needs {name!r}")
    forms = [f for f in FORMS if f in given]
    if len(forms) > 1:
        raise BadInput(f"{where} gives {' and '.join(forms)}: one of them is enough")
    form = forms[0] if forms else ""
    value = given.get(form)
    if form in ("rle", "polygon", "box") and isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise BadInput(f"{where}: {form} is no JSON ({error})") from error
    texts = {k: str(given.get(k, "")).strip() for k in ("answer", "explanation")}
    return Row(
        where=where,
        image=given["image"].strip(),
        instruction=given["instruction"].strip(),
        form=form,
        value=value,
        **texts,
    )


def _polygons(value: Any, where: str) -> list[list[float]]:
    """[[x, y], …], [x, y, x, y, …], or a list of either → COCO's form."""
    try:
        if isinstance(value[0], (int, float)):
            return [[float(x) for x in value]]
        if isinstance(value[0][0], (int, float)) and all(len(point) == 2 for point in value):
            return [[float(x) for point in value for x in point]]
        return [p for part in value for p in _polygons(part, where)]
    except MALFORMED as error:
        raise BadInput(f"{where}: a polygon is [[x, y], …] in pixels") from error


def _numbers(value: Any, where: str) -> list[float]:
    try:
        found = [float(x) for x in value]
    except MALFORMED as error:
        raise BadInput(f"{where}: a box is four numbers") from error
    if len(found) != 4 or not all(math.isfinite(x) for x in found):
        raise BadInput(f"{where}: a box is four numbers")
    return found


def _box(row: Row, size: tuple[int, int]) -> Mask:
    x0, y0, x1, y1 = _numbers(row.value, row.where)
    if not (0 <= x0 < x1 <= size[1] and 0 <= y0 < y1 <= size[0]):
        raise BadInput(f"{row.where}: a box is [x0, y0, x1, y1] in pixels inside {size[1]} × {size[0]}")
    mask = np.zeros(size, np.bool_)
    mask[round(y0) : max(round(y1), round(y0) + 1), round(x0) : max(round(x1), round(x0) + 1)] = True
    return mask
