"""Other words for things: what people call them, never what is called otherwise."""

from __future__ import annotations

import numpy as np
import pytest

from lisa.world.facts import rows
from lisa.world.synonyms import reworded, synonyms


def said(text: str, language: str = "en") -> set[str]:
    return {reworded(text, np.random.default_rng(i), language) for i in range(200)}


def test_no_word_means_two_kinds():
    for language, kinds in synonyms().items():
        names = {row.zh for row in rows().values()} if language == "zh" else set(kinds)
        owners: dict[str, str] = {}
        for noun, words in kinds.items():
            assert noun in names and not {w.lower() for w in words} & {n.lower() for n in names}
            for word in words:
                singular = next((k for k, row in rows().items() if noun in (k, row.plural, row.zh)), noun)
                assert owners.setdefault(word, singular) == singular


@pytest.mark.parametrize("kind", list(rows()))
def test_every_kind_has_other_words(kind):
    assert len(synonyms()["en"][kind]) >= 2 and len(synonyms()["zh"][rows()[kind].zh]) >= 2


def test_nouns_are_exchanged_as_people_say_them():
    found = said("Where is the cup, and is there an orange? The cups are red.")
    assert len(found) > 20 and "Where is the cup, and is there an orange? The cups are red." in found
    assert any("the mug" in text for text in found) and any("mugs are" in text for text in found)
    assert not any("an mandarin" in text or "a orange" in text for text in found)
    assert all(text.endswith(" are red.") for text in found)
    assert said("cupboards and hats") >= {"cupboards and hats"} and all(
        t.startswith("cupboards") for t in said("cupboards and hats")
    )


def test_the_longest_name_counts():
    whole = {f"the {word}" for word in synonyms()["en"]["traffic light"]} | {"the traffic light"}
    assert said("the traffic light") == whole


def test_parts_of_chinese_words_and_names_stay():
    for text in ("奥马尔是谁？", "花瓣", "给我看羊毛", "树叶和船帆"):
        assert said(text, "zh") == {text}
    assert len(said("那朵花。", "zh")) > 2 and len(said("花的颜色", "zh")) > 2


def test_chinese_is_exchanged_too():
    found = said("请找出杯子。", "zh")
    assert len(found) > 2 and all(text.startswith("请找出") and text.endswith("。") for text in found)


def test_other_texts_stay():
    assert said("What is the man to the left doing?", "en") >= {"What is the man to the left doing?"}
    assert said("", "en") == {""} and said("Ωmega!", "en") == {"Ωmega!"}
