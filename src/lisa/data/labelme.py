"""LabelMe's files, one beside each picture, as one annotation file in COCO's form."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lisa.data.files import MALFORMED, read_annotations
from lisa.errors import BadInput, shown

NO_CLASSES = ("__ignore__", "_background_")
"""Labels that LabelMe keeps for what is no class."""
_CORNERS = 48
"""Of the polygon that stands for a circle."""


def is_labelme(data: Any) -> bool:
    """Whether what a JSON file holds is LabelMe's."""
    return isinstance(data, dict) and "shapes" in data and "imagePath" in data


def as_coco(files: Sequence[Path], folder: Path) -> dict[str, Any]:
    """The files of a folder → images, categories and annotations.

    Shapes of one group on one picture (`group_id`) are one thing. Raises BadInput with the file's name.
    """
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    classes: dict[str, int] = {}
    for number, path in enumerate(files):
        data = read_annotations(path)
        groups: dict[Any, dict[str, Any]] = {}
        try:
            picture = path.parent.relative_to(folder) / str(data["imagePath"]).replace("\\", "/")
            size = {"height": int(data["imageHeight"]), "width": int(data["imageWidth"])}
            images.append({"id": number, "file_name": str(picture), **size})
            for i, shape in enumerate(data["shapes"]):
                label, group = str(shape["label"]), shape.get("group_id")
                if label in NO_CLASSES:
                    continue
                row = groups.setdefault((label, i if group is None else f"group {group}"), {"segmentation": []})
                row["category_id"] = classes.setdefault(label, len(classes) + 1)
                row["segmentation"].append(polygon(shape.get("shape_type") or "polygon", shape["points"]))
        except MALFORMED as error:
            raise BadInput(f"{shown(path)} is not in LabelMe's form: {error} is missing or wrong") from error
        for row in groups.values():
            annotations.append({"id": len(annotations) + 1, "image_id": number, "iscrowd": 0, **row})
    categories = [{"id": id, "name": name} for name, id in classes.items()]
    return {"images": images, "annotations": annotations, "categories": categories}


def polygon(kind: str, points: Sequence[Sequence[float]]) -> list[float]:
    """A shape as x0, y0, x1, y1 …: LabelMe's polygon, rectangle (two corners) or circle (middle and a point on it).

    Raises ValueError for another kind: a line or a point has no pixels.
    """
    corners = [(float(x), float(y)) for x, y in points]
    if kind == "rectangle":
        (x0, y0), (x1, y1) = corners
        corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    elif kind == "circle":
        (x, y), edge = corners
        radius = math.dist((x, y), edge)
        turns = [2 * math.pi * i / _CORNERS for i in range(_CORNERS)]
        corners = [(x + radius * math.cos(t), y + radius * math.sin(t)) for t in turns]
    elif kind != "polygon":
        raise ValueError(f"a shape of type {kind!r}")
    return [value for corner in corners for value in corner]
