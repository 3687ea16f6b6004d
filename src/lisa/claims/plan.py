"""What is run: a table of trainings, each a recipe, and what each is asked afterwards.

drawn scenes ─► files in the real layouts ─► stage 1 (no reasoning with masks) ─► stage 2 (239 samples)
base: a masker to be prompted, a VLM that answers in words ──┘

Every training is a `Recipe` for `lisa train`'s own trainer; an ablation is stage 1 or stage 2 with something changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lisa.recipes.base import Recipe
from lisa.recipes.tiny import TinyRecipe, base

CURVE = (60, 120, 239, 478)
"""Reasoning samples of stage 2."""
LEARN, BASE = "learn", "base"
"""Folders: what is learned from, and what every training starts from."""
VAL, TEST, NEW, OLD = "val", "test", "new", "old"
"""What a model is asked; see `TESTS`."""


@dataclass(frozen=True, kw_only=True)
class Test:
    """Datasets in the layouts of the real ones, and the folder they lie in."""

    folder: str
    datasets: tuple[str, ...]
    forced: bool = False
    """Whether it is asked teacher-forced, too."""


TESTS: Mapping[str, Test] = {
    VAL: Test(folder="asked", datasets=("reason-val",), forced=True),
    TEST: Test(folder="asked", datasets=("reason-test",)),
    NEW: Test(folder="new", datasets=("reason-val",)),
    OLD: Test(folder="asked", datasets=("ade20k-val", "refcoco")),
}
"""`world-reason`'s questions to choose by and to test by; others in wordings never taught; stage 1's own tasks."""


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How much of everything."""

    scenes: int = 3_000
    """Of stage 1."""
    many: int = 1_500
    """Reasoning scenes of the model that zero-shot is measured by."""
    held: int = 100
    """Scenes in which the old tasks are asked."""
    val: int | None = None
    """Reasoning questions; None: all of them."""
    test: int | None = None
    new: int = 300
    curve: Sequence[int] = CURVE
    samples: int = 239
    """Of stage 2, where nothing else is said."""
    stage_1: int = 200
    """Steps."""
    stage_2: int = 120
    """Enough for every sample of the largest set to come."""
    seeds: int = 3
    base: TinyRecipe = field(default_factory=base)


@dataclass(frozen=True, kw_only=True)
class Run:
    """One training, and what its model is asked."""

    of: str
    """Runs that differ in nothing but their seed have the same."""
    seed: int
    recipe: Recipe
    asked: tuple[str, ...]
    after: str = ""
    """The run that it goes on from."""

    @property
    def name(self) -> str:
        """Its folder."""
        return f"{self.of}-s{self.seed}"


ORDINARY = {"ade20k": 9.0, "refcoco": 3.0, "vqa": 3.0}
"""Stage 1: the paper's shares, without its fourth part."""
REPLAY = {"ade20k": 0.6, "refcoco": 0.2, "vqa": 0.2}
"""Old data in stage 2, against `REASONING`."""
REASONING = 2.0
STAGE_1: Mapping[str, Any] = {
    "order": "rounds",
    "named": True,
    "per_picture": 8,
    "samples": 6,
    "micro": 6,
    "optimizer": "muon",
    "learning_rate": 1e-3,
    "weight_decay": 0.01,
    "warmup": 10,
    "text_weight": 1.0,
    "bce_weight": 5.0,
    "dice_weight": 1.0,
    "language": "full",
    "precision": "bf16",
    "checkpointing": False,
    "workers": 1,
}
"""The small model's way of training; what the paper's recipe has otherwise is among the ablations."""
STAGE_2 = {"learning_rate": 3e-4, "warmup": 4}
APART = 1_000
"""Between the seeds of the two stages, so that the second does not see what the first saw."""


def runs(out: Path, sizes: Sizes, seed: int) -> list[Run]:
    """The whole table in the order in which it is worked through: claims first. Repetitions share no training seed."""
    seeds = range(10 * seed + 1, 10 * seed + 1 + sizes.seeds)
    found = [run for s in seeds for run in _claims(out, sizes, s)]
    return [*found, *_ablations(out, sizes, seeds[0])]


