"""One's own data in every layout: the same two pictures, written each way, give the same masks."""

from __future__ import annotations

import base64
import csv
import importlib.util
import io
import json
import shutil
import sys
import tarfile
import weakref
from collections.abc import Callable
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from lisa import registry
from lisa.cli import main
from lisa.data.check import check
from lisa.data.convert import convert
from lisa.data.datasets import open_dataset, open_training
from lisa.data.files import decode_segmentation
from lisa.data.outlines import outlines_of
from lisa.data.own import own
from lisa.data.show import stats
from lisa.errors import BadInput, LisaError, Missing
from lisa.images import open_image, picture_size
from lisa.types import Sample, Turn

SIZE = (40, 60)
BOXES = {"a": (5, 5, 25, 20), "b": (30, 10, 50, 35)}
"""Picture → x0, y0, x1, y1 of the one thing in it: a cat in a, a dog in b."""
CLASS = {"a": "cat", "b": "dog"}


def truth(name: str) -> np.ndarray:
    mask = np.zeros(SIZE, bool)
    x0, y0, x1, y1 = BOXES[name]
    mask[y0:y1, x0:x1] = True
    return mask


def corners(name: str) -> list[list[float]]:
    x0, y0, x1, y1 = BOXES[name]
    return [[x0, y0], [x1, y0], [x1, y1], [x0, y1]]


def pictures(folder: Path) -> None:
    folder.mkdir(parents=True)
    for i, name in enumerate(BOXES):
        PIL.Image.new("RGB", (SIZE[1], SIZE[0]), (90 * i, 120, 60)).save(folder / f"{name}.png")


def write_coco(home: Path) -> None:
    pictures(home / "images")
    rows = [
        {"id": i, "image_id": i, "category_id": i + 1, "segmentation": [[x for corner in corners(n) for x in corner]]}
        for i, n in enumerate(BOXES)
    ]
    images = [{"id": i, "file_name": f"{n}.png", "height": SIZE[0], "width": SIZE[1]} for i, n in enumerate(BOXES)]
    classes = [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]
    (home / "set.json").write_text(json.dumps({"images": images, "annotations": rows, "categories": classes}))


def write_coco_2017(home: Path) -> None:
    """As COCO itself is unpacked."""
    write_coco(home)
    (home / "annotations").mkdir()
    (home / "set.json").rename(home / "annotations" / "instances_train2017.json")
    (home / "images").rename(home / "train2017")


def write_coco_of_roboflow(home: Path) -> None:
    for part in ("train", "valid"):
        write_coco(home / part)
        for picture in (home / part / "images").iterdir():
            picture.rename(home / part / picture.name)
        (home / part / "images").rmdir()
        data = json.loads((home / part / "set.json").read_text())
        (home / part / "set.json").unlink()
        data["categories"] = [
            {"id": 0, "name": "pets", "supercategory": "none"},
            *(c | {"supercategory": "pets"} for c in data["categories"]),
        ]
        (home / part / "_annotations.coco.json").write_text(json.dumps({"info": {}, "licenses": [], **data}))
    (home / "README.roboflow.txt").write_text("pets")


