"""docs/results.md by one command: every model at hand on every dataset at hand, published figures beside them.

    python benchmarks/results.py --data ../shared/data --out docs/results.md
    python benchmarks/results.py --model lisa-7b --dtype bfloat16 --teacher-forced --data data
    python benchmarks/results.py --model runs/mine/checkpoint --dataset camvid --data ../shared/data --out mine.md
    python benchmarks/results.py --stored          # the page again, of what was measured: loads no model

Answers lie under --answers, so that a run that was killed goes on where it was: give the same command again. A dataset
whose files are not there is left out, and the page says so. What `lisa data add` noted in --data is measured as well.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from lisa._version import __version__
from lisa.console import counting, tell
from lisa.data.datasets import DRAWN, KNOWN, noted, open_dataset
from lisa.data.files import read_yaml
from lisa.errors import BadInput, LisaError, Missing, shown
from lisa.evaluate import run as running
from lisa.evaluate.report import value
from lisa.evaluate.run import Asking
from lisa.files import write_json, write_text
from lisa.hub import EMBEDDED, resolve
from lisa.memory import GIB, memory_total

SHIPPED = (EMBEDDED,)
"""The models inside the package."""
PUBLISHED = Path(__file__).with_name("published.yaml")
RESULT = "result.json"
COLUMNS = {
    "class_miou": "class mIoU",
    "class_miou_present": "class mIoU, asked where they are",
    "matched_iou": "matched IoU",
    "ap50": "AP50",
    "giou": "gIoU",
    "ciou": "cIoU",
    "teacher_forced_giou": "gIoU, teacher-forced",
    "teacher_forced_ciou": "cIoU, teacher-forced",
    "giou_with_absent": "gIoU with absent",
    "ciou_with_absent": "cIoU with absent",
    "n_acc": "N-acc",
    "t_acc": "T-acc",
    "named": "named",
    "chrf": "chrF",
}
"""Figure → head of its column, in the order of columns; docs/evaluation.md says what each is."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What is asked of every model: a row of the page."""

    dataset: str
    split: str | None = None
    seed: int = 0

    @property
    def title(self) -> str:
        """Dataset and split."""
        return f"{self.dataset} {self.split}" if self.split else self.dataset


@dataclass(frozen=True, kw_only=True)
class Group:
    """A table of the page: rows that are measured alike."""

    title: str
    figures: tuple[str, ...]
    entries: tuple[Entry, ...]


@dataclass(frozen=True, kw_only=True)
class Result:
    """A row as it was measured; lies beside its answers as `result.json`."""

    entry: Entry
    model: str
    weights: str
    lisa: str
    protocol: str
    command: str
    figures: Mapping[str, Any]
    """As `lisa eval` reports them."""
    leaks: tuple[str, ...] = ()
    measured: str
    """The day on which the last question was answered."""
    machine: str

    @classmethod
    def read(cls, path: Path) -> Result:
        """From its file. Raises Missing where there is none, BadInput where it is damaged."""
        if not path.is_file():
            raise Missing(f"there is no {shown(path)}: leave --stored out, and it is measured")
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            return cls(**{**data, "entry": Entry(**data["entry"]), "leaks": tuple(data["leaks"])})
        except (ValueError, KeyError, TypeError) as error:
            raise BadInput(f"{shown(path)} is damaged ({error}): delete it and run this again") from error


