"""CamVid: questions of every kind, what is not there, and figures by class."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch

from lisa.config import ModelConfig, PartConfig
from lisa.data.augment import Augmentation
from lisa.data.base import picture_of
from lisa.data.camvid import CLASSES, IGNORED, Asked, CamVid, questions
from lisa.errors import BadInput, Missing
from lisa.evaluate.figures import Evaluation
from lisa.evaluate.foreign import score_files
from lisa.evaluate.rows import Overlap, Row
from lisa.maskers.pyramid import build as build_masker
from lisa.model.checkpoint import build
from lisa.recipes.camvid import MODEL, debug
from lisa.rle import encode
from lisa.train.camvid import ANSWERS, TOKEN_SIZES, question_objective, tokenizer_texts, train_camvid
from lisa.train.look import LookHeads
from lisa.train.loop import FitConfig, train_step
from lisa.train.photos import PhotoHeads
from lisa.train.tiny import make_tokenizer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four pictures: sky above a road, a car on the left of it, no people."""
    home = tmp_path / "camvid"
    for part in ("train", "val"):
        (home / part).mkdir(parents=True)
        (home / f"{part}annot").mkdir()
        for i in range(4):
            labels = np.zeros((72, 96), np.uint8)
            labels[40:] = 3
            labels[44:60, 6 + i : 30 + i] = 8
            labels[:2] = IGNORED
            colours = np.array([[90, 120, 220]] * 3 + [[90, 90, 90]] * 5 + [[200, 30, 30]] * 4, np.uint8)
            PIL.Image.fromarray(colours[labels]).save(home / part / f"{i}.png")
            PIL.Image.fromarray(labels).save(home / f"{part}annot" / f"{i}.png")
    names = [f.name for f in CLASSES]
    (home / "classes.json").write_text(json.dumps({"classes": [*names, "Unlabelled"], "ignore": IGNORED}))
    return tmp_path


def test_questions_and_their_masks(folder):
    data = CamVid(folder / "camvid", augment=Augmentation())
    kept = [q for asked in questions().values() for q in (*asked.choose, *asked.test)]
    seen = set()
    for place in range(60):
        samples = data.draw(place % 4, np.random.default_rng(place))
        again = data.draw(place % 4, np.random.default_rng(place))
        assert [s.turns[0].instruction for s in samples] == [s.turns[0].instruction for s in again]
        assert (
            all(len(s.turns) <= length for s, length in zip(samples, (1, 1, 1, 10), strict=True)) and len(samples) > 1
        )
        for sample in samples:
            turns, words = enumerate(sample.turns), iter(sample.meta["words"])
            assert (sample.group == "absent") == (not sample.meta["words"])
            for i, turn in turns:
                assert not any(q in turn.instruction for q in kept)
                if not turn.targets:
                    assert i in sample.meta["absent"] and "[SEG]" not in turn.answer
                    assert not any(f.name in turn.answer for n, f in enumerate(CLASSES) if n in sample.meta["labels"])
                    continue
                number, side = next(words)
                truth, mask = sample.meta["labels"] == number, turn.targets[0].mask
                assert turn.answer.count("[SEG]") == 1 and CLASSES[number].name in turn.answer
                assert mask.any() and not (mask & ~truth).any() and (side or np.array_equal(mask, truth))
                seen.add((number, bool(side), "ecause" in turn.answer or turn.answer.endswith(CLASSES[number].because)))
            assert next(words, None) is None
    assert {number for number, _, _ in seen} == {0, 3, 8} and {side for _, side, _ in seen} == {True, False}


def test_a_mirrored_picture_changes_what_is_left(folder):
    image, labels = CamVid(folder / "camvid").read(0)
    turned = [Augmentation(smallest=1.0, light=0.0)(image, labels, np.random.default_rng(i)) for i in range(8)]
    assert {tuple(np.argwhere(found == 8)[0] > 48)[1] for _, found in turned} == {True, False}
    for picture, found in turned:
        assert np.array_equal(picture[found == 8], np.full((24 * 16, 3), (200, 30, 30), np.uint8))


def test_every_class_is_asked_of_every_picture(folder):
    asked = list(Asked(CamVid(folder / "camvid", "val"), "names"))
    assert len(asked) == 4 * len(CLASSES)
    assert sum(bool(s.turns[0].targets) for s in asked) == 4 * 3
    assert len({s.id for s in asked}) == len(asked) and [picture_of(s) for s in asked[::11]] == ["0", "1", "2", "3"]
    halves = list(Asked(CamVid(folder / "camvid", "val"), "halves"))
    assert len({s.id for s in halves}) == len(halves) and picture_of(halves[11]) == "0"  # one photograph
    for part, kept in (("val", "test"), ("train", "test"), ("held", "choose")):
        found = {s.turns[0].instruction for s in Asked(CamVid(folder / "camvid", part), "reason")}
        assert found == {q for asked in questions().values() for q in getattr(asked, kept)}


