"""What lessons are asked in beyond the templates: it fits where it is used, and nothing that is tested is among it."""

from __future__ import annotations

import re
from collections import Counter
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

import lisa.world
from lisa.world.chinese.forms import CORES, NP_WRAPPERS, Q_WRAPPERS, SENTENCES
from lisa.world.more_forms import _listed, more_forms
from lisa.world.phrases import LESSON, gaps
from lisa.world.questions import LANGUAGES, dialogues
from lisa.world.sets import make_picture


def every(language: str) -> list[str]:
    listed = _listed()[language]
    cores = [form for lists in listed["forms"].values() for forms in lists.values() for form in forms]
    return [*listed["np_wrappers"], *listed["q_wrappers"], *cores]


def bare(form: str) -> str:
    return re.sub(r"[\s.,?!。？！，：:]", "", form.lower())


def test_no_held_out_form_is_among_them():
    source = "".join(path.read_text(encoding="utf-8") for path in Path(str(files(lisa.world))).rglob("*.py"))
    held = {bare(form) for form in re.findall(r'"~([^"]+)"', source)}
    assert len(held) > 150
    assert not held & {bare(form) for language in LANGUAGES for form in every(language)}


def test_there_are_many_in_both_languages():
    for language in LANGUAGES:
        assert len(every(language)) > 1_900 and len(set(every(language))) > 1_300


def test_chinese_ones_have_the_gaps_of_their_name():
    for name, lists in _listed()["zh"]["forms"].items():
        cores = [form for forms in CORES.get(name, ()) for form in forms]
        known = set().union(*map(gaps, [*cores, *SENTENCES.get(name, ())]))
        assert known or name in CORES or name in SENTENCES, name
        for form in (form for forms in lists.values() for form in forms):
            assert gaps(form) <= known, (name, form)
    wrappers = _listed()["zh"]
    assert all(gaps(w) == {"np"} for w in wrappers["np_wrappers"]) and all(gaps(w) == {"np"} for w in NP_WRAPPERS)
    assert all(gaps(w) == {"q"} for w in wrappers["q_wrappers"]) and all(gaps(w) == {"q"} for w in Q_WRAPPERS)


@pytest.mark.parametrize("language", LANGUAGES)
def test_lessons_are_asked_in_them_and_nothing_else_is(language: str):
    pytest.importorskip("skia")
    said: dict[str, Counter[bool]] = {split: Counter() for split in (LESSON, "train", "test", "templates")}
    for place in range(40):
        picture = make_picture(1, place)
        for split, found in said.items():
            for turns in dialogues(picture, np.random.default_rng(place), 6, split=split, language=language):
                found.update("+" in turn.template for turn in turns)
                assert not any("{" in turn.instruction for turn in turns)
    assert 0.5 < said[LESSON][True] / said[LESSON].total() < 0.9
    assert all(not found[True] for split, found in said.items() if split != LESSON)


def test_riddles_and_rankings_find_their_forms():
    assert more_forms("zh", "through left", "n") == more_forms("zh", "beside left", "n") != []
    assert more_forms("zh", "most sugar", "q") and more_forms("en", "most sugar", "q")
    assert more_forms("en", "through on", "q") and not more_forms("en", "hello", "")
