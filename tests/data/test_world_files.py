"""The real readers on drawn scenes in the real layouts: every mask to the pixel."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lisa import rle
from lisa.cli import main
from lisa.data.base import SEEN, asking
from lisa.data.check import check
from lisa.data.datasets import open_dataset, open_training
from lisa.data.outlines import shapes_of
from lisa.data.reasonseg import _fill
from lisa.data.world import WorldDataset, spoken_of
from lisa.data.world_files import QUESTIONS, write_world
from lisa.data.world_layouts import target_mask
from lisa.world.questions import dialogues
from lisa.world.sets import make_picture

COUNT, SEED = 24, 31


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("world") / "set"
    write_world(out, count=COUNT, seed=SEED)
    return out


@pytest.mark.parametrize("name", ["ade20k", "coco", "refcoco", "reason", "vqa"])
def test_every_layout_is_read_whole(drawn, name):
    reader = open_training(name, 1.0, folder=drawn)[0].dataset
    found = check(reader)
    assert len(reader) > 0 and found.pictures == len(reader) and not found.problems


def test_semantic_and_instance_masks_are_exact(drawn):
    classes = open_training("ade20k", 1.0, folder=drawn)[0].dataset
    things = open_training("coco", 1.0, folder=drawn)[0].dataset
    for i in range(COUNT):
        picture = make_picture(SEED, i)
        seen = [t for t in picture.scene.things if picture.mask(t.id).any()]
        assert [kind for kind, _ in things.things(i)] == [t.kind for t in seen]
        assert all(np.array_equal(mask, picture.mask(t.id)) for t, (_, mask) in zip(seen, things.things(i)))
        for kind, mask in classes.things(i):
            assert np.array_equal(mask, picture.mask(*(t.id for t in seen if t.kind == kind)))


def test_reasonseg_masks_are_exact(drawn):
    reader = open_training("reason", 1.0, folder=drawn)[0].dataset
    for i, path in enumerate(reader.pictures):
        number = int(path.stem)
        picture = make_picture(SEED, number)
        asked = [t for t in dialogues(picture, np.random.default_rng([SEED, number]), QUESTIONS) if len(t) == 1]
        text = reader.annotation(i).texts[0]
        (turn,) = next(t for t in asked if t[0].instruction == text)
        labels = reader.annotation(i).labels(*picture.ids.shape)
        assert np.array_equal(labels == 1, target_mask(picture, turn))


def test_the_whole_truth_is_there(drawn):
    scenes = [json.loads(line) for line in (drawn / "scenes.jsonl").read_text().splitlines()]
    assert len(scenes) == COUNT
    for i, scene in enumerate(scenes):
        picture = make_picture(SEED, i)
        for thing in scene["things"]:
            assert np.array_equal(rle.decode(thing["rle"]), picture.mask(thing["id"]))
            for part, mask in thing["parts"].items():
                assert np.array_equal(rle.decode(mask), picture.part_mask(thing["id"], part))
    questions = [json.loads(line) for line in (drawn / "questions.jsonl").read_text().splitlines()]
    for q in questions:
        assert sum(turn["answer"].count("[SEG]") for turn in q["turns"]) == sum(len(t["targets"]) for t in q["turns"])


@given(st.lists(st.lists(st.booleans(), min_size=10, max_size=10), min_size=8, max_size=8))
def test_polygons_give_any_mask_back(rows):
    import cv2

    mask = np.array(rows)
    back = np.zeros(mask.shape, np.uint8)
    for shape in shapes_of(mask):
        _fill(cv2, back, np.array(shape, np.int32), 1)
    assert np.array_equal(back > 0, mask)


def test_a_validation_part_lies_where_its_reader_looks(tmp_path):
    write_world(tmp_path / "set", count=6, seed=231, split="test", part="val")
    for name in ("ade20k-val", "refcoco", "coco-val"):
        data = open_dataset(name, folder=tmp_path / "set", split=None, seed=0, limit=5)
        assert all(s.turns[0].targets[0].mask.any() for s in data) and len(list(data)) == 5


def test_expressions_are_no_questions_and_things_have_names(drawn):
    reader = open_training("refcoco", 1.0, folder=drawn)[0].dataset
    assert not any(e.text.startswith(("where", "what is the", "which")) for e in reader.expressions)
    samples = [s for i in range(len(reader)) for s in reader.draw(i, np.random.default_rng(i))]
    assert all(s.turns[0].targets[0].phrase for s in samples)


def test_drawn_scenes_are_asked_as_often_as_wanted():
    world = asking(WorldDataset(seed=1, count=10, split="train"), 6)
    one, again = (world.draw(3, np.random.default_rng(5)) for _ in range(2))
    assert len(one) == 6 and all(s.image is one[0].image for s in one)
    assert [s.turns for s in one] != [s.turns for s in world.draw(3, np.random.default_rng(6))]
    assert [t.instruction for s in one for t in s.turns] == [t.instruction for s in again for t in s.turns]


def test_a_dialogue_in_words_alone():
    for place in range(8):
        picture = make_picture(31, place)
        for sample in spoken_of(picture, np.random.default_rng(place), 8):
            assert not any(t.targets or "[SEG]" in t.answer or "segment" in t.instruction.lower() for t in sample.turns)
            seen = sample.meta[SEEN]
            assert all(mask.shape == picture.ids.shape and mask.any() for masks in seen.values() for mask in masks)


def test_a_folder_that_holds_something_is_left_alone(drawn, capsys):
    before = sorted(drawn.rglob("*"))
    with pytest.raises(SystemExit) as end:
        main(["world", "--n", "1", "--out", str(drawn)])
    assert end.value.code == 2 and sorted(drawn.rglob("*")) == before
