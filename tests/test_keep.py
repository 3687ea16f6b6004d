"""New kinds of questions are learned, and of all others a model keeps what it said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from small_model import write_small

from lisa.errors import BadInput
from lisa.model.checkpoint import load
from lisa.recipes.tiny import SEG, debug
from lisa.train import override
from lisa.train.keep import PROMPT, WORDS, KeptObjective
from lisa.train.loop import FitConfig, train_step
from lisa.train.tiny import LOOK_FILE, kept_objective, objectives_of, train_tiny
from lisa.vlms.base import IGNORE

LESSON = replace(
    SEG, pictures=2, dialogues=4, own=1, same=0, twins=0.0, pieces={"odd_colour": 1.0}, anew=("odd_one_out",)
)


@pytest.fixture
def objective(tmp_path: Path) -> KeptObjective:
    torch.manual_seed(0)
    folder = write_small(tmp_path / "small")
    return kept_objective(load(folder, device=torch.device("cpu"), dtype=torch.float32), LESSON)


def _batch(objective):
    return next(b for k in range(20) if (b := objective.batch(range(2 * k, 2 * k + 2))).prompts and len(b.targets[0]))


def test_what_is_learned_and_what_is_kept_are_told_apart(objective):
    batch = _batch(objective)
    learned, kept = ((labels != IGNORE).any(1) for labels in (batch.vlm.labels, batch.kept))
    assert learned.any() and kept.any() and not (learned & kept).any()
    seg = objective.segmenter.vlm.seg_token_id
    assert int((batch.vlm.labels == seg).sum()) == sum(map(len, batch.targets))
    assert int((batch.kept == seg).sum()) == batch.prompts


def test_nothing_pulls_at_what_was_said_before_it_changes(objective):
    batch = _batch(objective)
    counts = objective.counts(batch)
    losses = objective.losses(batch, counts)
    assert losses["words"].item() == pytest.approx(0.0, abs=1e-6) and losses["prompt"].item() < 1e-6
    assert losses["text"].item() > 0.5 and losses["dice"].item() > 0
    beside = WORDS * losses["words"] + PROMPT * losses["prompt"]
    gradients = torch.autograd.grad(beside, objective.segmenter.projector.out.weight, retain_graph=True)[0]
    losses["total"].backward()
    learned = objective.segmenter.projector.out.weight.grad
    assert gradients.abs().max() < 1e-3 * learned.abs().max()

    with torch.no_grad():
        objective.segmenter.projector.out.weight.mul_(1.5)
        objective.segmenter.vlm.model.get_input_embeddings().weight.mul_(0.7)
    moved = objective.losses(batch, counts)
    assert moved["words"].item() > 1e-4 and moved["prompt"].item() > 1e-4
    assert all(p.grad is None for p in objective.before.parameters())


def test_a_batch_of_one_sort_alone_has_finite_losses(objective):
    for kinds in ((), ("odd_one_out",)):
        objective.anew = frozenset(kinds)
        samples = [
            s for place in range(12) for s in objective._draw(place) if (s.group == "odd_one_out") == bool(kinds)
        ]
        batch = objective._collate([samples[:1], samples[-1:]])
        losses = objective.losses(batch, objective.counts(batch))
        assert all(torch.isfinite(value) for value in losses.values())


def test_odd_ones_are_learned_and_the_trunks_stay(objective):
    config = FitConfig(steps=20, samples=2, warmup=1, schedule="constant")
    batch = _batch(objective)
    found = [train_step(objective, [batch], step, config) for step in range(20)]
    assert found[-1]["text"] < 0.9 * found[0]["text"]
    now, before = (model.state_dict() for model in (objective.segmenter, objective.before))
    changed = {name for name in now if not now[name].equal(before[name])}
    assert changed and not any("masker" in name or "trunk" in name for name in changed)


def test_a_run_learns_anew_from_a_trained_model(tmp_path):
    short = replace(debug(), domain_pictures=0, presence_pictures=0, eight_bits=False)
    start = train_tiny(short, tmp_path / "start", lambda step, values: None)
    again = override(short, [f"start={start}", "seg.anew=[odd_one_out]", "seg.pieces={odd_colour: 0.8}"])
    assert again.seg.anew == ("odd_one_out",)
    made = train_tiny(again, tmp_path / "again", lambda step, values: None)
    before, after = (load_file(folder / "model.safetensors") for folder in (start, made))
    changed = {name for name in before if not before[name].equal(after[name])}
    assert changed and not any("masker" in name for name in changed)
    assert (tmp_path / "again" / LOOK_FILE).read_bytes() == (tmp_path / "start" / LOOK_FILE).read_bytes()
    half = train_tiny(replace(again, blend=0.5), tmp_path / "half", lambda step, values: None)
    between = load_file(half / "model.safetensors")
    middle = {name: (before[name].float() + after[name].float()) / 2 for name in changed}
    assert all(torch.allclose(between[name].float(), middle[name], atol=1e-3) for name in changed)

    (stage,) = objectives_of(again, tmp_path / "start" / "checkpoint").values()
    assert isinstance(stage[0](), KeptObjective)


def test_what_cannot_be_learned_anew_is_said():
    with pytest.raises(BadInput, match="odd_one_out"):
        replace(SEG, anew=("odd_one_ou",))
    with pytest.raises(BadInput, match="tokens"):
        replace(SEG, anew=("odd_one_out",), tokens=1.0)
    with pytest.raises(BadInput, match="blend"):
        replace(debug(), blend=0.5)
    with pytest.raises(BadInput, match="start="):
        override(debug(), ["seg.anew=[odd_one_out]"])
