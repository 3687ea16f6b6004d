"""`lisa reproduce claims`: works through the table, each step once, and writes the page; continued where it stopped."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from lisa._version import __version__
from lisa.claims.data import BEYOND, MOST, Report, write_data
from lisa.claims.plan import BASE, TESTS, Run, Sizes, folder_of, runs
from lisa.errors import BadInput, shown
from lisa.evaluate.rows import Row
from lisa.evaluate.run import ROWS, Asking, read_rows, run
from lisa.files import write_json
from lisa.recipes.base import Recipe
from lisa.recipes.tiny import TinyRecipe
from lisa.train import line
from lisa.train.finetune import train_recipe
from lisa.train.tiny import train_tiny

PLAN = "plan.json"
WHOLE = "config.json"
"""Of a checkpoint, written last."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """One repetition of everything: its folder, sizes and seed."""

    out: Path
    sizes: Sizes
    seed: int

    def table(self) -> list[Run]:
        """All trainings, in order."""
        return runs(self.out, self.sizes, self.seed)

    def base(self) -> TinyRecipe:
        """What all of them start from; a repetition draws other scenes."""
        recipe, leap = self.sizes.base, BEYOND * (self.seed - 1)
        return replace(
            recipe,
            seed=self.seed,
            tokenizer_seed=recipe.tokenizer_seed + leap,
            dense_seed=recipe.dense_seed + leap,
            token_seed=recipe.token_seed + leap,
            words=replace(recipe.words, seed=recipe.words.seed + leap),
            seg=replace(recipe.seg, seed=recipe.seg.seed + leap),
        )

    def plan(self) -> dict[str, Any]:
        """All that decides what comes out, as JSON; where it lies does not."""
        table = {one.name: one.recipe.to_json() for one in runs(Path(), self.sizes, self.seed)}
        about = {"lisa": __version__, "seed": self.seed, "sizes": asdict(self.sizes), "runs": table}
        return json.loads(json.dumps({**about, "base": self.base().to_json()}))


def reproduce(work: Work, *, only: str = "*", report: Report = print) -> bool:
    """Draws, trains and asks what is not done yet; whether all that `only` fits is done.

    `only`: shell patterns with commas between them.

    Raises BadInput where the folder holds another plan, or nothing has such a name.
    """
    if work.seed > MOST:
        raise BadInput(f"there are scenes for {MOST} repetitions: give a --seed of 1 to {MOST}")
    chosen = chosen_of(work, only)
    check_plan(work)
    write_json(work.out / PLAN, work.plan())
    write_data(work.out, work.sizes, work.seed, report)
    if not (work.out / BASE / "checkpoint" / WHOLE).exists():
        report("training what all others start from")
        begun = time.monotonic()

        def progress(step: int, values: dict[str, float]) -> None:
            report(line(step, values, time.monotonic() - begun))

        if train_tiny(work.base(), work.out / BASE, progress) is None:
            return False
    for number, one in enumerate(chosen, 1):
        folder = folder_of(work.out, one.name)
        if not (folder / "checkpoint" / WHOLE).exists():
            report(f"{one.name}, {number} of {len(chosen)}: {one.recipe.steps} steps")
            if train_recipe(one.recipe, folder) is None:
                return False
        for test in one.asked:
            if not rows_of(work, one, test):
                report(f"{one.name}: asked {test}")
                ask_about(work, one, test)
    return True


def chosen_of(work: Work, only: str) -> list[Run]:
    """The trainings that one of some patterns, with commas between them, fits, with those that they go on from."""
    table, patterns = work.table(), [pattern.strip() for pattern in only.split(",")]
    wanted = {one.name for one in table if any(fnmatch(one.name, pattern) for pattern in patterns)}
    wanted |= {one.after for one in table if one.name in wanted}
    if not (found := [one for one in table if one.name in wanted]):
        known = ", ".join(sorted({one.of for one in table}))
        raise BadInput(f"no training is called {only!r}; there are, each with its seed behind it: {known}")
    return found


def ask_about(work: Work, one: Run, test: str) -> None:
    """One model's answers to one test, in its folder."""
    asked, folder = TESTS[test], folder_of(work.out, one.name)
    asking = Asking(data=work.out / asked.folder, forced=asked.forced)
    run(str(folder / "checkpoint"), asked.datasets, asking, out=folder / "tests" / test)


def rows_of(work: Work, one: Run, test: str) -> list[Row]:
    """All answers of a model to a test, measured; none where it was not asked yet."""
    home = folder_of(work.out, one.name) / "tests" / test
    datasets = TESTS[test].datasets
    if any(not (home / name / ROWS).is_file() for name in datasets):
        return []
    found = read_rows(home)
    return [replace(row, id=_picture(name, row.id)) for name in datasets for row in found[name]]


def _picture(dataset: str, id: str) -> str:
    """One name for a picture in both layouts: that of refCOCO numbers them from 1."""
    return str(int(id) - 1) if dataset == "refcoco" else id


def check_plan(work: Work, *, to_read: bool = False) -> None:
    """Raises BadInput where the folder holds something else than this repetition, or a plan that cannot be read.

    `to_read`: to tell of what is there, seed and sizes have to be the same; how it was trained may be an older way.
    """
    path = work.out / PLAN
    if not path.is_file():
        return
    try:
        stored, mine = (_told(plan, to_read) for plan in (json.loads(path.read_text(encoding="utf-8")), work.plan()))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{shown(path)} is damaged ({error}): give another --out") from error
    if differing := sorted(_differing(stored, mine), key=lambda at: (at.startswith("runs"), at)):  # causes first
        raise BadInput(f"{shown(work.out)} holds another plan ({', '.join(differing[:3])}): give another --out, or go "
                       "on with the --seed and the version that it was begun with")  # fmt: skip


def _told(plan: dict[str, Any], to_read: bool) -> dict[str, Any]:
    """What of a plan has to be the same; its recipes have what there was no choice of when they were written."""
    if to_read:
        return {"seed": plan["seed"], "sizes": {k: v for k, v in plan["sizes"].items() if k != "base"}}
    return json.loads(json.dumps({**plan, "runs": {k: Recipe(**run).to_json() for k, run in plan["runs"].items()}}))


def _differing(one: Any, other: Any, at: str = "") -> Iterator[str]:
    """Where two values of JSON differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in {*one, *other}:
            yield from _differing(one.get(key), other.get(key), f"{at}.{key}" if at else key)
    elif one != other:
        yield at


def reproduce_claims(
    out: Path, *, seed: int, only: str, again: Path | None, page: Path | None, command: str, report: Report = print
) -> None:
    """The command: works through the table, or with `page` writes the page from what is there. Raises BadInput."""
    from lisa.claims.page import write_page

    work = Work(out=out, sizes=Sizes(), seed=seed)
    if page is not None:
        write_page(page, _there(work), None if again is None else _there(replace(work, out=again)), command)
        report(f"written: {shown(page)}")
    elif not reproduce(work, only=only, report=report):
        report("stopped: the same command goes on from here")
    else:
        report(f"done: see it with  lisa reproduce claims --out {out} --page claims.md")


def _there(work: Work) -> Work:
    """The repetition in a folder, whatever its seed."""
    try:
        seed = int(json.loads((work.out / PLAN).read_text(encoding="utf-8"))["seed"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{shown(work.out)} holds no repetition of the claims: run it first, without --page") from error
    found = replace(work, seed=seed)
    check_plan(found, to_read=True)
    return found
