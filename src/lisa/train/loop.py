"""The one training loop: batches that are a function of the step, a step, a schedule, a state that survives kills."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from lisa.train.checkpoints import load_latest, save_state
from lisa.train.optim import warmup_then_cosine


@dataclass(frozen=True, kw_only=True)
class FitConfig:
    """How long and how a stage trains."""

    steps: int
    warmup: int = 50
    clip: float = 1.0
    """Largest norm of the gradient."""
    save_seconds: float = 180.0
    log_every: int = 20
    workers: int = 1
    """Processes that prepare batches; 0 prepares them in this one."""


class Objective(Protocol):
    """What is trained, and on what."""

    @property
    def module(self) -> nn.Module:
        """All weights, trained and frozen."""
        ...

    @property
    def optimizers(self) -> Sequence[torch.optim.Optimizer]:
        """They share the trained weights among them."""
        ...

    def batch(self, step: int) -> Any:
        """The batch of a step: a pure function of the step, so that a resumed run sees what it would have seen."""
        ...

    def losses(self, batch: Any) -> dict[str, Tensor]:
        """Scalars of a batch; "total" is minimised, the others are shown."""
        ...


Report = Callable[[int, dict[str, float]], None]
"""Called with the step and the means since the last call."""


class _Batches(Dataset[Any]):
    def __init__(self, objective: Objective, steps: int) -> None:
        self.objective, self.steps = objective, steps

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, step: int) -> Any:
        return self.objective.batch(step)


def batches(objective: Objective, start: int, config: FitConfig) -> Iterator[Any]:
    """The batches of steps `start` … `config.steps` − 1, in order."""
    loader = DataLoader(
        _Batches(objective, config.steps),
        sampler=range(start, config.steps),
        batch_size=None,
        num_workers=config.workers,
        prefetch_factor=4 if config.workers else None,
        worker_init_fn=_one_thread,
        generator=torch.Generator(),  # its own, so that starting workers leaves the run's dice alone
    )
    return iter(loader)


def _one_thread(_: int) -> None:
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means


def fit(objective: Objective, config: FitConfig, folder: Path, report: Report) -> int:
    """Trains to `config.steps`, resuming from `folder` where it holds a state; returns the step reached.

    A state is written every `save_seconds`, at the end, and on SIGTERM, which then ends the run early.
    """
    start = resume(objective, folder)
    stopping: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda *_: stopping.append(1))
    sums: dict[str, float] = {}
    last_save = last_log = time.monotonic()
    step, counted = start, 0
    try:
        for step, batch in enumerate(batches(objective, start, config), start + 1):
            for name, value in train_step(objective, batch, step - 1, config).items():
                sums[name] = sums.get(name, 0.0) + value
            counted += 1
            now = time.monotonic()
            if step % config.log_every == 0 or step == config.steps:
                report(step, {k: v / counted for k, v in sums.items()} | {"seconds": (now - last_log) / counted})
                sums, counted, last_log = {}, 0, now
            if now - last_save > config.save_seconds or step == config.steps or stopping:
                save_state(folder, step, state_of(objective, step))
                last_save = time.monotonic()
            if stopping:
                break
    finally:
        signal.signal(signal.SIGTERM, before)
    return step


def train_step(objective: Objective, batch: Any, step: int, config: FitConfig) -> dict[str, float]:
    """Forward, backward, clip, update; a step whose gradient is not finite is skipped and counted."""
    factor = warmup_then_cosine(step, steps=config.steps, warmup=config.warmup)
    for optimizer in objective.optimizers:
        for group in optimizer.param_groups:
            group.setdefault("initial_lr", group["lr"])
            group["lr"] = group["initial_lr"] * factor
        optimizer.zero_grad()
    losses = objective.losses(batch)
    losses["total"].backward()
    trained = [p for p in objective.module.parameters() if p.grad is not None]
    norm = float(torch.nn.utils.clip_grad_norm_(trained, config.clip))
    finite = norm == norm and norm != float("inf")
    if finite:
        for optimizer in objective.optimizers:
            optimizer.step()
    values = {name: float(value.detach()) for name, value in losses.items()} if finite else {}
    return values | {"skipped": float(not finite)}


def state_of(objective: Objective, step: int) -> dict[str, Any]:
    """Everything a resume needs; batches come from the step alone, so the step stands for the data position."""
    return {
        "step": step,
        "module": objective.module.state_dict(),
        "optimizers": [o.state_dict() for o in objective.optimizers],
        "rng": torch.get_rng_state(),
    }


def resume(objective: Objective, folder: Path) -> int:
    """Loads the newest state of `folder` into the objective; the step it stands at, 0 without one."""
    state = load_latest(folder)
    if state is None:
        return 0
    objective.module.load_state_dict(state["module"])
    for optimizer, saved in zip(objective.optimizers, state["optimizers"]):
        optimizer.load_state_dict(saved)
    torch.set_rng_state(state["rng"])
    return int(state["step"])
