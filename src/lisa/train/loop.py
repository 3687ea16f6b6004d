"""The one training loop: steps that are a function of their number, and a state that survives kills.

A step's samples are places `step · samples …` of an endless row. Which process reads which of them, and how many at a
time, changes neither the row nor (but for dropout, whose dice are each process's own) the losses; so a run resumes
exactly, also with another number of processes.
"""

from __future__ import annotations

import contextlib
import io
import math
import os
import pickle
import signal
import statistics
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, Dataset
from transformers import PreTrainedModel

from lisa.errors import BadInput, LisaError, TooLarge
from lisa.train.checkpoints import Saver, load_latest
from lisa.train.feature_cache import FeatureCache
from lisa.train.optim import schedule
from lisa.train.placed import placed
from lisa.train.ranks import Ranks, average, share_like, whole, whole_on_first, without_sync
from lisa.train.zero import Zero

_REMEMBERED, _ENOUGH = 50, 20
"""Gradients whose norms are kept to know a spike by, and how many of them it takes."""
AHEAD = 4
"""Steps that a worker prepares ahead, of one micro-batch each; of larger ones fewer."""


@dataclass(frozen=True, kw_only=True)
class FitConfig:
    """How long and how a stage trains."""

    steps: int
    samples: int = 1
    """Places of one step, over all processes."""
    micro: int | None = None
    """Places of one forward; None: as many as a process has in a step."""
    normalise: str = "batch"
    """What losses are means over: the step's whole "batch", or each "micro" batch, as the reference does."""
    schedule: str = "cosine"
    """How the learning rate falls after the warm-up: "cosine", "linear" or "constant"."""
    warmup: int = 50
    clip: float = 1.0
    """Largest norm of the gradient."""
    seed: int = 0
    """Of the dice inside the model, such as dropout's."""
    save_seconds: float = 180.0
    save_steps: int | None = None
    """Save every so many steps instead."""
    keep: int = 2
    """States kept beside the best one."""
    log_every: int = 20
    evaluate_every: int | None = None
    """Steps between two evaluations."""
    spike: float = 0.0
    """A step whose gradient's norm is more than so many times the median of those before is skipped; 0: none is."""
    patience: int = 20
    """Skipped steps in a row, for a spike or a gradient that is not finite, after which the run stops."""
    workers: int = 1
    """Processes that prepare batches; 0 prepares them in this one."""

    def evaluates(self, step: int) -> bool:
        """Whether an evaluation follows that step."""
        return bool(self.evaluate_every) and (step % (self.evaluate_every or 1) == 0 or step == self.steps)

    def micro_batches(self, step: int, ranks: Ranks) -> list[range]:
        """The places of a step that a process reads, one range a forward. Raises BadInput where it does not add up."""
        each, left = divmod(self.samples, ranks.world)
        micro = self.micro or each
        if left or micro < 1 or each % micro:
            raise BadInput(
                f"{self.samples} samples a step are not shared out evenly over {ranks.world} processes in forwards of "
                f"{micro}: take a multiple of {ranks.world * max(micro, 1)}"
            )
        start = step * self.samples + ranks.rank * each
        return [range(at, at + micro) for at in range(start, start + each, micro)]


class Objective(Protocol):
    """What is trained, and on what."""

    @property
    def module(self) -> nn.Module:
        """All weights, trained and frozen; as `spread` gave it where several processes train."""
        ...

    @property
    def optimizers(self) -> Sequence[torch.optim.Optimizer]:
        """They share the trained weights among them."""
        ...

    def batches(self, shares: Sequence[range]) -> list[Any]:
        """A batch for each share of places: a pure function of them. Places may be swapped between the shares."""
        ...

    def counts(self, batch: Any) -> dict[str, float]:
        """What the losses of a batch are divided by (tokens, masks), so that batches can be added up; {} if nothing.

        "shares", 1 in every batch, is what a mean over one of them is divided by.
        """
        ...

    def losses(self, batch: Any, counts: Mapping[str, float]) -> dict[str, Tensor]:
        """Scalars of a batch, divided by `counts`; "total" is minimised, the others are shown."""
        ...


