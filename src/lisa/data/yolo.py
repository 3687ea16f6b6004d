"""YOLO's segmentation layout: `data.yaml` with names, `images/…/NAME.jpg`, `labels/…/NAME.txt` of outlines.

A line is `class x0 y0 x1 y1 …` in shares of the picture's width and height. What is learned from is what `train` in
data.yaml names, a folder, a `.txt` of pictures or several of these, seen from `path` or from the file: `images/train`,
`train/images`.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lisa.data.files import MALFORMED, inside, read_lines, read_yaml
from lisa.errors import BadInput, Missing, shown
from lisa.images import picture_size

PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")


def is_yolo(folder: Path) -> bool:
    """Whether a folder is laid out like this."""
    return settings_of(folder) is not None and any(p.is_dir() for g in ("labels", "*/labels") for p in folder.glob(g))


def settings_of(folder: Path) -> Path | None:
    """The YAML file that names the classes."""
    files = [p for name in ("data.yaml", "dataset.yaml", "*.yaml", "*.yml") for p in sorted(folder.glob(name))]
    return files[0] if files else None


def as_coco(folder: Path) -> dict[str, Any]:
    """The pictures to learn from → images, categories and annotations.

    Raises BadInput with the file and line of what is wrong, Missing where no pictures are found.
    """
    settings = settings_of(folder)
    if settings is None:
        raise Missing(f"{shown(folder)} has no data.yaml that names its classes")
    data = read_yaml(settings)
    names = _names(data, settings)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for path in _pictures(data, settings):
        place = path.relative_to(folder)
        height, width = picture_size(path)
        images.append({"id": len(images), "file_name": str(place), "height": height, "width": width})
        label = inside(folder, _label_of(place))
        for number, line in enumerate(read_lines(label) if label.is_file() else [], 1):
            kind, outline = _outline(line, f"{shown(label)}, line {number}", (height, width), names)
            annotations.append(
                {"id": len(annotations) + 1, "image_id": len(images) - 1, "category_id": kind, "iscrowd": 0,
                 "segmentation": [outline]}
            )  # fmt: skip
    if not images:
        raise Missing(f"{shown(settings)} leads to no pictures: YOLO keeps them in images/, outlines in labels/")
    categories = [{"id": number, "name": name} for number, name in names.items()]
    return {"images": images, "annotations": annotations, "categories": categories}


def _pictures(data: dict[str, Any], settings: Path) -> Iterator[Path]:
    """The files that `train` names; where it says nothing, or leads nowhere, those where they usually lie."""
    folder, said = settings.parent, data.get("train")
    named = [str(name) for name in (said if isinstance(said, list) else [said]) if name is not None]
    places = [_place(name, data.get("path"), folder) for name in named]
    if None in places or not named:
        usual = [folder / p for p in ("images/train", "train/images") if (folder / p).is_dir()]
        if named and not usual:
            raise Missing(
                f"{shown(settings)} says train: {shown(said)}, which is not in {shown(folder)}: "
                "put data.yaml into the folder of the pictures, or write where they lie below it"
            )
        places = usual[:1] or [folder / "images"]
    for place in filter(None, places):
        if place.suffix == ".txt":
            home = place.parent.relative_to(folder)
            yield from (inside(folder, str(home / line.strip())) for line in read_lines(place))
        else:
            yield from sorted(p for p in place.rglob("*") if p.suffix.lower() in PICTURES)


def _place(name: str, path: Any, folder: Path) -> Path | None:
    """Where a name leads in a folder, as Ultralytics reads it: Roboflow writes "../train/images" for "train/images"."""
    for home in (folder / str(path or ""), folder):
        for said in (name, name.removeprefix("../")):
            place = Path(os.path.relpath(home / said, folder))
            if ".." not in place.parts and (folder / place).exists():
                return folder / place
    return None


def _label_of(picture: Path) -> str:
    """The file of its outlines: the last "images" of its path is "labels" there."""
    parts = list(picture.with_suffix(".txt").parts)
    if "images" in parts:
        parts[len(parts) - 1 - parts[::-1].index("images")] = "labels"
    return str(Path(*parts))


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
