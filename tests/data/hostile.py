"""Annotation files made to break readers, by seed: cut off, absurd, lying, malicious. Each comes with its reader."""

from __future__ import annotations

import io
import json
import pickle
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image

from lisa.data.base import Reader
from lisa.data.llava import LlavaChat
from lisa.data.own import own
from lisa.data.reasonseg import ReasonSeg
from lisa.data.refer import Refer

SIZE = (24, 32)


@dataclass(frozen=True)
class Case:
    """A dataset that cannot be right, and what opens it."""

    name: str
    folder: Path
    opened: Callable[[], Reader]


ABSURD: tuple[Any, ...] = (
    None, True, "", "x", -1, 0, 1e308, -1e308, float("nan"), float("inf"), [], {}, [[]], [None], {"a": {}}, "../../etc",
    "a\x00b", [1e9] * 6, "9" * 400, 2**70,
)  # fmt: skip


class Trap:
    """What a malicious pickle would run."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.marker,)


def cases(home: Path, count: int, seed: int) -> Iterator[Case]:
    """`count` of them, each in a folder of its own."""
    makers = (_coco, _labelme, _yolo, _sheet, _shard, _reasonseg, _refer, _llava, _panoptic)
    for i in range(count):
        rng = np.random.default_rng([seed, i])
        folder = home / f"{i:04d}"
        folder.mkdir(parents=True)
        make = makers[i % len(makers)]
        yield Case(f"{i} {make.__name__}", folder, make(folder, rng))


def picture(folder: Path, name: str = "a.jpg") -> None:
    """A sound one."""
    folder.mkdir(parents=True, exist_ok=True)
    PIL.Image.new("RGB", (SIZE[1], SIZE[0]), (90, 120, 60)).save(folder / name)


def _broken(data: Any, rng: np.random.Generator) -> bytes:
    """A JSON file with one value changed to something absurd, or cut off, or of another kind altogether."""
    way = rng.integers(10)
    text = json.dumps(data).encode()
    if way == 0:
        return text[: int(rng.integers(1, len(text)))]
    if way == 1:
        return bytes(rng.integers(0, 256, 200, np.uint8))
    if way == 2:
        return b"[" * 100_000
    if way == 3:
        return json.dumps(ABSURD[int(rng.integers(len(ABSURD)))]).encode()
    changed = json.loads(text)
    places = list(_places(changed))
    holder, key = places[int(rng.integers(len(places)))]
    if way == 4:
        del holder[key]
    else:
        holder[key] = ABSURD[int(rng.integers(len(ABSURD)))]
    return json.dumps(changed).encode()


def _places(data: Any) -> Iterator[tuple[Any, Any]]:
    pairs = list(data.items()) if isinstance(data, dict) else list(enumerate(data)) if isinstance(data, list) else []
    for key, value in pairs:
        yield data, key
        yield from _places(value)


def _coco(folder: Path, rng: np.random.Generator) -> Callable[[], Reader]:
    picture(folder / "images")
    outline = [[2, 2, 20, 2, 20, 20, 2, 20]]
    if rng.random() < 0.2:  # the edge crosses itself
        outline = [[2, 2, 20, 20, 20, 2, 2, 20]]
    data = {
        "images": [{"id": 1, "file_name": "a.jpg", "height": SIZE[0], "width": SIZE[1]}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "segmentation": outline}],
    }
    (folder / "set.json").write_bytes(_broken(data, rng))
    return lambda: own(folder)


def _panoptic(folder: Path, rng: np.random.Generator) -> Callable[[], Reader]:
    picture(folder / "images")
    PIL.Image.new("RGB", (SIZE[1], SIZE[0]), (7, 0, 0)).save(folder / "a.png")
    (folder / "set").mkdir()
    (folder / "a.png").rename(folder / "set" / "a.png")
    data = {
        "images": [{"id": 1, "file_name": "a.jpg"}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [{"image_id": 1, "file_name": "a.png", "segments_info": [{"id": 7, "category_id": 1}]}],
    }
    (folder / "set.json").write_bytes(_broken(data, rng))
    return lambda: own(folder)


def _labelme(folder: Path, rng: np.random.Generator) -> Callable[[], Reader]:
    picture(folder)
    shape = {"label": "cat", "points": [[2, 2], [20, 2], [20, 20]], "shape_type": "polygon", "group_id": None}
    data = {"imagePath": "a.jpg", "imageHeight": SIZE[0], "imageWidth": SIZE[1], "shapes": [shape]}
    (folder / "a.json").write_bytes(_broken(data, rng))
    return lambda: own(folder)


def _yolo(folder: Path, rng: np.random.Generator) -> Callable[[], Reader]:
    picture(folder / "images")
    (folder / "labels").mkdir()
    settings = ["names: [cat]", "names: {0: cat}", "names: 5", "names: !!python/object/apply:os.system [id]", "{", ""]
    (folder / "data.yaml").write_text(settings[int(rng.integers(len(settings)))])
    words = [str(ABSURD[int(rng.integers(len(ABSURD)))]) for _ in range(int(rng.integers(1, 9)))]
    (folder / "labels" / "a.txt").write_text(" ".join(["0", *words]), encoding="utf-8")
    return lambda: own(folder)


def _sheet(folder: Path, rng: np.random.Generator) -> Callable[[], Reader]:
    picture(folder)
    row = {"image": "a.jpg", "instruction": "Where is the cat?", "polygon": [[2, 2], [20, 2], [20, 20]]}
    if rng.random() < 0.3:
        lines = [",".join(row), ",".join(str(ABSURD[int(rng.integers(len(ABSURD)))]) for _ in row)]
        (folder / "set.csv").write_text("\n".join(lines), encoding="utf-8")
    else:
        (folder / "set.jsonl").write_bytes(_broken(row, rng))
    return lambda: own(folder)


def _shard(folder: Path, rng: np.random.Generator) -> Callable[[], Reader]:
    picture(folder / "pictures")
    image = (folder / "pictures" / "a.jpg").read_bytes()
    names = ["a", "../../a", "/etc/a", "a/../../b"]
    key = names[int(rng.integers(len(names)))]
    row = {"instruction": "Where is the cat?", "box": [2, 2, 20, 20]}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as shard:
        for extension, data in {"jpg": image, "json": _broken(row, rng)}.items():
            entry = tarfile.TarInfo(f"{key}.{extension}")
            entry.size = len(data)
            shard.addfile(entry, io.BytesIO(data))
        link = tarfile.TarInfo("link.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        shard.addfile(link)
    raw = buffer.getvalue()
    (folder / "0.tar").write_bytes(raw[: int(rng.integers(1, len(raw)))] if rng.random() < 0.3 else raw)
    return lambda: own(folder)


def _reasonseg(folder: Path, rng: np.random.Generator) -> Callable[[], Reader]:
    picture(folder / "train")
    shape = {"label": "target", "points": [[2, 2], [20, 2], [20, 20]]}
    data = {"text": ["the cat"], "is_sentence": False, "shapes": [shape]}
    (folder / "train" / "a.json").write_bytes(_broken(data, rng))
    if rng.random() < 0.3:
        (folder / "explanatory").mkdir()
        told = [{"image": "a.jpg", "query": "q", "outputs": "It is a cat."}]
        (folder / "explanatory" / "train.json").write_bytes(_broken(told, rng))
    return lambda: ReasonSeg(folder, "train")


def _refer(folder: Path, rng: np.random.Generator) -> Callable[[], Reader]:
    picture(folder / "images" / "mscoco" / "images" / "train2014")
    home = folder / "refcoco"
    home.mkdir()
    instances = {
        "images": [{"id": 1, "file_name": "a.jpg", "height": SIZE[0], "width": SIZE[1]}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "segmentation": [[2, 2, 20, 2, 20, 20]]}],
    }
    refs: Any = [{"image_id": 1, "ann_id": 1, "split": "train", "sentences": [{"sent": "the cat"}]}]
    way = int(rng.integers(5))
    if way == 0:
        refs = Trap(folder / "ran")
    elif way == 1:
        refs = [refs]
        refs.append(refs)
    elif way > 2:
        refs[0]["image_id" if way == 3 else "ann_id"] = ABSURD[int(rng.integers(len(ABSURD)))]
    raw = pickle.dumps(refs)
    (home / "refs(unc).p").write_bytes(raw[: int(rng.integers(1, len(raw)))] if way == 2 else raw)
    text = json.dumps(instances).encode() if rng.random() < 0.5 else _broken(instances, rng)
    (home / "instances.json").write_bytes(text)
    return lambda: Refer(folder, "refcoco", "train")


def _llava(folder: Path, rng: np.random.Generator) -> Callable[[], Reader]:
    picture(folder)
    said = [{"from": "human", "value": "<image>\nWhat is it?"}, {"from": "gpt", "value": "A cat."}]
    (folder / "chat.json").write_bytes(_broken([{"id": "1", "image": "a.jpg", "conversations": said}], rng))
    return lambda: LlavaChat(folder / "chat.json", folder)
