"""One's own pictures, in whatever layout they are: what lies in the folder decides.

one JSON in COCO's form, instances or panoptic      in images/, train2017/ … or beside it; panoptic maps in a folder
                                                    named like it; also Roboflow's train/_annotations.coco.json
LabelMe's JSON beside each picture                  YOLO's data.yaml with images/ and labels/, or these in train/
JPEGImages/ and SegmentationClass/                  images/ and masks/
ReasonSeg's train/ of pictures with a JSON beside each, also in reason_seg/ReasonSeg, where `lisa data annotate` writes
one sheet of questions, .csv or .jsonl              WebDataset's .tar, or .parquet
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from lisa.data import folders, labelme, panoptic, yolo
from lisa.data.base import Reader
from lisa.data.files import packed, read_annotations, read_yaml
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

ROBOFLOW = "train/_annotations.coco.json"
"""Where Roboflow puts COCO's form, beside the pictures."""
_SOUGHT = 20
"""Pictures that are looked for in a folder before it is given up."""

_ANNOTATED = Path("reason_seg") / "ReasonSeg"

_FOLDERS: tuple[tuple[Callable[[Path], bool], Callable[[Path], Reader]], ...] = (
    (lambda folder: is_reasonseg(folder / _ANNOTATED), lambda folder: ReasonSeg(folder / _ANNOTATED, "train")),
    (yolo.is_yolo, lambda folder: Instances("own", folder, folder, data=yolo.as_coco(folder))),
    (folders.is_voc, folders.voc),
    (lambda folder: (folder / "images").is_dir() and (folder / "masks").is_dir(), folders.masks),
    (lambda folder: (folder / ROBOFLOW).is_file(), lambda folder: _of_file(folder / ROBOFLOW)),
    (is_reasonseg, lambda folder: ReasonSeg(folder, "train")),
)


def _of_file(path: Path) -> Reader:
    kind = path.suffix.lower()
    if kind in (".csv", ".jsonl"):
        return Sheet(path)
    if kind == ".tar":
        return Shards([path])
    if kind == ".parquet":
        return Table(path)
    if kind == ".json":
        return _of_json([path], path.parent.parent if path.parent.name == "annotations" else path.parent)
    raise BadInput(f"{shown(path)} is neither .json, .csv, .jsonl, .tar nor .parquet")


def _of_json(files: list[Path], folder: Path) -> Reader:
    first: Any = read_annotations(files[0], each=packed)
    if labelme.is_labelme(first):
        return _with_pictures(labelme.LabelMe(files, folder), files[0], [folder])
    if len(files) != 1:
        found = f"{shown(folder)} holds {len(files)} JSON files"
        raise Missing(f"{found}: name the one in COCO's form, or put one of LabelMe's beside each picture")
    (file,) = files
    if panoptic.is_panoptic(first):
        reader = Panoptic("own", file, folder, file.with_suffix(""), data=first)
    else:
        reader = Instances("own", file, folder, data=first)
    return _with_pictures(reader, file, _homes(file, folder))


def _homes(file: Path, folder: Path) -> list[Path]:
    """Folders that a file's pictures may lie in: images, one called as its name ends ("train2017"), or beside it."""
    _, mark, split = file.stem.rpartition("_")
    places = ("images", *((f"images/{split}", split) if mark else ()), "")
    return [home / place for home in dict.fromkeys((folder, file.parent)) for place in places]


def _with_pictures(reader: Instances | Panoptic, file: Path, homes: list[Path]) -> Reader:
    """The dataset with its pictures in the first folder that has any of the first ones. Raises Missing."""
    for home in homes:
        reader.pictures = home
        if any(_has(reader, index) for index in range(min(len(reader), _SOUGHT))):
            return reader
    reader.pictures = Path()
    looked = ", ".join(shown(home) for home in homes if home.is_dir())
    raise Missing(f"{shown(file)} names {shown(reader.picture(0))}, which is not in {looked}: put its pictures there")


def _has(reader: Instances | Panoptic, index: int) -> bool:
    try:
        return reader.picture(index).is_file()
    except BadInput:  # a bad name is told when it is drawn
        return False


def added(file: Path) -> Reader:
    """A dataset that `lisa data add` noted.

    Raises BadInput where the note is broken, and what its layout raises.
    """
    place = place_of(file)
    return Table(place.removeprefix("hub:")) if place.startswith("hub:") else own(file.parent / place)


def place_of(file: Path) -> str:
    """Where a noted dataset lies: `path` in a YAML file, a folder, a file, or "hub:ID". Raises BadInput for others."""
    note = read_yaml(file)
    path = note.get("path") if isinstance(note, dict) else None
    if not isinstance(path, str):
        raise BadInput(f"{shown(file)} has to say where the data lies, as in  path: /data/mine")
    return path
