"""Readers on official samples, on goldens of the reference, and on files made to break them."""

from __future__ import annotations

import json
import pickle
import shutil
import tracemalloc
from collections import Counter
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageDraw
import pytest
from pycocotools.coco import COCO

from lisa import registry, rle
from lisa.cli import main
from lisa.data import labelme, prompts
from lisa.data.datasets import open_dataset, open_training
from lisa.data.files import decode_segmentation, inside, read_annotations, read_labels, read_mask, read_refs
from lisa.data.instances import Instances, Name, names_of
from lisa.data.label_maps import LabelMaps, ade20k, cocostuff, mapillary
from lisa.data.llava import LlavaChat
from lisa.data.mixture import Mixture, Part
from lisa.data.panoptic import Panoptic
from lisa.data.pascal_parts import spoken
from lisa.data.reasonseg import Annotation, ReasonSeg
from lisa.data.refer import Refer
from lisa.data.sheet import Sheet
from lisa.errors import BadInput, LisaError, Missing
from lisa.registry import DATASETS
from lisa.types import Sample

COCO_FILE = "annotations/instances_train2017.json"


def dice(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


# --- prompts -----------------------------------------------------------------------------------------------------


def test_wordings_are_the_references(shared):
    said = json.loads((shared / "reference" / "prompts.json").read_text(encoding="utf-8"))["templates"]
    bare = lambda key: tuple(t.removeprefix("<image>\n") for t in said[key])  # noqa: E731
    assert tuple(t.replace("{name}", "{class_name}") for t in prompts.ENGLISH.short) == bare("SHORT_QUESTION_LIST")
    assert tuple(t.replace("{text}", "{sent}") for t in prompts.ENGLISH.long) == bare("LONG_QUESTION_LIST")
    assert tuple(t.removeprefix("{text} ") for t in prompts.ENGLISH.explain) == bare("EXPLANATORY_QUESTION_LIST")
    assert bare("ANSWER_LIST") == prompts.ENGLISH.answers


def test_what_is_written_in_chinese_is_asked_in_chinese():
    asked = prompts.ask_name("橙子", dice())
    assert "橙子" in asked and "segment" not in asked
    assert prompts.ask_part("狗", "头", dice(1)).count("狗") == 1
    assert (
        prompts.answer(dice(), to="橙子").endswith("。") and prompts.answer(dice(), "因为它很甜。").count("[SEG]") == 1
    )
    assert prompts.wording_of("orange") is prompts.ENGLISH


def test_parts_are_named_in_two_ways():
    texts = [prompts.ask_part("Dog", "head", dice(i)) for i in range(200)]
    second = sum("the head of the dog" in t for t in texts)
    assert 70 < second < 130 and all("dog head" in t or "the head of the dog" in t for t in texts)


# --- ReasonSeg ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [0, 1, 2])
def test_reasonseg_masks_are_the_references(shared, number):
    home = shared / "reference" / "reasonseg"
    expected = json.loads((home / "expected.json").read_text(encoding="utf-8"))[number]
    note = Annotation(home / f"ann{number}.json")
    labels = note.labels(expected["height"], expected["width"])
    assert np.array_equal(labels, np.asarray(PIL.Image.open(home / f"mask{number}.png")))
    assert note.texts == expected["text"] and note.is_sentence == expected["is_sentence"]


@pytest.fixture
def reasonseg(tmp_path: Path) -> Path:
    home = tmp_path / "reason_seg" / "ReasonSeg"
    for split, count in (("train", 4), ("val", 3)):
        (home / split).mkdir(parents=True)
        for i in range(count):
            PIL.Image.new("RGB", (60, 40), (i * 20, 90, 90)).save(home / split / f"{i}.jpg")
            square = {"label": "target", "points": [[5, 5], [25, 5], [25, 20], [5, 20]]}
            hole = {"label": "Ignore", "points": [[8, 8], [12, 8], [12, 12], [8, 12]]}
            flag = {"label": "FLAG", "points": [[0, 0], [59, 0], [59, 39]]}
            record = {"shapes": [hole, flag, square], "text": ["Who is it?", "What?"], "is_sentence": i % 2 == 0}
            (home / split / f"{i}.json").write_text(json.dumps(record), encoding="utf-8")
    (home / "explanatory").mkdir()
    told = [{"image": "1.jpg", "query": "Who is it?", "outputs": "It stands in the corner."}]
    (home / "explanatory" / "train.json").write_text(json.dumps(told), encoding="utf-8")
    return tmp_path


def test_reasonseg_is_asked_as_the_reference_asks(reasonseg):
    data = open_dataset("reason-val", folder=reasonseg, split=None, seed=0, limit=None)
    samples = list(data)
    assert len(data) == len(samples) == 3
    assert [s.turns[0].instruction for s in samples[:2]] == [
        "Who is it? Please output segmentation mask.",
        "What is Who is it? in this image? Please output segmentation mask.",
    ]
    target = samples[0].turns[0].targets[0]
    assert target.mask.sum() == 21 * 16 - 25 and target.ignore is not None and target.ignore.sum() == 25


def test_explanations_come_with_and_without_a_mask(reasonseg):
    data = ReasonSeg(reasonseg / "reason_seg" / "ReasonSeg", "train")
    assert [s.group for s in data] == ["long", "short", "long", "short"]
    drawn = [s.turns[0] for i in range(300) for s in data.draw(1, dice(i))]
    alone = [t for t in drawn if t.answer == "It stands in the corner."]
    both = [t for t in drawn if t not in alone and t.answer.endswith("corner.")]
    assert 0.06 < len(alone) / len(drawn) < 0.14 and 0.4 < len(both) / (len(drawn) - len(alone)) < 0.6
    assert all(not t.targets for t in alone) and all(len(t.targets) == 1 for t in drawn if t not in alone)
    assert all("explain" in t.instruction or "explanation" in t.instruction for t in both)
    assert not any("corner" in t.answer for i in range(50) for s in data.draw(0, dice(i)) for t in s.turns)


def test_drawing_is_pure(reasonseg):
    data = ReasonSeg(reasonseg / "reason_seg" / "ReasonSeg", "train")
    texts = lambda seed: [(s.id, s.turns[0].instruction, s.turns[0].answer) for s in data.draw(2, dice(seed))]  # noqa: E731
    assert texts(4) == texts(4) and len({str(texts(i)) for i in range(20)}) > 5


# --- label maps --------------------------------------------------------------------------------------------------


def same_as_map(samples: list[Sample], labels: np.ndarray) -> None:
    """Every mask is one label of the map, pixel by pixel."""
    for s in samples:
        number = int(s.id.rsplit("/", 1)[1])
        assert np.array_equal(s.turns[0].targets[0].mask, labels == number) and (labels == number).any()


def test_ade20k(formats, tmp_path):
    shutil.copytree(formats / "ade20k", tmp_path / "ade20k")
    data = ade20k(tmp_path)
    assert len(data) == 3 and len(data.names) == 150 and data.names[1] == "wall" and data.names[2] == "building"
    for i, path in enumerate(data.pictures):
        labels = read_labels(tmp_path / "ade20k" / "annotations" / "training" / f"{path.stem}.png")
        seen: set[str] = set()
        for seed in range(40):
            samples = list(data.draw(i, dice(seed)))
            assert 1 <= len(samples) <= 3 and len({s.id for s in samples}) == len(samples)
            same_as_map(samples, labels)
            seen |= {s.id for s in samples}
        assert len(seen) == len(set(np.unique(labels).tolist()) - {0})


def test_cocostuff_leaves_out_names_with_a_dash(formats, tmp_path):
    for name in ("coco", "cocostuff"):
        shutil.copytree(formats / name, tmp_path / name)
    names = [f"{i}: thing {i}" for i in range(183)]
    names[93] = "93: wall-brick"
    (tmp_path / "cocostuff" / "labels.txt").write_text("\n".join(names), encoding="utf-8")
    data = cocostuff(tmp_path)
    assert len(data) == 13 and 92 not in data.names and data.names[0] == "thing 1" and 255 not in data.names
    for i, path in enumerate(data.pictures):
        labels = read_labels(tmp_path / "cocostuff" / "train2017" / f"{path.stem}.png")
        same_as_map(list(data.draw(i, dice(i))), labels)


def test_mapillary_in_both_versions(formats, tmp_path):
    shutil.copytree(formats / "mapillary", tmp_path / "mapillary")
    shutil.copy(formats / "mapillary" / "config_v1.1.json", tmp_path / "mapillary" / "config_v1.2.json")
    data = mapillary(tmp_path)
    assert len(data) == 4 and data.names[0] == "bird" and 65 not in data.names and len(data.names) == 65
    labels = read_labels(data.label_of(data.pictures[0]))
    samples = list(data.draw(0, dice()))
    same_as_map(samples, labels)
    assert all(s.turns[0].instruction.lower() != s.turns[0].instruction for s in samples)
    stub = tmp_path / "stub"
    shutil.copytree(formats / "mapillary_v2_stub", stub / "mapillary")
    shutil.copy(formats / "mapillary" / "config_v2.0.RECONSTRUCTED.json", stub / "mapillary" / "config_v2.0.json")
    second = mapillary(stub)
    assert (
        len(second.names) == 123 and "unlabeled" not in second.names.values() and "ego vehicle" in second.names.values()
    )
    same_as_map(list(second.draw(0, dice())), read_labels(second.label_of(second.pictures[0])))


def test_classes_of_a_map_are_those_of_its_numbers():
    data = LabelMaps(name="own", pictures=[Path("a.jpg")], label_of=lambda p: p, names={0: "a", 7: "b", 1 << 23: "c"})
    for labels in ([[0, 7], [9, 7]], [[-1, 7], [9, 0]], [[1 << 23, 7], [9, 0]]):
        numbers = np.array(labels, np.int64)
        assert data._classes(numbers) == [n for n in np.unique(numbers).tolist() if n in data.names]


def test_a_map_of_another_size_is_named(formats, tmp_path):
    shutil.copytree(formats / "ade20k", tmp_path / "ade20k")
    broken = tmp_path / "ade20k" / "annotations" / "training" / "ADE_val_00000002.png"
    PIL.Image.new("L", (10, 10)).save(broken)
    with pytest.raises(BadInput, match=r"ADE_val_00000002.* is 10 × 10"):
        ade20k(tmp_path).draw(1, dice())


# --- COCO's form -------------------------------------------------------------------------------------------------


def test_coco_asks_for_all_instances_of_a_class(shared, tmp_path):
    home = shared / "data" / "coco_train128"
    if not home.is_dir():
        pytest.skip("needs ../shared/data/coco_train128")
    (tmp_path / "coco").symlink_to(home)
    data, truth = open_training("coco", 1.0, folder=tmp_path)[0].dataset, COCO(str(home / COCO_FILE))
    assert isinstance(data, Instances) and len(data) == len({a["image_id"] for a in truth.anns.values()})
    for i in range(0, len(data), 9):
        for s in data.draw(i, dice(i)):
            rows = [truth.anns[a.id] for a in data._groups(data.rows[i])[int(s.id.rsplit("/", 1)[1])]]
            whole = np.any([truth.annToMask(row) > 0 for row in rows], axis=0)
            assert np.array_equal(s.turns[0].targets[0].mask, whole)
            assert truth.cats[rows[0]["category_id"]]["name"] in s.turns[0].instruction


def test_parts_of_paco(formats):
    rows = json.loads((formats / "paco" / "paco_lvis_v1_train_cat_info.json").read_text(encoding="utf-8"))
    found = [Name.of(row["name"]) for row in rows]
    assert len(found) == 531 and not any(c in n.thing + n.part for n in found for c in "_:()")
    assert Name.of("bow_(weapon):tip_(end)") == Name(thing="bow", part="tip") and Name.of("dog").part == ""


def test_categories_of_one_name_are_told_apart(formats):
    categories = json.loads((formats / "lvis" / "lvis_val_100.json").read_text(encoding="utf-8"))["categories"]
    names = names_of(categories)
    said = {c["name"]: names[c["id"]].thing for c in categories}
    assert len(set(said.values())) == len(categories)
    assert said["mouse_(computer_equipment)"] == "mouse (computer equipment)" and said["fish"] == "fish"
    assert said["fish_(food)"] == "fish (food)" and said["bat_(animal)"] == "bat"


def test_classes_of_which_not_all_is_annotated_are_not_asked_for(tmp_path):
    square = lambda x: [[x, 5, x + 9, 5, x + 9, 14, x, 14]]  # noqa: E731
    PIL.Image.new("RGB", (50, 30)).save(tmp_path / "a.jpg")
    data = {
        "images": [{"id": 1, "coco_url": "http://images.cocodataset.org/a.jpg", "height": 30, "width": 50,
                    "neg_category_ids": [], "not_exhaustive_category_ids": [5]}],
        "categories": [{"id": 4, "name": "mouse_(animal_rodent)"}, {"id": 5, "name": "cup"}],
        "annotations": [
            {"id": n, "image_id": 1, "category_id": c, "segmentation": square(x)} for n, c, x in ((1, 4, 2), (2, 5, 30))
        ],
    }  # fmt: skip
    (tmp_path / "images.cocodataset.org").mkdir()
    shutil.copy(tmp_path / "a.jpg", tmp_path / "images.cocodataset.org")
    lvis = Instances("lvis", tmp_path / "lvis.json", tmp_path, data=data)
    asked = {s.turns[0].targets[0].phrase for seed in range(5) for s in lvis.draw(0, dice(seed))}
    assert asked == {"mouse"} and lvis.partial(0) == {"cup"} and len(lvis.things(0)) == 2


def test_a_file_takes_little_more_memory_than_disk(tmp_path):
    rng = dice()
    rows = [
        {"id": n, "image_id": 1, "category_id": 1, "iscrowd": 0, "area": 5.25, "bbox": [1.5, 2.5, 30.25, 4.5],
         "segmentation": [rng.uniform(0, 400, 60).round(2).tolist()]}
        for n in range(2000)
    ]  # fmt: skip
    image = {"id": 1, "file_name": "a.jpg", "height": 400, "width": 400}
    whole = {"images": [image], "annotations": rows, "categories": [{"id": 1, "name": "cat"}]}
    (tmp_path / "whole.json").write_text(json.dumps(whole))
    tracemalloc.start()
    data = Instances("own", tmp_path / "whole.json", tmp_path)
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    size = (tmp_path / "whole.json").stat().st_size
    assert kept < 2 * size and peak < 4 * size
    assert list(data.rows[0].annotations[7].segmentation[0]) == rows[7]["segmentation"][0]


def test_names_of_the_panoptic_form_are_said_as_people_say_them(tmp_path):
    names = ["wall-other-merged", "floor-wood", "window-blind", "tree-merged", "door-stuff", "traffic light"]
    segments = [{"id": i, "category_id": i} for i in range(6)]
    data = {
        "images": [{"id": 1, "file_name": "a.jpg"}],
        "categories": [{"id": i, "name": name} for i, name in enumerate(names)],
        "annotations": [{"image_id": 1, "file_name": "a.png", "segments_info": segments}],
    }
    found = Panoptic("own", tmp_path / "a.json", tmp_path, tmp_path, data=data).names
    assert [found[i].thing for i in range(6)] == ["wall", "floor wood", "window blind", "tree", "door", "traffic light"]


@pytest.mark.parametrize(
    ("code", "said"),
    [("lfuleg", "left front upper leg"), ("rear", "right ear"), ("llleg", "left lower leg"), ("wheel_2", "wheel"),
     ("lfoot", "left foot"), ("rbho", "right back hoof"), ("bliplate", "back licence plate"), ("muzzle", "muzzle")],
)  # fmt: skip
def test_part_codes_are_spelled_out(code, said):
    assert spoken(code) == said


def test_lvis_finds_its_pictures_by_their_address(formats, tmp_path):
    (tmp_path / "lvis").mkdir()
    shutil.copy(formats / "lvis" / "lvis_val_100.json", tmp_path / "lvis" / "lvis_v1_train.json")
    data = open_training("lvis", 1.0, folder=tmp_path)[0].dataset
    assert isinstance(data, Instances) and len(data) > 50
    with pytest.raises(LisaError, match=r"\.jpg"):
        data.draw(0, dice())


def test_one_annotation_at_a_time(tmp_path):
    home = tmp_path / "vlpart" / "pascal_part"
    (home / "VOCdevkit" / "VOC2010" / "JPEGImages").mkdir(parents=True)
    PIL.Image.new("RGB", (50, 30)).save(home / "VOCdevkit" / "VOC2010" / "JPEGImages" / "a.jpg")
    square = lambda x: [[x, 5, x + 9, 5, x + 9, 14, x, 14]]  # noqa: E731
    data = {
        "images": [{"id": 1, "file_name": "a.jpg", "height": 30, "width": 50}],
        "categories": [{"id": 4, "name": "dog:head"}],
        "annotations": [
            {"id": n, "image_id": 1, "category_id": 4, "segmentation": square(x)} for n, x in ((1, 2), (2, 30))
        ],
    }
    (home / "train.json").write_text(json.dumps(data), encoding="utf-8")
    samples = open_training("pascal_part", 1.0, folder=tmp_path)[0].dataset.draw(0, dice())
    masks = [s.turns[0].targets[0].mask for s in samples]
    assert len(masks) == 2 and not (masks[0] & masks[1]).any() and all(m.sum() == 81 for m in masks)
    data["images"][0]["height"] = 31
    (home / "train.json").write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(BadInput, match="says 50 × 31"):
        open_training("pascal_part", 1.0, folder=tmp_path)[0].dataset.draw(0, dice())


@pytest.mark.parametrize(
    "text",
    [
        "{", "[]", "3", '{"images": 1}', '{"images": [], "annotations": [], "categories": []}', "[" * 100_000,
        '{"images": [{}], "annotations": [], "categories": []}',
    ],
)  # fmt: skip
def test_a_broken_annotation_file_is_named(tmp_path, text):
    (tmp_path / "own.json").write_text(text, encoding="utf-8")
    with pytest.raises(LisaError, match=r"own\.json"):
        Instances("own", tmp_path / "own.json", tmp_path)


def test_what_is_wrong_is_named_on_the_command_line(tmp_path, capsys):
    (tmp_path / "images").mkdir()
    for name in ("a", "b"):
        PIL.Image.new("RGB", (50, 30)).save(tmp_path / "images" / f"{name}.jpg")
    (tmp_path / "images" / "b.jpg").write_bytes(b"no picture")
    data = {
        "images": [{"id": i, "file_name": f"{n}.jpg", "height": 30, "width": 50} for i, n in enumerate("abc")],
        "categories": [{"id": 4, "name": "dog"}, {"id": 5, "name": "cat"}],
        "annotations": [
            {"id": i, "image_id": i, "category_id": 4, "segmentation": [[2, 5, 12, 5, 12, 14]]} for i in range(3)
        ]
        + [{"id": 9, "image_id": 0, "category_id": 5, "segmentation": {"size": [30, 50], "counts": [1500]}}],
    }
    (tmp_path / "own.json").write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(SystemExit, match="2"):
        main(["data", "check", "own", "--data", str(tmp_path)])
    out = capsys.readouterr().out
    assert (
        "1 pictures read, 2 conversations, 2 masks" in out and "2 × cannot be read" in out and "1 × empty mask" in out
    )
    assert "b.jpg" in out and "c.jpg" in out
    with pytest.raises(SystemExit, match="0"):
        main(["data", "list"])
    listed = capsys.readouterr().out
    assert all(f"{name} " in listed for name in DATASETS)


def test_labelme_files_are_ones_own_too(formats):
    data = open_training("own", 1.0, folder=formats / "labelme_polygons")[0].dataset
    assert isinstance(data, Instances) and len(data) == 3
    for i in range(3):
        path = sorted((formats / "labelme_polygons").glob("*.json"))[i]
        shapes = json.loads(path.read_text(encoding="utf-8"))["shapes"]
        samples = data.draw(i, dice(1))
        assert 1 <= len(samples) <= len({s["label"] for s in shapes} - {"__ignore__"})
        assert not any("ignore" in s.turns[0].instruction for s in samples)
        for s in samples:
            mask = s.turns[0].targets[0].mask
            label = next(s2["label"] for s2 in shapes if s2["label"] in s.turns[0].instruction)
            inside_, edge = (PIL.Image.new("1", mask.shape[::-1]) for _ in range(2))
            for shape in (s2 for s2 in shapes if s2["label"] == label):
                corners = [tuple(p) for p in shape["points"]]
                PIL.ImageDraw.Draw(inside_).polygon(corners, fill=1)
                PIL.ImageDraw.Draw(edge).line([*corners, corners[0]], fill=1, width=3)
            assert mask.any() and not ((mask ^ np.asarray(inside_)) & ~np.asarray(edge)).any()


def test_shapes_of_labelme():
    assert labelme.polygon("rectangle", [[1, 2], [5, 4]]) == [1, 2, 5, 2, 5, 4, 1, 4]
    circle = decode_segmentation([labelme.polygon("circle", [[20, 20], [30, 20]])], (40, 40), "circle")
    assert circle.sum() == pytest.approx(np.pi * 100, rel=0.03)
    with pytest.raises(ValueError, match="line"):
        labelme.polygon("line", [[1, 2], [5, 4]])


def test_every_dataset_says_where_it_lies():
    for name in DATASETS:
        assert (registry.find("datasets", DATASETS, name).__doc__ or "").strip(), name
    assert {m for members in registry.DATASET_GROUPS.values() for m in members} <= set(DATASETS)


# --- refer -------------------------------------------------------------------------------------------------------


@pytest.fixture
def refer(formats, tmp_path) -> Path:
    home = tmp_path / "refer_seg"
    pictures = home / "images" / "mscoco" / "images" / "train2014"
    pictures.mkdir(parents=True)
    for name in ("refcoco", "refcoco+", "refcocog", "refclef"):
        (home / name).mkdir()
    (home / "images" / "saiapr_tc-12").mkdir()
    record = json.loads((formats / "refer" / "refs_unc_record0.QUOTED.json").read_text(encoding="utf-8"))[0]
    record |= {"file_name": "a.jpg", "image_id": 7, "ann_id": 9}
    other = record | {"ref_id": 1, "split": "val", "ann_id": 10, "sentences": record["sentences"][:1]}
    for folder in (pictures, home / "images" / "saiapr_tc-12"):
        PIL.Image.new("RGB", (50, 30), (9, 90, 9)).save(folder / "a.jpg")
    more = {"image_id": 7, "category_id": 1, "iscrowd": 0, "area": 100.5, "bbox": [1.5, 2.0, 3.0, 4.0]}
    instances = {
        "images": [{"id": 7, "file_name": "a.jpg", "height": 30, "width": 50}],
        "annotations": [
            {"id": 9, **more, "segmentation": [[5, 5, 20, 5, 20, 15, 5, 15], [10, 10, 30, 10, 30, 20, 10, 20]]},
            {"id": 10, **more, "segmentation": [[38, 22, 48, 22, 48, 27, 38, 27]]},
        ],
        "categories": [{"id": 1, "name": "person"}],
    }
    for name, by in (("refcoco", "unc"), ("refcoco+", "unc"), ("refcocog", "umd"), ("refclef", "unc")):
        if name == "refclef":  # its outlines are run-lengths, in lists
            for row in instances["annotations"]:
                row["segmentation"] = [
                    rle.encode(decode_segmentation([p], (30, 50), "polygon")) for p in row["segmentation"]
                ]
        (home / name / "instances.json").write_text(json.dumps(instances), encoding="utf-8")
        (home / name / f"refs({by}).p").write_bytes(pickle.dumps([record, other], protocol=2))
    return tmp_path


@pytest.mark.parametrize("name", ["refcoco", "refclef"])
def test_expressions_share_a_picture_and_overlapping_outlines_count_once(refer, name):
    data = Refer(refer / "refer_seg", name, "train")
    samples = list(data.draw(0, dice()))
    assert len(data) == 1 and len(samples) == 3 and len({s.turns[0].instruction for s in samples}) == 3
    mask = samples[0].turns[0].targets[0].mask
    assert mask.dtype == np.bool_ and mask.shape == (30, 50) and mask.sum() == 15 * 10 + 20 * 10 - 10 * 5
    assert len({id(s.image) for s in data}) == 1 and set(data.masks) == {9}
    found = list(open_dataset(name, folder=refer, split="val", seed=0, limit=None))
    assert [s.turns[0].instruction for s in found] == [
        "What is the lady with the blue shirt in this image? Please output segmentation mask."
    ]
    assert found[0].turns[0].targets[0].mask.sum() == 50


def test_an_annotation_without_outlines_is_an_empty_mask(refer):
    path = refer / "refer_seg" / "refcoco" / "instances.json"
    whole = json.loads(path.read_text(encoding="utf-8"))
    whole["annotations"][1]["segmentation"] = []
    path.write_text(json.dumps(whole), encoding="utf-8")
    (found,) = Refer(refer / "refer_seg", "refcoco", "val")
    assert found.turns[0].targets[0].mask.shape == (30, 50) and not found.turns[0].targets[0].mask.any()


def test_splits_are_the_refer_toolkits(refer):
    marks = ("train", "val", "testA", "testB", "testC", "testAB", "testBC")
    refs = [
        {"ref_id": i, "image_id": 7, "ann_id": 9, "split": mark, "sentences": [{"sent_id": i, "sent": mark}]}
        for i, mark in enumerate(marks)
    ]
    (refer / "refer_seg" / "refclef" / "refs(unc).p").write_bytes(pickle.dumps(refs, protocol=2))
    said = lambda split: [e.text for e in Refer(refer / "refer_seg", "refclef", split).expressions]  # noqa: E731
    assert said("testA") == ["testa", "testab"] and said("testB") == ["testb", "testab", "testbc"]
    assert said("testBC") == ["testbc"] and len(said("test")) == 5 and said("train") == ["train"]


def test_grefcoco_means_several_things_or_none(refer):
    home = refer / "refer_seg" / "grefcoco"
    shutil.copytree(refer / "refer_seg" / "refcoco", home)
    say = lambda text: [{"sent": text}]  # noqa: E731
    records = [
        {"image_id": 7, "ann_id": [9, 10], "split": "val", "no_target": False, "sentences": say("both of them")},
        {"image_id": 7, "ann_id": [-1], "split": "val", "no_target": True, "sentences": say("a purple cow")},
    ]
    (home / "grefs(unc).json").write_text(json.dumps(records), encoding="utf-8")
    both, none = open_dataset("grefcoco", folder=refer, split="val", seed=0, limit=None)
    assert both.group == "grefcoco" and both.turns[0].targets[0].mask.sum() == 300 + 50
    assert none.group == "absent" and not none.turns[0].targets and "[SEG]" not in (none.turns[0].answer or "")
    drawn = Refer(refer / "refer_seg", "grefcoco", "val").draw(0, dice())
    assert sorted(len(s.turns[0].targets) for s in drawn) == [0, 1]


def test_a_group_shares_its_share(refer):
    parts = open_training("refer_seg", 3.0, folder=refer)
    assert [p.share for p in parts] == [0.75] * 4
    with pytest.raises(Missing, match="ade20k"):
        open_training("sem_seg", 9.0, folder=refer)
    with pytest.raises(BadInput, match="did you mean refcoco"):
        open_training("refcocoo", 1.0, folder=refer)


class Evil:
    def __reduce__(self):
        return (Path.touch, (Path("executed"),))


def test_a_pickle_that_asks_for_code_is_refused_and_runs_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for payload in (Evil(), [Evil()], [{"sent": Evil()}]):
        (tmp_path / "refs(unc).p").write_bytes(pickle.dumps(payload))
        with pytest.raises(BadInput, match=r"refs\(unc\).p.*do not trust"):
            read_refs(tmp_path / "refs(unc).p")
    assert not (tmp_path / "executed").exists()
    endless: list = []
    endless.append(endless)
    for raw in (b"", b"\x80\x02", b"hello", pickle.dumps({"a": 1}), pickle.dumps(endless), b"(lp0\n" * 50):
        (tmp_path / "refs(unc).p").write_bytes(raw)
        with pytest.raises(BadInput, match=r"refs\(unc\).p"):
            read_refs(tmp_path / "refs(unc).p")


# --- LLaVA -------------------------------------------------------------------------------------------------------


def test_llava_records(formats, tmp_path):
    path = formats / "llava" / "llava_instruct_3_records.QUOTED.json"
    for row in json.loads(path.read_text(encoding="utf-8")):
        PIL.Image.new("RGB", (20, 20)).save(tmp_path / row["image"])
    data = LlavaChat(path, tmp_path)
    samples = [data.draw(i, dice())[0] for i in range(len(data))]
    assert len(samples) == 3 and samples[0].turns[0].instruction == "What do you see happening in this image?"
    assert all("<image>" not in t.instruction and t.answer and not t.targets for s in samples for t in s.turns)


SAID = [{"from": "human", "value": "x"}, {"from": "gpt", "value": "y"}]


@pytest.mark.parametrize(
    "record",
    [
        {}, {"image": "a.jpg"}, {"image": "../a.jpg", "conversations": []}, 7,
        {"image": "a.jpg", "conversations": [{"from": "gpt", "value": "x"}, {"from": "human", "value": "y"}]},
        {"image": "../../etc/passwd", "conversations": SAID},
        {"image": 3, "conversations": SAID},
    ],
)  # fmt: skip
def test_a_broken_record_is_named(tmp_path, record):
    (tmp_path / "chat.json").write_text(json.dumps([record]), encoding="utf-8")
    with pytest.raises(LisaError):
        LlavaChat(tmp_path / "chat.json", tmp_path).draw(0, dice())


# --- segmentations and files ---------------------------------------------------------------------------------------


def test_official_segmentations_decode_as_coco_itself_decodes_them(shared):
    path = shared / "data" / "coco_train128" / "annotations" / "instances_train2017.json"
    if not path.is_file():
        pytest.skip("needs ../shared/data/coco_train128")
    coco = COCO(str(path))
    assert len(coco.anns) == 939 and any(row["iscrowd"] for row in coco.anns.values())
    for row in coco.anns.values():
        size = coco.imgs[row["image_id"]]["height"], coco.imgs[row["image_id"]]["width"]
        mask = decode_segmentation(row["segmentation"], size, f"annotation {row['id']}")
        assert np.array_equal(mask, coco.annToMask(row) > 0)


@pytest.mark.parametrize(
    "segmentation",
    [
        None, 3, "x", [], [[]], [[1, 2, 3, 4]], [[1, 2, 3, 4, 5, float("nan")]], [[1, 2, 3, 4, 5]], [["a"] * 6],
        [[1e300] * 6], {}, {"size": [30, 50]}, {"size": [30, 50], "counts": [1, 2]}, {"size": [3, 5], "counts": "0"},
        {"size": [30, 50], "counts": [-5, 1505]}, {"size": [30, 50], "counts": "\U0001f34a"},
        {"size": [30, 50], "counts": "0"}, {"size": [30, 50], "counts": "o" * 99}, [{"size": [30, 50], "counts": "1"}],
    ],
)  # fmt: skip
def test_a_broken_segmentation_is_named(segmentation):
    with pytest.raises(BadInput, match="annotation 12"):
        decode_segmentation(segmentation, (30, 50), "annotation 12")


def test_compressed_runs_are_read_as_they_are_written():
    for seed in range(30):
        mask = dice(seed).random((37, 23)) < dice(seed).random()
        assert np.array_equal(decode_segmentation(rle.encode(mask), mask.shape, "mask"), mask)
        assert np.array_equal(decode_segmentation([rle.encode(mask)] * 2, mask.shape, "mask"), mask)


def test_files_stay_inside_their_folder(tmp_path):
    assert inside(tmp_path, "a/b.jpg") == tmp_path / "a" / "b.jpg"
    assert inside(tmp_path, "a/../b.jpg") == tmp_path / "b.jpg"
    for name in ("../x", "/etc/passwd", "a/../../x", "a\x00b", "\ud800", "a" * 300, 7, None):
        with pytest.raises(BadInput):
            inside(tmp_path, name)


def test_pictures_may_be_links(tmp_path):
    (tmp_path / "store").mkdir()
    PIL.Image.new("RGB", (50, 30)).save(tmp_path / "store" / "x.jpg")
    for linked in ("a", "b"):
        (tmp_path / linked).mkdir()
    (tmp_path / "a" / "train2017").symlink_to(tmp_path / "store")
    (tmp_path / "b" / "train2017").mkdir()
    (tmp_path / "b" / "train2017" / "x.jpg").symlink_to(tmp_path / "store" / "x.jpg")
    data = {
        "images": [{"id": 1, "file_name": "train2017/x.jpg", "height": 30, "width": 50}],
        "categories": [{"id": 4, "name": "dog"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 4, "segmentation": [[2, 5, 12, 5, 12, 14]]}],
    }
    for linked in ("a", "b"):
        assert len(Instances("paco", tmp_path / "x.json", tmp_path / linked, data=data).draw(0, dice())) == 1


def test_a_byte_order_mark_is_no_fault(tmp_path):
    (tmp_path / "a.json").write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert read_annotations(tmp_path / "a.json") == {"a": 1}


def test_lines_of_a_sheet_end_where_json_says(tmp_path):
    texts = ["what\u2028is\x85it\x0b?", "and this?"]
    rows = [json.dumps({"image": "a.jpg", "instruction": t, "answer": "x"}, ensure_ascii=False) for t in texts]
    (tmp_path / "a.jsonl").write_bytes("\r\n".join([*rows, "", " "]).encode())
    assert [row.instruction for row in Sheet(tmp_path / "a.jsonl").pictures[0][1]] == texts


def test_cells_of_a_sheet_are_read_whole(tmp_path):
    outline = json.dumps([[1.25, 2.5]] * 20_000)
    text = (
        f'image,instruction,answer,polygon\r\na.jpg,first,"one\r\n\r\ntwo",\r\n\r\na.jpg,second,,"{outline}"\r\n  \r\n'
    )
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    first, second = Sheet(tmp_path / "a.csv").pictures[0][1]
    assert first.answer == "one\r\n\r\ntwo" and len(second.value) == 20_000


def test_what_is_masked_is_what_is_not_black(tmp_path):
    mask = np.zeros((4, 6), np.uint8)
    mask[1:3, 2:5] = 1
    white_first = PIL.Image.fromarray(1 - mask).convert("P")
    white_first.putpalette([255, 255, 255, 0, 0, 0])
    black_first = PIL.Image.fromarray(mask).convert("P")
    black_first.putpalette([0, 0, 0, 128, 0, 0])
    pictures = white_first, black_first, PIL.Image.fromarray(mask), PIL.Image.fromarray(mask > 0)
    for i, picture in enumerate(pictures):
        picture.save(tmp_path / f"{i}.png")
        for source in (tmp_path / f"{i}.png", (tmp_path / f"{i}.png").read_bytes()):
            assert np.array_equal(read_mask(source, (4, 6)), mask > 0)
    with pytest.raises(BadInput, match=r"0\.png.* is 6 × 4"):
        read_mask(tmp_path / "0.png", (6, 4))
    with pytest.raises(Missing, match=r"no\.png"):
        read_mask(tmp_path / "no.png")
    PIL.Image.new("RGB", (6, 4)).save(tmp_path / "colours.png")
    with pytest.raises(BadInput, match=r"colours\.png.* in colours"):
        read_mask(tmp_path / "colours.png")


# --- the mixture -------------------------------------------------------------------------------------------------


class Named:
    def __init__(self, name: str, count: int = 50) -> None:
        self.name, self.count = name, count

    def __len__(self) -> int:
        return self.count

    def draw(self, index: int, rng: np.random.Generator) -> list[Sample]:
        return [Sample(id=f"{self.name}/{index}/{rng.integers(1000)}", image=np.zeros((1, 1, 3), np.uint8), turns=())]


def test_draws_keep_the_papers_shares():
    shares = {"sem": 9.0, "refer": 3.0, "vqa": 3.0, "reason": 1.0}
    row = Mixture([Part(Named(n), s) for n, s in shares.items()], seed=3)
    n = 100_000
    counts = Counter(row.where(place)[0] for place in range(n))
    for i, share in enumerate(shares.values()):
        p = share / 16
        assert abs(counts[i] - n * p) <= 3 * (n * p * (1 - p)) ** 0.5
    again = Mixture([Part(Named(n), s) for n, s in shares.items()], seed=3)
    assert [row(p)[0].id for p in range(200)] == [again(p)[0].id for p in range(200)]
    assert [row(p)[0].id for p in range(100)] != [Mixture(row.parts, seed=4)(p)[0].id for p in range(100)]


def test_larger_datasets_are_drawn_the_oftener_by_their_size():
    row = Mixture([Part(Named("a", 100), 1.0), Part(Named("b", 300), 2.0)], seed=3, order="by_size")
    n = 20_000
    drawn = sum(row.where(place)[0] == 0 for place in range(n))
    p = 100 / 700
    assert abs(drawn - n * p) <= 3 * (n * p * (1 - p)) ** 0.5
    with pytest.raises(ValueError, match="by_size"):
        Mixture(row.parts, seed=3, order="bysize")
