"""The figures of docs/models/tiny.md by one command: every promise of the embedded model, measured.

    python benchmarks/tiny_card.py --data ../shared/data --log runs/tiny
    python benchmarks/tiny_card.py --model runs/tiny/checkpoint --limit 200 --page /tmp/card.md      # shorter

What stands between the two marks of the page is written anew, and the sheet of failures beside it; all else on the page
stays as it is. Answers lie under --answers, so that a run that was killed goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from results import machine

from lisa._version import __version__
from lisa.console import counting, tell
from lisa.data.datasets import open_dataset
from lisa.drawing import captioned, draw_masks, sheet_of
from lisa.errors import BadInput, LisaError
from lisa.evaluate import run as running
from lisa.evaluate.predictions import Answers
from lisa.evaluate.report import value
from lisa.evaluate.rows import Row
from lisa.evaluate.run import Asking
from lisa.files import write_text
from lisa.hub import resolve
from lisa.images import open_image
from lisa.predictor import Predictor, load
from lisa.segmentation import Segmentation
from lisa.world.sets import make_picture

SEED = 500
"""Of scenes that nothing was trained on and no choice was made by."""
BEGIN, END = "<!-- figures: benchmarks/tiny_card.py -->", "<!-- end of the figures -->"
STAGES = ("dense", "tokens", "words", "seg", "anew")
ROWS_OF_CURVE = 8


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One evaluation."""

    dataset: str
    split: str | None = None
    count: int | None = None
    controls: int = 0


ASKED = {
    "world": Asked(dataset="world", count=2_000, controls=200),
    "kinds": Asked(dataset="world-kinds"),
    "templates": Asked(dataset="world", split="templates", count=800),
    "pairs": Asked(dataset="world", split="pairs", count=800),
    "backgrounds": Asked(dataset="world", split="backgrounds", count=800),
    "people": Asked(dataset="people"),
    "seed": Asked(dataset="world-seed", count=250),
    "twins": Asked(dataset="world-twins", count=400),
    "twins-zh": Asked(dataset="world-twins-zh", count=400),
    "reason": Asked(dataset="world-reason", split="test"),
}


@dataclass(frozen=True)
class Promise:
    """A row of the table: what was hoped for, and what came."""

    what: str
    goal: str
    came: str
    held: bool | None


# -- measuring -------------------------------------------------------------------------------------------------------
def measure(model: str, name: str, limit: int | None, answers: Path) -> dict[str, Any]:
    """The report of one evaluation, continued where it was."""
    asked = ASKED[name]
    count = min(filter(None, (asked.count, limit)), default=None)
    asking = Asking(
        split=asked.split,
        seed=0 if asked.dataset in ("people", "world-reason") else SEED,
        limit=count,
        controls=min(asked.controls, count or asked.controls),
    )
    home = answers / f"{running.weights_hash(model)}-{__version__}" / f"{name}{limit or ''}"
    with counting(f"{name}, questions", None) as progress:
        report, _ = running.run(model, [asked.dataset], asking, out=home, progress=progress)
    return report["datasets"][asked.dataset] | {
        "home": home / asked.dataset,
        "controls": report.get("controls", {}).get(asked.dataset),
    }