def shared(means: Mapping[str, Tensor], counts: Mapping[str, float]) -> dict[str, Tensor]:
    """Means over one share of a step, divided so that they add up to the mean of all shares."""
    return {name: value / counts["shares"] for name, value in means.items()}


class Report(Protocol):
    """Is told how a run goes."""

    def __call__(self, step: int, values: dict[str, float], /) -> None:
        """Means since the last call, with seconds a step."""
        ...


Evaluate = Callable[[int], float]
"""Step → a score, the higher the better; asked of every process, and the same in all of them."""


class _Stopped(Exception):
    """The run was asked to end in the middle of a step, which is dropped."""


_LEFT_OUT = (
    nn.Parameter, PreTrainedModel, DistributedDataParallel, FSDPModule, Zero, torch.optim.Optimizer, FeatureCache,
)  # fmt: skip
"""What is never needed to prepare a batch, and may be large, or bound to its process."""


class _Light(pickle.Pickler):
    """Pickles an objective without its weights, for processes that prepare its batches."""

    def persistent_id(self, obj: Any) -> str | None:
        """See `pickle`."""
        return "" if isinstance(obj, _LEFT_OUT) else None


class _Bare(pickle.Unpickler):
    def persistent_load(self, pid: str) -> None:
        """None in the place of what was left out."""


@dataclass
class _Row(Dataset[list[Any]]):
    """Step → this process's micro-batches."""

    objective: Objective
    config: FitConfig
    ranks: Ranks

    def __len__(self) -> int:
        return self.config.steps

    def __getitem__(self, step: int) -> list[Any]:
        return self.objective.batches(self.config.micro_batches(step, self.ranks))

    def __reduce__(self) -> tuple[Any, ...]:
        """Where workers are not forked, they get the row by pickle."""
        buffer = io.BytesIO()
        _Light(buffer).dump((self.objective, self.config, self.ranks))
        return _row_of, (buffer.getvalue(),)


def _row_of(data: bytes) -> _Row:
    return _Row(*_Bare(io.BytesIO(data)).load())


