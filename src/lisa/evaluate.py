"""An evaluation is predictions × samples × metrics; free-running, so that a missing mask costs what it should."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from lisa.data.base import ABSENT
from lisa.data.datasets import open_dataset
from lisa.errors import BadInput
from lisa.files import write_json
from lisa.metrics.intervals import Figure, mean_ratio, ratio
from lisa.metrics.iou import intersection_union
from lisa.predictor import Encoded, Predictor, load
from lisa.segmentation import Segmentation
from lisa.types import Sample, Turn


@dataclass(frozen=True, kw_only=True)
class Row:
    """One question and how it was answered."""

    id: str
    group: str
    instruction: str
    expected: str
    answer: str
    wanted: int
    """Masks that belong there."""
    given: int
    """Masks that came."""
    iou: float
    """Mean over the wanted masks; for a question without a target 1.0 when nothing came, else 0.0."""
    intersection: int
    union: int
    seconds: float
    category: str = ""
    """The class that is asked for, where every class of a picture is; masks of one that is not there add to `union`."""
    language: str = ""
    """Of the question, "en" or "zh", where the dataset says so."""
    other_iou: float | None = None
    """Another question of the same picture, scored against this one's target; None when there was none."""


@dataclass
class Evaluation:
    """Rows, and the figures they add up to."""

    rows: list[Row] = field(default_factory=list)

    def figures(self) -> dict[str, Figure]:
        """gIoU and cIoU over questions with a target, N-acc, T-acc, exact answers, and the listening control."""
        target = [r for r in self.rows if r.wanted]
        none = [r for r in self.rows if not r.wanted and r.group == ABSENT]
        other = [r for r in target if r.other_iou is not None]
        classes = [r for r in self.rows if r.category]
        found = {
            "giou": _mean(target, lambda r: r.iou),
            "ciou": ratio([r.intersection for r in target], [r.union for r in target], [r.id for r in target]),
            "n_acc": _mean(none, lambda r: float(r.given == 0)),
            "t_acc": _mean(target, lambda r: float(r.given > 0)),
            "text_exact": _mean([r for r in self.rows if r.expected], lambda r: float(r.answer == r.expected)),
            "other_question": _mean(other, lambda r: r.other_iou or 0.0),
        }
        if classes:
            overlap, union = [r.intersection for r in classes], [r.union for r in classes]
            found["class_miou"] = mean_ratio(overlap, union, [r.category for r in classes], [r.id for r in classes])
        return found

    def by_category(self) -> dict[str, Figure]:
        """ΣI / ΣU of each class, over all pictures."""
        names = sorted({r.category for r in self.rows if r.category})
        rows = {name: [r for r in self.rows if r.category == name] for name in names}
        return {
            name: ratio([r.intersection for r in of], [r.union for r in of], [r.id for r in of])
            for name, of in rows.items()
        }

    def by_group(self) -> dict[str, Figure]:
        """gIoU of each group; for groups without targets the share of answers that are right to the letter."""
        groups: dict[str, Figure] = {}
        for name in sorted({r.group for r in self.rows}):
            rows = [r for r in self.rows if r.group == name]
            masks = [r for r in rows if r.wanted]
            exact: Callable[[Row], float] = lambda r: float(r.given == 0 and r.answer == r.expected)  # noqa: E731
            groups[name] = _mean(masks, lambda r: r.iou) if masks else _mean(rows, exact)
        return groups

    def by_language(self) -> dict[str, Figure]:
        """gIoU of the questions in each language."""
        names = sorted({r.language for r in self.rows if r.language and r.wanted})
        return {
            name: _mean([r for r in self.rows if r.wanted and r.language == name], lambda r: r.iou) for name in names
        }

    def to_json(self) -> dict[str, Any]:
        """Every figure with its interval, then `by_kind`, `by_language` and `seconds_per_question`."""
        figures: dict[str, Any] = {k: v.to_json() for k, v in self.figures().items()}
        if languages := self.by_language():
            figures["by_language"] = {k: v.to_json() for k, v in languages.items()}
        figures["by_kind"] = {k: v.to_json() for k, v in self.by_group().items()}
        if categories := self.by_category():
            figures["by_class"] = {k: v.to_json() for k, v in categories.items()}
        figures["questions"] = len(self.rows)
        figures["seconds_per_question"] = round(float(np.mean([r.seconds for r in self.rows] or [0.0])), 4)
        return figures


