"""What a training would take, measured on three steps of each stage."""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from lisa.model.checkpoint import build
from lisa.recipes.tiny import TinyRecipe
from lisa.train.dense import dense_objective
from lisa.train.loop import FitConfig, Objective, train_step
from lisa.train.ranks import Ranks
from lisa.train.tiny import make_tokenizer, seg_objective

STEPS = 3


def step_seconds(recipe: TinyRecipe) -> tuple[float, float]:
    """Seconds of one step of the dense and of the [SEG] stage, the first step left out."""
    return _time(lambda: dense_objective(recipe), recipe.dense_pictures), _time(
        lambda: _seg(recipe), recipe.seg_pictures
    )


def probe(recipe: TinyRecipe) -> str:
    """Parameters, steps, time and disk, as a table for people."""
    dense, seg = step_seconds(recipe)
    module = _seg(recipe).module
    trained = sum(p.numel() for p in module.parameters() if p.requires_grad)
    total = sum(p.numel() for p in module.parameters())
    hours = (recipe.dense_steps * dense + recipe.seg_steps * seg) / 3600
    rows = [
        ("parameters", f"{total / 1e6:.2f} M, {trained / 1e6:.2f} M of them trained in the last stage"),
        ("memory of weights, gradients and optimizer", f"{(total * 4 + trained * 12) / 1e6:.0f} MB"),
        ("dense stage", f"{recipe.dense_steps} steps of {recipe.dense_pictures} pictures, {dense:.2f} s each"),
        ("[SEG] stage", f"{recipe.seg_steps} steps of {recipe.seg_pictures} pictures, {seg:.2f} s each"),
        ("time in all", f"{hours:.2f} h on this machine"),
        ("disk", f"{(total * 4 + trained * 8) * 3 / 1e6:.0f} MB for the states kept, {total * 2 / 1e6:.0f} MB result"),
    ]
    return "\n".join(f"{name:>44}  {value}" for name, value in rows)


def _seg(recipe: TinyRecipe) -> Objective:
    small = dataclasses.replace(recipe, tokenizer_pictures=200)
    with tempfile.TemporaryDirectory() as folder:
        make_tokenizer(Path(folder) / "tokenizer.json", small)
        return seg_objective(build(recipe.model, Path(folder)), recipe)


def _time(make: Callable[[], Objective], samples: int) -> float:
    torch.manual_seed(0)
    objective = make()
    config = FitConfig(steps=STEPS + 1, samples=samples)
    seconds = []
    for step in range(STEPS + 1):
        row = [objective.batch(places) for places in config.micro_batches(step, Ranks())]
        start = time.perf_counter()
        train_step(objective, row, step, config)
        seconds.append(time.perf_counter() - start)
    return sum(seconds[1:]) / STEPS
