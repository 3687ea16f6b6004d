"""Pictures that differ in one thing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lisa.data.base import ABSENT
from lisa.data.world import Twins
from lisa.recipes.tiny import SEG
from lisa.train.tiny import FreshDialogues
from lisa.world.draw import draw
from lisa.world.questions.view import View
from lisa.world.sets import make_picture
from lisa.world.twins import removable, twin_of


def test_a_twin_lacks_one_thing_and_nothing_else_changes():
    seen = 0
    for k in range(40):
        picture = make_picture(205, k)
        scene = twin_of(picture, np.random.default_rng(k))
        if scene is None:
            assert not removable(picture)
            continue
        seen += 1
        twin, gone = draw(scene), scene.taken
        assert gone is not None and not (twin.ids == gone.id).any() and (picture.ids == gone.id).any()
        assert {t.id for t in picture.scene.things} - {t.id for t in scene.things} == {gone.id}
        x0, y0, x1, y1 = gone.box
        pad = 0.7 * max(x1 - x0, y1 - y0) + 4  # its shadow goes as well
        rows = slice(max(int(y0 - pad), 0), int(y1 + pad))
        columns = slice(max(int(x0 - pad), 0), int(x1 + pad))
        away = np.ones(picture.ids.shape, bool)
        away[rows, columns] = False
        assert np.array_equal(picture.image[away], twin.image[away])
        assert not View(twin).counts[gone.kind]
    assert seen > 25


@pytest.mark.parametrize("language", ["en", "zh"])
def test_both_are_asked_for_it_in_the_same_words(language):
    data = Twins(seed=206, count=24, language=language)
    for k in range(0, 24, 2):
        there, gone = data[k], data[k + 1]
        assert there.turns[-1].instruction == gone.turns[-1].instruction
        assert len(there.turns[-1].targets) == 1 and there.turns[-1].targets[0].mask.any()
        assert gone.group == "absent" and not gone.turns[-1].targets and "[SEG]" not in gone.turns[-1].answer
        assert ("没有" in gone.turns[-1].answer) == (language == "zh")
        assert there.image.shape == gone.image.shape and not np.array_equal(there.image, gone.image)
    again = Twins(seed=206, count=24, language=language)[5]
    assert again.turns[-1].instruction == data[5].turns[-1].instruction and np.array_equal(again.image, data[5].image)


def test_lessons_ask_for_what_was_taken_away():
    draw_dialogues = FreshDialogues(replace(SEG, twins=0.5, chinese=0.0, same=0, shares={**SEG.shares, "absent": 24.0}))
    twins, asked = 0, 0
    for place in range(1, 160, 2):
        if (pair := draw_dialogues._pair(place - 1)) is None:
            continue
        twins += 1
        taken = pair.pictures[1].scene.taken
        gone = taken.name or taken.kind
        asked += any(gone.lower() in s.turns[-1].answer.lower() for s in draw_dialogues(place) if s.group == "absent")
    assert twins > 60 and asked / twins > 0.5
    assert all(FreshDialogues(replace(SEG, twins=0.0))._pair(place) is None for place in range(0, 20, 2))


@pytest.mark.parametrize(("most", "own", "masks"), [(2, 3, True), (1, 3, True), (10, 2, True), (10, 3, False)])
def test_no_more_is_asked_than_a_lesson_says(most, own, masks):
    dialogues = FreshDialogues(replace(SEG, twins=0.5, dialogues=most, own=own, masks=masks, pieces={}))
    found = [dialogues(place) for place in range(16)]
    assert all(len(samples) <= most for samples in found)
    answers = [turn.answer for samples in found for s in samples for turn in s.turns]
    assert any("[SEG]" in answer for answer in answers) == masks
    assert any("/own/" in s.id for samples in found for s in samples) == (masks and most > 2)


def test_both_are_asked_in_the_same_words_and_answered_otherwise():
    lesson, pairs = replace(SEG, pictures=2, twins=0.5), 0
    dialogues = FreshDialogues(lesson)
    for place in range(0, 24, 2):
        there, gone = ([s for s in dialogues(p) if "/same/" in s.id] for p in (place, place + 1))
        assert [s.turns[0].instruction for s in there] == [s.turns[0].instruction for s in gone]
        assert all(s.turns[0].targets and s.group != ABSENT for s in there)
        assert all(not s.turns[0].targets and s.group == ABSENT for s in gone)
        assert len(dialogues(place)) <= lesson.dialogues
        pairs += len(there)
    assert pairs > 6