def batches(objective: Objective, start: int, config: FitConfig, ranks: Ranks) -> Generator[list[Any]]:
    """The micro-batches of steps `start` … `config.steps` − 1, in order.

    Raises TooLarge where a process that prepares them was killed, and what the objective raises.
    """
    _allow_files()
    each = len(config.micro_batches(start, ranks))
    loader = DataLoader(
        _Row(objective, config, ranks),
        sampler=range(start, config.steps),
        batch_size=None,
        num_workers=config.workers,
        prefetch_factor=max(AHEAD // each, 1) if config.workers else None,
        worker_init_fn=_one_thread,
        generator=torch.Generator(),  # its own, so that starting workers leaves the run's dice alone
    )
    return _watched(iter(loader))


def workers_beside(ranks: Ranks) -> int:
    """How many processes should draw pictures for a process that trains: a GPU waits for all that the machine has."""
    return 1 if ranks.device.type == "cpu" else max((os.cpu_count() or 2) // ranks.world - 1, 1)


def _watched(rows: Iterator[list[Any]]) -> Generator[list[Any]]:
    try:
        yield from rows
    except LisaError as error:  # torch passes on a worker's with its whole traceback in the message
        told = str(error)
        if not told.startswith("Caught"):
            raise
        raise type(error)(told.rpartition(f"{type(error).__name__}: ")[2].strip()) from None
    except (RuntimeError, ConnectionError, EOFError) as error:
        told = str(error)
        if told.startswith("Caught") or (isinstance(error, RuntimeError) and not told.startswith("DataLoader worker")):
            raise  # one of its own, which torch only passes on
        raise TooLarge(
            "a process that prepares the data was killed, as happens when the memory is full: give the same command "
            "again, it goes on from the last state; if it happens again, with workers=0 or a smaller micro, where the "
            "recipe has these"
        ) from error


def _allow_files() -> None:
    """As many open files as the system lets this process have: each tensor that a worker hands over is one."""
    with contextlib.suppress(ImportError, OSError, ValueError):  # Windows has no such limit
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _one_thread(_: int) -> None:
    torch.set_num_threads(1)
    for number in (signal.SIGINT, signal.SIGTERM):  # schedulers send them to all; the parent decides what they mean
        signal.signal(number, signal.SIG_IGN)


@dataclass
class _Means:
    """Sums of shown values since the last report."""

    sums: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    steps: int = 0
    waited: float = 0.0
    since: float = field(default_factory=time.monotonic)

    def add(self, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
            self.counts[name] = self.counts.get(name, 0) + 1
        self.steps += 1

    def take(self) -> dict[str, float]:
        seconds = time.monotonic() - self.since
        means = {name: value / self.counts[name] for name, value in self.sums.items()}
        means |= {"seconds": seconds / self.steps, "wait": self.waited / max(seconds, 1e-9)}
        self.__init__()
        return means


def fit(
    objective: Objective,
    config: FitConfig,
    folder: Path,
    report: Report,
    *,
    ranks: Ranks | None = None,
    evaluate: Evaluate | None = None,
) -> int:
    """Trains to `config.steps`, resuming from `folder` where it holds a state; returns the step reached.

    A state is written in the background every `save_seconds`, before every evaluation and at the end. On SIGTERM the
    run saves its last whole step and ends early.

    Raises:
        LisaError: gradients stayed without a finite value for `patience` steps (the batch is saved beside the states),
            or a state could not be written.
    """
    ranks = ranks or Ranks()
    begun, best, norms = resume(objective, folder)
    step = begun
    means, bad = _Means(), 0
    with _sigterm() as stopping, _Keeper(objective, config, folder, ranks, best, norms) as keeper:
        for row in _timed(batches(objective, step, config, ranks), means):
            try:
                limit = _limit(norms, config.spike)
                values = train_step(objective, row, step, config, ranks, limit=limit, stopping=stopping)
            except _Stopped:
                if step > begun:
                    keeper.save(step)
                break
            step += 1
            means.add(values)
            norms.append(values["norm"])
            bad = bad + 1 if values["skipped"] else 0
            if bad >= config.patience:
                raise _gave_up(folder, step, bad, row)
            if step % config.log_every == 0 or step == config.steps:
                report(step, means.take())
            stop = _asked(stopping, ranks)
            scored = evaluate is not None and config.evaluates(step) and not stop
            if keeper.due(step) or scored or stop or step == config.steps:
                keeper.save(step)
            if evaluate is not None and scored:
                keeper.scored(step, evaluate(step))
            if stop:
                break
    ranks.wait()
    return step


def _asked(stopping: Sequence[int], ranks: Ranks) -> bool:
    """Whether any process was asked to stop, on which all of them agree."""
    return ranks.sum({"stop": float(bool(stopping))})["stop"] > 0


def _limit(norms: Sequence[float], spike: float) -> float:
    """The norm from which on a gradient is a spike: a multiple of the median of those before, once these are enough."""
    finite = [norm for norm in norms if math.isfinite(norm)]
    return spike * statistics.median(finite) if spike and len(finite) >= _ENOUGH else math.inf


@contextlib.contextmanager
def _sigterm() -> Iterator[list[int]]:
    """A list that SIGTERM puts something into; not in a thread, since Python's signals know the main one only."""
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield received
        return
    before = signal.signal(signal.SIGTERM, lambda *_: received.append(1))
    try:
        yield received
    finally:
        signal.signal(signal.SIGTERM, before)


def _timed(rows: Iterator[list[Any]], means: _Means) -> Iterator[list[Any]]:
    """The rows, with the time that was waited for each."""
    while True:
        asked = time.monotonic()
        row = next(rows, None)
        means.waited += time.monotonic() - asked
        if row is None:
            return
        yield row


class _Keeper:
    """Saves states when they are due, and knows the best score."""

    def __init__(
        self, objective: Objective, config: FitConfig, folder: Path, ranks: Ranks, best: float, norms: deque[float]
    ) -> None:
        self.objective, self.config, self.ranks, self.best, self.norms = objective, config, ranks, best, norms
        self.saver = Saver(folder, keep=config.keep) if ranks.first else None
        self.saved = time.monotonic()

    def __enter__(self) -> _Keeper:
        return self

    def __exit__(self, *_: object) -> None:
        if self.saver is not None:
            self.saver.close()

    def scored(self, step: int, score: float) -> None:
        """Keeps the state of that step as the best one where it is. By every process, as all of these."""
        if score > self.best:
            self.best = score
            self.save(step, best=True)

    def save(self, step: int, *, best: bool = False) -> None:
        """Begins to write the state."""
        state = state_of(self.objective, step)
        if self.saver is not None:
            self.saver.save(step, state | {"best": self.best, "norms": list(self.norms)}, best=best)
        self.saved = time.monotonic()

    def due(self, step: int) -> bool:
        """Whether it is time for a state, on which all processes agree."""
        if self.config.save_steps is not None:
            return step % self.config.save_steps == 0
        late = self.ranks.first and time.monotonic() - self.saved > self.config.save_seconds
        return self.ranks.sum({"due": float(late)})["due"] > 0


def _gave_up(folder: Path, step: int, bad: int, row: list[Any]) -> LisaError:
    path = folder / f"bad-batch-{step:08d}.pt"
    folder.mkdir(parents=True, exist_ok=True)  # before the first state it is not there yet
    torch.save(row, path)
    return LisaError(
        f"no usable gradient for {bad} steps up to step {step}: the last batch is in {path}; "
        "lower the learning rate, or start again to resume from the last state"
    )


def train_step(
    objective: Objective,
    row: Sequence[Any],
    step: int,
    config: FitConfig,
    ranks: Ranks | None = None,
    *,
    limit: float = math.inf,
    stopping: Sequence[int] = (),
) -> dict[str, float]:
    """Forward, backward, clip, update; a step whose gradient is not finite or above `limit` is skipped and counted.

    Raises _Stopped between two micro-batches, the weights as before, once there is something in `stopping`.
    """
    ranks = ranks or Ranks()
    torch.manual_seed(config.seed * 1_000_003 + step * 1009 + ranks.rank)  # a step's dice come from its number alone
    factor = schedule(config.schedule, step, steps=config.steps, warmup=config.warmup)
    for optimizer in objective.optimizers:
        for group in optimizer.param_groups:
            group.setdefault("initial_lr", group["lr"])
            group["lr"] = group["initial_lr"] * factor
        optimizer.zero_grad()
    sums: dict[str, float] = {}
    counts = _counts(objective, row, config, ranks)
    device = next(objective.module.parameters()).device
    for i, (batch, divisor) in enumerate(zip(row, counts)):
        if i and _asked(stopping, ranks):
            raise _Stopped
        last = i == len(row) - 1
        with without_sync(objective.module, last=last):
            losses = objective.losses(placed(batch, device), divisor)
            total = losses["total"] * ranks.world  # engines take the mean over processes, this makes it the sum
            if isinstance(objective.module, Zero):
                objective.module.backward(total, last=last)
            else:
                total.backward()
        for name, value in zip(losses, torch.stack([loss.detach() for loss in losses.values()]).tolist()):
            sums[name] = sums.get(name, 0.0) + value
    values = ranks.sum(sums)
    if not isinstance(objective.module, Zero | DistributedDataParallel | FSDPModule):
        average(objective.module, ranks)
    norm, taken = _update(objective, config.clip, limit, sound=math.isfinite(values["total"]))
    return (values if taken else {}) | {"norm": norm, "skipped": float(not taken)}


def _update(objective: Objective, clip: float, limit: float, *, sound: bool) -> tuple[float, bool]:
    """Clips and steps; the gradient's norm, and whether the step was taken.

    DeepSpeed tells the norm only once it has stepped, so there a loss that is not `sound` is what is seen in time.
    """
    if isinstance(objective.module, Zero):
        if not sound:
            raise LisaError("the loss is not finite: lower the learning rate, or start again from the last state")
        return objective.module.update(), True
    trained = [p for p in objective.module.parameters() if p.grad is not None]
    norm = float(whole(torch.nn.utils.clip_grad_norm_(trained, clip or math.inf)))
    taken = math.isfinite(norm) and norm <= limit
    if taken:
        for optimizer in objective.optimizers:
            optimizer.step()
    return norm, taken


def _counts(objective: Objective, row: Sequence[Any], config: FitConfig, ranks: Ranks) -> list[dict[str, float]]:
    """What each micro-batch's losses are divided by, so that they add up to means over what `normalise` says."""
    own = [objective.counts(batch) for batch in row]
    if config.normalise == "micro":
        parts = len(row) * ranks.world
        return [{name: value * parts for name, value in counts.items()} for counts in own]
    total = ranks.sum({name: sum(counts[name] for counts in own) for name in own[0]})
    return [total] * len(row)


def state_of(objective: Objective, step: int) -> dict[str, Any]:
    """Everything a resume needs, copied to the CPU; every process has to call it, the first one gets it.

    The step stands for the place in the data, the schedule and the dice, which are functions of it. Frozen weights
    are left out: they come from where the run started.
    """
    if isinstance(objective.module, Zero):
        return {"step": step} | objective.module.state()
    return {
        "step": step,
        "module": {name: whole_on_first(tensor) for name, tensor in _kept(objective.module).items()},
        "optimizers": [_whole_state(o) for o in objective.optimizers],
    }


def _kept(module: nn.Module) -> dict[str, Tensor]:
    """Trained weights and buffers by name, as without DDP around."""
    kept = {name for name, p in module.named_parameters() if p.requires_grad}
    kept |= {name for name, _ in module.named_buffers()}
    return {name.removeprefix("module."): t for name, t in module.state_dict().items() if name in kept}


def _whole_state(optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    saved = optimizer.state_dict()
    state = {i: {k: whole_on_first(v) for k, v in values.items()} for i, values in saved["state"].items()}
    return {"state": state, "param_groups": saved["param_groups"]}


@torch.no_grad()
def resume(objective: Objective, folder: Path) -> tuple[int, float, deque[float]]:
    """Loads the newest whole state of `folder` into the objective: its step, best score and last gradients' norms.

    Without one 0, −inf and none.

    Raises BadInput when the state is of another model.
    """
    state = load_latest(folder)
    if state is None:
        return 0, float("-inf"), deque(maxlen=_REMEMBERED)
    norms = deque(state.get("norms", ()), maxlen=_REMEMBERED)
    reached = int(state["step"]), float(state.get("best", float("-inf"))), norms
    if isinstance(objective.module, Zero):
        batch = placed(objective.batches([range(1)])[0], next(objective.module.parameters()).device)
        with torch.enable_grad():
            warm = objective.losses(batch, objective.counts(batch))["total"]
            objective.module.restore(state, warm)
        return reached
    here = _kept(objective.module)
    if here.keys() != state["module"].keys():
        raise BadInput(f"{folder} holds the run of another model: give another --out")
    for name, tensor in here.items():
        tensor.copy_(share_like(state["module"][name], tensor))
    for optimizer, saved in zip(objective.optimizers, state["optimizers"], strict=True):
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        moments = {
            i: {k: share_like(v, parameters[i]) if isinstance(v, Tensor) and v.ndim else v for k, v in values.items()}
            for i, values in saved["state"].items()
        }
        optimizer.load_state_dict({"state": moments, "param_groups": saved["param_groups"]})
    return reached
