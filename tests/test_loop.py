"""The training loop: what a batch is, what a kill leaves, what a resume continues."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from torch import nn

from lisa.errors import BadInput, LisaError, TooLarge
from lisa.recipes.tiny import TinyRecipe, debug
from lisa.train import find_recipe, override
from lisa.train.checkpoints import best_state, load_latest, load_state, save_state, saved_states
from lisa.train.loop import FitConfig, fit, state_of
from lisa.train.optim import Muon, matrices, orthogonal, rest, warmup_then_cosine

SAMPLES = 16


class Line:
    """Fits y = Wx on data that is a function of the step; `stop` sends SIGTERM while that step is prepared."""

    def __init__(self, stop: int | None = None) -> None:
        torch.manual_seed(0)
        self.module = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.1), nn.Linear(8, 2))
        kernels = matrices(self.module)
        self.optimizers = (Muon(kernels, lr=0.02), torch.optim.AdamW(rest(self.module, kernels), lr=0.01))
        self.stop = stop

    def batches(self, shares: Sequence[range]) -> list[torch.Tensor]:
        return [self.batch(places) for places in shares]

    def batch(self, places: range) -> torch.Tensor:
        if self.stop is not None and self.stop * SAMPLES in places:
            os.kill(os.getpid(), signal.SIGTERM)
        rows = [np.random.default_rng([1, place]).normal(size=4) for place in places]
        return torch.from_numpy(np.stack(rows).astype(np.float32))

    def counts(self, batch: torch.Tensor) -> dict[str, float]:
        return {"rows": float(len(batch))}

    def losses(self, batch: torch.Tensor, counts: Mapping[str, float]) -> dict[str, torch.Tensor]:
        return {"total": (self.module(batch) - batch[:, :2]).square().sum() / 2 / counts["rows"]}


def run(folder: Path, *, steps: int = 30, stop: int | None = None) -> tuple[int, dict[str, torch.Tensor]]:
    line = Line(stop)
    config = FitConfig(steps=steps, samples=SAMPLES, warmup=3, workers=0, log_every=5)
    reached = fit(line, config, folder, lambda step, values: None)
    return reached, {k: v.clone() for k, v in line.module.state_dict().items()}


def test_loss_falls(tmp_path):
    seen: list[float] = []
    fit(
        Line(),
        FitConfig(steps=60, samples=SAMPLES, warmup=3, workers=0),
        tmp_path,
        lambda _, v: seen.append(v["total"]),
    )
    assert seen[-1] < seen[0]


@pytest.mark.parametrize("stop", [1, 7, 29])
def test_a_stopped_run_resumes_to_the_same_bits(tmp_path, stop):
    _, whole = run(tmp_path / "whole")
    reached, _ = run(tmp_path / "cut", stop=stop)
    assert reached == stop + 1
    reached, resumed = run(tmp_path / "cut")
    assert reached == 30
    assert all(torch.equal(whole[k], resumed[k]) for k in whole)


def test_a_stop_within_a_step_drops_it(tmp_path):
    line, plain, asked = Line(), Line.losses, []
    config = FitConfig(steps=30, samples=SAMPLES, micro=4, warmup=3, workers=0)

    def losses(batch, counts):
        asked.append(len(asked))
        if len(asked) == 22:  # the second of four forwards of step 5
            os.kill(os.getpid(), signal.SIGTERM)
        return plain(line, batch, counts)

    line.losses = losses  # type: ignore[method-assign]
    assert fit(line, config, tmp_path / "cut", lambda *_: None) == 5
    assert len(asked) == 22 and (load_latest(tmp_path / "cut") or {})["step"] == 5
    again, whole = Line(), Line()
    fit(again, config, tmp_path / "cut", lambda *_: None)
    fit(whole, config, tmp_path / "whole", lambda *_: None)
    assert all(torch.equal(v, again.module.state_dict()[k]) for k, v in whole.module.state_dict().items())


def test_a_state_is_there_before_an_evaluation_fails(tmp_path):
    def broken(step: int) -> float:
        raise LisaError(f"nothing can be asked at step {step}")

    config = FitConfig(steps=6, samples=SAMPLES, workers=0, evaluate_every=4)
    with pytest.raises(LisaError, match="step 4"):
        fit(Line(), config, tmp_path, lambda *_: None, evaluate=broken)
    assert (load_latest(tmp_path) or {})["step"] == 4
    assert fit(Line(), config, tmp_path, lambda *_: None, evaluate=float) == 6  # it goes on behind it
    best = best_state(tmp_path)
    assert best is not None and (load_state(best) or {})["step"] == 6
    assert [path.name[:13] for path in saved_states(tmp_path)] == ["step-00000004", "step-00000006"]
    assert (load_latest(tmp_path) or {})["best"] == 6.0


def test_the_first_process_alone_copies_the_state(monkeypatch):
    line = Line()
    assert all(v is not None for v in state_of(line, 1)["module"].values())
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_rank", lambda: 1)
    assert all(v is None for v in state_of(line, 1)["module"].values())


def test_large_steps_do_not_run_out_of_open_files(tmp_path):
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
    try:
        config = FitConfig(steps=3, samples=300, micro=1, warmup=1, workers=1)
        assert fit(Line(), config, tmp_path, lambda *_: None) == 3
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_data_workers_leave_a_stop_to_the_run(tmp_path):
    def everybody(step: int, _: dict[str, float]) -> None:
        for child in psutil.Process().children(recursive=True):
            child.send_signal(signal.SIGTERM)

    config = FitConfig(steps=12, samples=SAMPLES, warmup=3, workers=1, log_every=4)
    assert fit(Line(), config, tmp_path, everybody) == 12


class Killed(Line):
    """Its data workers are killed at the fifth step."""

    def batches(self, shares):
        if torch.utils.data.get_worker_info() is not None and shares[0].start >= 4 * SAMPLES:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().batches(shares)


def test_a_killed_data_worker_is_told_of(tmp_path):
    config = FitConfig(steps=12, samples=SAMPLES, warmup=3, workers=1, log_every=4)
    with pytest.raises(TooLarge, match="same command again"):
        fit(Killed(), config, tmp_path, lambda *_: None)


def test_a_half_written_state_is_passed_over(tmp_path):
    save_state(tmp_path, 5, {"step": 5})
    (tmp_path / ".step-00000010.tmp").write_bytes(b"cut off")
    later = save_state(tmp_path, 9, {"step": 9})
    later.write_bytes(later.read_bytes()[:-7])
    assert load_latest(tmp_path) == {"step": 5}


def test_a_damaged_later_state_goes_when_a_whole_one_is_there(tmp_path, caplog):
    save_state(tmp_path, 5, {"step": 5}, keep=1)
    later = save_state(tmp_path, 9, {"step": 9}, keep=2)
    later.write_bytes(later.read_bytes()[:-7])
    assert load_latest(tmp_path) == {"step": 5} and later.name in caplog.text
    save_state(tmp_path, 7, {"step": 7}, keep=1)
    assert [p.name[:13] for p in saved_states(tmp_path)] == ["step-00000007"]
    assert load_latest(tmp_path) == {"step": 7}


def test_the_best_state_needs_no_links(tmp_path, monkeypatch):
    def no_links(*_: object) -> None:
        raise OSError("Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    for step in (3, 6):
        save_state(tmp_path, step, {"step": step}, keep=1, best=True)
    best = best_state(tmp_path)
    assert best is not None and load_state(best) == {"step": 6} and len(list(tmp_path.glob("best-*"))) == 1
    left = best.with_name(f"best-00000003-{'0' * 16}.pt")  # of a kill between the two
    left.write_bytes(b"")
    assert best_state(tmp_path) == best


class Unreadable(Line):
    """Has nothing that can be learned from."""

    def batches(self, shares: Sequence[range]) -> list[torch.Tensor]:
        raise BadInput("the data gives nothing to learn: look at it with `lisa data check`")


@pytest.mark.parametrize("workers", [0, 1])
def test_what_a_data_worker_met_is_told_as_it_is(tmp_path, workers):
    with pytest.raises(BadInput) as told:
        fit(Unreadable(), FitConfig(steps=2, samples=SAMPLES, workers=workers), tmp_path, lambda *_: None)
    assert str(told.value) == "the data gives nothing to learn: look at it with `lisa data check`"


def test_a_batch_without_a_gradient_is_kept_before_the_first_state(tmp_path):
    line = Line()
    line.losses = lambda batch, counts: {"total": line.module(batch).sum() * float("nan")}  # type: ignore[method-assign]
    folder = tmp_path / "states"
    with pytest.raises(LisaError, match="no usable gradient"):
        fit(line, FitConfig(steps=9, samples=SAMPLES, workers=0, patience=3), folder, lambda *_: None)
    assert list(folder.glob("bad-batch-*.pt"))


def test_old_states_go_only_after_the_new_one_is_there(tmp_path):
    for step in range(5):
        save_state(tmp_path, step, {"step": step}, keep=2)
    assert [p.name[:13] for p in saved_states(tmp_path)] == ["step-00000003", "step-00000004"]


def test_a_step_without_a_finite_gradient_changes_nothing(tmp_path):
    line = Line()
    before = {k: v.clone() for k, v in line.module.state_dict().items()}
    line.batch = lambda places: torch.full((2, 4), float("nan"))  # type: ignore[method-assign]
    seen: list[dict[str, float]] = []
    fit(line, FitConfig(steps=2, workers=0, log_every=2), tmp_path, lambda _, v: seen.append(v))
    assert all(torch.equal(before[k], v) for k, v in line.module.state_dict().items())
    assert seen[0]["skipped"] == 1.0


def test_a_spike_is_skipped_and_many_of_them_end_the_run(tmp_path):
    line, plain = Line(), Line.batch
    line.batch = lambda places: plain(line, places) * (1e4 if places.start >= 30 * SAMPLES else 1)  # type: ignore[method-assign]
    config = FitConfig(steps=60, samples=SAMPLES, workers=0, log_every=1, spike=20.0, patience=5, save_steps=30)
    seen: list[float] = []
    with pytest.raises(LisaError, match="5 steps up to step 35"):
        fit(line, config, tmp_path, lambda _, v: seen.append(v["skipped"]))
    assert sum(seen) == 4 and not any(seen[:30])
    assert [p.name for p in tmp_path.glob("bad-batch*")] == ["bad-batch-00000035.pt"]
    with pytest.raises(LisaError, match="5 steps up to step 35"):  # what a spike is measured by is in the state
        fit(line, config, tmp_path, lambda *_: None)


def test_muon_makes_matrices_orthogonal():
    for shape in ((8, 5), (5, 8), (6, 6)):
        torch.manual_seed(0)
        values = torch.linalg.svdvals(orthogonal(torch.randn(shape)))
        assert float(values.min()) > 0.6 and float(values.max()) < 1.3


def test_muon_moves_convolutions_in_any_memory_order():
    x = torch.randn(2, 3, 8, 8)
    kernels = []
    for order in (torch.contiguous_format, torch.channels_last):
        torch.manual_seed(0)
        conv = nn.Conv2d(3, 4, 3, bias=False).to(memory_format=order)
        optimizer = Muon([conv.weight], lr=0.1)
        conv(x.to(memory_format=order)).square().mean().backward()
        start = conv.weight.detach().clone()
        optimizer.step()
        assert not torch.equal(start, conv.weight)
        kernels.append(conv.weight.detach())
    assert torch.allclose(kernels[0], kernels[1], atol=2e-2)


def test_schedule_rises_then_falls_to_zero():
    factors = [warmup_then_cosine(s, steps=100, warmup=10) for s in range(101)]
    assert factors[0] == 0.1 and factors[9] == 1.0 and factors[-1] == pytest.approx(0.0)
    assert all(a >= b for a, b in pairwise(factors[10:]))


def test_recipes_are_found_and_changed_by_name():
    assert find_recipe("tiny") == ("tiny", TinyRecipe())
    assert override(debug(), ["seed=4"]).seed == 4
    changed = override(debug(), ["seg.seed=18", "seg.rate=0.5"]).seg
    assert changed == replace(debug().seg, seed=18, rate=0.5)
    with pytest.raises(BadInput, match="did you mean tiny"):
        find_recipe("tinny")
    with pytest.raises(BadInput, match="did you mean seg_steps"):
        override(debug(), ["seg_step=4"])
    with pytest.raises(BadInput, match="did you mean pictures"):
        override(debug(), ["seg.picture=4"])
    with pytest.raises(BadInput, match="is a int"):
        override(debug(), ["seed=x"])
    with pytest.raises(BadInput, match=r"'abzent'.*did you mean absent"):
        override(debug(), ["seg.shares={abzent: 20}"])
    with pytest.raises(BadInput, match="'nosuch'"):
        override(debug(), ["words.pieces={nosuch: 0.1}"])


def test_parts_of_a_recipe_may_be_nested_in_a_file(tmp_path):
    (tmp_path / "mine.yaml").write_text("recipe: tiny-debug\nseg: {rate: 0.5}\nseg.seed: 18\n", encoding="utf-8")
    assert find_recipe(str(tmp_path / "mine.yaml"))[1] == replace(debug(), seg=replace(debug().seg, rate=0.5, seed=18))


@pytest.mark.parametrize(
    "change", ["seed=-1", "lora_rank=0", "beta1=2", "learning_rate=-1", "learning_rate=.nan", "evaluate_limit=0"]
)
def test_a_recipe_is_refused_before_anything_is_loaded(change):
    with pytest.raises(BadInput, match=change.partition("=")[0]):
        override(find_recipe("own-tiny")[1], [change])
