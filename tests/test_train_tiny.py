"""`lisa train tiny` and its kin, in two steps a stage."""

import json
from dataclasses import replace

import pytest
from safetensors.torch import load_file

from lisa.errors import BadInput
from lisa.recipes import RECIPES
from lisa.recipes.tiny import debug
from lisa.registry import find
from lisa.train.tiny import TAUGHT_FILE, train_tiny

SHORT = replace(debug(), domain_pictures=0, presence_pictures=0)


def _silent(step, values):
    pass


def _last(folder):
    return json.loads((folder / "seg" / "log.jsonl").read_text().splitlines()[-1])


def test_a_run_goes_on_from_another_with_what_it_was_taught(tmp_path):
    first = train_tiny(SHORT, tmp_path / "first", _silent)
    again = replace(SHORT, start=str(first), seg_steps=1)
    train_tiny(again, tmp_path / "second", _silent)
    assert "prompt" in _last(tmp_path / "second")
    words = [load_file(tmp_path / run / TAUGHT_FILE) for run in ("first", "second")]
    assert words[0] and all((words[0][name] == words[1][name]).all() for name in words[0])

    (tmp_path / "first" / TAUGHT_FILE).unlink()
    train_tiny(again, tmp_path / "third", _silent)
    assert "prompt" not in _last(tmp_path / "third")

    other = replace(again.model, name="other")
    with pytest.raises(BadInput, match="built otherwise"):
        train_tiny(replace(again, model=other), tmp_path / "fourth", _silent)


def test_the_same_model_on_a_gpu():
    mine, large = (find("recipes", RECIPES, name)() for name in ("tiny", "tiny-gpu"))
    assert mine.model == large.model and mine.vocabulary == large.vocabulary
    assert large.seg.pictures > mine.seg.pictures
