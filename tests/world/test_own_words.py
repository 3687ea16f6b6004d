"""Questions as they come to mind: they mean what is there, or nothing that is."""

from __future__ import annotations

import re

import numpy as np
import pytest

from lisa.data.world import People, own_worded
from lisa.types import SEG
from lisa.world.facts import rows
from lisa.world.own_words import in_own_words, own_words
from lisa.world.questions.view import View
from lisa.world.sets import make_picture


def plain(text: str) -> str:
    return re.sub(r"[\W_]+", "", text.lower())


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_kind_is_asked_for_without_its_name(language):
    for kind, row in rows().items():
        asked = own_words()[language][kind]
        assert len(asked) >= 15, kind
        for one in asked:
            assert kind not in one.also and one.also <= set(rows()), (kind, one)
            names = {kind, row.plural or kind} if language == "en" else {row.zh} if len(row.zh) > 1 else set()
            words = rf"\b({'|'.join(map(re.escape, names))})\b" if language == "en" else "|".join(names)
            assert not names or not re.search(words, one.text.lower()), (kind, one.text)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_question_means_two_kinds_without_saying_so(language):
    owner: dict[str, str] = {}
    for kind, asked in own_words()[language].items():
        for one in asked:
            assert owner.setdefault(plain(one.text), kind) == kind, one.text


def test_what_is_learned_from_is_not_what_people_are_measured_by():
    held = {plain(asked["question"]) for row in People().rows for asked in row["asked"]}
    learned = {plain(one.text) for kinds in own_words().values() for asked in kinds.values() for one in asked}
    assert not held & learned


@pytest.mark.parametrize("language", ["en", "zh"])
def test_they_mean_what_is_there_or_nothing(language):
    kinds: set[str] = set()
    for place in range(40):
        view = View(make_picture(7, place))
        for number in range(4):
            asked = in_own_words(view, np.random.default_rng([place, number]), language)
            if asked is None:
                continue
            kinds.add(asked.kind)
            assert asked.language == language and asked.instruction
            if asked.kind == "absent":
                assert not asked.targets and asked.answer in (
                    "There is nothing like that here.",
                    "这里没有这样的东西。",
                )
            else:
                ((one,),) = asked.targets
                assert asked.answer.count(SEG) == 1 and view.alone(view.by_id[one])
    assert kinds == {"function", "absent"}


def test_as_samples_they_have_masks_and_differ():
    picture = make_picture(7, 3)
    found = own_worded(picture, np.random.default_rng(0), 6, name="x")
    assert len({s.turns[0].instruction for s in found}) == len(found) > 2
    for sample in found:
        assert [t.mask.any() for t in sample.turns[0].targets] == [True] * sample.turns[0].answer.count(SEG)
