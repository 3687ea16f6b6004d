"""One process, two or four, DDP, FSDP2 or ZeRO: the same curve and samples, also when the number changes midway."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from small_model import write_small
from torch import nn

import lisa
from lisa.train import ranks
from lisa.train.zero import Zero

HERE = Path(__file__).parent
STEPS = 20


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small(tmp_path_factory.mktemp("start") / "small")


def train(start: Path, out: Path, *, world: int, engine: str, kind: str, stop: int = 0) -> list[float]:
    """The curve of a training by `world` processes."""
    out.mkdir(exist_ok=True)
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(world)] if world > 1 else []
    command = [sys.executable, *launch, str(HERE / "ranks_worker.py"), str(start), str(out), engine, kind, str(STEPS)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(HERE), "PYTHONWARNINGS": "ignore"}
    if engine.startswith("zero"):  # as `accelerate launch` hands its configuration over
        pytest.importorskip("deepspeed", reason="the extra lisa-seg[deepspeed] is not installed")
        environment |= {"ACCELERATE_USE_DEEPSPEED": "true", "ACCELERATE_DEEPSPEED_ZERO_STAGE": engine[-1]}
        environment |= {"DS_ACCELERATOR": "cpu"}
        command[command.index(engine)] = "deepspeed"
    done = subprocess.run([*command, str(stop)], env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-9000:]
    return json.loads((out / f"curve-{stop}.json").read_text())


def samples(out: Path) -> list[tuple[int, str]]:
    return sorted((place, picture) for f in out.glob("seen-*.json") for place, picture in json.loads(f.read_text()))


@pytest.fixture(scope="module")
def alone(start: Path, tmp_path_factory: pytest.TempPathFactory):
    """The folder of runs by one process, and their curves by kind."""
    out = tmp_path_factory.mktemp("alone")
    return out, cache(lambda kind: train(start, out / kind, world=1, engine="ddp", kind=kind))


CASES = [
    ("fsdp", 2, "double", 1e-9),
    ("plain", 2, "double", 1e-9),
    pytest.param("ddp", 2, "double", 1e-9, marks=pytest.mark.slow),
    pytest.param("fsdp", 2, "rows", 1e-9, marks=pytest.mark.slow),
    pytest.param("ddp", 2, "float", 1e-4, marks=pytest.mark.slow),
    pytest.param("fsdp", 2, "float", 1e-4, marks=pytest.mark.slow),
    pytest.param("ddp", 4, "double", 1e-9, marks=pytest.mark.slow),
    pytest.param("fsdp", 4, "double", 1e-9, marks=pytest.mark.slow),
    pytest.param("ddp", 4, "float", 1e-4, marks=pytest.mark.slow),
    pytest.param("fsdp", 4, "float", 1e-4, marks=pytest.mark.slow),
    pytest.param("zero2", 2, "float", 1e-4, marks=pytest.mark.slow),
    pytest.param("zero3", 2, "float", 1e-4, marks=pytest.mark.slow),
    pytest.param("zero3", 4, "float", 1e-4, marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("engine", "world", "kind", "tolerance"), CASES)
def test_any_number_of_processes_trains_the_same(start, alone, tmp_path, engine, world, kind, tolerance):
    folder, curves = alone
    curve = train(start, tmp_path / "run", world=world, engine=engine, kind=kind)
    assert len(curve) == STEPS and curve[-1] < curve[0]
    assert curve == pytest.approx(curves(kind), rel=tolerance)
    assert samples(tmp_path / "run") == samples(folder / kind)


@pytest.mark.slow
def test_a_run_goes_on_with_another_number_of_processes(start, alone, tmp_path):
    folder, curves = alone
    out = tmp_path / "run"
    pieces = [train(start, out, world=2, engine="ddp", kind="double", stop=6)]
    pieces.append(train(start, out, world=1, engine="ddp", kind="double", stop=13))
    pieces.append(train(start, out, world=4, engine="fsdp", kind="double"))
    assert [len(p) for p in pieces] == [6, 7, 7]
    assert [x for p in pieces for x in p] == pytest.approx(curves("double"), rel=1e-9)
    assert samples(out) == samples(folder / "double")


@pytest.mark.slow
def test_a_run_goes_on_with_another_engine(start, alone, tmp_path):
    out = tmp_path / "run"
    pieces = [train(start, out, world=2, engine="zero2", kind="float", stop=5)]
    pieces.append(train(start, out, world=2, engine="fsdp", kind="float", stop=9))
    pieces.append(train(start, out, world=4, engine="zero3", kind="float", stop=14))
    pieces.append(train(start, out, world=1, engine="ddp", kind="float"))
    assert [len(p) for p in pieces] == [5, 4, 5, 6]
    assert [x for p in pieces for x in p] == pytest.approx(alone[1]("float"), rel=1e-4)


@pytest.mark.slow
def test_the_embedded_model_is_trained_by_two_processes(tmp_path):
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    command = [sys.executable, *launch, "-m", "lisa", "train", "tiny-debug", "--out", str(tmp_path / "run")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-9000:]
    assert done.stdout.count("the model is in") == 1
    for stage in ("dense", "tokens", "words", "seg"):
        assert len((tmp_path / "run" / stage / "log.jsonl").read_text().splitlines()) == 1
    lisa.load(tmp_path / "run" / "checkpoint", device="cpu")


def test_one_process_alone_keeps_what_all_gather(monkeypatch):
    tensor = torch.ones(2)
    assert torch.equal(ranks.whole_on_first(tensor), tensor) and ranks.whole_on_first(3) == 3
    monkeypatch.setattr(ranks.dist, "is_initialized", lambda: True)
    for rank, kept in ((0, True), (1, False)):
        monkeypatch.setattr(ranks.dist, "get_rank", lambda rank=rank: rank)
        assert (ranks.whole_on_first(tensor) is not None) is kept and ranks.whole_on_first("x") == "x"


def test_deepspeed_takes_our_optimizer_with_offloading(monkeypatch):
    given: dict = {}

    def initialize(**arguments):
        given.update(arguments["config"])
        return (None,)

    monkeypatch.setitem(sys.modules, "deepspeed", SimpleNamespace(initialize=initialize))
    step = nn.Linear(2, 2)
    offloaded = {"zero_optimization": {"stage": 2, "offload_optimizer": {"device": "cpu"}}}
    Zero(step, torch.optim.AdamW(step.parameters()), offloaded, clip=1.0)
    assert given["zero_optimization"] == offloaded["zero_optimization"]
    assert given["zero_force_ds_cpu_optimizer"] is False
