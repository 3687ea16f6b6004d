"""Questions are unambiguous and true in their picture, and keep their form."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache

import numpy as np
import pytest

from lisa.types import SEG
from lisa.world import facts
from lisa.world.phrases import noise
from lisa.world.questions import MAKERS, QUESTION_KINDS, SEED_KINDS, Asked, ask, dialogues, targets_to_turn
from lisa.world.questions.pointed import region
from lisa.world.scene import Picture, Relation, Scene, Thing

SIZE = (128, 128)


def fake(*things: Thing, relations: tuple[Relation, ...] = (), theme: str = "living room") -> Picture:
    """A picture of rectangles, without drawing anything."""
    ids = np.zeros(SIZE, np.uint8)
    whole = {}
    for t in things:
        x0, y0, x1, y1 = (int(v) for v in t.box)
        ids[y0:y1, x0:x1] = t.id
        whole[t.id] = (y1 - y0) * (x1 - x0)
    scene = Scene(seed=0, theme=theme, background="plain", size=SIZE, things=things, relations=relations)
    return Picture(
        scene=scene, image=np.zeros((*SIZE, 3), np.uint8), ids=ids, parts=np.zeros(SIZE, np.uint8), whole_area=whole
    )


def put(id: int, kind: str, x: int, y: int = 40, side: int = 16, **words) -> Thing:
    return Thing(id=id, kind=kind, box=(x, y, x + side, y + side), **words)


def many(picture: Picture, kind: str, n: int = 40, split: str = "test") -> list[Asked]:
    found = (ask(picture, np.random.default_rng(i), kind=kind, split=split) for i in range(n))
    return [turns[-1] for turns in found if turns]


@lru_cache(maxsize=1)
def drawn() -> tuple[Picture, ...]:
    pytest.importorskip("skia")
    from lisa.world.draw import draw
    from lisa.world.make import SET_PIECES, make_scene

    scenes = [make_scene(i) for i in range(60)]
    scenes += [make_scene(1000 * k + i, set_piece=piece) for k, piece in enumerate(SET_PIECES) for i in range(4)]
    return tuple(draw(s) for s in scenes)


@lru_cache(maxsize=2)
def asked(split: str) -> tuple[tuple[Picture, list[list[Asked]]], ...]:
    return tuple((p, dialogues(p, np.random.default_rng(i), 12, split=split)) for i, p in enumerate(drawn()))


@pytest.mark.parametrize("kind", QUESTION_KINDS)
def test_each_kind_is_asked(kind: str):
    assert any(ask(p, np.random.default_rng(i), kind=kind) for p in drawn() for i in range(3))


def test_form():
    for picture, found in asked("train"):
        for turn in (t for turns in found for t in turns):
            n = turn.answer.count(SEG)
            assert n == len(turn.targets) == len(turn.parts) == len(turn.phrases)
            assert turn.instruction and turn.kind in QUESTION_KINDS
            end = 0
            for phrase in turn.phrases:  # each phrase stands right before its [SEG]
                end = turn.answer.index(f"{phrase} {SEG}", end) + 1
            for target in targets_to_turn(picture, turn).targets:
                assert target.mask.any()


def test_nothing_hidden_is_asked_for():
    for picture, found in asked("train"):
        for ids in (ids for turns in found for t in turns for ids in t.targets):
            for i in ids:
                assert picture.visible(i) >= 0.4 and picture.mask(i).sum() >= 0.0015 * picture.ids.size


def test_no_gaps_in_words():
    for _, found in asked("test"):
        for turn in (t for turns in found for t in turns):
            assert "{" not in turn.instruction + turn.answer and "None" not in turn.instruction + turn.answer
            assert "  " not in turn.instruction + turn.answer and "~" not in turn.instruction


def test_absent_is_absent():
    seen = 0
    for picture, found in asked("test"):
        kinds = {t.kind for t in picture.scene.things}
        coloured = {f"{t.colour} {t.kind}" for t in picture.scene.things}
        for turn in (t for turns in found for t in turns if t.kind == "absent"):
            assert not turn.targets and SEG not in turn.answer
            if turn.answer.startswith(("There is no ", "There are no ")):
                what = turn.answer.split(" no ")[1].removesuffix(" here.")
                assert what not in kinds and what not in coloured
                seen += 1
            elif turn.answer.endswith(" is not here."):
                assert turn.answer.split()[0] not in {t.name for t in picture.scene.things}
    assert seen > 20


def test_named_by_a_noun_alone_is_the_only_one():
    for picture, found in asked("test"):
        counts = Counter(t.kind for t in picture.scene.things)
        for turn in (t for turns in found for t in turns if t.kind == "name"):
            assert counts[picture.scene.thing(turn.targets[0][0]).kind] == 1


def test_absent_has_the_words_of_the_present():
    shapes: dict[str, set[str]] = {"absent": set(), "rest": set()}
    for _, found in asked("test"):
        for turn in (t for turns in found for t in turns):
            if turn.template.startswith(("name/", "use/", "trait/", "colour/")):
                shapes["absent" if turn.kind == "absent" else "rest"].add(turn.template.split("/")[0])
    assert shapes["absent"] == shapes["rest"]


def test_splits_of_templates():
    assert not any("~" in t.template for _, found in asked("train") for turns in found for t in turns)
    held = [t for _, found in asked("templates") for turns in found for t in turns]
    assert sum("~" in t.template for t in held) == len(held)


def test_deterministic():
    for i, p in enumerate(drawn()[:20]):
        assert dialogues(p, np.random.default_rng(i), 8) == dialogues(p, np.random.default_rng(i), 8)


def test_varied():
    for _, found in asked("test"):
        assert len({t[-1].instruction for t in found}) >= len(found) - 1
        assert len(found) >= 8


def test_other_languages_give_nothing():
    p = fake(put(1, "cup", 10))
    assert ask(p, np.random.default_rng(0), kind="name", language="fr") is None
    assert dialogues(p, np.random.default_rng(0), 3, language="fr") == []


def test_weights():
    p = drawn()[0]
    assert {t[-1].kind for t in dialogues(p, np.random.default_rng(0), 5, weights={"plain": 1.0})} == {"plain"}
    assert set(SEED_KINDS) <= set(QUESTION_KINDS) == set(MAKERS)


# -- single rules, on pictures of rectangles -------------------------------------------------------------------------
def test_nothing_helps_to_stand_higher_is_said_where_nothing_does():
    higher = re.compile("higher|taller|reach")
    without = fake(put(1, "man", 20), put(2, "apple", 80))
    beside = fake(put(1, "man", 20), put(2, "ladder", 80))
    assert any(higher.search(a.instruction) for a in many(without, "absent", 400))
    assert not any(higher.search(a.instruction) for a in many(beside, "absent", 400))


def test_more_than_ten_are_not_counted():
    crowd = fake(*(put(i + 1, "ball", 10 * (i % 12), 20 * (i // 12), 8, colour="red") for i in range(12)))
    for asked in many(crowd, "plain", 200):
        assert not re.search("are (ten|eleven|twelve) balls", asked.answer or "")


def test_a_point_lies_on_what_it_means():
    mask = np.zeros((256, 256), bool)
    mask[40:200, 101] = mask[40:200, 103] = True  # two hairs
    box = [101 / 256, 40 / 256, 104 / 256, 200 / 256]
    for seed in range(200):
        numbers = [float(n) for n in region(box, mask, np.random.default_rng(seed))[1:-1].split(",")]
        if len(numbers) == 2:
            assert mask[int(numbers[1] * 256), int(numbers[0] * 256)]


def test_two_of_a_kind_are_not_asked_by_name():
    assert not many(fake(put(1, "cup", 10, colour="red"), put(2, "cup", 60, colour="red")), "name")


def test_colour_tells_two_apart():
    p = fake(put(1, "cup", 10, colour="red"), put(2, "cup", 60, colour="blue"))
    for turn in many(p, "colour"):
        assert turn.targets == ((1 if "red" in turn.instruction.lower() else 2,),)


def test_use_is_not_asked_where_another_could_do_it():
    for other, fine in (("knife", False), ("cup", True)):
        found = many(fake(put(1, "scissors", 10), put(2, other, 60)), "function")
        assert any("cut paper" in t.instruction for t in found) is fine


def test_vitamin_c_needs_a_clear_winner():
    assert not many(fake(put(1, "orange", 10), put(2, "lemon", 60)), "vitamin_c")
    found = many(fake(put(1, "orange", 10), put(2, "bread", 60)), "vitamin_c")
    assert found and all(t.targets == ((1,),) for t in found)
    short = "It is the orange [SEG]."
    assert {t.answer for t in found} == {short, f"{short} An orange is rich in vitamin C."}


def test_lenses_near_and_far():
    p = fake(put(1, "short lens", 10), put(2, "long lens", 60))
    for turn in many(p, "near_lens"):
        far = any(w in turn.instruction.lower() for w in ("far ", "distant"))
        assert turn.targets == ((2 if far else 1,),)


def test_holding():
    woman = put(2, "woman", 50, 30, 40, look={"hair": "long", "shirt": "red", "clothes": "trousers"})
    p = fake(
        put(1, "cup", 10, colour="red"),
        woman,
        put(3, "ball", 80, 44, 12, colour="blue"),
        relations=(Relation(subject=2, name="holding", object=3),),
    )
    found = [t for t in many(p, "relation") if "woman" in t.instruction]
    texts = {t.instruction: t.targets for t in found if "holding" in t.instruction}
    assert texts and set(texts.values()) == {((3,),)}


def test_hidden_things_are_left_out():
    hidden = put(1, "cup", 10, colour="red")
    p = fake(hidden, put(2, "box", 10, 40, 14), put(3, "ball", 70, colour="blue"))
    for kind in ("name", "colour", "function", "part", "two"):
        assert not any(1 in ids for t in many(p, kind) for ids in t.targets)
    assert not any("cup" in t.answer for t in many(p, "absent"))


def test_nobody_is_missed_where_all_are_there():
    everyone = [put(i + 1, kind, 20 * i, name=name) for i, (name, kind) in enumerate(facts.NAMES.items())]
    assert not any("is not here" in turn.answer for turn in many(fake(*everyone), "absent", 60))
    assert any("is not here" in turn.answer for turn in many(fake(*everyone[1:]), "absent", 60))


def test_explanations_are_in_the_table():
    for picture, found in asked("test"):
        for turn in (t for turns in found for t in turns if t.kind == "explanation"):
            sentence = turn.answer.split(f"{SEG}. ")[1]
            row = facts.rows()[picture.scene.thing(turn.targets[0][0]).kind]
            assert sentence in row.sentences or any(sentence == row.says(s[3]) for s in facts.SUPERLATIVES.values())


def test_every_drawn_kind_has_a_row():
    pytest.importorskip("skia")
    from lisa.world.shapes import kinds

    assert set(kinds()) == set(facts.rows())
    assert all(part in kinds()[kind].parts for kind, part in facts.PART_USES)


def test_what_blocks_a_question_is_a_question():
    known = set(facts.uses()) | set(facts.traits())
    assert {what for row in facts.rows().values() for what in row.also} <= known


def test_noise_keeps_most_letters():
    rng = np.random.default_rng(0)
    for _ in range(200):
        text = noise("Which food has the most vitamin C?", rng)
        assert 30 <= len(text) <= 34