def test_answers_in_files_are_told_apart_by_class(folder, tmp_path):
    asked = list(Asked(CamVid(folder / "camvid", "val"), "names"))
    home = tmp_path / "answers"
    home.mkdir()
    for sample in asked:
        for target in sample.turns[0].targets:
            PIL.Image.fromarray(target.mask).save(home / f"{sample.id.replace('/', '_')}.png")
    rows = score_files(home, asked, {}).rows
    assert all(r.iou == 1.0 if r.overlaps else not r.false_pixels for r in rows) and len(rows) == len(asked)
    records = [
        {"file_name": "0.png", "category": s.meta["class"], "segmentation": encode(s.turns[0].targets[0].mask)}
        for s in asked[:11]
        if s.turns[0].targets
    ]
    (tmp_path / "answers.json").write_text(json.dumps(records))
    assert sum(r.iou == 1.0 for r in score_files(tmp_path / "answers.json", asked, {}).rows if r.overlaps) == 3


def test_what_is_asked_by_has_not_been_learned():
    assert list(questions()) == [f.name for f in CLASSES]
    bare = [
        {re.sub(r"[^a-z ]", "", q.lower()) for asked in questions().values() for q in getattr(asked, kind)}
        for kind in ("learned", "choose", "test")
    ]
    assert all(len(asked.learned) > 100 and len(asked.choose) == len(asked.test) == 2 for asked in questions().values())
    assert not bare[0] & bare[1] and not bare[0] & bare[2] and not bare[1] & bare[2]
    assert len(bare[0]) == sum(len(asked.learned) for asked in questions().values())


def test_what_is_missing_is_named(folder, tmp_path):
    with pytest.raises(Missing, match="trainannot"):
        CamVid(tmp_path)
    (folder / "camvid" / "classes.json").write_text("{}")
    with pytest.raises(BadInput, match=r"classes\.json"):
        CamVid(folder / "camvid")


def test_miou_counts_masks_of_what_is_not_there():
    half = Overlap(intersection=50, union=100, near_intersection=1, near_union=1, area=60)
    row = Row(
        id="a",
        group="sky",
        instruction="",
        expected="",
        answer="",
        overlaps=(half,),
        given=1,
        scores=(0.5,),
        hits=(True,),
        category="sky",
    )
    false = replace(row, id="b", overlaps=(), group="absent", false_pixels=100)
    other = replace(row, category="road", overlaps=(replace(half, intersection=90),))
    figures = Evaluation([row, false, other]).figures()
    assert figures["class_miou"].value == pytest.approx((50 / 200 + 90 / 100) / 2)
    assert figures["n_acc"].value == 0.0


def test_questions_train_answers_that_say_the_maskers_own_words(folder, tmp_path):
    torch.manual_seed(0)
    data = CamVid(folder / "camvid", lengths=(1, 3))
    options = {**MODEL.masker.options, "square": 96, "features": 16, "middle": 16, "widths": [16, 16, 16]}
    tower = {"widths": [16, 16, 16], "depths": [1, 2, 4], "layers": 1}
    small = ModelConfig(
        name="small",
        vlm=PartConfig(family="tiny", options={"square": 96, "width": 64, "layers": 2, "tower": tower}),
        masker=PartConfig(family="pyramid", options=options),
    )
    make_tokenizer(tmp_path / "tokenizer.json", tokenizer_texts(data), 400)
    segmenter, words = build(small, tmp_path).train(), PhotoHeads(build_masker(options))
    objective = question_objective(segmenter, data, LookHeads(segmenter.vlm.width, TOKEN_SIZES), words, seed=1)
    row = objective.batches([range(2)])
    assert len(row[0].called) == sum(len(t) for t in row[0].targets)
    curve = [train_step(objective, row, 1, FitConfig(steps=200, samples=2, warmup=1)) for _ in range(6)]
    assert all(curve[-1][name] < curve[0][name] for name in ("text", "look", "point", "attend", "prompt"))


@pytest.mark.slow
def test_every_stage_runs_and_resumes(folder, tmp_path):
    recipe = replace(debug(), data_dir=str(folder))
    said: list[int] = []
    final = train_camvid(recipe, tmp_path / "run", lambda step, values: said.append(step))
    assert final is not None and (final / "model.safetensors").stat().st_size > 1_000_000
    assert train_camvid(recipe, tmp_path / "run", lambda step, values: said.append(step)) == final
    assert said == [2, 2, 2, 2]
    assert (tmp_path / "run" / ANSWERS).stat().st_size > 1_000
