"""Broken models are named by how they behave, sound ones are not accused. `make thorough` looks at all of them."""

from __future__ import annotations

import os

import pytest

from lisa.data.world import WorldDataset
from lisa.evaluate.faults import LEAST, diagnose
from lisa.types import Sample

from .broken import BROKEN, SOUND, tiny

KINDS = ("name", "colour", "function", "knowledge", "attribute")
THOROUGH = "LISA_EXAMPLES" in os.environ
QUICK = {"wrong id", "sides", "plain"}


@pytest.fixture(scope="module")
def questions() -> list[Sample]:
    """Of pictures that are not square."""
    data = WorldDataset(seed=310, count=120, kinds=KINDS)
    kept = (
        s for s in data if len(s.turns) == 1 and len(s.turns[0].targets) == 1 and s.image.shape[0] != s.image.shape[1]
    )
    return [s for s, _ in zip(kept, range(24 if THOROUGH else 12))]


@pytest.mark.parametrize("name", [n for n in BROKEN if THOROUGH or n in QUICK])
def test_a_broken_model_is_named(name, questions, monkeypatch):
    breaks, fault = BROKEN[name]
    predictor = tiny()
    breaks(predictor, monkeypatch)
    assert [f.name for f in diagnose(predictor, questions).faults] == [fault]


@pytest.mark.parametrize("name", [n for n in SOUND if THOROUGH or n in QUICK])
def test_a_sound_model_is_not_accused(name, questions):
    predictor = tiny()
    SOUND[name](predictor)
    asked = questions[:LEAST] if name == "bf16" else questions  # which many CPUs emulate, at a tenth of the speed
    found = diagnose(predictor, asked)
    assert not found.faults, found


def test_too_few_questions(questions):
    with pytest.raises(ValueError, match="eight questions"):
        diagnose(tiny(), questions[:7])
