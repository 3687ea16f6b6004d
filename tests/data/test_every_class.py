"""Validation parts, asked class by class."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from lisa.data.datasets import open_dataset
from lisa.data.every_class import EVALUATED
from lisa.data.prompts import ENGLISH, WORDINGS
from lisa.errors import BadInput
from lisa.evaluate.run import Asking, run


@pytest.fixture
def coco(tmp_path: Path) -> Path:
    """Two pictures; the first has two dogs and a traffic light, the second a dog."""
    home = tmp_path / "coco"
    (home / "annotations").mkdir(parents=True)
    (home / "val2017").mkdir()
    images, rows = [], []
    places = [(1, 1, 2), (1, 1, 20), (1, 2, 40), (2, 1, 10)]
    for picture in (1, 2):
        image = np.zeros((30, 60, 3), np.uint8)
        for number, _, x in places:
            if number == picture:
                image[5:15, x : x + 12] = (250, 10, 10)
        PIL.Image.fromarray(image).save(home / "val2017" / f"{picture}.png")
        images.append({"id": picture, "file_name": f"{picture}.png", "height": 30, "width": 60})
    for picture, kind, x in places:
        outline = [x, 5, x + 12, 5, x + 12, 15, x, 15]
        rows.append({"id": len(rows) + 1, "image_id": picture, "category_id": kind, "segmentation": [outline]})
    kinds = [{"id": 1, "name": "dog"}, {"id": 2, "name": "traffic_light"}]
    whole = {"images": images, "annotations": rows, "categories": kinds}
    (home / "annotations" / "instances_val2017.json").write_text(json.dumps(whole))
    return tmp_path


def opened(folder: Path, name: str = "coco-val", **more):
    return open_dataset(name, folder=folder, split=None, seed=0, limit=more.pop("limit", None), **more)


def test_every_class_of_every_picture(coco):
    samples = list(opened(coco))
    assert [s.id for s in samples] == ["coco-val/0/dog", "coco-val/0/traffic light", "coco-val/1/dog"]
    assert samples[1].turns[0].instruction == "What is traffic light in this image? Please output segmentation mask."
    assert [int(s.turns[0].targets[0].mask.sum()) for s in samples] == [240, 120, 120]
    assert [s.meta["class"] for s in samples] == ["dog", "traffic light", "dog"]
    assert samples[0].image is samples[1].image and len(list(opened(coco, limit=2))) == 2


def test_a_mask_for_each_instance(coco):
    first = next(iter(opened(coco, "coco-val-instances")))
    assert [int(t.mask.sum()) for t in first.turns[0].targets] == [120, 120]
    assert first.turns[0].answer == "[SEG], [SEG]." and first.meta["present_only"]


def changed(folder: Path, change) -> None:
    """The annotation file with what `change` does to it."""
    path = folder / "coco" / "annotations" / "instances_val2017.json"
    whole = json.loads(path.read_text())
    change(whole)
    path.write_text(json.dumps(whole))


def test_crowds_are_no_instances(coco):
    runs = {"size": [30, 60], "counts": [0, 30 * 10, 30 * 50]}  # ten columns at the left, over half of a dog
    crowd = {"image_id": 1, "iscrowd": 1, "area": 300, "bbox": [0, 0, 10, 30], "segmentation": runs}
    changed(coco, lambda whole: whole["annotations"].extend(crowd | {"id": 8 + c, "category_id": c} for c in (1, 3)))
    changed(coco, lambda whole: whole["categories"].append({"id": 3, "name": "Sheep"}))
    dogs, light, _ = opened(coco, "coco-val-instances")
    assert [int(t.mask.sum()) for t in dogs.turns[0].targets] == [120, 120] and dogs.turns[0].answer == "[SEG], [SEG]."
    first, second = (t.ignore for t in dogs.turns[0].targets)
    assert first.sum() == 300 - 80 and second.sum() == 300 and light.turns[0].targets[0].ignore is None
    sheep, dogs = list(opened(coco))[:2]
    assert sheep.turns[0].targets[0].mask.sum() == 300 and dogs.turns[0].targets[0].mask.sum() == 300 + 240 - 80
    assert sheep.turns[0].instruction.startswith("What is sheep in") and sheep.meta["class"] == "Sheep"


def test_classes_that_are_not_all_annotated_are_left_out(coco):
    changed(coco, lambda whole: whole["images"][0].update(not_exhaustive_category_ids=[1], neg_category_ids=[]))
    for name in ("coco-val", "coco-val-instances"):
        assert [s.id for s in opened(coco, name)] == [f"{name}/0/traffic light", f"{name}/1/dog"]


def test_another_class_of_the_same_picture(coco):
    data = opened(coco)
    first, second, alone = data
    assert data.other(first).id == second.id and data.other(second).id == first.id and data.other(alone) is None


def test_wordings_are_the_reference_s(coco):
    assert set(WORDINGS[1:]) <= set(ENGLISH.short) and WORDINGS[0] in ENGLISH.short
    said = {next(iter(opened(coco, wording=k))).turns[0].instruction for k in range(len(WORDINGS))}
    assert len(said) == len(WORDINGS)


def test_several_wordings_are_averaged(coco, tmp_path, monkeypatch):
    from evaluation.conftest import Red

    from lisa.evaluate import run as module

    red = Red()
    monkeypatch.setattr(module, "load", lambda *_, **__: red)
    monkeypatch.setattr(module, "weights_hash", lambda model: "0")
    report, found = run("red", ["coco-val"], Asking(data=coco, wordings=3), out=tmp_path / "out")
    figures = report["datasets"]["coco-val"]
    assert figures["questions"] == 9 and figures["giou"]["count"] == 9 and len(report["wordings"]) == 3
    assert len({r.index for r in found["coco-val"].rows}) == 9 and len({r.id for r in found["coco-val"].rows}) == 2
    with pytest.raises(BadInput, match="in its own words"):
        run("red", ["world"], Asking(wordings=2))


def test_a_missing_part_is_named(tmp_path):
    for name in EVALUATED:
        with pytest.raises(Exception, match=r"there is no|needs") as caught:
            list(opened(tmp_path, name))
        assert caught.type.__name__ in ("Missing", "BadInput"), name
