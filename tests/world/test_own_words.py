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


def threes(text: str) -> set[str]:
    """Its runs of three characters, by which near copies are known."""
    text = plain(text)
    return {text[i : i + 3] for i in range(len(text) - 2)} or {text}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_kind_is_asked_for_without_its_name(language):
    for kind, row in rows().items():
        asked = own_words()[language][kind]
        assert len(asked) >= 15, kind
        for one in asked:
            assert kind not in one.also and one.also <= set(rows()), (kind, one)
            names = {kind, row.plural or kind} if language == "en" else {row.zh}
            words = rf"\b({'|'.join(map(re.escape, names))})\b" if language == "en" else row.zh
            assert not re.search(words, one.text.lower()), (kind, one.text)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_question_is_there_twice(language):
    owner: dict[str, str] = {}
    for kind, asked in own_words()[language].items():
        for one in asked:
            assert plain(one.text) not in owner, one.text
            owner[plain(one.text)] = kind


def test_what_is_learned_from_is_not_what_people_are_measured_by():
    held = [threes(asked["question"]) for row in People().rows for asked in row["asked"]]
    for kinds in own_words().values():
        for one in (one for asked in kinds.values() for one in asked):
            own = threes(one.text)
            assert max(len(own & other) / len(own | other) for other in held) < 0.5, one.text


@pytest.mark.parametrize("language", ["en", "zh"])
def test_they_mean_what_is_there_or_nothing_that_is(language, monkeypatch):
    for noise in ("noise", "noise_zh"):
        monkeypatch.setattr(f"lisa.world.own_words.{noise}", lambda text, rng: text)
    known = {one.text: (kind, one) for kind, asked in own_words()[language].items() for one in asked}
    kinds: set[str] = set()
    for place in range(60):
        view = View(make_picture(7, place))
        for number in range(4):
            asked = in_own_words(view, np.random.default_rng([place, number]), language)
            if asked is None:
                continue
            kinds.add(asked.kind)
            meant, one = known[asked.instruction]
            assert asked.language == language and all(map(view.absent, one.also))
            if asked.kind == "absent":
                assert view.absent(meant) and not asked.targets
                assert (
                    asked.answer == {"en": "There is nothing like that here.", "zh": "这里没有这样的东西。"}[language]
                )
            else:
                ((id,),) = asked.targets
                assert asked.answer.count(SEG) == 1 and view.alone(view.by_id[id]) and view.by_id[id].kind == meant
    assert kinds == {"function", "absent"}


def test_nothing_is_asked_in_other_languages():
    assert in_own_words(View(make_picture(7, 3)), np.random.default_rng(0), "fr") is None


def test_as_samples_they_have_masks_and_differ():
    picture = make_picture(7, 3)
    found = own_worded(picture, np.random.default_rng(0), 6, name="x")
    assert len({s.turns[0].instruction for s in found}) == len(found) > 2
    for sample in found:
        assert [t.mask.any() for t in sample.turns[0].targets] == [True] * sample.turns[0].answer.count(SEG)
