"""Training by recipe: `lisa train RECIPE [key=value …]`."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lisa.errors import BadInput

if TYPE_CHECKING:
    from lisa.recipes.tiny import TinyRecipe

DENSE_SHARE = 0.25
"""Share of `--minutes` for the dense stage."""


def run(
    recipe: str,
    *,
    overrides: Sequence[str] = (),
    dry_run: bool = False,
    minutes: float | None = None,
    out: Path | None = None,
) -> None:
    """`lisa train`: prints the recipe whole, then trains, resuming whatever the folder already holds.

    Raises BadInput for an unknown recipe or key, or a value of the wrong type.
    """
    from lisa.train.probe import probe
    from lisa.train.tiny import train_tiny

    chosen = override(find_recipe(recipe), overrides)
    folder = out or Path("runs") / recipe
    stored = folder / "recipe.json"
    if minutes is not None and not stored.exists():
        chosen = fit_minutes(chosen, minutes)
    print(json.dumps(dataclasses.asdict(chosen), indent=2))
    if dry_run:
        print(probe(chosen))
        return
    if stored.exists() and json.loads(stored.read_text(encoding="utf-8")) != json.loads(json.dumps(chosen.to_json())):
        if minutes is None or overrides:
            raise BadInput(f"{folder} holds a run of other choices: give another --out, or drop the changes to resume")
        chosen = dataclasses.replace(chosen, **_steps(json.loads(stored.read_text(encoding="utf-8"))))
    start = time.monotonic()

    def report(step: int, values: dict[str, float]) -> None:
        print(line(step, values, time.monotonic() - start), flush=True)

    final = train_tiny(chosen, folder, report)
    print(f"the model is in {final}: try  lisa segment PICTURE QUESTION --model {final}")


def line(step: int, values: dict[str, float], seconds: float) -> str:
    """One line of progress."""
    numbers = "  ".join(f"{name} {value:.3f}" for name, value in values.items())
    return f"{seconds:7.0f} s  step {step:6d}  {numbers}"


def find_recipe(name: str) -> TinyRecipe:
    """The recipe of that name. Raises BadInput with the nearest name."""
    from lisa.recipes import RECIPES
    from lisa.registry import find

    return find("recipes", RECIPES, name)()


def override(recipe: TinyRecipe, changes: Sequence[str]) -> TinyRecipe:
    """The recipe with `key=value` changes of its plain fields. Raises BadInput with what to write instead."""
    fields = {f.name: getattr(recipe, f.name) for f in dataclasses.fields(recipe)}
    plain = {k: v for k, v in fields.items() if isinstance(v, int | float | str)}
    values: dict[str, Any] = {}
    for change in changes:
        key, separator, text = change.partition("=")
        if not separator:
            raise BadInput(f"{change!r} is no change of a recipe: write key=value, such as seed=2")
        if key not in plain:
            near = get_close_matches(key, plain, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(plain)}"
            raise BadInput(f"the recipe has no {key!r}; {hint}")
        try:
            values[key] = type(plain[key])(text)
        except ValueError as error:
            raise BadInput(f"{key} is a {type(plain[key]).__name__}, {text!r} is none") from error
    return dataclasses.replace(recipe, **values)


def fit_minutes(recipe: TinyRecipe, minutes: float) -> TinyRecipe:
    """The recipe with as many steps as fit into `minutes` on this machine, by a probe of three steps each."""
    from lisa.train.probe import step_seconds

    if minutes <= 0:
        raise BadInput(f"--minutes {minutes:g} leaves no time to train: give more")
    dense, seg = step_seconds(recipe)
    return dataclasses.replace(
        recipe,
        dense_steps=max(int(minutes * 60 * DENSE_SHARE / dense), 1),
        seg_steps=max(int(minutes * 60 * (1 - DENSE_SHARE) / seg), 1),
    )


def _steps(stored: dict[str, Any]) -> dict[str, int]:
    return {k: int(stored[k]) for k in ("dense_steps", "seg_steps")}
