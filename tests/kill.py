"""Kills trainings with SIGKILL at random moments, resumes them, and compares what comes out bit by bit.

`python tests/kill.py --kills 200 --seed 0`. Killed are whole runs, inside saves too (every step saves), one process of
two, and data workers. A run is started by fork from a process that has imported everything, which takes no time.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import psutil
import torch
from small_model import write_small

from lisa.recipes.lisa import debug
from lisa.train import finetune
from lisa.train.checkpoints import load_latest, load_state, saved_states
from lisa.train.loop import fit
from lisa.train.ranks import joined

STEPS = 24
MODES = ("run", "rank", "worker")
TURN = 10
"""Kills of one run, which is then left to end."""
LONGEST = 60.0
"""Seconds after which a run counts as hung."""


@dataclass
class Tally:
    """What was seen."""

    kills: Counter[str] = field(default_factory=Counter)
    resumes: int = 0
    runs: int = 0
    problems: list[str] = field(default_factory=list)


def train(start: Path, out: Path, *, workers: int) -> None:
    """One process of a run, to its end or its death."""
    torch.set_num_threads(1)
    recipe = replace(
        debug(), start=str(start), steps=STEPS, samples=2, micro=1, evaluate="", learning_rate=1e-3, warmup=2,
        workers=workers,
    )  # fmt: skip
    with joined(torch.device("cpu")) as ranks:
        torch.manual_seed(3)
        made = finetune.objective_of(recipe, finetune.start_of(recipe, out, ranks.device), out, ranks)
        config = replace(finetune.fit_config(recipe), save_steps=1)
        fit(made, config, out / "states", lambda *_: None, ranks=ranks)


def fork(start: Path, out: Path, *, world: int, workers: int) -> list[int]:
    """Starts the processes of a run; their numbers."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    pids = []
    for rank in range(world):
        pid = os.fork()
        if pid:
            pids.append(pid)
            continue
        try:
            os.setpgid(0, 0)
            if world > 1:
                os.environ.update(
                    RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(world), MASTER_ADDR="127.0.0.1",
                    MASTER_PORT=str(port),
                )  # fmt: skip
            sys.stderr = (out / "errors.txt").open("a")
            train(start, out, workers=workers)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)
    return pids


def wait(pids: list[int], seconds: float) -> list[int]:
    """Waits for processes; those still there after that time."""
    left, end = list(pids), time.monotonic() + seconds
    while left and time.monotonic() < end:
        left = [pid for pid in left if os.waitpid(pid, os.WNOHANG)[0] == 0]
        time.sleep(0.005)
    return left


def kill(pids: list[int], mode: str, rng: np.random.Generator) -> bool:
    """Kills what the mode says; whether there was anything."""
    victim = pids[int(rng.integers(len(pids)))]
    if mode == "worker":
        children = workers_of(victim)
        if not children:
            return False
        victim = children[int(rng.integers(len(children)))].pid
    try:
        os.kill(victim, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def workers_of(pid: int, seconds: float = 5.0) -> list[psutil.Process]:
    """The data workers of a run, as soon as it has some; none when it ended before."""
    end = time.monotonic() + seconds
    with contextlib.suppress(psutil.NoSuchProcess):
        while time.monotonic() < end:
            if children := psutil.Process(pid).children(recursive=True):
                return children
            time.sleep(0.01)
    return []


def clear(pids: list[int]) -> None:
    """What a launcher does when one process of a run died: the others go too."""
    for pid in wait(pids, 3.0):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def check_files(out: Path, tally: Tally) -> None:
    """Every state in sight is whole."""
    for path in saved_states(out / "states"):
        if load_state(path) is None:
            tally.problems.append(f"{path.name} is not whole")


def one_run(start: Path, out: Path, expected: dict, mode: str, tally: Tally, kills: int, rng) -> None:
    """Kills a run so many times, or until it gets through; then compares."""
    world, workers = (2, 0) if mode == "rank" else (1, int(mode == "worker"))
    kills += sum(tally.kills.values())
    span = 1.0 + 1.5 * (world > 1)
    while True:
        pids = fork(start, out, world=world, workers=workers)
        if sum(tally.kills.values()) >= kills:
            if wait(pids, LONGEST):
                tally.problems.append(f"{mode}: the last run hangs")
                clear(pids)
            break
        left = wait(pids, float(rng.uniform(0.0, span)))
        if not left:
            break
        if kill(left, mode, rng):
            tally.kills[mode] += 1
            tally.resumes += 1
        clear(left)
        check_files(out, tally)
    compare(out, expected, mode, tally)


def compare(out: Path, expected: dict, mode: str, tally: Tally) -> None:
    tally.runs += 1
    state = load_latest(out / "states")
    if state is None or state["step"] != STEPS:
        errors = (out / "errors.txt").read_text()[-600:] if (out / "errors.txt").exists() else ""
        tally.problems.append(f"{mode}: ended at {state and state['step']}: {errors}")
        return
    different = [k for k, v in expected.items() if not torch.equal(v, state["module"][k])]
    if different:
        tally.problems.append(f"{mode}: {len(different)} weights differ, such as {different[0]}")
    if left := [p.name for p in (out / "states").iterdir() if not p.name.endswith(".pt")]:
        tally.problems.append(f"{mode}: left behind {left}")


def main(kills: int, seed: int) -> Tally:
    """Everything in a temporary folder."""
    tally, rng = Tally(), np.random.default_rng(seed)
    home = Path(tempfile.mkdtemp(prefix="kill-"))
    pid = os.fork()  # the first process never computes, so that forks of it are safe
    if not pid:
        write_small(home / "start")
        os._exit(0)
    os.waitpid(pid, 0)
    expected = {}
    for world in (1, 2):
        out = home / f"whole-{world}"
        out.mkdir()
        clear(wait(fork(home / "start", out, world=world, workers=0), LONGEST))
        state = load_latest(out / "states")
        assert state is not None and state["step"] == STEPS, (out / "errors.txt").read_text()
        expected[world] = state["module"]
    number = 0
    while sum(tally.kills.values()) < kills and not tally.problems:
        mode = MODES[number % len(MODES)]
        out = home / f"run-{number}"
        out.mkdir()
        turn = min(TURN, kills - sum(tally.kills.values()))
        one_run(home / "start", out, expected[2 if mode == "rank" else 1], mode, tally, turn, rng)
        shutil.rmtree(out)
        number += 1
    shutil.rmtree(home)
    return tally


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    began = time.monotonic()
    found = main(chosen.kills, chosen.seed)
    print(f"{dict(found.kills)} kills, {found.resumes} resumes, {found.runs} runs to the end and bit-equal, "
          f"{len(found.problems)} problems, {time.monotonic() - began:.0f} s")  # fmt: skip
    for problem in found.problems:
        print("  ", problem)
    sys.exit(bool(found.problems))
