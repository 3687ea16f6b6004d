"""What a training would take, measured on three steps of each stage."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lisa.devices import pick_device
from lisa.recipes.base import Recipe
from lisa.recipes.camvid import CamvidRecipe
from lisa.recipes.tiny import TinyRecipe
from lisa.train import camvid, tiny
from lisa.train.finetune import fit_config, objective_of, parameters_trained, start_of
from lisa.train.loop import FitConfig, Objective, train_step
from lisa.train.memory import training_memory
from lisa.train.ranks import Ranks

STEPS = 3

Rows = list[tuple[str, str]]


def probe(recipe: Recipe | TinyRecipe | CamvidRecipe) -> str:
    """Parameters, memory, steps, time and disk, as a table for people."""
    rows = _recipe_rows(recipe) if isinstance(recipe, Recipe) else _stage_rows(recipe)
    return "\n".join(f"{name:>24}  {value}" for name, value in rows)


def stage_seconds(recipe: TinyRecipe | CamvidRecipe) -> dict[str, float]:
    """Field of the recipe → seconds of one step of that stage on this machine, the first step left out."""
    return {name: seconds for name, (seconds, _) in _measured(recipe).items()}


def recipe_seconds(recipe: Recipe) -> float:
    """Seconds of one step of a recipe on this machine, the first step left out."""
    with tempfile.TemporaryDirectory() as folder:
        return _time(lambda: _objective(recipe, Path(folder)), replace(fit_config(recipe), steps=STEPS + 1))


def _recipe_rows(recipe: Recipe) -> Rows:
    with tempfile.TemporaryDirectory() as folder:
        objective = _objective(recipe, Path(folder))
        config = replace(fit_config(recipe), steps=STEPS + 1)
        row = objective.batches(config.micro_batches(0, Ranks())[:1])
        memory = training_memory(objective.module.segmenter, row[0], recipe)  # type: ignore[arg-type]
        seconds = _time(lambda: objective, config)
        trained = parameters_trained(objective.module.segmenter)  # type: ignore[arg-type]
    total = sum(count for _, count in trained)
    state = total * 12
    return [
        ("parameters trained", f"{total / 1e6:.2f} M: " + ", ".join(f"{n} {c / 1e6:.2f} M" for n, c in trained)),
        *((f"memory, {name}", f"{size / 1e9:.2f} GB") for name, size in memory.items()),
        ("memory in all", f"{sum(memory.values()) / 1e9:.2f} GB on each device"),
        ("steps", f"{recipe.steps} of {recipe.samples} samples, {recipe.micro} a forward"),
        ("time", f"{seconds:.2f} s a step, {recipe.steps * seconds / 3600:.2f} h in all on this machine"),
        ("disk", f"{state * (recipe.keep + 1) / 1e9:.2f} GB for the states kept"),
    ]


def _stage_rows(recipe: TinyRecipe | CamvidRecipe) -> Rows:
    measured = _measured(recipe)
    steps = {name: int(getattr(recipe, name)) for name in measured}
    hours = sum(steps[name] * each for name, (each, _) in measured.items()) / 3600
    weights = list(next(reversed(measured.values()))[1].parameters())
    total, trained = sum(p.numel() for p in weights), sum(p.numel() for p in weights if p.requires_grad)
    return [
        ("parameters", f"{total / 1e6:.2f} M, {trained / 1e6:.2f} M of them trained in the last stage"),
        ("weights and optimizer", f"{(total * 4 + trained * 12) / 1e6:.0f} MB of memory"),
        *((name.replace("_", " "), f"{steps[name]}, {each:.2f} s each") for name, (each, _) in measured.items()),
        ("time in all", f"{hours:.2f} h on this machine"),
        ("disk", f"{(total * 4 + trained * 8) * 3 / 1e6:.0f} MB for the states kept, {total * 2 / 1e6:.0f} MB result"),
    ]


def _measured(recipe: TinyRecipe | CamvidRecipe) -> dict[str, tuple[float, nn.Module]]:
    """Field of the recipe → seconds of a step of that stage, and what is in memory then."""
    stages: Any = tiny.objectives_of if isinstance(recipe, TinyRecipe) else camvid.objectives_of
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, (make, pictures) in stages(recipe, Path(folder)).items():
            objective = make()
            seconds = _time(lambda made=objective: made, FitConfig(steps=STEPS + 1, samples=pictures))
            found[name] = seconds, objective.module
    return found


def _objective(recipe: Recipe, folder: Path) -> Objective:
    recipe = replace(recipe, engine="ddp")  # this process is alone, whatever the run will be
    return objective_of(recipe, start_of(recipe, folder, pick_device(None)), folder, Ranks())


def _time(make: Callable[[], Objective], config: FitConfig) -> float:
    torch.manual_seed(0)
    objective = make()
    seconds = []
    for step in range(STEPS + 1):
        row = objective.batches(config.micro_batches(step, Ranks()))
        start = time.perf_counter()
        train_step(objective, row, step, config)
        seconds.append(time.perf_counter() - start)
    return sum(seconds[1:]) / STEPS
