"""One's own pictures, in whatever layout they are: what lies in the folder decides.

one JSON in COCO's form, instances or panoptic      images/ or beside it; panoptic maps in a folder named like it
LabelMe's JSON beside each picture                  YOLO's data.yaml with images/ and labels/
JPEGImages/ and SegmentationClass/                  images/ and masks/
ReasonSeg's train/ of pictures with a JSON beside each
one sheet of questions, .csv or .jsonl              WebDataset's .tar, or .parquet
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from lisa.data import folders, labelme, panoptic, yolo
from lisa.data.base import Reader
from lisa.data.files import read_annotations, read_yaml
from lisa.data.instances import Instances
from lisa.data.panoptic import Panoptic
from lisa.data.reasonseg import ReasonSeg, is_reasonseg
from lisa.data.shards import Shards
from lisa.data.sheet import Sheet
from lisa.data.tables import Table
from lisa.errors import BadInput, Missing, shown


def own(folder: Path) -> Reader:
    """One's own: COCO, LabelMe, YOLO or VOC files, images and masks, a sheet of questions, shards or parquet.

    Raises Missing where nothing of these lies in the folder, BadInput where two of them do.
    """
    if folder.is_file():
        return _of_file(folder)
    if not folder.is_dir():
        raise Missing(f"there is no folder {shown(folder)}")
    for fits, opened in _FOLDERS:
        if fits(folder):
            return opened(folder)
    sheets = [*sorted(folder.glob("*.csv")), *sorted(folder.glob("*.jsonl"))]
    jsons = [*sorted(folder.glob("*.json")), *sorted((folder / "annotations").glob("*.json"))]
    if len(sheets) == 1 and not jsons:
        return Sheet(sheets[0])
    if jsons:
        return _of_json(jsons, folder)
    if shards := sorted(folder.glob("*.tar")):
        return Shards(shards)
    if next(folder.rglob("*.parquet"), None) is not None:
        return Table(folder)
    raise Missing(f"{shown(folder)} holds no layout that is known: {LAYOUTS}")


LAYOUTS = (
    "one JSON in COCO's form, LabelMe's beside each picture, YOLO's data.yaml, JPEGImages and SegmentationClass, "
    "images and masks, ReasonSeg's train/, one .csv or .jsonl of questions, .tar shards, or .parquet"
)
"""What `own` looks for."""

_FOLDERS: tuple[tuple[Callable[[Path], bool], Callable[[Path], Reader]], ...] = (
    (yolo.is_yolo, lambda folder: Instances("own", folder, folder / "images", data=yolo.as_coco(folder))),
    (folders.is_voc, folders.voc),
    (lambda folder: (folder / "images").is_dir() and (folder / "masks").is_dir(), folders.masks),
    (is_reasonseg, lambda folder: ReasonSeg(folder, "train")),
)


def _of_file(path: Path) -> Reader:
    kind = path.suffix.lower()
    if kind in (".csv", ".jsonl"):
        return Sheet(path)
    if kind == ".tar":
        return Shards([path])
    if kind == ".json":
        return _of_json([path], path.parent)
    raise BadInput(f"{shown(path)} is neither .json, .csv, .jsonl nor .tar")


def _of_json(files: list[Path], folder: Path) -> Reader:
    first: Any = read_annotations(files[0])
    if labelme.is_labelme(first):
        return Instances("own", folder, folder, data=labelme.as_coco(files, folder))
    if len(files) != 1:
        found = f"{shown(folder)} holds {len(files)} JSON files"
        raise Missing(f"{found}: put one in COCO's form there, or one of LabelMe's beside each picture")
    pictures = folder / "images" if (folder / "images").is_dir() else folder
    if panoptic.is_panoptic(first):
        return Panoptic("own", files[0], pictures, files[0].with_suffix(""), data=first)
    return Instances("own", files[0], pictures, data=first)


def added(file: Path) -> Reader:
    """A dataset that `lisa data add` noted: `path` in a YAML file, a folder, a file, or "hub:ID".

    Raises BadInput where the note is broken, and what its layout raises.
    """
    note = read_yaml(file)
    path = note.get("path") if isinstance(note, dict) else None
    if not isinstance(path, str):
        raise BadInput(f"{shown(file)} has to say where the data lies, as in  path: /data/mine")
    if path.startswith("hub:"):
        return Table(path.removeprefix("hub:"))
    return own(file.parent / path)
