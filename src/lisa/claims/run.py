"""`lisa reproduce claims`: works through the table, each step once, and writes the page; continued where it stopped."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatch
from pathlib import Path

from lisa.claims.data import write_data
from lisa.claims.plan import ASKED, BASE, OLD, VAL, Run, Sizes, folder_of, runs
from lisa.errors import BadInput, shown
from lisa.evaluate.rows import Row
from lisa.evaluate.run import Asking, read_rows, run
from lisa.files import write_json
from lisa.train.finetune import train_recipe
from lisa.train.tiny import train_tiny

TESTS = "tests"
PLAN = "plan.json"

Report = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Work:
    """One repetition of everything: its folder, sizes and seed."""

    out: Path
    sizes: Sizes
    seed: int

    def table(self) -> list[Run]:
        """All trainings, in order."""
        return runs(self.out, self.sizes, self.seed)


def reproduce(work: Work, *, only: str = "*", report: Report = print) -> bool:
    """Draws, trains and asks what is not done yet; whether all that `only` fits (a shell pattern) is done.

    Raises BadInput where the folder holds another plan, or nothing has such a name.
    """
    chosen = chosen_of(work, only)
    _same_plan(work)
    write_data(work.out, work.sizes, work.seed, report)
    if not (work.out / BASE / "checkpoint" / "model.safetensors").exists():
        report("training what all others start from")
        base = replace(work.sizes.base, seed=work.seed, dense_seed=work.sizes.base.dense_seed + 10 * (work.seed - 1))
        if train_tiny(base, work.out / BASE, lambda step, values: report(f"{step:8d}  {_line(values)}")) is None:
            return False
    for number, one in enumerate(chosen, 1):
        folder = folder_of(work.out, one.name)
        if not (folder / "checkpoint" / "model.safetensors").exists():
            report(f"{one.name}, {number} of {len(chosen)}: {one.recipe.steps} steps")
            if train_recipe(one.recipe, folder) is None:
                return False
        for test in one.asked:
            if not rows_of(work, one, test):
                report(f"{one.name}: asked {test}")
                ask_about(work, one, test)
    return True


def chosen_of(work: Work, only: str) -> list[Run]:
    """The trainings that a pattern fits, with those that they go on from."""
    table = work.table()
    wanted = {one.name for one in table if fnmatch(one.name, only)}
    wanted |= {one.after for one in table if one.name in wanted}
    if not (found := [one for one in table if one.name in wanted]):
        raise BadInput(f"no training is called {only!r}: there are {', '.join(one.name for one in table[:12])} …")
    return found


def ask_about(work: Work, one: Run, test: str) -> None:
    """One model's answers to one test, in its folder."""
    model = str(folder_of(work.out, one.name) / "checkpoint")
    home = folder_of(work.out, one.name) / TESTS / test
    data = work.out / ASKED
    if test == OLD:
        limit = work.sizes.old
        run(model, ["ade20k-val"], Asking(data=data, limit=limit), out=home)
        run(model, ["refcoco"], Asking(data=data, split="val", limit=limit), out=home)
    else:
        limit = work.sizes.val if test == VAL else work.sizes.test
        run(model, [f"reason-{test}"], Asking(data=data, limit=limit, forced=test == VAL), out=home)


def rows_of(work: Work, one: Run, test: str) -> list[Row]:
    """All answers of a model to a test, measured; none where it was not asked yet."""
    home = folder_of(work.out, one.name) / TESTS / test
    wanted = {OLD: {"ade20k-val", "refcoco"}}.get(test, {f"reason-{test}"})
    if any(not (home / name / "rows.jsonl").is_file() for name in wanted):
        return []
    found = read_rows(home)
    return [row for name in sorted(wanted) for row in found[name]]


def _same_plan(work: Work) -> None:
    path = work.out / PLAN
    plan = json.loads(json.dumps({"seed": work.seed, **asdict(work.sizes)}))
    if path.is_file() and json.loads(path.read_text(encoding="utf-8")) != plan:
        raise BadInput(f"{shown(work.out)} holds another plan: give another --out, or the same choices to go on")
    write_json(path, plan)


def _line(values: dict[str, float]) -> str:
    return "  ".join(f"{k} {v:.3f}" for k, v in values.items())


def reproduce_claims(
    out: Path, *, seed: int, only: str, again: Path | None, page: Path | None, command: str, report: Report = print
) -> None:
    """The command: works through the table, or with `page` writes the page from what is there. Raises BadInput."""
    from lisa.claims.page import write_page

    work = Work(out=out, sizes=Sizes(), seed=seed)
    if page is not None:
        write_page(page, work, None if again is None else Work(out=again, sizes=Sizes(), seed=_seed_of(again)), command)
        report(f"written: {shown(page)}")
    elif reproduce(work, only=only, report=report):
        report(f"all done: write the page with  lisa reproduce claims --out {out} --seed {seed} --page docs/claims.md")


def _seed_of(out: Path) -> int:
    try:
        return int(json.loads((out / PLAN).read_text(encoding="utf-8"))["seed"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{shown(out)} holds no repetition of the claims: give the --out of another one") from error