def write_panoptic(home: Path) -> None:
    pictures(home / "images")
    (home / "set").mkdir()
    rows = []
    for i, name in enumerate(BOXES):
        number = 70_000 + i
        colours = truth(name)[..., None] * np.array([number % 256, number // 256 % 256, number // 65536])
        PIL.Image.fromarray(colours.astype(np.uint8)).save(home / "set" / f"{name}.png")
        rows.append(
            {"image_id": i, "file_name": f"{name}.png", "segments_info": [{"id": number, "category_id": i + 1}]}
        )
    images = [{"id": i, "file_name": f"{n}.png"} for i, n in enumerate(BOXES)]
    classes = [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]
    (home / "set.json").write_text(json.dumps({"images": images, "annotations": rows, "categories": classes}))


def write_panoptic_beside_pictures(home: Path) -> None:
    write_panoptic(home)
    for name in BOXES:
        (home / "images" / f"{name}.png").rename(home / f"{name}.png")
    (home / "images").rmdir()


def write_labelme(home: Path) -> None:
    pictures(home)
    for name in BOXES:
        shape = {"label": CLASS[name], "points": corners(name), "shape_type": "polygon"}
        record = {"imagePath": f"{name}.png", "imageHeight": SIZE[0], "imageWidth": SIZE[1], "shapes": [shape]}
        (home / f"{name}.json").write_text(json.dumps(record))


def write_labelme_masks(home: Path) -> None:
    """As LabelMe 5.3 and later writes what a model outlined, beside shapes that have no area."""
    pictures(home / "images")
    (home / "notes").mkdir()
    for name, (x0, y0, x1, y1) in BOXES.items():
        png = io.BytesIO()
        half = np.ones((y1 - y0, x1 - x0), np.uint8)
        half[:, 9:] = 0
        PIL.Image.fromarray(half).save(png, "PNG")
        about = {"label": CLASS[name], "group_id": 1, "description": "", "flags": {}, "mask": None}
        shapes = [
            about | {"points": [[x0, y0], [x1 - 1, y1 - 1]], "shape_type": "mask"}
            | {"mask": base64.b64encode(png.getvalue()).decode()},
            about | {"points": [[x0 + 9, y0], [x1, y1]], "shape_type": "rectangle"},
            about | {"points": [[x0, y0]], "shape_type": "point"},
            about | {"points": [[x0, y0], [x1, y1]], "shape_type": "line"},
        ]  # fmt: skip
        record = {"version": "5.5.0", "flags": {}, "shapes": shapes, "imagePath": f"..\\images\\{name}.png"}
        record |= {"imageData": None, "imageHeight": None, "imageWidth": None}
        (home / "notes" / f"{name}.json").write_text(json.dumps(record))
    (home / "notes").rename(home / "annotations")


def write_yolo(home: Path) -> None:
    pictures(home / "images" / "train")
    (home / "labels" / "train").mkdir(parents=True)
    (home / "data.yaml").write_text("train: images/train\nnames: [cat, dog]\n")
    for i, name in enumerate(BOXES):
        shares = " ".join(f"{x / SIZE[1]:.6f} {y / SIZE[0]:.6f}" for x, y in corners(name))
        (home / "labels" / "train" / f"{name}.txt").write_text(f"{i} {shares}\n")


def write_yolo_of_roboflow(home: Path) -> None:
    write_yolo(home)
    for kind in ("images", "labels"):
        for part in ("train", "valid"):
            (home / part).mkdir(exist_ok=True)
            shutil.copytree(home / kind / "train", home / part / kind)
        shutil.rmtree(home / kind)
    (home / "data.yaml").write_text(
        "train: ../train/images\nval: ../valid/images\ntest: ../test/images\n\nnc: 2\nnames: ['cat', 'dog']\n\n"
        "roboflow:\n  workspace: x\n  project: pets\n  version: 1\n  license: CC BY 4.0\n"
    )
    (home / "valid" / "labels" / "a.txt").write_text("not to be read")


def write_yolo_of_cvat(home: Path) -> None:
    write_yolo(home)
    (home / "data.yaml").write_text("names:\n  0: cat\n  1: dog\npath: .\ntrain: train.txt\n")
    (home / "train.txt").write_text("images/train/a.png\nimages/train/b.png\n")
    PIL.Image.new("RGB", (9, 9)).save(home / "images" / "train" / "not listed.png")


def write_voc(home: Path) -> None:
    pictures(home / "JPEGImages")
    (home / "SegmentationClass").mkdir()
    for name in BOXES:
        numbers = truth(name).astype(np.uint8) * {"cat": 8, "dog": 12}[CLASS[name]]
        PIL.Image.fromarray(numbers).save(home / "SegmentationClass" / f"{name}.png")


def write_voc_with_splits(home: Path) -> None:
    write_voc(home)
    (home / "ImageSets" / "Segmentation").mkdir(parents=True)
    for part, names in (("train", "a\nb\n"), ("val", "c\n"), ("trainval", "a\nb\nc\n")):
        (home / "ImageSets" / "Segmentation" / f"{part}.txt").write_text(names)
    for folder in ("JPEGImages", "SegmentationClass"):
        shutil.copy(home / folder / "a.png", home / folder / "c.png")


def write_voc_colours(home: Path) -> None:
    pictures(home / "JPEGImages")
    (home / "SegmentationClass").mkdir()
    (home / "labelmap.txt").write_text("# label:color\nbackground:0,0,0::\ncat:200,10,0::\ndog:0,0,90::\n")
    for name in BOXES:
        colour = np.array({"cat": [200, 10, 0], "dog": [0, 0, 90]}[CLASS[name]], np.uint8)
        PIL.Image.fromarray(truth(name)[..., None] * colour).save(home / "SegmentationClass" / f"{name}.png")


def write_masks(home: Path) -> None:
    pictures(home / "images")
    (home / "masks").mkdir()
    (home / "classes.txt").write_text("cat\ndog\n")
    for i, name in enumerate(BOXES):
        PIL.Image.fromarray(truth(name).astype(np.uint8) * (i + 1)).save(home / "masks" / f"{name}.png")


def write_class_folders(home: Path) -> None:
    pictures(home / "images")
    for name in BOXES:
        (home / "masks" / CLASS[name]).mkdir(parents=True)
        PIL.Image.fromarray(truth(name)).save(home / "masks" / CLASS[name] / f"{name}.png")


def write_palette_masks(home: Path) -> None:
    """White on the thing, and white is the first colour."""
    write_class_folders(home)
    for name in BOXES:
        mask = PIL.Image.fromarray((~truth(name)).astype(np.uint8), "P")
        mask.putpalette([255, 255, 255, 0, 0, 0])
        mask.save(home / "masks" / CLASS[name] / f"{name}.png")


def rows(home: Path) -> list[dict]:
    """One row for each picture, their masks in two of the four forms."""
    rle = coco_mask.encode(np.asfortranarray(truth("a").astype(np.uint8)))
    return [
        {"image": "a.png", "instruction": "Where is the cat?", "rle": {**rle, "counts": rle["counts"].decode()}},
        {"image": "b.png", "instruction": "Who barks? (dog)", "box": list(BOXES["b"]), "explanation": "A dog barks."},
    ]


def write_jsonl(home: Path) -> None:
    pictures(home)
    (home / "set.jsonl").write_text("\n".join(json.dumps(r) for r in rows(home)) + "\n")


def write_csv(home: Path) -> None:
    pictures(home)
    mask = PIL.Image.fromarray((~truth("a")).astype(np.uint8), "P")
    mask.putpalette([255, 255, 255, 0, 0, 0])
    mask.save(home / "a.mask.png")
    with (home / "set.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["image", "instruction", "mask", "polygon"])
        writer.writeheader()
        writer.writerow({"image": "a.png", "instruction": "Where, then, is the cat?", "mask": "a.mask.png"})
        writer.writerow({"image": "b.png", "instruction": "the dog", "polygon": json.dumps(corners("b"))})


def write_shards(home: Path) -> None:
    pictures(home / "pictures")
    with tarfile.open(home / "0000.tar", "w") as shard:
        for name in BOXES:
            buffer = io.BytesIO()
            PIL.Image.fromarray(truth(name)).save(buffer, "PNG")
            files = {
                "jpg": (home / "pictures" / f"{name}.png").read_bytes(),  # named as it may be; the bytes decide
                "png": buffer.getvalue(),
                "json": json.dumps({"instruction": f"Find the {CLASS[name]}."}).encode(),
            }
            for extension, data in files.items():
                entry = tarfile.TarInfo(f"{name}.{extension}")
                entry.size = len(data)
                shard.addfile(entry, io.BytesIO(data))


LAYOUTS: dict[str, Callable[[Path], None]] = {
    "coco": write_coco, "coco 2017": write_coco_2017, "coco of roboflow": write_coco_of_roboflow,
    "panoptic": write_panoptic, "panoptic beside pictures": write_panoptic_beside_pictures,
    "labelme": write_labelme, "labelme masks": write_labelme_masks,
    "yolo": write_yolo, "yolo of roboflow": write_yolo_of_roboflow, "yolo of cvat": write_yolo_of_cvat,
    "voc": write_voc, "voc with splits": write_voc_with_splits, "voc in colours": write_voc_colours,
    "masks": write_masks, "class folders": write_class_folders, "palette masks": write_palette_masks,
    "jsonl": write_jsonl, "csv": write_csv, "shards": write_shards,
}  # fmt: skip


def drawn(folder: Path) -> dict[str, Sample]:
    reader = own(folder)
    found = {}
    for i in range(len(reader)):
        (sample,) = reader.draw(i, np.random.default_rng(i))
        (turn,) = sample.turns
        found["a" if "cat" in turn.instruction else "b"] = sample
        assert turn.answer is not None and turn.answer.count("[SEG]") == 1
    return found


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_masks(tmp_path, layout):
    LAYOUTS[layout](tmp_path / "set")
    found = drawn(tmp_path / "set")
    assert found.keys() == BOXES.keys()
    for name, sample in found.items():
        assert np.array_equal(sample.turns[0].targets[0].mask, truth(name)) and np.ptp(sample.image, (0, 1)).max() == 0
        assert ("cat" if name == "a" else "dog") in sample.turns[0].instruction


@pytest.mark.skipif(importlib.util.find_spec("datasets") is None, reason="needs lisa-seg[data]")
def test_parquet_gives_the_same_masks(tmp_path):
    import datasets

    pictures(tmp_path / "table")
    masks = [PIL.Image.fromarray(truth(name)) for name in BOXES]
    columns = {
        "image": [PIL.Image.open(tmp_path / "table" / f"{name}.png") for name in BOXES],
        "mask": masks,
        "instruction": [f"the {CLASS[name]}" for name in BOXES],
    }
    table = datasets.Dataset.from_dict(columns)
    table.to_parquet(tmp_path / "table" / "0.parquet")
    found = drawn(tmp_path / "table")
    assert all(np.array_equal(found[n].turns[0].targets[0].mask, truth(n)) for n in BOXES)


@pytest.mark.skipif(importlib.util.find_spec("datasets") is None, reason="needs lisa-seg[data]")
def test_a_row_of_a_table_may_have_no_mask(tmp_path):
    import datasets

    pictures(tmp_path / "table")
    columns = {
        "image": [str(tmp_path / "table" / f"{name}.png") for name in BOXES],
        "mask": [None, PIL.Image.fromarray(truth("b"))],
        "instruction": ["the zebra", "the dog"],
    }
    kinds = {"image": datasets.Image(), "mask": datasets.Image(), "instruction": datasets.Value("string")}
    datasets.Dataset.from_dict(columns, datasets.Features(kinds)).to_parquet(tmp_path / "table" / "0.parquet")
    reader = own(tmp_path / "table")
    turns = {s.turns[0].instruction: s.turns[0] for i in range(2) for s in reader.draw(i, np.random.default_rng(0))}
    assert not turns["the zebra"].targets and np.array_equal(turns["the dog"].targets[0].mask, truth("b"))


def test_a_table_that_fails_without_a_word_is_named(tmp_path, monkeypatch):
    def load_dataset(*given: object, **options: object) -> None:
        raise RuntimeError

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))
    (tmp_path / "0.parquet").touch()
    with pytest.raises(BadInput, match="cannot be read as a table: RuntimeError"):
        own(tmp_path)


def lisa(*arguments: str) -> int:
    with pytest.raises(SystemExit) as end:
        main(list(arguments))
    return int(end.value.code or 0)


def test_added_data_is_known_by_its_name(tmp_path, capsys):
    write_yolo(tmp_path / "set")
    data = tmp_path / "data"
    assert lisa("data", "add", "pets", str(tmp_path / "set"), "--data", str(data)) == 0
    assert "2 pictures" in capsys.readouterr().out
    assert lisa("data", "check", "pets", "--data", str(data)) == 0
    assert len(open_training("pets", 1.0, folder=data)[0].dataset) == 2
    asked = open_dataset("pets", folder=data, split=None, seed=1, limit=None)
    assert [s.turns[0].targets[0].mask.sum() for s in asked] == [truth(n).sum() for n in BOXES]
    assert lisa("data", "add", "pets", str(tmp_path / "set"), "--data", str(data)) == 2
    for taken in ("coco", "people", "reason-val"):
        assert lisa("data", "add", taken, str(tmp_path / "set"), "--data", str(data)) == 2
    assert lisa("data", "add", "../out", str(tmp_path / "set"), "--data", str(data)) == 2
    assert lisa("data", "add", "nothing", str(tmp_path / "none"), "--data", str(data)) == 2
    assert sorted(p.name for p in data.iterdir()) == ["pets.yaml"]


def test_the_list_names_what_was_added(tmp_path, capsys):
    (tmp_path / "mine.yaml").write_text("path: /somewhere/else\n", encoding="utf-8")
    (tmp_path / "broken.yaml").write_text("path: [\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="0"):
        main(["data", "list", "--data", str(tmp_path)])
    lines = [line for line in capsys.readouterr().out.splitlines() if "your own" in line]
    assert [line.split()[0] for line in lines] == ["broken", "mine"]
    assert "/somewhere/else" in lines[1] and "broken.yaml" in lines[0]


def test_what_another_package_brings_is_evaluated_by_its_name(tmp_path, monkeypatch):
    LAYOUTS["yolo"](tmp_path / "files")
    brought = EntryPoint(name="mine", value="lisa.data.own:own", group="lisa.datasets")
    monkeypatch.setattr(registry, "entry_points", lambda **asked: EntryPoints([brought]).select(**asked))
    asked = open_dataset("mine", folder=tmp_path / "files", split=None, seed=0, limit=None)
    assert [turn.instruction for sample in asked for turn in sample.turns if "cat" in turn.instruction]
    with pytest.raises(BadInput, match=r"no dataset is called 'mind'.*mine"):
        open_dataset("mind", folder=tmp_path, split=None, seed=0, limit=None)


def test_shapes_without_an_area_are_told_of(tmp_path, capsys):
    write_labelme_masks(tmp_path / "set")
    assert lisa("data", "check", "own", "--data", str(tmp_path / "set")) == 0
    said = capsys.readouterr().out
    assert "2 × shape of type 'point', which has no area: left out" in said and "nothing wrong" in said


@pytest.mark.parametrize(
    "change",
    [
        {"points": [[1]]}, {"points": "x"}, {"points": None}, {"shape_type": "circle"}, {"shape_type": "mask"},
        {"shape_type": "mask", "mask": "AAAA"}, {"shape_type": "mask", "mask": 5},
    ],
)  # fmt: skip
def test_a_wrong_shape_of_labelme_is_named(tmp_path, change):
    write_labelme(tmp_path / "set")
    record = json.loads((tmp_path / "set" / "b.json").read_text())
    record["shapes"][0] |= change
    (tmp_path / "set" / "b.json").write_text(json.dumps(record))
    with pytest.raises(BadInput, match=r"b\.json', shape 0 needs a label and points that fit its type \("):
        own(tmp_path / "set")


def test_a_mask_of_labelme_may_reach_over_the_edge(tmp_path):
    pictures(tmp_path / "set")
    png = io.BytesIO()
    PIL.Image.fromarray(np.ones((10, 12), np.uint8)).save(png, "PNG")
    places = {"upper left": (-4, -3), "lower right": (55, 35), "far away": (500, 500)}
    shapes = [
        {"label": label, "points": [[x, y], [x + 11, y + 9]], "shape_type": "mask"}
        | {"mask": base64.b64encode(png.getvalue()).decode()}
        for label, (x, y) in places.items()
    ]
    record = {"imagePath": "a.png", "imageHeight": SIZE[0], "imageWidth": SIZE[1], "shapes": shapes}
    (tmp_path / "set" / "a.json").write_text(json.dumps(record))
    things = dict(own(tmp_path / "set").things(0))
    assert {k: int(m.sum()) for k, m in things.items()} == {"upper left": 8 * 7, "lower right": 25, "far away": 0}
    assert things["upper left"][:7, :8].all() and things["lower right"][35:, 55:].all()


@pytest.mark.parametrize(
    ("written", "file"),
    [(write_coco_2017, "annotations/instances_train2017.json"), (write_coco, "set.json"),
     (write_coco_of_roboflow, "valid/_annotations.coco.json"), (write_panoptic, "set.json")],
)  # fmt: skip
def test_a_file_is_added_where_its_pictures_can_be_found(tmp_path, capsys, written, file):
    written(tmp_path / "set")
    data = tmp_path / "data"
    assert lisa("data", "add", "pets", str(tmp_path / "set" / file), "--data", str(data)) == 0
    assert lisa("data", "check", "pets", "--data", str(data)) == 0
    for picture in (tmp_path / "set").rglob("[ab].png"):
        picture.unlink()
    capsys.readouterr()
    assert lisa("data", "add", "others", str(tmp_path / "set" / file), "--data", str(data)) == 2
    said = capsys.readouterr().err
    assert "names 'a.png', which is not in '" in said and not (data / "others.yaml").exists()


@pytest.mark.parametrize("said", ["train: ../elsewhere/images", "train: /none", "path: ..\ntrain: elsewhere/images"])
def test_yolo_stays_in_its_folder(tmp_path, said):
    write_yolo(tmp_path / "elsewhere")
    write_yolo(tmp_path / "set")
    (tmp_path / "set" / "images" / "train").rename(tmp_path / "set" / "images" / "other")
    (tmp_path / "set" / "data.yaml").write_text(f"{said}\nnames: [cat, dog]\n")
    with pytest.raises(Missing, match=r"data\.yaml' says train: .*, which is not in"):
        own(tmp_path / "set")
    (tmp_path / "set" / "images" / "other").rename(tmp_path / "set" / "images" / "train")
    assert all(str(p).startswith(str(tmp_path / "set")) for p in map(own(tmp_path / "set").picture, range(2)))


@pytest.mark.parametrize(("what", "write"), [("images", write_coco), ("images", write_panoptic)])
def test_files_that_were_put_together_without_new_numbers_are_named(tmp_path, what, write):
    write(tmp_path / "set")
    file = tmp_path / "set" / "set.json"
    data = json.loads(file.read_text())
    data[what].append({**data[what][0], "file_name": "b.png"})
    file.write_text(json.dumps(data))
    with pytest.raises(BadInput, match=f"several {what} with the id"):
        own(tmp_path / "set")


def test_a_comma_outside_of_quotes_is_named(tmp_path):
    pictures(tmp_path / "set")
    (tmp_path / "set" / "set.csv").write_text("image,instruction\na.png,Where is the dog, the brown one?\n")
    with pytest.raises(BadInput, match="row 2 has more cells"):
        own(tmp_path / "set")


def test_masks_of_another_size_are_not_converted(tmp_path):
    write_class_folders(tmp_path / "set")
    for mask in (tmp_path / "set" / "masks").rglob("*.png"):
        PIL.Image.open(mask).resize((30, 20)).save(mask)
    with pytest.raises(BadInput, match="is 60 × 40, its masks are 30 × 20"):
        convert(own(tmp_path / "set"), "coco", tmp_path / "out")


def test_a_sheet_may_ask_for_what_is_not_there(tmp_path):
    pictures(tmp_path / "set")
    lines = [
        {"image": "a.png", "instruction": "Where is the zebra?"},
        {"image": "b.png", "instruction": "What colour is it?", "answer": "It is green."},
    ]
    (tmp_path / "set" / "set.jsonl").write_text("\n".join(json.dumps(r) for r in lines))
    reader = own(tmp_path / "set")
    absent, plain = (reader.draw(i, np.random.default_rng(0))[0] for i in range(2))
    assert absent.group == "absent" and not absent.turns[0].targets and "[SEG]" not in (absent.turns[0].answer or "")
    assert plain.group == "plain" and plain.turns[0].answer == "It is green."


WRONG_ROWS = [
    {"instruction": "x"},
    {"image": "a.png"},
    {"image": 3, "instruction": "x"},
    {"image": "a.png", "instruction": "x", "box": [0, 0, 5]},
    {"image": "a.png", "instruction": "x", "box": [0, 0, 500, 5]},
    {"image": "a.png", "instruction": "x", "box": [float("nan"), 0, 5, 5]},
    {"image": "a.png", "instruction": "x", "polygon": [[1, 1], [2, 2]]},
    {"image": "a.png", "instruction": "x", "polygon": "[[1,"},
    {"image": "a.png", "instruction": "x", "polygon": {"a": 1}},
    {"image": "a.png", "instruction": "x", "rle": {"size": [1, 1], "counts": "1"}},
    {"image": "a.png", "instruction": "x", "mask": "../../a.png"},
    {"image": "../a.png", "instruction": "x"},
    {"image": "a.png", "instruction": "x", "mask": "b.png"},
    {"image": "a.png", "instruction": "x", "mask": "no.png"},
    {"image": "a.png", "instruction": "x", "box": [0, 0, 5, 5], "rle": {}},
    {"image": "a.png", "instruction": "x", "box": [0, 0, 5, 5], "answer": "no mask"},
    {"image": "a.png", "instruction": "x", "answer": "It is [SEG]."},
]


@pytest.mark.parametrize("row", WRONG_ROWS)
def test_a_wrong_row_is_named(tmp_path, row):
    pictures(tmp_path / "set")
    (tmp_path / "set" / "set.jsonl").write_text(json.dumps(row))
    with pytest.raises(LisaError) as error:
        own(tmp_path / "set").draw(0, np.random.default_rng(0))
    assert "row 1" in str(error.value) or ".png" in str(error.value)


@pytest.mark.parametrize(
    "line",
    ["x 0 0 1 1 0 1", "7 0 0 1 1 0 1", "0 0.5 0.5 0.2 0.2", "0 0 0 1 1", "0 0 0 1 nan 0 1", "0 0 0 9 1 0 1", "0"],
)
def test_a_wrong_line_of_yolo_is_named(tmp_path, line):
    write_yolo(tmp_path / "set")
    (tmp_path / "set" / "labels" / "train" / "a.txt").write_text(line)
    with pytest.raises(BadInput, match=r"a\.txt', line 1"):
        own(tmp_path / "set")


def test_numbers_without_names_are_asked_for(tmp_path):
    write_masks(tmp_path / "set")
    (tmp_path / "set" / "classes.txt").unlink()
    with pytest.raises(Missing, match=r"classes\.txt"):
        own(tmp_path / "set")


@pytest.mark.parametrize("layout", ["coco", "yolo", "masks", "sheet"])
@pytest.mark.parametrize("source", ["coco", "voc", "class folders", "panoptic"])
def test_layouts_turn_into_each_other(tmp_path, source, layout):
    LAYOUTS[source](tmp_path / "set")
    out = tmp_path / "out"
    assert lisa("data", "convert", "own", layout, str(out), "--data", str(tmp_path / "set")) == 0
    found = drawn(out)
    assert all(np.array_equal(found[n].turns[0].targets[0].mask, truth(n)) for n in BOXES)
    assert lisa("data", "convert", "own", layout, str(out), "--data", str(tmp_path / "set")) == 2


@pytest.mark.parametrize("layout", ["coco", "yolo", "masks"])
def test_pictures_and_classes_of_one_name_stay_apart(tmp_path, layout):
    names = ["a.png", "a.jpg", "000003.jpg", "more/a.png", "A.png"]
    kinds = ["a/b", "a b", "..", "a/b", "cat"]
    for i, name in enumerate(names):
        (tmp_path / "set" / name).parent.mkdir(parents=True, exist_ok=True)
        PIL.Image.new("RGB", (SIZE[1], SIZE[0]), (9 * i, 120, 60)).save(tmp_path / "set" / name)
    images = [{"id": i, "file_name": name, "height": SIZE[0], "width": SIZE[1]} for i, name in enumerate(names)]
    rows = [
        {"id": i, "image_id": i, "category_id": i, "segmentation": [[i, 0, i + 9, 0, i + 9, 9 + i, i, 9 + i]]}
        for i in range(len(names))
    ]
    classes = [{"id": i, "name": kind} for i, kind in enumerate(kinds)]
    data = {"images": images, "annotations": rows, "categories": classes}
    (tmp_path / "set" / "set.json").write_text(json.dumps(data))
    written = convert(own(tmp_path / "set"), layout, tmp_path / "out")
    assert len(list((tmp_path / "out" / "images").iterdir())) == written.pictures == len(names)
    found = own(tmp_path / "out")
    seen = {}
    for i in range(len(found)):
        (sample,) = found.draw(i, np.random.default_rng(0))
        seen[int(sample.image[0, 0, 0]) // 8] = int(sample.turns[0].targets[0].mask.sum())
    assert seen == {i: 9 * (9 + i) for i in range(len(names))}
    if layout == "masks":
        assert sorted(p.name for p in (tmp_path / "out" / "masks").iterdir()) == ["a b", "a b-2", "cat", "class"]
        assert +written.changed == {"class that had to be renamed to be a folder": 3}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out", "set"]


def test_a_crowd_stays_one(tmp_path):
    write_coco(tmp_path / "set")
    data = json.loads((tmp_path / "set" / "set.json").read_text())
    data["annotations"][1] |= {"iscrowd": 1, "segmentation": {"size": list(SIZE), "counts": [400, 90, 1910]}}
    (tmp_path / "set" / "set.json").write_text(json.dumps(data))
    convert(own(tmp_path / "set"), "coco", tmp_path / "out")
    written = json.loads((tmp_path / "out" / "instances.json").read_text())["annotations"]
    assert [a["iscrowd"] for a in written] == [0, 1] and written[1]["area"] == 90


def test_a_group_of_datasets_is_not_converted_in_part(tmp_path, capsys):
    assert lisa("data", "convert", "refer_seg", "sheet", str(tmp_path / "out"), "--data", str(tmp_path)) == 2
    assert "convert one of refclef, refcoco, " in capsys.readouterr().err


def test_counts_hold_one_picture_at_a_time(tmp_path):
    drawn: list[weakref.ref] = []

    class Large:
        def __len__(self) -> int:
            return 5

        def draw(self, index: int, rng: np.random.Generator) -> list[Sample]:
            assert sum(ref() is not None for ref in drawn) <= 1
            image = np.zeros((10 + index, 20, 3), np.uint8)
            drawn.append(weakref.ref(image))
            return [Sample(id="a", image=image, turns=(Turn(instruction="?", answer="No."),))]

    said = stats(Large())
    assert "5 questions: 5 without a mask" in said and "from 20 × 10 to 20 × 14" in said


def test_questions_fit_into_a_sheet_only(tmp_path):
    write_jsonl(tmp_path / "set")
    assert lisa("data", "convert", "own", "coco", str(tmp_path / "out"), "--data", str(tmp_path / "set")) == 2
    assert not (tmp_path / "out").exists()
    assert lisa("data", "convert", "own", "sheet", str(tmp_path / "out"), "--data", str(tmp_path / "set")) == 0


@given(st.lists(st.lists(st.booleans(), min_size=9, max_size=9), min_size=7, max_size=7))
def test_outlines_give_a_mask_back_or_say_so(rows):
    mask = np.array(rows)
    outlines, exact = outlines_of(mask)
    back = np.zeros_like(mask)
    for outline in outlines:
        scaled = [v * (7 if i % 2 else 9) for i, v in enumerate(outline)]
        back |= decode_segmentation([scaled], (7, 9), "")
    assert exact == np.array_equal(back, mask)


def test_a_sheet_of_pictures_and_the_counts(tmp_path, capsys):
    write_coco(tmp_path / "set")
    assert lisa("data", "stats", "own", "--data", str(tmp_path / "set")) == 0
    said = capsys.readouterr().out
    assert "2 pictures" in said and "cat" in said and "dog" in said
    for name in ("sheet.png", "sheet.html"):
        out = tmp_path / name
        assert lisa("data", "show", "own", "--data", str(tmp_path / "set"), "--out", str(out)) == 0
        assert out.stat().st_size > 1000


def test_an_empty_folder_says_what_fits(tmp_path):
    with pytest.raises(Missing, match="YOLO"):
        own(tmp_path)


def test_a_broken_shard_is_named(tmp_path):
    (tmp_path / "0.tar").write_bytes(b"no tar at all" * 100)
    with pytest.raises(BadInput, match=r"0\.tar"):
        own(tmp_path)


def test_a_picture_on_its_side_has_its_upright_size(tmp_path):
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    PIL.Image.new("RGB", (30, 20)).save(tmp_path / "a.jpg", exif=exif)
    assert picture_size(tmp_path / "a.jpg") == open_image(tmp_path / "a.jpg").shape[:2] == (30, 20)


def test_official_panoptic_labels(shared):
    home = shared / "data" / "coco_train128"
    files = sorted((home).rglob("*panoptic*.json"))
    if not files:
        pytest.skip("coco_train128 has no panoptic labels here")
    from lisa.data.panoptic import Panoptic

    maps = next(p for p in home.rglob("*") if p.is_dir() and "panoptic" in p.name and any(p.glob("*.png")))
    reader = Panoptic("coco", files[0], home / "train2017", maps)
    assert len(reader) == 100
    found = check(reader)
    assert found.pictures == 100 and not found.problems
