"""What a training would take: memory from shapes alone, time measured on a few steps of each stage, or of a forward."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lisa.devices import pick_device, pick_gpu_or_cpu
from lisa.memory import is_full
from lisa.model.adapters import prepare
from lisa.model.losses import LossWeights
from lisa.recipes.base import Recipe
from lisa.recipes.camvid import CamvidRecipe
from lisa.recipes.tiny import TinyRecipe
from lisa.train import camvid, tiny
from lisa.train.finetune import (
    fit_config,
    objective_of,
    parameters_trained,
    row_of,
    start_of,
    state_bytes,
    trained_of,
)
from lisa.train.loop import AHEAD, FitConfig, Objective, batches, train_step, workers_beside
from lisa.train.memory import on_each, training_memory
from lisa.train.ranks import Ranks
from lisa.train.seg import SegObjective, SegStep

STEPS, MOST_STEPS, LONG_ENOUGH = 3, 24, 6.0
"""Steps that are timed, at least and at most, and seconds after which it is enough: conversations differ in length."""
WARM = 3.0
"""Seconds after which timing begins, if what was prepared ahead has not been used up before."""
ROOM = AHEAD + MOST_STEPS + 1
"""Steps of a training that is timed."""
CARDS = 8
"""Devices that memory is also shown for."""

Rows = Iterator[tuple[str, str]]


def probe(recipe: Recipe | TinyRecipe | CamvidRecipe) -> Iterator[str]:
    """Parameters, memory, steps, disk and time, as lines of a table for people, each as soon as it is known."""
    rows = _recipe_rows(recipe) if isinstance(recipe, Recipe) else _stage_rows(recipe)
    return (f"{name:>24}  {value}" for name, value in rows)


def stage_seconds(recipe: TinyRecipe | CamvidRecipe) -> dict[str, float]:
    """Field of the recipe → seconds of one step of that stage on this machine, the first step left out."""
    return {name: seconds for name, (seconds, _) in _measured(recipe).items()}


def seconds_beside(recipe: TinyRecipe | CamvidRecipe) -> float:
    """What a run that trains in stages takes beside its steps on this machine, as far as it is long."""
    if isinstance(recipe, CamvidRecipe):
        return 0.0
    with tempfile.TemporaryDirectory() as folder:
        return tiny.seconds_beside(recipe, Path(folder))


def recipe_seconds(recipe: Recipe) -> float:
    """Seconds of one step of a recipe on this machine: of one forward and its backward, times their number."""
    config = fit_config(recipe)
    count = len(config.micro_batches(0, Ranks()))
    with tempfile.TemporaryDirectory() as folder:
        one = replace(config, steps=ROOM, samples=recipe.micro)
        return count * _time(lambda: _objective(recipe, Path(folder)), one)


def _recipe_rows(recipe: Recipe) -> Rows:
    fit_config(recipe).micro_batches(0, Ranks())
    with tempfile.TemporaryDirectory() as folder:
        segmenter = start_of(recipe, Path(folder), torch.device("meta")).segmenter
        prepare(segmenter, trained_of(recipe)).train()
        step = SegStep(segmenter, weights=LossWeights(), bf16=False)
        batch = SegObjective(step, row_of(recipe), ()).batch(range(recipe.micro))
        memory = training_memory(segmenter, batch, recipe)
        several = on_each(memory, segmenter, recipe.engine, CARDS)
        trained, state = parameters_trained(segmenter), state_bytes(segmenter)
        del segmenter, step
    total = sum(count for _, count in trained)
    yield "parameters trained", f"{total / 1e6:.2f} M: " + ", ".join(f"{n} {c / 1e6:.2f} M" for n, c in trained)
    for name, size in memory.items():
        yield f"memory, {name}", f"{size / 1e9:.2f} GB"
    yield "memory in all", f"{sum(memory.values()) / 1e9:.2f} GB on one device"
    yield f"on each of {CARDS}", f"{sum(several.values()) / 1e9:.2f} GB with engine={recipe.engine}"
    yield "steps", f"{recipe.steps} of {recipe.samples} samples, {recipe.micro} a forward"
    yield "disk", f"{state * (recipe.keep + 1) / 1e9:.2f} GB for the states kept"
    try:
        seconds = recipe_seconds(recipe)
    except (MemoryError, RuntimeError) as error:
        if not is_full(error):
            raise
        yield "time", "not measured: it does not fit on this machine"
        return
    yield "time", f"{seconds:.2f} s a step, {recipe.steps * seconds / 3600:.2f} h in all on this machine"


def _stage_rows(recipe: TinyRecipe | CamvidRecipe) -> Rows:
    measured = _measured(recipe)
    steps = {name: int(getattr(recipe, name)) for name in measured}
    beside = seconds_beside(recipe)
    hours = (sum(steps[name] * each for name, (each, _) in measured.items()) + beside) / 3600
    weights = list(next(reversed(measured.values()))[1].parameters())
    total, trained = sum(p.numel() for p in weights), sum(p.numel() for p in weights if p.requires_grad)
    yield "parameters", f"{total / 1e6:.2f} M, {trained / 1e6:.2f} M of them trained in the last stage"
    yield "weights and optimizer", f"{(total * 4 + trained * 12) / 1e6:.0f} MB of memory"
    for name, (each, _) in measured.items():
        yield name.replace("_", " "), f"{steps[name]}, {each:.2f} s each"
    if beside:
        yield "beside the steps", f"{beside / 60:.0f} minutes"
    yield "time in all", f"{hours:.2f} h on this machine"
    kept = (total * 4 + trained * 8) * 3
    yield "disk", f"{kept / 1e6:.0f} MB for the states kept, {total * 2 / 1e6:.0f} MB result"


def _measured(recipe: TinyRecipe | CamvidRecipe) -> dict[str, tuple[float, nn.Module]]:
    """Field of the recipe → seconds of a step of that stage, and what is in memory then."""
    stages: Any = tiny.objectives_of if isinstance(recipe, TinyRecipe) else camvid.objectives_of
    found, where = {}, pick_gpu_or_cpu()
    with tempfile.TemporaryDirectory() as folder:
        for name, (make, pictures) in stages(recipe, Path(folder)).items():
            objective = make()
            config = FitConfig(steps=ROOM, samples=pictures, workers=workers_beside(Ranks(device=where)))
            seconds = _time(lambda made=objective: made, config)
            found[name] = seconds, objective.module
    return found


def _objective(recipe: Recipe, folder: Path) -> Objective:
    recipe = replace(recipe, engine="ddp")  # this process is alone, whatever the run will be
    return objective_of(recipe, start_of(recipe, folder, pick_device(None)), folder, Ranks())


def _time(make: Callable[[], Objective], config: FitConfig) -> float:
    """Seconds of a step among others, as a run takes them: another process prepares the rows and wants a core, too."""
    torch.manual_seed(0)
    objective = make()
    rows = batches(objective, 0, config, Ranks())
    begun, first = time.perf_counter(), None
    for step, row in enumerate(rows):
        train_step(objective, row, step, config)
        took = time.perf_counter() - begun
        if first is None:
            if step >= AHEAD or took >= WARM:
                begun, first = time.perf_counter(), step
        elif step - first >= STEPS and (took >= LONG_ENOUGH or step - first >= MOST_STEPS):
            rows.close()
            return took / (step - first)
    raise ValueError(f"{config.steps} steps are too few to be timed")