def seconds_on_one_core(predictor: Predictor, count: int = 40) -> float:
    """Median seconds of an answer with one thread: picture and question in, words and masks out."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    taken = []
    for sample in open_dataset("world", folder=None, split=None, seed=SEED, limit=count):
        began = time.perf_counter()
        predictor.segment(sample.image, sample.turns[0].instruction)
        taken.append(time.perf_counter() - began)
    torch.set_num_threads(threads)
    return float(np.median(taken))


def noticed(predictor: Predictor, folder: Path, scenes: int) -> tuple[float, int, float]:
    """Share of photographs that get the notice, how many there are, and the share of drawn scenes that get it."""
    files = sorted([*folder.glob("coco_train128/**/*.jpg"), *folder.glob("camvid/val/*.jpg")])
    files = files or sorted(p for p in folder.rglob("*") if p.suffix in (".jpg", ".png"))
    far = [bool(predictor.encode(open_image(path)).notice) for path in files]
    drawn = [bool(predictor.encode(make_picture(SEED, k, "test").image).notice) for k in range(scenes)]
    return float(np.mean(far or [np.nan])), len(far), float(np.mean(drawn))


# -- the table -------------------------------------------------------------------------------------------------------
def promises(found: Mapping[str, Any], seconds: float, photographs: tuple[float, int, float]) -> Iterator[Promise]:
    """The rows in the order in which they were promised."""
    world, people = found["world"], found["people"]
    kinds = {k: v["value"] for k, v in world["by_kind"].items() if k not in ("plain", "absent")}
    weakest = sorted(kinds, key=lambda k: kinds[k])
    missed = [k for k in weakest if kinds[k] < 0.60]
    yield _promise("gIoU over questions with a target", world["giou"], 0.85)
    yield Promise("each question kind", "≥ 0.60", _those(missed or weakest[:1], kinds), not missed)
    yield _promise("named character", world["by_kind"]["named_person"], 0.75)
    held = world["n_acc"]["value"] >= 0.90 and world["t_acc"]["value"] >= 0.97
    came = f"{value(world['n_acc'])}, T-acc {value(world['t_acc'])}"
    yield Promise("“not there” said so (N-acc), with T-acc ≥ 0.97", "≥ 0.90", came, held)
    yield _promise("the answer names the right thing", world["named"], 0.92)
    yield _promise("the explanation is true of the target", world["explained"], 0.85)
    yield _promise("plain questions right to the letter", world["by_kind"]["plain"], 0.80)
    yield _promise("third round of a conversation, gIoU", world["by_round"]["3"], 0.70)
    for name, goal in (("templates", 0.92), ("pairs", 0.85), ("backgrounds", 0.92)):
        yield _share(f"held-out {name} against the rest", found[name]["giou"], world["giou"], goal)
    yield _promise("in people's own words", people["giou"], 0.70)
    languages = world["by_language"]
    yield _share("Chinese against English", languages["zh"], languages["en"], 0.92)
    yield _promise("two targets, several instances: matched IoU", world["matched_iou"], 0.65)
    yield _promise("another question of the picture, this target", world["other_question"], 0.25, most=True)
    prior = world["controls"]["floors"]["the places of targets in other pictures"]
    yield _promise("location prior", prior, 0.10, most=True)
    yield Promise("one answer on one core", "≤ 0.4 s", f"{seconds:.2f} s", seconds <= 0.4)
    far, count, wrongly = photographs
    if count:
        yield Promise("photographs that get the notice", "≥ 0.95", f"{far:.3f} of {count}", far >= 0.95)
    yield Promise("drawn scenes that get it wrongly", "≤ 0.02", f"{wrongly:.3f}", wrongly <= 0.02)


def _promise(what: str, figure: Mapping[str, float], goal: float, *, most: bool = False) -> Promise:
    held = figure["value"] <= goal if most else figure["value"] >= goal
    return Promise(what, f"{'≤' if most else '≥'} {goal:.2f}", value(figure), held)


def _share(what: str, part: Mapping[str, float], whole: Mapping[str, float], goal: float) -> Promise:
    share = part["value"] / whole["value"]
    return Promise(what, f"≥ {goal:.2f}", f"{share:.2f} ({value(part)} to {value(whole)})", share >= goal)


def _those(names: Sequence[str], of: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {of[name]:.3f}" for name in names)


# -- the page --------------------------------------------------------------------------------------------------------
def block(
    found: Mapping[str, Any], rows: Sequence[Promise], curve: Sequence[str], made_by: str, model: str, sheet: str
) -> str:
    """What stands between the marks."""
    world, people = found["world"], found["people"]
    verdict = {True: "yes", False: "**no**", None: ""}
    size = sum(p.stat().st_size for p in resolve(model).iterdir()) / 1e6
    asked = f"{world['questions']} questions, English and Chinese in turn, one a picture, of scenes of seed {SEED}"
    parts = [
        f"Weights `{running.weights_hash(model)}` (SHA-256), {size:.1f} MB. Made by `{made_by}`: {asked}; "
        "free-running; in brackets 95 % intervals, resampled by picture. Held-out splits have 800 questions each.",
        _table(["what", "goal", "came", "held"], [[r.what, r.goal, r.came, verdict[r.held]] for r in rows]),
        "## By kind of question and language",
        _by_kind(world),
        "Each kind equally often, as often in English as in Chinese (`world-kinds`), the weakest first: "
        + _each(found["kinds"]),
        "## Others",
        _table(["asked", "gIoU", "N-acc", "T-acc", "names it"], list(_others(found))),
        f"In people's own words: English {value(people['by_kind'].get('en'))}, "
        f"Chinese {value(people['by_kind'].get('zh'))}.",
        "## Controls",
        _controls(world["controls"]),
    ]
    if curve:
        parts += ["## How it learned", *curve]
    worst = "The worst answers in English, one of each kind, beside what was wanted:"
    parts += ["## Where it fails", f"{worst}\n\n![failures]({sheet})"]
    return "\n\n".join(parts)


def _by_kind(world: Mapping[str, Any]) -> str:
    rows: list[Row] = world["rows"]
    lines = []
    for kind, figure in sorted(world["by_kind"].items(), key=lambda item: -item[1]["value"]):
        each = [_mean([r for r in rows if r.group == kind and r.language == code]) for code in ("en", "zh")]
        count = sum(r.group == kind for r in rows)
        lines.append([kind, str(count), value(figure), *each])
    note = "\n\n(`plain` and `absent` have no target: there the figure is the share answered right to the letter.)"
    return _table(["kind", "questions", "gIoU", "English", "Chinese"], lines) + note


def _each(kinds: Mapping[str, Any]) -> str:
    rows: list[Row] = kinds["rows"]
    ordered = sorted(kinds["by_kind"].items(), key=lambda item: item[1]["value"])
    return ", ".join(f"{k} {value(figure)} of {sum(r.group == k for r in rows)}" for k, figure in ordered) + "."


def _mean(rows: Sequence[Row]) -> str:
    """gIoU, or where nothing is wanted the share that is right to the letter."""
    if not rows:
        return "–"
    if any(r.wanted for r in rows):
        return f"{np.mean([r.iou for r in rows if r.wanted]):.3f}"
    return f"{np.mean([r.given == 0 and r.answer == r.expected for r in rows]):.3f}"


def _others(found: Mapping[str, Any]) -> Iterator[list[str]]:
    for name, figures in found.items():
        asked = ASKED[name]
        title = f"`{asked.dataset}`{f' --split {asked.split}' if asked.split else ''}, {figures['questions']} questions"
        yield [title, *(value(figures.get(k)) for k in ("giou", "n_acc", "t_acc", "named"))]


def _controls(found: Mapping[str, Any]) -> str:
    rows = [["as asked", value(found["asked"])]]
    rows += [[name, value(figure)] for name, figure in found["changed"].items()]
    rows += [[f"no model: {name}", value(figure)] for name, figure in found["floors"].items()]
    rows += [["the targets at the model's resolution", value(found["ceiling"])]]
    return _table(["200 questions again", "gIoU against the first target"], rows)


def curves(folder: Path | None) -> Iterator[str]:
    """A few rows of each stage's log; nothing where there is none."""
    for stage in STAGES if folder else ():
        path = (folder or Path()) / stage / "log.jsonl"
        if not path.is_file():
            continue
        kept = {row["step"]: row for row in map(json.loads, path.read_text(encoding="utf-8").splitlines())}
        logged = [kept[step] for step in sorted(kept)]
        some = [logged[i] for i in np.unique(np.linspace(0, len(logged) - 1, ROWS_OF_CURVE).round().astype(int))]
        names = [n for n in some[-1] if n not in ("step", "skipped", "wait", "norm", "seconds")]
        head = [f"{stage}, step", *(str(row["step"]) for row in some)]
        yield _table(head, [[n, *(f"{row[n]:.3f}" if n in row else "–" for row in some)] for n in names])