@dataclass(frozen=True, kw_only=True)
class Published:
    """A row of somebody else's paper, 0 … 1."""

    title: str
    """Of the entry that it stands beside."""
    model: str
    figures: Mapping[str, float]
    arxiv: str
    where: str
    note: str


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line says."""

    data: tuple[Path, ...]
    answers: Path
    models: tuple[str, ...]
    datasets: tuple[str, ...] = ()
    """Only these; all where empty."""
    limit: int | None = None
    forced: bool = False
    device: str | None = None
    dtype: str | None = None


# -- what is measured ------------------------------------------------------------------------------------------------
def _of(*names: str, seed: int = 0, splits: Sequence[str | None] = (None,)) -> tuple[Entry, ...]:
    return tuple(Entry(dataset=name, split=split, seed=seed) for name in names for split in splits)


MASKS = ("giou", "ciou", "teacher_forced_giou", "teacher_forced_ciou")
PLAN = (
    Group(
        title="Drawn scenes, never seen in training",
        figures=(*MASKS, "n_acc", "t_acc", "named", "chrf"),
        entries=(
            *_of(
                "world", "world-en", "world-zh", "world-kinds", "world-seed", "world-twins", "world-twins-zh", seed=300
            ),
            *_of("people"),
        ),
    ),
    Group(
        title="Reasoning about drawn scenes",
        figures=(*MASKS, "named", "chrf"),
        entries=_of("world-reason", splits=("val", "test")),
    ),
    Group(
        title="Street photographs",
        figures=("class_miou", *MASKS, "n_acc", "t_acc"),
        entries=_of("camvid", "camvid-reason", "camvid-halves"),
    ),
    Group(title="ReasonSeg", figures=(*MASKS, "chrf"), entries=_of("reason-val", "reason-test")),
    Group(
        title="Referring expressions",
        figures=MASKS,
        entries=(
            *_of("refcoco", "refcoco+", splits=("val", "testA", "testB")),
            *_of("refcocog", splits=("val", "test")),
            *_of("refclef", splits=("val",)),
        ),
    ),
    Group(
        title="Expressions that mean several things, or none",
        figures=("giou_with_absent", "ciou_with_absent", *MASKS, "n_acc", "t_acc"),
        entries=_of("grefcoco", splits=("val", "testA", "testB")),
    ),
    Group(
        title="Every class of a photograph",
        figures=("class_miou_present", *MASKS),
        entries=_of(
            "ade20k-val", "cocostuff-val", "mapillary-val", "coco-val", "lvis-val", "paco_lvis-val", "pascal_part-val"
        ),
    ),
    Group(
        title="A mask for each instance",
        figures=("matched_iou", "ap50", "giou"),
        entries=_of("coco-val-instances", "lvis-val-instances"),
    ),
)


def plan(options: Options) -> tuple[Group, ...]:
    """The tables, with one of what `lisa data add` noted. Raises BadInput for a dataset that is none of them."""
    here = {path.stem for folder in options.data for path in folder.glob("*.yaml") if noted(folder, path.stem)}
    added = sorted(here - set(KNOWN))
    groups = [*PLAN, Group(title="One's own", figures=(*MASKS, "chrf"), entries=_of(*added))]
    if not options.datasets:
        return tuple(groups)
    known = {e.dataset for g in groups for e in g.entries}
    if odd := [name for name in options.datasets if name not in known]:
        raise BadInput(f"no dataset is called {odd[0]!r}: known are {', '.join(sorted(known))}")
    return tuple(replace(g, entries=tuple(e for e in g.entries if e.dataset in options.datasets)) for g in groups)


def folder_of(entry: Entry, options: Options) -> Path | None:
    """Which of the folders holds the dataset; None for drawn scenes. Raises Missing, or what opening raises."""
    if entry.dataset in DRAWN:
        return None
    why: Missing | None = None
    for folder in (f for f in options.data if entry.dataset in KNOWN or noted(f, entry.dataset)):
        try:
            open_dataset(entry.dataset, folder=folder, split=entry.split, seed=entry.seed, limit=options.limit)
            return folder
        except Missing as error:
            why = error
    raise why or Missing(f"{entry.dataset} is read from files: say with --data where the datasets lie")


def command(entry: Entry, model: str, folder: Path | None, options: Options) -> str:
    """The `lisa eval` command that gives the row."""
    said: list[str] = ["lisa", "eval", model, entry.dataset]
    given = {
        "--split": entry.split,
        "--seed": entry.seed or None,
        "--limit": options.limit,
        "--data": folder,
        "--device": options.device,
        "--dtype": options.dtype,
    }
    for name, what in given.items():
        said += [] if what is None else [name, str(what)]
    return shlex.join([*said, "--teacher-forced"] if options.forced else said)


def home_of(entry: Entry, model: str, options: Options) -> Path:
    """The folder of its answers: other weights, another version or other questions have another one."""
    limit = options.limit and f"first{options.limit}"
    asked = (entry.split, entry.seed and f"seed{entry.seed}", limit, options.forced and "forced", options.dtype)
    kept = re.sub(r"[^\w.-]+", "_", model).strip("_.")
    of_model = f"{kept}-{running.weights_hash(model)}-{__version__}"
    return options.answers / of_model / ".".join([entry.dataset, *(str(a) for a in asked if a)])


def measure(entry: Entry, model: str, options: Options) -> Result:
    """Asks what is not answered yet. Raises Missing where the dataset is not there, and what an evaluation raises."""
    folder, home = folder_of(entry, options), home_of(entry, model, options)
    asking = Asking(
        data=folder,
        split=entry.split,
        seed=entry.seed,
        limit=options.limit,
        forced=options.forced,
        device=options.device,
        dtype=options.dtype,
    )
    with counting(f"{entry.title}, questions", None) as progress:
        report, _ = running.run(model, [entry.dataset], asking, out=home, progress=progress)
    figures = report["datasets"][entry.dataset]
    result = Result(
        entry=entry,
        model=model,
        weights=report["weights"],
        lisa=report["lisa"],
        protocol=report["protocol"],
        command=command(entry, model, folder, options),
        figures=figures,
        leaks=tuple(report["leaks"].get(entry.dataset, ())),
        measured=date.today().isoformat(),
        machine=machine(options.device),
    )
    path = home / RESULT
    if path.is_file() and (old := Result.read(path)).figures.get("questions") == figures["questions"]:
        result = replace(result, measured=old.measured, machine=old.machine)
    write_json(path, asdict(result))
    return result


def machine(device: str | None) -> str:
    """What the answers were computed on: processor, memory, torch."""
    import torch

    from lisa.devices import name_of, pick_device

    processor = platform.processor() or platform.machine()
    with_names = Path("/proc/cpuinfo")
    if with_names.is_file() and (found := re.search(r"model name\s*:\s*(.+)", with_names.read_text())):
        processor = found[1].strip()
    about = f"{processor}, {os.cpu_count()} cores, {memory_total() / GIB:.0f} GiB"
    return f"{name_of(pick_device(device))}; {about}; torch {torch.__version__}, {platform.system()}"


def collect(
    groups: Iterable[Group], options: Options, one: Callable[[Entry, str, Options], Result]
) -> tuple[list[Result], dict[str, str]]:
    """The rows, and what is left out → why. A dataset that cannot be read does not end the others."""
    results: list[Result] = []
    left: dict[str, str] = {}
    for entry in (e for g in groups for e in g.entries):
        for model in options.models:
            try:
                results.append(one(entry, model, options))
                tell(f"{model} on {entry.title}: gIoU {value(results[-1].figures.get('giou'))}")
            except Missing as error:
                left[entry.title if one is not stored else f"{model} on {entry.title}"] = str(error)
            except LisaError as error:
                left[f"{model} on {entry.title}"] = str(error)
    return results, left


def stored(entry: Entry, model: str, options: Options) -> Result:
    """What was measured before. Raises Missing where nothing was."""
    return Result.read(home_of(entry, model, options) / RESULT)


# -- the page --------------------------------------------------------------------------------------------------------
def published(path: Path = PUBLISHED) -> tuple[Published, ...]:
    """The rows of papers. Raises BadInput for one without a source, or with other figures than it says."""
    found = []
    for number, table in enumerate(read_yaml(path), 1):
        try:
            for title, rows in table["rows"].items():
                for model, values in rows.items():
                    figures = {k: float(v) / 100 for k, v in zip(table["figures"], values, strict=True)}
                    source = {k: str(table[k]) for k in ("arxiv", "where", "note")}
                    found.append(Published(title=title, model=model, figures=figures, **source))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BadInput(f"{shown(path)}, table {number}: {error!r}: it needs a source, figures and rows") from error
    return tuple(found)


def page(
    groups: Sequence[Group],
    results: Sequence[Result],
    left: Mapping[str, str],
    papers: Sequence[Published],
    *,
    made_by: str,
) -> str:
    """The whole page as Markdown."""
    parts = [
        "# Results",
        f"Made by `{made_by}`; each row by the `lisa eval` command that stands in it. {_protocol(results)} Values are "
        "shares of one; in brackets 95 % intervals, resampled by picture. [What the figures are]"
        "(evaluation.md#the-figures).",
        "Rows marked **published** are what papers say of their models, by their own protocols. They were not "
        "measured here: set beside a measured row they compare other rules, and often other questions.",
        _models(results),
    ]
    for group in groups:
        rows = [r for r in results if r.entry in group.entries]
        beside = [p for p in papers if p.title in {e.title for e in group.entries}]
        if rows or beside:
            parts += [f"## {group.title}", *_group(group, rows, beside)]
    if left:
        parts += ["## Left out", "\n".join(_left(left))]
    if results:
        parts += ["## When and where", "\n".join(_machines(results))]
    return "\n\n".join(parts) + "\n"


def _protocol(results: Sequence[Result]) -> str:
    said = sorted({r.protocol for r in results})
    return f"Protocol: {'; '.join(said)}." if said else "Nothing is measured yet."


def _models(results: Sequence[Result]) -> str:
    rows = dict.fromkeys((r.model, r.weights, r.lisa) for r in results)
    return "\n".join(_table(["model", "weights, SHA-256", "lisa"], [[f"`{m}`", f"`{w}`", v] for m, w, v in rows]))


def _group(group: Group, rows: Sequence[Result], beside: Sequence[Published]) -> Iterator[str]:
    """Measured rows, then warnings, then published rows, each in a block of its own."""
    if rows:
        columns = [k for k in COLUMNS if k in group.figures and any(_has(r, k) for r in rows)]
        head = ["dataset", "model", "questions", *(COLUMNS[k] for k in columns), "command"]
        body = [
            [
                r.entry.title,
                f"`{r.model}`",
                str(r.figures["questions"]),
                *(value(r.figures.get(k)) for k in columns),
                f"`{r.command}`",
            ]
            for r in rows
        ]
        yield "\n".join(_table(head, body))
    else:
        yield "Not measured: its files are not at hand."
    if leaks := dict.fromkeys(f"> ⚠ {r.entry.dataset}: {told}" for r in rows for told in r.leaks):
        yield "\n>\n".join(leaks)
    if beside:
        columns = [k for k in COLUMNS if any(k in p.figures for p in beside)]
        head = ["dataset", "model", "", *(COLUMNS[k] for k in columns), "source"]
        yield "\n".join(_table(head, [_paper(p, columns) for p in beside]))


def _paper(row: Published, figures: Sequence[str]) -> list[str]:
    values = [f"{row.figures[k]:.3f}" if k in row.figures else "–" for k in figures]
    source = f"[arXiv {row.arxiv}](https://arxiv.org/abs/{row.arxiv}), {row.where}; {row.note}"
    return [row.title, row.model, "**published**, not measured here", *values, source]


def _left(left: Mapping[str, str]) -> Iterator[str]:
    yield "Not measured, and why:\n"
    for title, why in left.items():
        yield f"- {title}: {why}"


def _machines(results: Sequence[Result]) -> Iterator[str]:
    found: dict[tuple[str, str], list[str]] = {}
    for r in results:
        found.setdefault((r.measured, r.machine), []).append(f"`{r.model}` on {r.entry.title}")
    for (day, where), rows in sorted(found.items()):
        yield f"- {day}, {where}: {', '.join(rows)}."


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    escaped = ([cell.replace("|", "\\|") for cell in row] for row in (head, ["---"] * len(head), *rows))
    return [f"| {' | '.join(row)} |" for row in escaped]


def _has(row: Result, figure: str) -> bool:
    found = row.figures.get(figure)
    return isinstance(found, Mapping) and found.get("value") is not None


# -- the command line ------------------------------------------------------------------------------------------------
def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, and writes the page. 0 done, 2 something a person can put right."""
    given = _given(arguments)
    options = Options(
        data=tuple(given.data),
        answers=given.answers,
        models=tuple(dict.fromkeys([*SHIPPED, *given.model])),
        datasets=tuple(given.dataset),
        limit=given.limit,
        forced=given.teacher_forced,
        device=given.device,
        dtype=given.dtype,
    )
    said = [a for a in (sys.argv[1:] if arguments is None else arguments) if a != "--stored"]
    try:
        if given.limit is not None and given.limit < 1:
            raise BadInput("--limit is a number of questions, 1 or more")
        for model in options.models:
            resolve(model)
        groups, papers = plan(options), published()
        results, left = collect(groups, options, stored if given.stored else measure)
        made_by = shlex.join(["python", "benchmarks/results.py", *said])
        write_text(given.out, page(groups, results, left, papers, made_by=made_by))
    except LisaError as error:
        tell(f"results: {error}")
        return 2
    tell(f"{len(results)} rows in {given.out}; {len(left)} left out")
    return 0


def _given(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, action="append", default=[], help="a folder the datasets lie in; several")
    parser.add_argument("--out", type=Path, default=Path("docs/results.md"), help="the page")
    parser.add_argument("--answers", type=Path, default=Path("runs/results"), help="where answers are kept")
    parser.add_argument("--model", action="append", default=[], help="a further model, by name or folder; several")
    parser.add_argument("--dataset", action="append", default=[], help="only this one; several")
    parser.add_argument("--limit", type=int, help="only the first so many questions of each; 500 drawn scenes without")
    parser.add_argument("--teacher-forced", action="store_true", help="also as the reference validates")
    parser.add_argument("--device")
    parser.add_argument("--dtype", help="float32, bfloat16 or float16")
    parser.add_argument("--stored", action="store_true", help="write the page of what was measured before")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
