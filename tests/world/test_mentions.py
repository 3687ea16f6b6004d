"""What words speak of."""

from __future__ import annotations

import numpy as np
import pytest

from lisa.world.facts import NAMES, rows
from lisa.world.mentions import SEVERAL, Meaning, listed, meanings, mentions
from lisa.world.sets import make_picture


def told(text: str, language: str = "en") -> list[tuple[str, Meaning]]:
    return [(text[m.start : m.end], m.meaning) for m in mentions(text, language)]


def kind(name: str, colour: str | None = None) -> Meaning:
    return Meaning(kinds=frozenset({name}), colour=colour)


@pytest.mark.parametrize(
    ("text", "language", "found"),
    [
        ("Segment the cup.", "en", [("cup", kind("cup"))]),
        ("THE RED MUG left of Lisa", "en", [("RED", Meaning(colour="red")), ("MUG", kind("cup", "red")),
                                            ("Lisa", Meaning(name="Lisa"))]),
        ("orange cup beside the orange", "en", [("orange", Meaning(colour="orange")), ("cup", kind("cup", "orange")),
                                                ("orange", kind("orange"))]),
        ("the cup is red", "en", [("cup", kind("cup")), ("red", Meaning(colour="red"))]),
        ("wheels of the bus", "en", [("wheels", Meaning(part="wheel")), ("bus", kind("bus"))]),
        ("红色的杯子在哪里？", "zh", [("红色", Meaning(colour="red")), ("杯子", kind("cup", "red"))]),
        ("丽莎的头发", "zh", [("丽莎", Meaning(name="Lisa")), ("头发", Meaning(part="hair"))]),
        ("what is this?", "en", []),
        ("is [0.5, 0.25] red?", "en", [("[0.5, 0.25]", Meaning(place=(0.5, 0.25))), ("red", Meaning(colour="red"))]),
    ],
)  # fmt: skip
def test_words_are_found_with_their_meaning(text: str, language: str, found: list[tuple[str, Meaning]]):
    assert told(text, language) == found


def test_a_group_is_all_of_its_kinds():
    (fruit,) = mentions("which fruit", "en")
    assert fruit.meaning.kinds == {name for name, row in rows().items() if row.is_a("fruit")}
    birds = meanings("en")["birds"].kinds
    assert birds is not None and "bird" in birds and birds >= {n for n, row in rows().items() if row.is_a("bird")}


def test_what_is_meant_is_where_the_things_are():
    seen = 0
    for number in range(30):
        picture = make_picture(77, number)
        for thing in picture.scene.things:
            there = {t.id for t in picture.scene.things if t.kind == thing.kind}
            (mention,) = mentions(rows()[thing.kind].name, "en")
            mask = mention.meaning.mask(picture)
            same = meanings("en")[rows()[thing.kind].name].kinds == {thing.kind}  # not also a group's name
            assert not same or np.array_equal(mask, np.isin(picture.ids, list(there)))
            if thing.name:
                assert np.array_equal(mentions(thing.name, "en")[0].meaning.mask(picture), picture.mask(thing.id))
                seen += 1
        absent = sorted(set(NAMES) - {t.name for t in picture.scene.things})
        assert not mentions(absent[0], "en")[0].meaning.mask(picture).any()
        assert not Meaning(part="antlers").mask(picture).any() or "antlers" in picture.part_names
    assert seen


def test_what_is_listed_is_understood_and_half_of_it_is_there():
    there: list[bool] = []
    for number in range(60):
        picture, rng = make_picture(78, number), np.random.default_rng(number)
        for language in ("en", "zh"):
            text = listed(picture, rng, language)
            found = mentions(text, language)
            assert len(found) >= SEVERAL
            there += [bool(mention.meaning.mask(picture).any()) for mention in found]
    assert 0.35 < np.mean(there) < 0.65
