from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from lisa.evaluate.ask import ask, evaluate
from lisa.evaluate.figures import Evaluation
from lisa.evaluate.rows import Row, score
from lisa.segmentation import Segmentation
from lisa.types import Sample, Target, Turn

from .conftest import Red, Squares


def sample(*masks: np.ndarray, answer: str = "It is [SEG].", **meta) -> Sample:
    targets = tuple(Target(mask=m.astype(bool), phrase="the cup") for m in masks)
    turn = Turn(instruction="?", answer=answer, targets=targets)
    return Sample(
        id="a",
        image=np.zeros((*masks[0].shape, 3), np.uint8) if masks else np.zeros((4, 4, 3), np.uint8),
        turns=(turn,),
        meta=meta,
    )


def said(*masks: np.ndarray, text: str = "It is the cup", scores=None) -> Segmentation:
    stack = np.stack(masks).astype(bool) if masks else np.zeros((0, 4, 4), bool)
    return Segmentation.from_raw(f"{text} {'[SEG] ' * len(masks)}".strip(), stack, scores, size=stack.shape[1:])


LEFT, RIGHT, ALL, NONE = (np.zeros((4, 4), int) for _ in range(4))
LEFT[:, :2], RIGHT[:, 2:], ALL[:] = 1, 1, 1


def test_a_missing_mask_costs_what_it_should():
    assert score(sample(LEFT), said(LEFT)).iou == 1.0
    assert score(sample(LEFT), said()).iou == 0.0
    assert score(sample(LEFT), said(ALL)).iou == 0.5
    assert score(sample(NONE), said(NONE)).iou == 1.0
    assert score(sample(LEFT, RIGHT), said(LEFT)).iou == 0.5


def test_masks_count_in_order_and_matched_where_there_are_several():
    row = score(sample(LEFT, RIGHT), said(RIGHT, LEFT, scores=[0.3, 0.9]))
    assert row.iou == 0.0 and row.matched_iou == 1.0 and row.hits == (True, True)
    row = score(sample(LEFT, RIGHT), said(LEFT, LEFT, ALL, scores=[0.3, 0.9, 0.8]))
    assert row.matched_iou == pytest.approx(0.75) and row.hits == (False, True, True)
    assert score(sample(LEFT), said(LEFT)).matched_iou is None


def test_where_all_masks_of_an_answer_are_one():
    row = score(sample(ALL, united=True), said(LEFT, RIGHT, scores=[0.3, 0.9]))
    assert row.iou == 1.0 and row.given == 1 and row.scores == (pytest.approx(0.9),)
    assert score(sample(ALL), said(LEFT, RIGHT)).iou == 0.5


def test_what_is_ignored_counts_nowhere():
    one = sample(LEFT)
    turn = replace(one.turns[0], targets=(Target(mask=LEFT > 0, ignore=RIGHT > 0),))
    assert score(replace(one, turns=(turn,)), said(ALL)).iou == 1.0
    nothing = replace(sample(), meta={"ignore": LEFT > 0, "class": "cat"})
    assert score(nothing, said(ALL)).union == 8


def test_the_name_in_the_answer():
    assert score(sample(LEFT, answer="It is the cup [SEG]."), said(LEFT)).named is True
    assert score(sample(LEFT, answer="It is the cup [SEG]."), said(LEFT, text="the vase")).named is False
    assert score(sample(LEFT), said(LEFT)).named is None


def test_rows_survive_json():
    for k, s in enumerate(Squares(10)):
        row = score(s, Red(misses=2)._found(s.image), 0.25, control=said_like(s), forced=said_like(s), index=k)
        assert Row.from_json(json.loads(json.dumps(row.to_json()))) == row
    nan = score(sample(LEFT), said(LEFT))
    assert json.loads(json.dumps(nan.to_json()))["scores"] == [None]


def said_like(s: Sample) -> Segmentation:
    mask = np.zeros(s.image.shape[:2], bool)
    mask[2:9, 3:8] = True
    return Segmentation.from_raw("[SEG]", mask[None], [0.5], image=s.image)


def test_any_split_over_processes_gives_the_same_bits(squares):
    red = Red(misses=3)
    answered = list(ask(red, enumerate(squares), forced=True))
    whole = Evaluation([a.scored() for a in answered]).to_json()
    for world in range(1, 9):
        merged = Evaluation()
        for rank in reversed(range(world)):
            merged.merge(Evaluation([a.scored() for a in answered if a.index % world == rank]))
        found = merged.to_json()
        assert {k: v for k, v in found.items() if k != "seconds_per_question"} == {
            k: v for k, v in whole.items() if k != "seconds_per_question"
        }


def test_teacher_forced_figures_stand_beside_and_are_labelled(squares):
    class Mute(Red):
        def answer_turns(self, images, turns, max_new_tokens):
            return [Segmentation.from_raw("I cannot.", np.zeros((0, *i.shape[:2]), bool), image=i) for i in images]

    figures = evaluate(Mute(), squares, forced=True).figures()
    assert figures["giou"].value == 0.0 and figures["t_acc"].value == 0.0 and figures["n_acc"].value == 1.0
    assert figures["teacher_forced_giou"].value == 1.0 and figures["teacher_forced_giou"].count == 16
    assert "teacher_forced_giou" not in evaluate(Red(), squares).figures()


def test_every_figure_of_a_perfect_model(squares):
    figures = evaluate(Red(), squares).figures()
    for name in (
        "giou",
        "ciou",
        "boundary_iou",
        "n_acc",
        "t_acc",
        "p@0.9",
        "text_exact",
        "chrf",
        "named",
        "ap50",
        "giou_with_absent",
    ):
        assert figures[name].value == 1.0, name
    assert 0 < figures["ece"].value < 1 and figures["giou"].count == 16
    tables = evaluate(Red(), squares).to_json()
    assert set(tables["by_kind"]) == {"absent", "even", "odd"} and len(tables["by_size"]) >= 1


def test_nothing_at_all_has_no_figures():
    assert np.isnan(Evaluation().figures()["giou"].value)
    assert Evaluation().to_json()["questions"] == 0