def failures(found: Mapping[str, Any], path: Path, count: int = 12) -> None:
    """A sheet of the worst answer of each kind, the weakest kinds first: what was wanted beside what came."""
    world = found["world"]
    worst: dict[str, Row] = {}
    english = (r for r in world["rows"] if r.wanted and r.language == "en")  # the font of the tiles has no Chinese
    for row in sorted(english, key=lambda r: r.iou):
        worst.setdefault(row.group, row)
    order = sorted(worst, key=lambda kind: world["by_kind"][kind]["value"])[:count]
    kept = {worst[kind].index: kind for kind in order}
    answers, tiles = Answers(world["home"]), {}
    for index, sample in enumerate(open_dataset("world", folder=None, split=None, seed=SEED, limit=max(kept) + 1)):
        if index in kept:
            given = Segmentation.from_dict(answers.record(index)["answer"])
            wanted = np.stack([t.mask for t in sample.turns[-1].targets])
            pair = [draw_masks(sample.image, masks) for masks in (wanted, given.masks)]
            said = [sample.turns[-1].instruction, f"wanted: {sample.turns[-1].answer}", f"came: {given.raw_text}"]
            tiles[kept[index]] = captioned(pair, said)
    sheet_of([tiles[kind] for kind in order]).quantize(128).save(path, optimize=True)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in lines)


