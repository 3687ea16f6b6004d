"""YOLO's segmentation layout: `data.yaml` with names, `images/…/NAME.jpg`, `labels/…/NAME.txt` of outlines.

A line is `class x0 y0 x1 y1 …` in shares of the picture's width and height.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lisa.data.files import MALFORMED, inside, read_lines, read_yaml
from lisa.errors import BadInput, Missing, shown
from lisa.images import picture_size

PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")


def is_yolo(folder: Path) -> bool:
    """Whether a folder is laid out like this."""
    return settings_of(folder) is not None and (folder / "labels").is_dir()


def settings_of(folder: Path) -> Path | None:
    """The YAML file that names the classes."""
    files = [p for name in ("data.yaml", "dataset.yaml", "*.yaml", "*.yml") for p in sorted(folder.glob(name))]
    return files[0] if files else None


def as_coco(folder: Path, split: str = "train") -> dict[str, Any]:
    """The pictures of a split (or all, where there are no splits) → images, categories and annotations.

    Raises BadInput with the file and line of what is wrong, Missing where no pictures are found.
    """
    settings = settings_of(folder)
    if settings is None:
        raise Missing(f"{shown(folder)} has no data.yaml that names its classes")
    names = _names(read_yaml(settings), settings)
    home = folder / "images" / split if (folder / "images" / split).is_dir() else folder / "images"
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for path in sorted(p for p in home.rglob("*") if p.suffix.lower() in PICTURES):
        place = path.relative_to(folder / "images")
        height, width = picture_size(path)
        images.append({"id": len(images), "file_name": str(place), "height": height, "width": width})
        label = inside(folder / "labels", str(place.with_suffix(".txt")))
        for number, line in enumerate(read_lines(label) if label.is_file() else [], 1):
            kind, outline = _outline(line, f"{shown(label)}, line {number}", (height, width), names)
            annotations.append(
                {"id": len(annotations) + 1, "image_id": len(images) - 1, "category_id": kind, "iscrowd": 0,
                 "segmentation": [outline]}
            )  # fmt: skip
    if not images:
        raise Missing(f"there are no pictures in {shown(home)}: YOLO keeps them in images/, outlines in labels/")
    categories = [{"id": number, "name": name} for number, name in names.items()]
    return {"images": images, "annotations": annotations, "categories": categories}


def _names(data: Any, path: Path) -> dict[int, str]:
    found = data.get("names") if isinstance(data, dict) else None
    if isinstance(found, list):
        found = dict(enumerate(found))
    try:
        return {int(number): str(name) for number, name in found.items()}  # type: ignore[union-attr]
    except MALFORMED as error:
        raise BadInput(f"{shown(path)} needs names: a list, or numbers with a name each") from error


def _outline(line: str, where: str, size: tuple[int, int], names: dict[int, str]) -> tuple[int, Sequence[float]]:
    try:
        first, *values = line.split()
        kind, shares = int(first), [float(x) for x in values]
    except ValueError as error:
        raise BadInput(f"{where}: write a class number, then x and y in shares of the picture") from error
    if kind not in names:
        raise BadInput(f"{where}: class {kind} has no name in data.yaml")
    if len(shares) == 4:
        raise BadInput(f"{where} is a box, not an outline: this is a set for detection; export it as segmentation")
    if len(shares) < 6 or len(shares) % 2:
        raise BadInput(f"{where}: an outline needs three corners or more, each with x and y")
    if not all(math.isfinite(x) and -0.01 <= x <= 1.01 for x in shares):
        raise BadInput(f"{where}: x and y are shares of the picture, from 0 to 1")
    height, width = size
    return kind, [x * (height if i % 2 else width) for i, x in enumerate(shares)]