def _claims(out: Path, sizes: Sizes, seed: int) -> list[Run]:
    first = _first(out, sizes, seed)
    included = replace(first.recipe, data={**ORDINARY, "reason_many": 5.0})
    found = [first, Run(of="included", seed=seed, recipe=included, asked=(VAL, TEST, NEW))]
    for count in sizes.curve:
        data = {reason(sizes, count): REASONING, **REPLAY}
        asked = (VAL, TEST, NEW, OLD) if count == sizes.samples else (TEST,)
        found.append(_second(out, sizes, first, f"reason{count}", asked, data=data))
    found.append(_second(out, sizes, first, "more", (VAL, TEST), data=dict(ORDINARY)))
    alone = round(sizes.stage_2 * REASONING / (REASONING + sum(REPLAY.values())))
    data = {reason(sizes, sizes.samples): 1.0}
    return [*found, _second(out, sizes, first, "no-replay", (TEST, OLD), data=data, steps=alone)]


def _ablations(out: Path, sizes: Sizes, seed: int) -> list[Run]:
    first = _first(out, sizes, seed)
    found = []
    for name, changes in ABLATIONS_1.items():
        found.append(Run(of=name, seed=seed, recipe=replace(first.recipe, **changes), asked=(VAL,)))
    for name, kind in ABLATIONS_2.items():
        data = {reason(sizes, sizes.samples, kind): REASONING, **REPLAY}
        found.append(_second(out, sizes, first, name, (VAL,), data=data))
    return found


ABLATIONS_1: Mapping[str, Mapping[str, Any]] = {
    "own-state": {"reads": "own"},
    "no-text-loss": {"text_weight": 0.0},
    "bce-alone": {"dice_weight": 0.0},
    "dice-alone": {"bce_weight": 0.0},
    "paper-weights": {"bce_weight": 2.0, "dice_weight": 0.5},
    "heavy-text": {"text_weight": 20.0},
    "lora-2": {"language": "lora", "lora_rank": 2, "lora_alpha": 4},
    "lora-8": {"language": "lora"},
    "lora-32": {"language": "lora", "lora_rank": 32, "lora_alpha": 64},
    "frozen-language": {"language": "none"},
    "frozen-decoder": {"mask_decoder": False},
    "trained-encoders": {"encoders": "both"},
    "unnamed": {"named": False},
    "no-sem-seg": {"data": {"refcoco": 3.0, "vqa": 3.0}},
    "no-refer": {"data": {"ade20k": 9.0, "vqa": 3.0}},
    "no-vqa": {"data": {"ade20k": 9.0, "refcoco": 3.0}},
    "with-239": {"data": {**ORDINARY, "reason": 1.0}},
}
"""Stage 1 with something changed: name → fields of the recipe."""
ABLATIONS_2: Mapping[str, str] = {"one-wording": "plain", "unexplained": "bare"}
"""Stage 2 on 239 samples of another kind: name → which, see `reason`."""


def reason(sizes: Sizes, count: int, kind: str = "") -> str:
    """The dataset of so many reasoning samples: explained and in several wordings, or in one ("plain"), or unexplained.

    The 239, as they are, are what the reader of ReasonSeg itself opens.
    """
    return "reason" if (count, kind) == (sizes.samples, "") else f"reason_{count}{kind and '_'}{kind}"


def _first(out: Path, sizes: Sizes, seed: int) -> Run:
    recipe = Recipe(
        start=str(out / BASE / "checkpoint"),
        data=dict(ORDINARY),
        data_dir=str(out / LEARN),
        steps=sizes.stage_1,
        seed=seed,
        **STAGE_1,
    )
    return Run(of="stage-1", seed=seed, recipe=recipe, asked=(VAL, TEST, NEW, OLD))


def _second(
    out: Path,
    sizes: Sizes,
    first: Run,
    of: str,
    asked: tuple[str, ...],
    *,
    data: Mapping[str, float],
    steps: int | None = None,
) -> Run:
    start = str(folder_of(out, first.name) / "checkpoint")
    changes = {"start": start, "data": dict(data), "steps": steps or sizes.stage_2, "seed": first.seed + APART}
    recipe = replace(first.recipe, **STAGE_2, **changes)
    return Run(of=of, seed=first.seed, recipe=recipe, asked=asked, after=first.name)


def folder_of(out: Path, run: str) -> Path:
    """Where a run lies."""
    return out / "runs" / run
