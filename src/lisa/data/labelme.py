"""LabelMe's files, one beside each picture, as one annotation file in COCO's form."""

from __future__ import annotations

import base64
import math
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lisa import rle
from lisa.data.files import MALFORMED, decode_together, inside, read_annotations, read_mask
from lisa.data.instances import Instances
from lisa.errors import BadInput, shown
from lisa.images import MAX_PIXELS, picture_size
from lisa.types import Size

NO_CLASSES = ("__ignore__", "_background_")
"""Labels that LabelMe keeps for what is no class."""
AREAS = ("polygon", "rectangle", "oriented_rectangle", "circle", "mask")
"""Types of shapes that have pixels; a line or a point has none."""
_CORNERS = 48
"""Of the polygon that stands for a circle."""


class LabelMe(Instances):
    """LabelMe's files of a folder."""

    def __init__(self, files: Sequence[Path], folder: Path) -> None:
        """Raises Missing where there is no shape with an area, BadInput with the name of a file that is wrong."""
        self.left_out: Counter[str] = Counter()
        """Shapes without an area → how many."""
        super().__init__("own", folder, folder, data=as_coco(files, folder, self.left_out))


def is_labelme(data: Any) -> bool:
    """Whether what a JSON file holds is LabelMe's."""
    return isinstance(data, dict) and "shapes" in data and "imagePath" in data


def as_coco(files: Sequence[Path], folder: Path, left_out: Counter[str]) -> dict[str, Any]:
    """The files of a folder → images, categories and annotations; what has no area is counted in `left_out`.

    Shapes of one group on one picture (`group_id`) are one thing. Raises BadInput with the file's name.
    """
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    classes: dict[str, int] = {}
    for number, path in enumerate(files):
        data = read_annotations(path)
        if not is_labelme(data) or not isinstance(data["shapes"], list):
            raise BadInput(f"{shown(path)} is not LabelMe's: it needs imagePath and a list of shapes")
        file, size = _picture(data, path, folder)
        images.append({"id": number, "file_name": file, "height": size[0], "width": size[1]})
        groups: dict[tuple[str, Any], list[Any]] = {}
        for i, shape in enumerate(data["shapes"]):
            where = f"{shown(path)}, shape {i}"
            try:
                label, group = str(shape["label"]), shape.get("group_id")
                kind = shape.get("shape_type") or "polygon"
                if label in NO_CLASSES:
                    continue
                if kind not in AREAS:
                    left_out[f"shape of type {shown(kind)}, which has no area"] += 1
                    continue
                outline = _mask(shape, size) if kind == "mask" else polygon(kind, shape["points"])
            except (*MALFORMED, BadInput) as error:
                raise BadInput(f"{where} needs a label and points that fit its type ({error})") from error
            groups.setdefault((label, i if group is None else f"group {group}"), []).append(outline)
        for (label, _), outlines in groups.items():
            category = classes.setdefault(label, len(classes) + 1)
            row = {"id": len(annotations) + 1, "image_id": number, "category_id": category, "iscrowd": 0}
            annotations.append(row | {"segmentation": _united(outlines, size, shown(path))})
    categories = [{"id": id, "name": name} for name, id in classes.items()]
    return {"images": images, "annotations": annotations, "categories": categories}


def polygon(kind: str, points: Sequence[Sequence[float]]) -> list[float]:
    """A shape as x0, y0, x1, y1 …: LabelMe's polygon, rectangle (two corners) or circle (middle and a point on it).

    Raises ValueError for another kind: a line or a point has no pixels.
    """
    if kind not in AREAS:
        raise ValueError(f"a shape of type {kind!r} has no area")
    corners = [(float(x), float(y)) for x, y in points]
    if kind == "rectangle" and len(corners) == 2:
        (x0, y0), (x1, y1) = corners
        corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    elif kind == "circle":
        (x, y), edge = corners
        radius = math.dist((x, y), edge)
        turns = [2 * math.pi * i / _CORNERS for i in range(_CORNERS)]
        corners = [(x + radius * math.cos(t), y + radius * math.sin(t)) for t in turns]
    return [value for corner in corners for value in corner]


def _picture(data: dict[str, Any], path: Path, folder: Path) -> tuple[str, Size]:
    """The picture's name as seen from the folder, and its size, which a file may leave to the picture."""
    beside = path.parent.relative_to(folder) / str(data["imagePath"]).replace("\\", "/")
    name = Path(os.path.normpath(beside)).as_posix()
    height, width = data.get("imageHeight"), data.get("imageWidth")
    if height is None or width is None:
        return name, picture_size(inside(folder, name))
    if not all(isinstance(side, int) and side > 0 for side in (height, width)) or height * width > MAX_PIXELS:
        raise BadInput(f"{shown(path)}: imageHeight and imageWidth have to be those of a picture, or null")
    return name, (height, width)


def _mask(shape: dict[str, Any], size: Size) -> dict[str, Any]:
    """A shape of type "mask": a PNG in base64, whose upper left corner is the first of its points."""
    part = read_mask(base64.b64decode(shape["mask"]))
    x, y = (round(float(v)) for v in shape["points"][0])
    top, left = max(y, 0), max(x, 0)
    part = part[top - y : max(size[0] - y, 0), left - x : max(size[1] - x, 0)]
    whole = np.zeros(size, np.bool_)
    whole[top : top + part.shape[0], left : left + part.shape[1]] = part
    return rle.encode(whole)


def _united(outlines: list[Any], size: Size, where: str) -> Any:
    """Polygons as they are; among masks, all as one mask."""
    if not any(isinstance(o, dict) for o in outlines):
        return outlines
    return rle.encode(decode_together([(o if isinstance(o, dict) else [o], where) for o in outlines], size))
