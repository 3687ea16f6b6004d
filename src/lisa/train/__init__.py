"""Training by recipe: `lisa train RECIPE [key=value …]`."""

from __future__ import annotations

import dataclasses
import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lisa.errors import BadInput, first_line, nearest

if TYPE_CHECKING:
    from lisa.recipes.base import Recipe
    from lisa.recipes.camvid import CamvidRecipe
    from lisa.recipes.tiny import TinyRecipe


def run(
    recipe: str,
    *,
    overrides: Sequence[str] = (),
    dry_run: bool = False,
    minutes: float | None = None,
    out: Path | None = None,
) -> None:
    """`lisa train`: prints the recipe whole, then trains, resuming whatever the folder already holds.

    `recipe` is a name, or a YAML file of keys on top of the recipe it names as `recipe`.

    Raises BadInput for an unknown recipe or key, or a value of the wrong type.
    """
    from lisa.recipes.base import Recipe
    from lisa.recipes.camvid import CamvidRecipe
    from lisa.train import camvid, finetune, probe, tiny

    name, chosen = find_recipe(recipe)
    chosen = override(chosen, overrides)
    if _processes() > 1 and isinstance(chosen, CamvidRecipe):
        raise BadInput(f"{name} trains in stages, by one process: start it without torchrun")
    folder = out or Path("runs") / name
    stored = folder / "recipe.json"
    resumed = stored.exists() and not dry_run
    if minutes is not None and not resumed:
        chosen = fit_minutes(chosen, minutes)
    elif resumed:
        chosen = _as_stored(chosen, folder, keep_steps=minutes is not None)
    if _speaks():
        print(json.dumps(dataclasses.asdict(chosen), indent=2))
    if dry_run:
        for row in probe.probe(chosen):
            print(row, flush=True)
        return
    start = time.monotonic()

    def report(step: int, values: dict[str, float]) -> None:
        print(line(step, values, time.monotonic() - start), flush=True)

    if isinstance(chosen, Recipe):
        final = finetune.train_recipe(chosen, folder)
    elif isinstance(chosen, CamvidRecipe):
        final = camvid.train_camvid(chosen, folder, report)
    else:
        final = tiny.train_tiny(chosen, folder, report)
    if final is not None:
        print(f"the model is in {final}: try  lisa segment PICTURE QUESTION --model {final}")


def line(step: int, values: dict[str, float], seconds: float) -> str:
    """One line of progress."""
    numbers = "  ".join(f"{name} {value:.3f}" for name, value in values.items())
    return f"{seconds:7.0f} s  step {step:6d}  {numbers}"


def find_recipe(name: str) -> tuple[str, Recipe | TinyRecipe | CamvidRecipe]:
    """A recipe by name or YAML file, and what its runs are called. Raises BadInput with the nearest name."""
    from lisa.recipes import RECIPES
    from lisa.registry import find

    if name.endswith((".yaml", ".yml")):
        return _from_file(Path(name))
    return name, find("recipes", RECIPES, name)()


def _from_file(path: Path) -> tuple[str, Recipe | TinyRecipe | CamvidRecipe]:
    import yaml

    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read ({error}): give a YAML file or the name of a recipe") from error
    except yaml.YAMLError as error:
        raise BadInput(f"{path} is no YAML: {first_line(error)}") from error
    if not isinstance(data, dict) or "recipe" not in data:
        raise BadInput(f"{path} has to name the recipe it is built on, such as  recipe: own-data")
    _, base = find_recipe(str(data.pop("recipe")))
    return path.stem, with_values(base, data)


def override(recipe: Any, changes: Sequence[str]) -> Any:
    """The recipe with `key=value` changes, `part.key=value` inside a part of it; values are read as YAML.

    Raises BadInput with what to write instead.
    """
    import yaml

    values: dict[str, Any] = {}
    for change in changes:
        key, separator, text = change.partition("=")
        if not separator:
            raise BadInput(f"{change!r} is no change of a recipe: write key=value, such as seed=2")
        try:
            values[key] = yaml.safe_load(text) if text else ""
        except yaml.YAMLError as error:
            raise BadInput(f"{text!r} for {key} cannot be read: write a number, a word, or {{world: 1.0}}") from error
    return with_values(recipe, values)