def evaluate(
    predictor: Predictor,
    samples: Iterable[Sample],
    *,
    others: Callable[[Sample], Sample | None] | None = None,
    batch: int = 8,
    max_new_tokens: int = 64,
    progress: Callable[[int], None] | None = None,
) -> Evaluation:
    """Asks every sample's conversation and scores its last turn; the model's own answers are the history.

    `others` gives another question of the same picture, for the control that asks whether the model listens.
    """
    evaluation = Evaluation()
    for chunk in _chunks(samples, batch):
        start = time.perf_counter()
        encoded = [predictor.encode(s.image) for s in chunk]
        results = converse(predictor, encoded, [s.turns for s in chunk], max_new_tokens)
        seconds = (time.perf_counter() - start) / len(chunk)
        controls: list[Segmentation | None] = [None] * len(chunk)
        if others is not None:
            asked = [(i, o) for i, s in enumerate(chunk) if (o := others(s)) is not None]
            told = converse(predictor, [encoded[i] for i, _ in asked], [o.turns for _, o in asked], max_new_tokens)
            for (i, _), result in zip(asked, told):
                controls[i] = result
        evaluation.rows += [score(s, r, seconds, control=c) for s, r, c in zip(chunk, results, controls)]
        if progress:
            progress(len(chunk))
    return evaluation


def converse(
    predictor: Predictor, images: Sequence[Encoded], conversations: Sequence[Sequence[Turn]], max_new_tokens: int
) -> list[Segmentation]:
    """Answers to the last turns of conversations, each earlier one answered by the model itself."""
    histories: list[list[Turn]] = [[] for _ in conversations]
    results: list[Segmentation | None] = [None] * len(conversations)
    for depth in range(max((len(c) for c in conversations), default=0)):
        live = [i for i, c in enumerate(conversations) if depth < len(c)]
        turns = [[*histories[i], Turn(instruction=conversations[i][depth].instruction)] for i in live]
        for i, result in zip(live, predictor.answer_turns([images[i] for i in live], turns, max_new_tokens)):
            histories[i].append(Turn(instruction=conversations[i][depth].instruction, answer=result.raw_text))
            results[i] = result
    return [r for r in results if r is not None]


def score(sample: Sample, result: Segmentation, seconds: float, *, control: Segmentation | None = None) -> Row:
    """One answered question as a row. Masks are taken in order; a missing one counts as empty."""
    turn = sample.turns[-1]
    intersections, unions = _overlaps(sample, result)
    wanted = len(turn.targets)
    ious = np.where(unions == 0, 1.0, intersections / np.maximum(unions, 1))
    other = None
    if control is not None and wanted:
        i, u = _overlaps(sample, control)
        other = float(np.where(u == 0, 1.0, i / np.maximum(u, 1)).mean())
    return Row(
        id=sample.id,
        group=sample.group,
        instruction=turn.instruction,
        expected=turn.answer or "",
        answer=result.raw_text,
        wanted=wanted,
        given=len(result),
        iou=float(ious.mean()) if wanted else float(len(result) == 0),
        intersection=int(intersections.sum()),
        union=int(unions.sum()) if wanted else _false_pixels(sample, result),
        category=str(sample.meta.get("class", "")),
        language=str(sample.meta.get("language", "")),
        seconds=seconds,
        other_iou=other,
    )


def _overlaps(sample: Sample, result: Segmentation) -> tuple[np.ndarray, np.ndarray]:
    """Intersection and union of each wanted mask with the prediction in its place, `[n]` twice."""
    targets = sample.turns[-1].targets
    if not targets:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    truth = np.stack([t.mask.astype(np.uint8) for t in targets])
    for row, t in zip(truth, targets):
        if t.ignore is not None:
            row[t.ignore] = 255
    predicted = np.zeros(truth.shape, bool)
    count = min(len(targets), len(result))
    predicted[:count] = result.masks[:count]
    return intersection_union(predicted, truth)


def _false_pixels(sample: Sample, result: Segmentation) -> int:
    """Pixels masked where nothing was asked for that is there, without those that nobody judges."""
    masked = result.masks.any(axis=0)
    ignore = sample.meta.get("ignore")
    return int((masked if ignore is None else masked & ~ignore).sum())


def _mean(rows: Sequence[Row], value: Callable[[Row], float]) -> Figure:
    return ratio([value(r) for r in rows], [1.0] * len(rows), [r.id for r in rows])


def _chunks(samples: Iterable[Sample], size: int) -> Iterator[list[Sample]]:
    it = iter(samples)
    while chunk := list(islice(it, size)):
        yield chunk


def run(
    model: str,
    datasets: Sequence[str],
    *,
    data: Path | None = None,
    split: str | None = None,
    seed: int = 0,
    limit: int | None = None,
    device: str | None = None,
    dtype: str | None = None,
    progress: Callable[[int], None] | None = None,
) -> dict[str, Any]:
    """`lisa eval`: figures of a model on datasets by name, as JSON-ready values."""
    if not datasets:
        raise BadInput("no dataset given: try `lisa eval tiny world`")
    opened = [open_dataset(name, folder=data, split=split, seed=seed, limit=limit) for name in datasets]
    predictor = load(model, device=device, dtype=dtype)
    report: dict[str, Any] = {"model": model, "seed": seed, "protocol": "free-running", "datasets": {}}
    for name, dataset in zip(datasets, opened):
        evaluation = evaluate(predictor, dataset, others=dataset.other, progress=progress)
        report["datasets"][name] = evaluation.to_json()
    return report


def write_report(report: dict[str, Any], path: Path) -> None:
    """The figures as a JSON file."""
    write_json(path, report)
