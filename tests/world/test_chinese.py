"""Chinese dialogues ask the same as their English twins, in Chinese throughout."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache

import numpy as np
import pytest

from lisa.types import SEG
from lisa.world import facts
from lisa.world.chinese import noise, tell
from lisa.world.chinese.forms import CORES, NP_WRAPPERS, Q_WRAPPERS, SENTENCES
from lisa.world.chinese.words import look_of, phrase
from lisa.world.phrases import HELD, Say
from lisa.world.questions import MAKERS, Asked, ask, dialogues, targets_to_turn
from lisa.world.questions.asked import text
from lisa.world.questions.reason import PLACES, PLACES_ZH
from lisa.world.questions.view import STATES, STATES_ZH, View
from lisa.world.scene import Picture

LATIN = re.compile("[A-Za-z]")


@lru_cache(maxsize=1)
def drawn() -> tuple[Picture, ...]:
    pytest.importorskip("skia")
    from lisa.world.draw import draw
    from lisa.world.make import SET_PIECES, make_scene

    scenes = [make_scene(i) for i in range(40)]
    scenes += [make_scene(1000 * k + i, set_piece=piece) for k, piece in enumerate(SET_PIECES) for i in range(3)]
    return tuple(draw(s) for s in scenes)


@lru_cache(maxsize=3)
def asked(split: str) -> tuple[tuple[Picture, list[list[Asked]]], ...]:
    found = (dialogues(p, np.random.default_rng(i), 8, split=split, language="zh") for i, p in enumerate(drawn()))
    return tuple(zip(drawn(), found))


def turns(split: str) -> list[Asked]:
    return [t for _, found in asked(split) for dialogue in found for t in dialogue]


@pytest.mark.parametrize("split", ["train", "test", "templates"])
def test_no_english(split: str):
    for turn in turns(split):
        assert turn.language == "zh"
        for said in (turn.instruction, turn.answer.replace(SEG, "")):
            assert said and not LATIN.search(said.replace("维生素C", "")), said
            assert not set("{}~_") & set(said)


def test_answers_keep_their_form():
    for picture, found in asked("train"):
        for turn in (t for dialogue in found for t in dialogue):
            n = turn.answer.count(SEG)
            assert n == len(turn.targets) == len(turn.parts) == len(turn.phrases)
            end = 0
            for name in turn.phrases:  # each phrase stands right before its [SEG]
                end = turn.answer.index(f"{name}{SEG}", end) + 1
            assert turn.answer.endswith("。") and not turn.answer.endswith("。。")
            assert all(target.mask.any() for target in targets_to_turn(picture, turn).targets)


@pytest.mark.parametrize("kind", MAKERS)
def test_each_kind_is_asked_of_the_same_things(kind: str):
    seen = 0
    for i, picture in enumerate(drawn()):
        english = ask(picture, np.random.default_rng(i), kind=kind, split="test")
        chinese = ask(picture, np.random.default_rng(i), kind=kind, split="test", language="zh")
        assert (english is None) == (chinese is None)
        for e, c in zip(english or (), chinese or (), strict=True):
            assert (e.kind, e.targets, e.parts) == (c.kind, c.targets, c.parts)
            assert e.answer.count(SEG) == c.answer.count(SEG)
            seen += 1
    assert seen


def test_next_to_nothing_cannot_be_said():
    made = lost = 0
    for i, picture in enumerate(drawn()):
        view, say = View(picture), Say(np.random.default_rng(i), "test")
        for make, _ in MAKERS.values():
            if found := make(view, say):
                made, lost = made + 1, lost + (tell(found, say) is None)
    assert made > 500 and lost <= 0.01 * made


def test_what_is_not_understood_is_left_out():
    say = Say(np.random.default_rng(0), "test")
    said = say.ask("name", np=("the {x}",), x="unicorn")
    assert tell([text("absent", said, "There is no unicorn here.")], say) is None


def test_held_out_forms():
    assert not any("~" in t.template for t in turns("train"))
    assert all("~" in t.template for t in turns("templates"))
    assert all(sum(w.startswith(HELD) for w in wrappers) >= 3 for wrappers in (NP_WRAPPERS, Q_WRAPPERS))
    for forms in SENTENCES.values():
        assert any(f.startswith(HELD) for f in forms) and not all(f.startswith(HELD) for f in forms)
    for forms in (forms for cores in CORES.values() for forms in cores if forms):
        assert not all(f.startswith(HELD) for f in forms)


def test_deterministic():
    for i, p in enumerate(drawn()[:10]):
        first, second = (dialogues(p, np.random.default_rng(i), 6, language="zh") for _ in range(2))
        assert first == second


def test_varied():
    words = Counter(t.instruction for t in turns("test"))
    assert len(words) > 0.8 * words.total()


def test_rows_are_aligned():
    for row in facts.rows().values():
        assert row.measure
        for name in ("uses", "traits", "facts"):
            assert len(getattr(row, name)) == len(getattr(row, f"{name}_zh")), (row.name, name)
    for one, other in ((("uses", "uses_zh")), ("traits", "traits_zh")):
        pairs = {(e, z) for r in facts.rows().values() for e, z in zip(getattr(r, one), getattr(r, other))}
        texts = {(e[0], z[0]) if one == "uses" else (e, z) for e, z in pairs}
        assert len(texts) == len({e for e, _ in texts}) == len({z for _, z in texts})
    names = [row.zh for row in facts.rows().values()]
    assert len(set(names)) == len(names)


def test_tables_are_aligned():
    from lisa.world.palette import COLOURS
    from lisa.world.shapes import kinds

    assert set(facts.COLOURS_ZH) == set(COLOURS)
    assert set(facts.PARTS_ZH) == {p for kind in kinds().values() for p in kind.parts}
    assert all(part in kinds()[kind].parts for kind, part in facts.PARTS_ZH_OF)
    assert set(facts.PART_USES_ZH) == set(facts.PART_USES.values())
    assert set(facts.NAMES_ZH) == set(facts.NAMES)
    assert set(facts.SUPERLATIVES_ZH) == set(facts.SUPERLATIVES)
    assert {g for row in facts.rows().values() for g in row.groups} < set(facts.GROUPS_ZH)
    assert set(STATES_ZH) == {(kind, word) for (kind, _), word in STATES.items()}
    assert set(PLACES_ZH) == set(PLACES.values())


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("the red cup", "红色的杯子"),
        ("the orange orange", "橙色的橙子"),
        ("the red traffic light", "亮着红灯的红绿灯"),
        ("the striped cup", "带条纹的杯子"),
        ("the lit candle", "点着的蜡烛"),
        ("the leftmost dog", "最左边的狗"),
        ("the other chair", "另一把椅子"),
        ("the man with a beard", "留大胡子的男人"),
        ("the girl in the red dress", "穿红色连衣裙的女孩"),
        ("the woman with blond hair", "金色头发的女人"),
        ("The dog with antlers", "长着鹿角的狗"),
        ("the handle of the red cup", "红色的杯子的把手"),
        ("the wheels of the car", "汽车的轮子"),
        ("the hair of Lisa", "丽莎的头发"),
        ("the thing used to cut bread", "可以切面包的东西"),
        ("the food that is made from milk", "用牛奶做的食物"),
        ("the people", "人"),
        ("Ken", "小健"),
        ("the shiny cup", None),
        ("the cup of joy", None),
    ],
)
def test_noun_phrases(english: str, chinese: str | None):
    found = phrase(english)
    assert (found.text if found else None) == chinese


def test_looks():
    assert look_of("with glasses", said=True) == "戴着眼镜"
    assert look_of("with green teeth") is None


def test_noise_keeps_most_characters():
    rng = np.random.default_rng(0)
    texts = {noise("请告诉我：哪种食物的维生素C最多？", rng) for _ in range(300)}
    assert len(texts) > 3 and all(len(t) >= 16 and "维生素C" in t for t in texts)
