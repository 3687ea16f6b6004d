"""`lisa train tiny` and its kin, in two steps a stage."""

import json
import time
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from lisa.errors import BadInput
from lisa.recipes import RECIPES
from lisa.recipes.tiny import debug, on_gpu
from lisa.registry import find
from lisa.train import fit_minutes, override
from lisa.train.look import LookHeads
from lisa.train.loop import FitConfig, train_step
from lisa.train.probe import ROOM, _time
from lisa.train.prompted import PromptedObjective
from lisa.train.tiny import TAUGHT_FILE, _load_known, objectives_of, seconds_beside, train_tiny

SHORT = replace(debug(), domain_pictures=0, presence_pictures=0, eight_bits=False)


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

    named = replace(again, model=replace(again.model, name="other"))
    assert train_tiny(named, tmp_path / "named", _silent)
    other = replace(again.model, reads="own")
    with pytest.raises(BadInput, match="built otherwise"):
        train_tiny(replace(again, model=other), tmp_path / "fourth", _silent)
    assert not (tmp_path / "fourth" / "recipe.json").exists()


def test_tokens_go_on_to_learn_where_the_lesson_weighs_them(tmp_path):
    still = train_tiny(SHORT, tmp_path / "still", _silent)
    learning = replace(SHORT, start=str(still), seg=replace(SHORT.seg, tokens=1.0))
    moved = train_tiny(learning, tmp_path / "moved", _silent)
    assert "look" not in _last(tmp_path / "still") and "look" in _last(tmp_path / "moved")
    before, after = (load_file(folder / "model.safetensors") for folder in (still, moved))
    tower = [name for name in before if "vision_tower" in name]
    changed = {name for name in tower if not before[name].equal(after[name])}
    assert changed and not any("trunk" in name for name in changed)


def test_the_masker_goes_on_to_learn_where_the_lesson_says_so(tmp_path):
    still = train_tiny(SHORT, tmp_path / "still", _silent)
    learning = replace(SHORT, start=str(still), seg=replace(SHORT.seg, tokens=1.0, masker=True))
    moved = train_tiny(learning, tmp_path / "moved", _silent)
    assert {"kind", "colour", "part", "offset"} <= set(_last(tmp_path / "moved"))
    before, after = (load_file(folder / "model.safetensors") for folder in (still, moved))
    changed = {name for name in before if not before[name].equal(after[name])}
    for part in ("image_encoder.trunk.stem.0", "vote", "to_what", "outline"):
        assert any(f"masker.{part}" in name for name in changed), part
    assert not any("vision_tower.trunk" in name for name in changed)
    words = [load_file(tmp_path / run / TAUGHT_FILE) for run in ("still", "moved")]
    assert "word_bias.0" in words[0] and all(words[0][name].equal(words[1][name]) for name in words[0])

    (tmp_path / "still" / TAUGHT_FILE).unlink()
    with pytest.raises(BadInput, match="taught words"):
        train_tiny(learning, tmp_path / "untaught", _silent)


def test_what_was_asked_on_the_side_is_kept_where_more_is_asked_now():
    sizes = {"kind": 3, "odd": 2}
    older, newer = LookHeads(8, facts={"kind": 3}), LookHeads(8, sizes, facts=sizes)
    _load_known(newer, older.state_dict())
    assert newer.recall.read.weight[:3].equal(older.recall.read.weight)
    assert newer.point.query.weight.equal(older.point.query.weight)


def test_every_stage_is_measured_as_it_runs(tmp_path):
    seg = replace(on_gpu().seg, pictures=2, dialogues=2)
    made = objectives_of(replace(SHORT, seg=seg), tmp_path)
    stages = {name: make() for name, (make, _) in made.items()}
    assert list(stages) == ["dense_steps", "token_steps", "word_steps", "seg_steps"]
    assert isinstance(stages["seg_steps"], PromptedObjective)
    row = stages["seg_steps"].batches([range(2)])
    assert "kind" in train_step(stages["seg_steps"], row, 1, FitConfig(steps=2, samples=2))
    assert list(objectives_of(replace(SHORT, start="tiny"), tmp_path)) == ["seg_steps"]


def test_minutes_are_what_a_run_takes_in_all(monkeypatch):
    recipe = find("recipes", RECIPES, "tiny")()
    monkeypatch.setattr("lisa.train.probe.stage_seconds", lambda _: dict.fromkeys(recipe.SHARES, 0.5))
    monkeypatch.setattr("lisa.train.probe.seconds_beside", lambda _: 600.0)
    planned = fit_minutes(recipe, 30)
    assert sum(getattr(planned, name) for name in recipe.SHARES) == pytest.approx(2 * (30 * 60 - 600), abs=4)
    with pytest.raises(BadInput, match="10 minutes go to"):
        fit_minutes(recipe, 12)


def test_what_comes_beside_the_steps_is_timed_by_a_part_of_it(tmp_path):
    made = replace(debug(), tokenizer_pictures=80, domain_pictures=48, presence_pictures=8)
    begun = time.perf_counter()
    whole = seconds_beside(made, tmp_path)
    took = time.perf_counter() - begun  # half of the vocabulary, half of the notice, all of the denials, and a model
    assert 0 < whole < 2 * took
    assert seconds_beside(replace(SHORT, start="tiny"), tmp_path) == 0


def test_a_step_is_timed_with_what_prepares_it():
    class Slow:
        """A step takes 20 ms, and its row a tenth of a second of another process."""

        def __init__(self):
            self.module = nn.Linear(2, 1)
            self.optimizers = [torch.optim.SGD(self.module.parameters(), lr=0.1)]

        def batches(self, shares):
            time.sleep(0.1)
            return [torch.ones(len(places), 2) for places in shares]

        def counts(self, batch):
            return {"shares": 1.0}

        def losses(self, batch, counts):
            time.sleep(0.02)
            return {"total": self.module(batch).mean()}

    assert 0.09 < _time(Slow, FitConfig(steps=ROOM, samples=1, workers=1)) < 0.2


def test_what_a_lesson_cannot_do_is_said():
    with pytest.raises(BadInput, match="tokens"):
        replace(SHORT.seg, masker=True)
    with pytest.raises(BadInput, match=r"words\.tokens"):
        replace(SHORT, words=replace(SHORT.words, tokens=1.0))
    both = override(SHORT, ["seg.masker=true", "seg.tokens=1.0"])
    assert both.seg.masker and both.seg.tokens == 1.0


def test_the_same_model_on_a_gpu():
    mine, large = (find("recipes", RECIPES, name)() for name in ("tiny", "tiny-gpu"))
    assert mine.model == large.model and mine.vocabulary == large.vocabulary
    assert large.seg.pictures > mine.seg.pictures
