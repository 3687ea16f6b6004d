"""PASCAL-Part's own files: which pictures are learned from, and what their parts are called."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from scipy.io import loadmat

from lisa import registry
from lisa.data import prompts
from lisa.data.base import asking
from lisa.data.pascal_parts import PascalParts, spoken
from lisa.errors import BadInput


@pytest.fixture
def folder(formats, tmp_path):
    home = tmp_path / "vlpart" / "pascal_part"
    pictures = home / "VOCdevkit" / "VOC2010" / "JPEGImages"
    pictures.mkdir(parents=True)
    (home / "Annotations_Part").mkdir()
    for path in (formats / "pascal_part_mat").iterdir():
        shutil.copy(path, pictures if path.suffix == ".jpg" else home / "Annotations_Part")
    return tmp_path


def test_parts_are_read_from_pascals_own_files(folder):
    reader = registry.find("datasets", registry.DATASETS, "pascal_part")(folder)
    assert len(reader) == 18
    names = {name for i in range(18) for name, mask in reader.things(i)}
    assert {"dog:left front paw", "person:right eyebrow", "car:wheel", "horse:left front upper leg"} <= names
    for i in range(18):
        for sample in reader.draw(i, np.random.default_rng(i)):
            assert sample.turns[0].targets[0].mask.shape == sample.image.shape[:2]
    home = folder / "vlpart" / "pascal_part"
    (home / "Annotations_Part" / "2008_000652.mat").write_bytes(b"MATLAB 5.0 MAT-file" + bytes(200))
    with pytest.raises(BadInput, match="2008_000652"):
        reader.draw(0, np.random.default_rng(0))


def test_pictures_of_the_validation_part_are_not_learned_from(folder):
    sets = folder / "vlpart" / "pascal_part" / "VOCdevkit" / "VOC2010" / "ImageSets" / "Main"
    sets.mkdir(parents=True)
    (sets / "train.txt").write_text("2008_000008\n2008_000652\n2009_001103\n")
    (sets / "val.txt").write_text("2008_000700\n")
    (sets / "dog_train.txt").write_text("2008_000008 -1\n2008_000652  1\n")
    reader = registry.find("datasets", registry.DATASETS, "pascal_part")(folder)
    assert [reader.picture(i).stem for i in range(len(reader))] == ["2008_000652", "2009_001103"]


def test_one_name_means_one_mask(folder):
    home = folder / "vlpart" / "pascal_part"
    reader = PascalParts(home / "Annotations_Part", home / "VOCdevkit" / "VOC2010" / "JPEGImages")
    parts = 0
    for i in range(len(reader)):
        masks = dict(reader.things(i))
        samples = asking(reader, 1000).draw(i, np.random.default_rng(i))
        assert len({s.turns[0].targets[0].phrase for s in samples}) == len(samples) == len(masks)
        for thing in np.atleast_1d(loadmat(reader.files[i], simplify_cells=True)["anno"]["objects"]):
            for part in np.atleast_1d(thing["parts"]):
                whole = {"tvmonitor": "tv", "diningtable": "dining table", "pottedplant": "potted plant"}
                name = whole.get(thing["class"], thing["class"])
                assert (masks[f"{name}:{spoken(part['part_name'])}"] >= (part["mask"] > 0)).all()
                parts += 1
    assert parts > 300


def test_a_part_of_a_part_is_named_in_one_way():
    asked = {prompts.ask_part("train", "front of the head", np.random.default_rng(i)) for i in range(40)}
    assert len(asked) == 4 and all("the front of the head of the train" in text for text in asked)
