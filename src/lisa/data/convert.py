"""One's own data from one layout into another: classes to COCO, YOLO or folders of masks, questions to a sheet.

COCO, masks and sheets hold every mask exactly. YOLO holds outlines: masks with holes are cut through them, and what an
outline still does not give back is counted. A sheet has a row for every question, with one mask, and no conversations.
"""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL.Image

from lisa import rle
from lisa.data.base import Classed, Reader, asking
from lisa.data.check import ALL
from lisa.data.instances import Instances
from lisa.data.outlines import outlines_of
from lisa.errors import BadInput, shown
from lisa.files import write_json, write_text
from lisa.images import picture_size
from lisa.types import SEG, Mask, Turn


@dataclass
class Written:
    """What a conversion wrote."""

    pictures: int = 0
    masks: int = 0
    changed: Counter[str] = field(default_factory=Counter)
    """What the layout cannot hold as it was → how often."""
    classes: dict[str, int] = field(default_factory=dict)
    """Name → number, from 0, in the order they were met."""

    def number(self, name: str) -> int:
        """The number of a class."""
        return self.classes.setdefault(name, len(self.classes))


def convert(reader: Reader, layout: str, out: Path, *, progress: Callable[[int], None] | None = None) -> Written:
    """Writes a dataset in another layout into `out`, which is made.

    Raises BadInput for an unknown layout, a folder that holds something, or classes where there are only questions.
    """
    if layout not in LAYOUTS:
        raise BadInput(f"there is no layout {layout!r}: choose {', '.join(LAYOUTS)}")
    if out.exists() and any(out.iterdir()):
        raise BadInput(f"{shown(out)} holds something already: give a new folder")
    if layout != "sheet" and not isinstance(reader, Classed):
        raise BadInput(f"this data has questions, not classes: {layout} cannot hold them, sheet can")
    (out / "images").mkdir(parents=True, exist_ok=True)
    return LAYOUTS[layout](reader, out, progress or (lambda _: None))


def _things(reader: Classed, index: int) -> Sequence[tuple[str, Mask]]:
    """What is in a picture. Raises BadInput where a mask is of another size than the picture."""
    found, path = reader.things(index), reader.picture(index)
    size = picture_size(path) if found else None
    if size is not None and (odd := next((m.shape for _, m in found if m.shape != size), None)):
        raise BadInput(f"{shown(path)} is {size[1]} × {size[0]}, its masks are {odd[1]} × {odd[0]}: `lisa data check` "
                       "finds all such")  # fmt: skip
    return found


def _coco(reader: Classed, out: Path, progress: Callable[[int], None]) -> Written:
    written, images, annotations = Written(), [], []
    stems: set[str] = set()
    for index in range(len(reader)):
        name = _copied(reader.picture(index), out, stems)
        height, width = picture_size(out / "images" / name)
        images.append({"id": index + 1, "file_name": name, "height": height, "width": width})
        things = _things(reader, index)
        crowds = reader.crowds(index) if isinstance(reader, Instances) else [False] * len(things)
        for (kind, mask), crowd in zip(things, crowds):
            category = written.number(kind) + 1
            annotations.append(instance_record(len(annotations) + 1, index + 1, category, mask, crowd=crowd))
        progress(1)
    categories = [{"id": number + 1, "name": kind} for kind, number in written.classes.items()]
    write_json(out / "instances.json", {"images": images, "annotations": annotations, "categories": categories})
    written.pictures, written.masks = len(images), len(annotations)
    return written


def _yolo(reader: Classed, out: Path, progress: Callable[[int], None]) -> Written:
    written = Written()
    stems: set[str] = set()
    for index in range(len(reader)):
        name = _copied(reader.picture(index), out, stems)
        lines = []
        for kind, mask in _things(reader, index):
            outlines, exact = outlines_of(mask)
            written.masks += 1
            written.changed["mask with holes or several parts, which outlines do not give back exactly"] += not exact
            lines += [f"{written.number(kind)} {' '.join(f'{x:.6f}' for x in outline)}" for outline in outlines]
        write_text((out / "labels" / name).with_suffix(".txt"), "".join(f"{line}\n" for line in lines))
        written.pictures += 1
        progress(1)
    write_text(
        out / "data.yaml", "train: images\n" + f"names: {json.dumps(list(written.classes), ensure_ascii=False)}\n"
    )
    return written


