"""MUSE (PixelLM, 2023): questions about several things at once, each with its mask and, mostly, a worded answer.

muse/MUSE_train.json   [{"file_name" of COCO 2014, or "coco_url", "height", "width", "questions": [text],
                         "answers": [[{"segmentation", "category_name", "rephrased_name"}]],
                         "text_answers": ["… {seg} …"]}]
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lisa.data.base import some
from lisa.data.files import MALFORMED, decode_segmentation, inside, read_annotations
from lisa.errors import BadInput, Missing, shown
from lisa.images import open_image
from lisa.types import SEG, Sample, Target, Turn


class Muse:
    """One file of it."""

    def __init__(self, path: Path, folder: Path, *, most: int = 3) -> None:
        """`folder` holds the datasets; up to `most` questions are asked about a picture.

        Raises Missing, or BadInput where the file is not of this form.
        """
        rows = read_annotations(path)
        if not isinstance(rows, list) or not all(isinstance(r, dict) for r in rows):
            raise BadInput(f"{shown(path)} is no list of records, as MUSE's files are")
        self.path, self.folder, self.most = path, folder, most
        self.rows: list[dict[str, Any]] = [r for r in rows if r.get("questions")]
        if not self.rows:
            raise Missing(f"{shown(path)} holds no questions")

    def __len__(self) -> int:
        return len(self.rows)

    def draw(self, index: int, rng: np.random.Generator) -> Sequence[Sample]:
        """See `Reader`: a conversation for each of a few questions about the picture."""
        row = self.rows[index]
        where = f"{shown(self.path)}, record {index}"
        try:
            questions, answers = list(row["questions"]), list(row["answers"])
            told = list(row.get("text_answers") or [None] * len(questions))
            size = int(row["height"]), int(row["width"])
            turns = [
                _turn(str(questions[i]), answers[i], told[i], size, where) for i in some(len(questions), self.most, rng)
            ]
            path = self._picture(row)
        except MALFORMED as error:
            raise BadInput(f"{where}: {error} is missing or wrong") from error
        image = open_image(path)
        if image.shape[:2] != size:
            raise BadInput(f"{where}: its picture is {image.shape[1]} × {image.shape[0]}, not {size[1]} × {size[0]}")
        return [
            Sample(id=f"muse/{index}/{i}", image=image, turns=(turn,), group="muse") for i, turn in enumerate(turns)
        ]

    def _picture(self, row: dict[str, Any]) -> Path:
        if "file_name" in row:
            return inside(self.folder / "refer_seg" / "images" / "mscoco" / "images" / "train2014", row["file_name"])
        *_, part, name = str(row["coco_url"]).split("/")
        return inside(self.folder / "coco" / part, name)


def _turn(question: str, targets: Sequence[Any], told: Any, size: tuple[int, int], where: str) -> Turn:
    """A question with its masks; the answer in its own words, or the things by their names."""
    names = [str(t.get("rephrased_name") or t["category_name"]).strip() for t in targets]
    if isinstance(told, str) and told.count("{seg}") == len(targets):
        answer = told.replace("{seg}", SEG).strip()
    else:
        named = [f"{name} {SEG}" for name in names]
        answer = f"{', '.join(named[:-1])} and {named[-1]}." if len(named) > 1 else f"{named[0]}."
    masks = [decode_segmentation(t["segmentation"], size, where) for t in targets]
    return Turn(
        instruction=question.strip(),
        answer=answer,
        targets=tuple(Target(mask=mask, phrase=name if name in answer else "") for mask, name in zip(masks, names)),
    )


def muse(folder: Path) -> Muse:
    """`muse/MUSE_train.json`, pictures of COCO: `refer_seg/images/mscoco/images/train2014` and `coco/train2017`."""
    return Muse(folder / "muse" / "MUSE_train.json", folder)