def written(page: str, figures: str) -> str:
    """The page with other figures between its marks. Raises BadInput where it has none."""
    before, mark, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (mark and end):
        raise BadInput(f"the page has no {BEGIN} … {END}: put both where the figures are to stand")
    return f"{before}{BEGIN}\n\n{figures}\n\n{END}{after}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and writes. 0 done, 2 something a person can put right."""
    given = _given(arguments)
    said = " ".join(["python benchmarks/tiny_card.py", *(sys.argv[1:] if arguments is None else arguments)])
    try:
        empty = f"# {given.model}\n\n{BEGIN}\n{END}\n"
        page = given.page.read_text(encoding="utf-8") if given.page.is_file() else empty
        written(page, "")
        found: dict[str, Any] = {}
        for name in ASKED:
            found[name] = measure(given.model, name, given.limit, given.answers)
            tell(f"{name}: gIoU {value(found[name]['giou'])}")
        for name in ("world", "kinds"):
            found[name]["rows"] = running.read_rows(found[name]["home"].parent)[ASKED[name].dataset]
        predictor = load(given.model)
        photographs = noticed(predictor, given.data, given.limit or 400) if given.data else (float("nan"), 0, 0.0)
        rows = list(promises(found, seconds_on_one_core(predictor), photographs))
        sheet = given.page.with_name(f"{given.page.stem}-failures.png")
        failures(found, sheet)
        text = block(found, rows, list(curves(given.log)), said, given.model, sheet.name)
        text += f"\n\nMeasured on {machine(None)}."
        write_text(given.page, written(page, text))
    except LisaError as error:
        tell(f"tiny_card: {error}")
        return 2
    for row in rows:
        print(f"{'ok  ' if row.held else 'MISS'} {row.what}: {row.came} ({row.goal})")
    return 0


def _given(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="tiny", help="by name or folder")
    parser.add_argument("--data", type=Path, help="a folder of photographs, such as ../shared/data")
    parser.add_argument("--log", type=Path, help="the folder of the run that made the weights")
    parser.add_argument("--page", type=Path, default=Path("docs/models/tiny.md"), help="the page")
    parser.add_argument("--answers", type=Path, default=Path("runs/card"), help="where answers are kept")
    parser.add_argument("--limit", type=int, help="at most so many questions of each")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
