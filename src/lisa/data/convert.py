"""One's own data from one layout into another: classes to COCO, YOLO or folders of masks, questions to a sheet.

COCO, masks and sheets hold every mask exactly. YOLO holds outlines: masks with
holes are cut through them, and what an outline still does not give back is counted.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL.Image

from lisa import rle
from lisa.data.base import Classed, Reader
from lisa.data.outlines import outlines_of
from lisa.errors import BadInput, shown
from lisa.files import write_json, write_text
from lisa.images import picture_size
from lisa.types import Mask


@dataclass
class Written:
    """What a conversion wrote."""

    pictures: int = 0
    masks: int = 0
    changed: int = 0
    """Masks that the layout cannot hold exactly."""
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


def _coco(reader: Classed, out: Path, progress: Callable[[int], None]) -> Written:
    written, images, annotations = Written(), [], []
    for index in range(len(reader)):
        name = _copied(reader.picture(index), index, out)
        height, width = picture_size(out / "images" / name)
        images.append({"id": index + 1, "file_name": name, "height": height, "width": width})
        for kind, mask in reader.things(index):
            category = written.number(kind) + 1
            annotations.append(instance_record(len(annotations) + 1, index + 1, category, mask))
        progress(1)
    categories = [{"id": number + 1, "name": kind} for kind, number in written.classes.items()]
    write_json(out / "instances.json", {"images": images, "annotations": annotations, "categories": categories})
    written.pictures, written.masks = len(images), len(annotations)
    return written


def _yolo(reader: Classed, out: Path, progress: Callable[[int], None]) -> Written:
    written = Written()
    for index in range(len(reader)):
        name = _copied(reader.picture(index), index, out)
        lines = []
        for kind, mask in reader.things(index):
            outlines, exact = outlines_of(mask)
            written.masks += 1
            written.changed += not exact
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
    for index in range(len(reader)):
        name = _copied(reader.picture(index), index, out)
        classes: dict[str, Mask] = {}
        for kind, mask in reader.things(index):
            classes[kind] = classes.get(kind, np.zeros_like(mask)) | mask
        for kind, mask in classes.items():
            written.number(kind)
            folder = out / "masks" / kind.replace("/", " ").replace("\\", " ")
            folder.mkdir(parents=True, exist_ok=True)
            PIL.Image.fromarray(mask).save((folder / name).with_suffix(".png"))
            written.masks += 1
        written.pictures += 1
        progress(1)
    return written


def _sheet(reader: Reader, out: Path, progress: Callable[[int], None]) -> Written:
    """One draw of every picture; several masks of one answer become one."""
    written, rows = Written(), []
    for index in range(len(reader)):
        samples = reader.draw(index, np.random.default_rng(index))
        name = f"{index:06d}.png"
        if samples:
            PIL.Image.fromarray(samples[0].image).save(out / "images" / name)
            written.pictures += 1
        for sample in samples:
            turn = sample.turns[0]
            row: dict[str, Any] = {"image": f"images/{name}", "instruction": turn.instruction, "answer": turn.answer}
            if turn.targets:
                row["rle"] = rle.encode(np.logical_or.reduce([t.mask for t in turn.targets]))
                written.masks += 1
                written.changed += len(turn.targets) > 1 or len(sample.turns) > 1
            rows.append(json.dumps(row, ensure_ascii=False))
        progress(1)
    write_text(out / "questions.jsonl", "".join(f"{row}\n" for row in rows))
    return written


LAYOUTS: dict[str, Callable[..., Written]] = {"coco": _coco, "yolo": _yolo, "masks": _masks, "sheet": _sheet}
"""Layout → what writes it."""


def _copied(path: Path, index: int, out: Path) -> str:
    """The picture under its own name, or under a number where that is taken."""
    name = path.name if not (out / "images" / path.name).exists() else f"{index:06d}{path.suffix}"
    shutil.copyfile(path, out / "images" / name)
    return name


def instance_record(id: int, image: int, category: int, mask: Mask) -> dict[str, Any]:
    """COCO's record of an instance."""
    return {"id": id, "image_id": image, "category_id": category, "segmentation": rle.encode(mask),
            "area": int(mask.sum()), "bbox": list(cv2.boundingRect(mask.astype(np.uint8))), "iscrowd": 0}  # fmt: skip