def with_values(recipe: Any, values: Mapping[str, Any]) -> Any:
    """The recipe with some fields changed, each of the type it has. Raises BadInput, with the nearest key."""
    fields = {f.name: getattr(recipe, f.name) for f in dataclasses.fields(recipe)}
    found: dict[str, Any] = {}
    inside: dict[str, dict[str, Any]] = {}
    for key, value in values.items():
        part, dot, inner = str(key).partition(".")
        if dataclasses.is_dataclass(fields.get(part)) and (dot or isinstance(value, dict)):
            inside.setdefault(part, {}).update({inner: value} if dot else value)
            continue
        if key not in fields or dataclasses.is_dataclass(fields.get(key)):
            raise BadInput(f"the recipe has no {key!r}; {nearest(key, fields)}")
        found[str(key)] = _typed(str(key), value, fields[str(key)])
    found |= {part: with_values(fields[part], changed) for part, changed in inside.items()}
    return dataclasses.replace(recipe, **found)


def _typed(key: str, value: Any, like: Any) -> Any:
    kind = type(like)
    if kind is float and isinstance(value, int | str) and not isinstance(value, bool):
        try:  # YAML reads 1e-4 as a word
            return float(value)
        except ValueError:
            pass
    if kind is str and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if kind is dict and isinstance(value, dict) and all(isinstance(v, int | float) for v in value.values()):
        return {str(k): float(v) for k, v in value.items()}
    if kind is tuple and isinstance(value, list) and all(isinstance(v, str) for v in value):
        return tuple(value)
    if type(value) is not kind:
        raise BadInput(f"{key} is a {kind.__name__}, {value!r} is none")
    return value


def _as_stored(chosen: Any, folder: Path, *, keep_steps: bool) -> Any:
    """The recipe of the run in the folder, which has to be the chosen one but for how it is worked through.

    Raises BadInput where it is another.
    """
    usual = json.loads(json.dumps(type(chosen)().to_json()))  # of what there was no choice when the run began
    stored = usual | json.loads((folder / "recipe.json").read_text(encoding="utf-8"))
    mine = json.loads(json.dumps(chosen.to_json()))
    made = getattr(chosen, "SHARES", ("steps", "warmup"))  # by `--minutes`, which a resumed run keeps
    steps = {key: stored[key] for key in made if keep_steps and key in stored}
    free = getattr(chosen, "WORKED", ())
    stored |= {key: mine[key] for key in free if key != "micro" or mine["normalise"] == "batch"}
    if stored != mine | steps:
        changed = sorted(key for key in {*stored, *mine} if stored.get(key) != (mine | steps).get(key))
        planned = " (one planned by --minutes: with --minutes again)" if {*changed} <= {*made} else ""
        raise BadInput(
            f"{folder} holds a run of other choices ({', '.join(changed[:3])}): give another --out, or the same "
            f"choices to resume it{planned}"
        )
    return dataclasses.replace(chosen, **steps)


def fit_minutes(recipe: Any, minutes: float) -> Any:
    """The recipe with as many steps as fit into `minutes` on this machine, by timing a few of them.

    Raises BadInput for no time, and for several processes, of which each would measure another.
    """
    from lisa.recipes.base import Recipe
    from lisa.train.probe import recipe_seconds, seconds_beside, stage_seconds

    if minutes <= 0:
        raise BadInput(f"--minutes {minutes:g} leaves no time to train: give more")
    if _processes() > 1:
        raise BadInput("--minutes measures one process: say steps= and warmup= where several train")
    if isinstance(recipe, Recipe):
        steps = max(int(minutes * 60 / recipe_seconds(recipe)), 1)
        return dataclasses.replace(recipe, steps=steps, warmup=min(recipe.warmup, max(steps // 10, 1)))
    each = stage_seconds(recipe)
    shares = {name: share for name, share in recipe.SHARES.items() if getattr(recipe, name) and name in each}
    beside = seconds_beside(recipe)
    if minutes * 60 <= 1.5 * beside:
        raise BadInput(
            f"--minutes {minutes:g} is too short: {beside / 60:.0f} minutes go to the vocabulary and to learning what "
            "is unlike its pictures; give more, or fewer of these with domain_pictures=1200"
        )
    seconds = (minutes * 60 - beside) / sum(shares.values())
    steps = {name: max(int(seconds * share / each[name]), 1) for name, share in shares.items()}
    return dataclasses.replace(recipe, **steps)


def _speaks() -> bool:
    """Whether this is the process that prints."""
    return os.environ.get("RANK", "0") == "0"


def _processes() -> int:
    """How many a launcher started to train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))
