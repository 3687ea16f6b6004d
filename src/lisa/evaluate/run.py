"""`lisa eval`: models × datasets → a folder of answers, figures and a report; continued where it was killed.

Several processes share the questions by their places, each writing a file of its own; the first waits until all of them
are answered and adds them up. `torchrun` says who is who, or `--part 2/4` on machines that share a folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from lisa._version import __version__
from lisa.data.alike import Gallery
from lisa.data.base import picture_of
from lisa.data.datasets import WORDED, Dataset, open_dataset, pictures
from lisa.data.prompts import WORDINGS
from lisa.errors import BadInput, Missing, shown
from lisa.evaluate import report as pages
from lisa.evaluate.ask import ask
from lisa.evaluate.controls import controls
from lisa.evaluate.figures import Evaluation
from lisa.evaluate.foreign import is_predictions, score_files
from lisa.evaluate.predictions import Answers, PredictionFile, rescore
from lisa.evaluate.rows import Row
from lisa.files import write_text
from lisa.hub import resolve
from lisa.model.domain import DOMAIN
from lisa.model.presence import PRESENCE
from lisa.predictor import Predictor, load
from lisa.segmentation import Segmentation
from lisa.types import Sample

ROWS = "rows.jsonl"

_COCO = (
    "its pictures are of COCO train2014, which COCO-Stuff, LVIS, PACO and LLaVA-Instruct train on; "
    "say with --trained-on which of them this model has seen"
)
KNOWN_LEAKS = dict.fromkeys(("refcoco", "refcoco+", "refcocog", "grefcoco"), _COCO)
WORDING = 10**9
"""What the places of questions in another wording are moved by."""
POLL = 0.5
PATIENCE = 3600.0
"""Seconds without a new answer after which the first process no longer waits for the others."""


@dataclass(frozen=True, kw_only=True)
class Asking:
    """Which questions are asked, and how."""

    data: Path | None = None
    split: str | None = None
    seed: int = 0
    limit: int | None = None
    forced: bool = False
    """Teacher-forced figures beside the free-running ones."""
    controls: int = 0
    """Questions that are asked again in other words and of other pictures; 0: none are."""
    wordings: int = 1
    """In how many of `lisa.data.prompts.WORDINGS` each question is asked, where a dataset has several."""
    trained_on: tuple[str, ...] = ()
    """Datasets that the model was trained on; pictures that are in both are flagged."""
    device: str | None = None
    dtype: str | None = None


@dataclass(frozen=True)
class Share:
    """This process's part of the questions: those whose place leaves `rank` when divided by `world`."""

    rank: int = 0
    world: int = 1

    @classmethod
    def of(cls, part: str | None) -> Share:
        """From "2/4" (counted from 1), or from what `torchrun` sets. Raises BadInput for anything else."""
        if part is None:
            return cls(int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1")))
        first, _, of = part.partition("/")
        if not (first.isdigit() and of.isdigit() and 1 <= int(first) <= int(of)):
            raise BadInput(f"--part {part!r} is not of the form 2/4: the second of four parts")
        return cls(int(first) - 1, int(of))


def run(
    model: str,
    datasets: Sequence[str],
    asking: Asking | None = None,
    *,
    out: Path | None = None,
    share: Share | None = None,
    progress: Callable[[int], None] | None = None,
) -> tuple[dict[str, Any], dict[str, Evaluation]]:
    """Figures on datasets by name, as JSON-ready values, and the rows behind them.

    `model`: one that can be loaded, or answers in files, see `lisa.evaluate.foreign`.

    `out`: a folder for the answers, where a run that was killed goes on. Raises BadInput and what loading raises.
    """
    asking, share = asking or Asking(), share or Share()
    _check(model, datasets, asking, out, share)
    opened = {name: _open(name, asking, 0) for name in datasets}
    leaks = leaks_of(opened, asking)
    if is_predictions(model):
        path = Path(model)
        asked = {"split": asking.split, "seed": asking.seed}
        found = {name: score_files(path, data, {**asked, "dataset": name}) for name, data in opened.items()}
        report = _report(model, file_hash(path), found, asking, "predictions from files", leaks)
        if out is not None:
            _write(out, report, found, {})
        return report, found
    weights = weights_hash(model)
    predictor = load(model, device=asking.device, dtype=asking.dtype)
    chosen = _to_change(opened, asking) if share.rank == 0 else {}
    found, cards = {}, {}
    for name in opened:
        found[name] = Evaluation()
        for wording in range(asking.wordings):
            told = {"model": model, "weights": weights, "lisa": __version__, "dataset": name, "wording": wording}
            told |= {k: getattr(asking, k) for k in ("split", "seed", "limit", "forced", "dtype")}
            home = None if out is None else out / (f"{name}@{wording}" if wording else name)
            evaluation, answers = _asked(predictor, _open(name, asking, wording), told, home, share, asking, progress)
            evaluation.rows = [replace(row, index=row.index + wording * WORDING) for row in evaluation.rows]
            found[name].merge(evaluation)
            if answers is not None and wording == 0 and share.rank == 0:
                cards[name] = _pictures(evaluation, opened[name], answers)
    protocol = "free-running, teacher-forced beside it" if asking.forced else "free-running"
    report = _report(model, weights, found, asking, protocol, leaks)
    for name, some in chosen.items():
        changed = controls(predictor, some, others=opened[name].other, progress=progress)
        report.setdefault("controls", {})[name] = changed.to_json()
    if out is not None and share.rank == 0:
        _write(out, report, found, cards)
    return report, found


def _check(model: str, datasets: Sequence[str], asking: Asking, out: Path | None, share: Share) -> None:
    if not datasets:
        raise BadInput("no dataset given: try `lisa eval tiny world`")
    if share.world > 1 and out is None:
        raise BadInput("several processes meet in a folder: give one with --out")
    if odd := [name for name in datasets if asking.wordings > 1 and name not in WORDED]:
        raise BadInput(f"{odd[0]} asks in its own words: several wordings are for {', '.join(WORDED)}")
    if is_predictions(model) and (asking.controls or asking.forced or asking.wordings > 1 or share.world > 1):
        raise BadInput(f"{model} holds answers, not a model: nothing more can be asked of it")


def _to_change(opened: Mapping[str, Dataset], asking: Asking) -> dict[str, list[Sample]]:
    """What is asked again, changed. Raises BadInput where that is too little to say anything."""
    found = {}
    for name, dataset in opened.items() if asking.controls else ():
        found[name] = list(islice((s for s in dataset if s.turns[-1].targets), asking.controls))
        if len(found[name]) < 2:
            raise BadInput(f"{name} has {len(found[name])} questions with a target: --controls needs two or more")
    return found


def leaks_of(opened: Mapping[str, Dataset], asking: Asking) -> dict[str, list[str]]:
    """Dataset → what is known, and what is found, of pictures that the model may have been trained on."""
    told = {name: [KNOWN_LEAKS[name]] if name in KNOWN_LEAKS else [] for name in opened}
    for trained in asking.trained_on:
        gallery = Gallery.of(pictures(trained, folder=asking.data))
        for name, dataset in opened.items():
            seen, same, alike = set(), 0, []
            for sample in dataset:
                if picture_of(sample) in seen:
                    continue
                seen.add(picture_of(sample))
                if (match := gallery.find(sample.image)) is not None:
                    same += match.bits < 0
                    alike.append(f"{sample.id} is {match.name}")
            if alike:
                some = "; ".join(alike[:5]) + ("; …" if len(alike) > 5 else "")
                told[name].append(
                    f"{len(alike)} of {len(seen)} pictures are in {trained}, too ({same} pixel by pixel), "
                    f"so these figures are not of new pictures: {some}"
                )
    return told


def _report(
    model: str,
    weights: str,
    found: Mapping[str, Evaluation],
    asking: Asking,
    protocol: str,
    leaks: Mapping[str, list[str]],
) -> dict[str, Any]:
    worded = any(name in WORDED for name in found)
    return {
        "model": model,
        "weights": weights,
        "lisa": __version__,
        "command": command(),
        "protocol": protocol,
        "seed": asking.seed,
        "split": asking.split,
        "limit": asking.limit,
        "wordings": list(WORDINGS[: asking.wordings]) if worded else [],
        "leaks": {name: told for name, told in leaks.items() if told},
        "datasets": {name: evaluation.to_json() for name, evaluation in found.items()},
    }


def _pictures(evaluation: Evaluation, dataset: Dataset, answers: Answers) -> dict[int, pages.Shown]:
    kept = {r.index: r for rows in pages.chosen(evaluation.rows).values() for r in rows}
    given = {k: Segmentation.from_dict(answers.record(k)["answer"]) for k in kept}
    return pages.gather(kept.values(), dataset, given)


def _write(
    out: Path,
    report: Mapping[str, Any],
    found: Mapping[str, Evaluation],
    cards: Mapping[str, Mapping[int, pages.Shown]],
) -> None:
    """Rows beside the answers, and the report."""
    for name, evaluation in found.items():
        write_text(out / name / ROWS, "".join(json.dumps(r.to_json()) + "\n" for r in evaluation.rows))
    pages.write(out, pages.page(report, found, cards, report.get("controls")), report)


def read_rows(folder: Path) -> dict[str, list[Row]]:
    """Dataset → rows of a run in a folder. Raises BadInput where there are none."""
    found: dict[str, list[Row]] = {}
    for path in sorted(folder.glob(f"*/{ROWS}")):
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
            found[path.parent.name] = [Row.from_json(json.loads(line)) for line in lines]
        except (ValueError, KeyError, TypeError) as error:
            raise BadInput(f"{shown(path)} is damaged ({error}): run that evaluation again") from error
    if not found:
        raise BadInput(f"{shown(folder)} holds no evaluation: give the --out of `lisa eval`")
    return found


def _open(name: str, asking: Asking, wording: int) -> Dataset:
    folder, split, seed, limit = asking.data, asking.split, asking.seed, asking.limit
    return open_dataset(name, folder=folder, split=split, seed=seed, limit=limit, wording=wording)


def _asked(
    predictor: Predictor,
    dataset: Dataset,
    about: Mapping[str, Any],
    home: Path | None,
    share: Share,
    asking: Asking,
    progress: Callable[[int], None] | None,
) -> tuple[Evaluation, Answers | None]:
    """Asks what nobody has answered yet; the first process waits for the others and brings the rows of all."""
    answers = file = None
    if home is not None:
        answers = Answers(home, about)
        part = "" if share.world == 1 else f".{share.rank + 1}-{share.world}"
        path = home / f"predictions{part}.jsonl"
        file = PredictionFile(path, about, end=answers.ends.get(path, 0))
    done = set(answers.places) if answers else set()
    total = 0

    def left() -> Iterator[tuple[int, Sample]]:
        nonlocal total
        for k, sample in enumerate(dataset):
            total = k + 1
            if k % share.world != share.rank:
                continue
            if k not in done:
                yield k, sample
            elif progress:
                progress(1)

    rows = []
    for answered in ask(predictor, left(), others=dataset.other, forced=asking.forced):
        if file:
            file.add(answered)
        rows.append(answered.scored())
        if progress:
            progress(1)
    if file:
        file.close()
    if answers and share.rank == 0 and len(rows) < total:
        _await(answers, total)
        own = {row.index for row in rows}
        rows += rescore(((k, s) for k, s in enumerate(dataset) if k not in own), answers)
    elif answers:
        answers.refresh()
    return Evaluation(sorted(rows, key=lambda r: r.index)), answers


def _await(answers: Answers, total: int) -> None:
    """Waits until every question is answered by somebody. Raises Missing when nothing comes any more."""
    answers.refresh()
    count, since = len(answers.places), time.monotonic()
    while any(k not in answers.places for k in range(total)):
        if len(answers.places) > count:
            count, since = len(answers.places), time.monotonic()
        if time.monotonic() - since > PATIENCE:
            left = total - count
            raise Missing(f"{left} of {total} questions are not answered: start the other parts again, then this one")
        time.sleep(POLL)
        answers.refresh()


def weights_hash(model: str) -> str:
    """SHA-256 over the files of a model that answers come from, shortened; what figures belong to."""
    kinds = (".safetensors", ".bin", ".pth")
    files = (p for p in resolve(model).iterdir() if p.name == PRESENCE or (p.suffix in kinds and p.name != DOMAIN))
    return _hash(sorted(files))


def file_hash(path: Path) -> str:
    """The same over a file, or over the files of a folder."""
    return _hash([path] if path.is_file() else sorted(p for p in path.iterdir() if p.is_file()))


def _hash(paths: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for file in paths:
        with file.open("rb") as stream:
            while block := stream.read(1 << 22):
                digest.update(block)
    return digest.hexdigest()[:16]


def command() -> str:
    """What was typed."""
    return shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
