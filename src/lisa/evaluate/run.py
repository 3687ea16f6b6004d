"""`lisa eval`: models × datasets → a folder of answers, figures and a report; continued where it was killed.

Several processes share the questions by their places, each writing a file of its own; whoever is first waits for the
others' files and adds them up. `torchrun` says who is who, or `--part 2/4` on machines that share a folder.
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
from lisa.data.datasets import WORDED, Dataset, open_dataset, pictures
from lisa.data.prompts import WORDINGS
from lisa.errors import BadInput, Missing, shown
from lisa.evaluate import report as pages
from lisa.evaluate.ask import ask
from lisa.evaluate.controls import controls
from lisa.evaluate.figures import Evaluation
from lisa.evaluate.foreign import is_predictions, score_files
from lisa.evaluate.predictions import PredictionFile, read, rescore
from lisa.evaluate.rows import Row
from lisa.files import write_text
from lisa.hub import resolve
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
    if not datasets:
        raise BadInput("no dataset given: try `lisa eval tiny world`")
    if share.world > 1 and out is None:
        raise BadInput("several processes meet in a folder: give one with --out")
    if odd := [name for name in datasets if asking.wordings > 1 and name not in WORDED]:
        raise BadInput(f"{odd[0]} asks in its own words: several wordings are for {', '.join(WORDED)}")
    opened = {name: _open(name, asking, 0) for name in datasets}
    leaks = {name: leaks_of(dataset, name, asking) for name, dataset in opened.items()}
    if is_predictions(model):
        path = Path(model)
        found = {name: score_files(path, dataset) for name, dataset in opened.items()}
        about = {"model": model, "weights": file_hash(path), "lisa": __version__}
        return _report(about, found, asking, "predictions from files", leaks), found
    about = {"model": model, "weights": weights_hash(model), "lisa": __version__}
    predictor = load(model, device=asking.device, dtype=asking.dtype)
    found = {}
    for name in opened:
        found[name] = Evaluation()
        for wording in range(asking.wordings):
            found[name].merge(_worded(predictor, name, wording, about, asking, out, share, progress))
    protocol = "free-running, teacher-forced beside it" if asking.forced else "free-running"
    report = _report(about, found, asking, protocol, leaks)
    if asking.controls:
        report["controls"] = {}
        for name, dataset in opened.items():
            some = list(islice((s for s in dataset if s.turns[-1].targets), asking.controls))
            report["controls"][name] = controls(predictor, some, others=dataset.other, progress=progress).to_json()
    if out is not None and share.rank == 0:
        _write(out, report, found, opened)
    return report, found


def leaks_of(dataset: Dataset, name: str, asking: Asking) -> list[str]:
    """What is known, and what is found, of pictures that the model may have been trained on."""
    told = [KNOWN_LEAKS[name]] if name in KNOWN_LEAKS else []
    for trained in asking.trained_on:
        gallery = Gallery.of(pictures(trained, folder=asking.data))
        seen, same, alike = set(), 0, []
        for sample in dataset:
            picture = str(sample.meta.get("picture_id", sample.id))
            if picture in seen:
                continue
            seen.add(picture)
            if (match := gallery.find(sample.image)) is not None:
                same += match.bits < 0
                alike.append(f"{sample.id} is {match.name}")
        if alike:
            some = "; ".join(alike[:5]) + ("; …" if len(alike) > 5 else "")
            told.append(
                f"{len(alike)} of {len(seen)} pictures are in {trained}, too ({same} pixel by pixel), "
                f"so these figures are not of new pictures: {some}"
            )
    return told


def _report(
    about: Mapping[str, Any],
    found: Mapping[str, Evaluation],
    asking: Asking,
    protocol: str,
    leaks: Mapping[str, list[str]],
) -> dict[str, Any]:
    return {
        **about,
        "command": command(),
        "protocol": protocol,
        "seed": asking.seed,
        "split": asking.split,
        "limit": asking.limit,
        "wordings": list(WORDINGS[: asking.wordings]),
        "leaks": {name: told for name, told in leaks.items() if told},
        "datasets": {name: evaluation.to_json() for name, evaluation in found.items()},
    }


def _write(
    out: Path, report: Mapping[str, Any], found: Mapping[str, Evaluation], opened: Mapping[str, Dataset]
) -> None:
    """Rows beside the answers, and the report with pictures."""
    pictures = {}
    for name, evaluation in found.items():
        write_text(out / name / ROWS, "".join(json.dumps(r.to_json()) + "\n" for r in evaluation.rows))
        records: dict[int, dict[str, Any]] = {}
        for path in sorted((out / name).glob("predictions*.jsonl")):
            records |= read(path)[1]
        kept = {r.index: r for rows in pages.chosen(evaluation.rows).values() for r in rows}
        answers = {k: Segmentation.from_dict(records[k]["answer"]) for k in kept if k in records}
        pictures[name] = pages.gather(kept.values(), opened[name], answers)
    text = pages.page(report, found, pictures, report.get("controls"))
    pages.write(out, text, report)


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


def _worded(
    predictor: Predictor,
    name: str,
    wording: int,
    about: Mapping[str, Any],
    asking: Asking,
    out: Path | None,
    share: Share,
    progress: Callable[[int], None] | None,
) -> Evaluation:
    """A dataset in one wording; the first process also brings the rows of the others."""
    dataset = _open(name, asking, wording)
    told = {**about, "dataset": name, "wording": wording}
    told |= {"split": asking.split, "seed": asking.seed, "forced": asking.forced}
    paths = [None] if out is None else _files(out, f"{name}@{wording}" if wording else name, share.world)
    evaluation = _asked(predictor, dataset, told, paths[share.rank if out else 0], share, asking, progress)
    if share.rank == 0:
        for path in paths[1:]:
            assert path is not None
            evaluation.merge(_awaited(dataset, path))
    evaluation.rows = [replace(row, index=row.index + wording * WORDING) for row in evaluation.rows]
    return evaluation


def _files(out: Path, name: str, world: int) -> list[Path | None]:
    parts = [""] if world == 1 else [f".{k + 1}-{world}" for k in range(world)]
    return [out / name / f"predictions{part}.jsonl" for part in parts]


def _asked(
    predictor: Predictor,
    dataset: Dataset,
    about: Mapping[str, Any],
    path: Path | None,
    share: Share,
    asking: Asking,
    progress: Callable[[int], None] | None,
) -> Evaluation:
    """Answers what is not answered in the file yet; all of the file's rows come with it."""
    evaluation = Evaluation()
    file = None if path is None else PredictionFile(path, about)
    done = set(file.done) if file else set()
    if file and path and done:
        evaluation.merge(rescore(dataset, read(path)[1], path))
        if progress:
            progress(len(done))
    left = ((k, s) for k, s in mine(dataset, share) if k not in done)
    for answered in ask(predictor, left, others=dataset.other, forced=asking.forced):
        if file:
            file.add(answered)
        evaluation.rows.append(answered.scored())
        if progress:
            progress(1)
    if file and path:
        file.close()
        path.with_suffix(".done").touch()
    evaluation.merge(Evaluation())
    return evaluation


def mine(dataset: Dataset, share: Share) -> Iterator[tuple[int, Sample]]:
    """This process's questions with their places; none is asked twice, and none is asked to fill a batch."""
    return ((k, s) for k, s in enumerate(dataset) if k % share.world == share.rank)


def _awaited(dataset: Dataset, path: Path) -> Evaluation:
    """Another process's rows, once its file is complete. Raises Missing when nothing comes any more."""
    size, since = -1, time.monotonic()
    while not path.with_suffix(".done").is_file():
        now = path.stat().st_size if path.is_file() else 0
        if now != size:
            size, since = now, time.monotonic()
        if time.monotonic() - since > PATIENCE:
            raise Missing(f"{path.name} has not grown for an hour: start that part again, then this one")
        time.sleep(POLL)
    return rescore(dataset, read(path)[1], path)


def weights_hash(model: str) -> str:
    """SHA-256 over a model's weight files, shortened; what figures belong to."""
    return _hash(sorted(p for p in resolve(model).iterdir() if p.suffix in (".safetensors", ".bin", ".pth")))


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