def _masks(reader: Classed, out: Path, progress: Callable[[int], None]) -> Written:
    written = Written()
    stems: set[str] = set()
    used: set[str] = set()
    folders: dict[str, str] = {}
    for index in range(len(reader)):
        name = _copied(reader.picture(index), out, stems)
        classes: dict[str, Mask] = {}
        for kind, mask in _things(reader, index):
            classes[kind] = classes.get(kind, np.zeros_like(mask)) | mask
        for kind, mask in classes.items():
            written.number(kind)
            if kind not in folders:
                folders[kind] = _free(re.sub(r"[/\\\0]", " ", kind).strip(" .") or "class", used)
                written.changed["class that had to be renamed to be a folder"] += folders[kind] != kind
            folder = out / "masks" / folders[kind]
            folder.mkdir(parents=True, exist_ok=True)
            PIL.Image.fromarray(mask).save((folder / name).with_suffix(".png"))
            written.masks += 1
        written.pictures += 1
        progress(1)
    return written


def _sheet(reader: Reader, out: Path, progress: Callable[[int], None]) -> Written:
    """All questions of every picture, a row each."""
    written, rows = Written(), []
    reader = asking(reader, ALL)
    for index in range(len(reader)):
        samples = reader.draw(index, np.random.default_rng(index))
        name = f"{index:06d}.png"
        if samples:
            PIL.Image.fromarray(samples[0].image).save(out / "images" / name)
            written.pictures += 1
        for sample in samples:
            written.changed["turn of a conversation, now a question of its own"] += len(sample.turns) - 1
            rows += [_row(f"images/{name}", turn, written) for turn in sample.turns]
        progress(1)
    write_text(out / "questions.jsonl", "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows if row))
    return written


def _row(image: str, turn: Turn, written: Written) -> dict[str, Any] | None:
    """A question as its sheet has it, with all its masks as one; None where nothing is asked."""
    if not turn.instruction.strip():
        written.changed["turn without an instruction, left out"] += 1
        return None
    row: dict[str, Any] = {"image": image, "instruction": turn.instruction, "answer": turn.answer}
    if turn.targets:
        row["answer"] = turn.answer and _with_one_seg(turn.answer)
        row["rle"] = rle.encode(np.logical_or.reduce([t.mask for t in turn.targets]))
        written.masks += 1
        written.changed["answer whose several masks became one"] += len(turn.targets) > 1
        written.changed["mask with pixels to be ignored, now outside of it"] += any(
            t.ignore is not None for t in turn.targets
        )
    return row


def _with_one_seg(answer: str) -> str:
    """An answer that says [SEG] once: "the cat [SEG] and the dog [SEG]." → "the cat and the dog [SEG]."."""
    if SEG not in answer:
        return f"{answer} {SEG}".strip()
    return _EARLIER.sub("", _SEVERAL.sub(SEG, answer)).strip()


_SEVERAL = re.compile(rf"{re.escape(SEG)}(?:(?:[\s,、，和]|and)*{re.escape(SEG)})+")
"""[SEG] again and again, with nothing between."""
_EARLIER = re.compile(rf"\s*{re.escape(SEG)}(?=.*{re.escape(SEG)})", re.DOTALL)
"""Every [SEG] but the last."""

LAYOUTS: dict[str, Callable[..., Written]] = {"coco": _coco, "yolo": _yolo, "masks": _masks, "sheet": _sheet}
"""Layout → what writes it."""


def _copied(path: Path, out: Path, stems: set[str]) -> str:
    """The picture under its own name, numbered where another one is called so but for its ending."""
    name = f"{_free(path.stem, stems)}{path.suffix}"
    shutil.copyfile(path, out / "images" / name)
    return name


def _free(name: str, used: set[str]) -> str:
    """A name that is not used yet, added to those that are; some disks know no capitals."""
    numbered = (f"{name}-{n}" if n > 1 else name for n in count(1))
    found = next(n for n in numbered if n.casefold() not in used)
    used.add(found.casefold())
    return found


def instance_record(id: int, image: int, category: int, mask: Mask, *, crowd: bool = False) -> dict[str, Any]:
    """COCO's record of an instance, or of a crowd that nobody told apart."""
    return {
        "id": id,
        "image_id": image,
        "category_id": category,
        "segmentation": rle.encode(mask),
        "area": int(mask.sum()),
        "bbox": list(cv2.boundingRect(mask.astype(np.uint8))),
        "iscrowd": int(crowd),
    }
