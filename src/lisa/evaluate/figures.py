"""Rows → figures with intervals, whole and by group. Nothing here knows a model or a picture."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from lisa.data.base import ABSENT
from lisa.evaluate.rows import Row
from lisa.metrics.calibration import reliability
from lisa.metrics.detection import PrecisionState
from lisa.metrics.intervals import Figure, mean_ratio, ratio, resampled
from lisa.metrics.text import chrf, says_something

Item = TypeVar("Item")
THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9)
SIZES = ((0.01, "under 1 % of the picture"), (0.1, "1 to 10 %"), (math.inf, "over 10 %"))
_HAN = re.compile(r"[\u3400-\u9fff]")
WORDS = ((6, "up to 6 words"), (12, "7 to 12"), (math.inf, "over 12"))


@dataclass
class Evaluation:
    """Rows, and the figures they add up to."""

    rows: list[Row] = field(default_factory=list)

    def merge(self, other: Evaluation) -> None:
        """Adds the rows of another process; figures do not depend on the order."""
        self.rows = sorted([*self.rows, *other.rows], key=lambda r: r.index)

    def figures(self) -> dict[str, Figure]:
        """What there is to say of these rows; the names are explained in docs/evaluation.md."""
        target = [r for r in self.rows if r.wanted]
        none = [r for r in self.rows if not r.wanted and r.group == ABSENT]
        several = [r for r in target if r.matched_iou is not None]
        found = {
            "giou": _mean(target, lambda r: r.iou),
            "ciou": _sums(target),
            "boundary_iou": _mean(target, lambda r: float(np.mean([o.near_iou for o in r.overlaps]))),
            **{f"p@{t}": _mean(target, lambda r, t=t: float(r.iou >= t)) for t in THRESHOLDS},
            "n_acc": _mean(none, lambda r: float(r.given == 0)),
            "t_acc": _mean(target, lambda r: float(r.given > 0)),
        }
        if none:
            found["giou_with_absent"] = _mean([*target, *none], lambda r: r.iou)
            found["ciou_with_absent"] = _sums([*target, *none])
        if several:
            found["matched_iou"] = _mean(several, lambda r: r.matched_iou or 0.0)
        if target and all(s == s for r in self.rows for s in r.scores):
            found["ap50"] = resampled(self.rows, average_precision, _picture)
            found["ece"] = resampled([r for r in target if r.wanted == 1 and r.scores], calibration_error, _picture)
        if forced := [r for r in target if r.forced]:
            overlap, union = ([sum(getattr(o, k) for o in r.forced) for r in forced] for k in ("intersection", "union"))
            found["teacher_forced_giou"] = _mean(forced, lambda r: float(np.mean([o.iou for o in r.forced])))
            found["teacher_forced_ciou"] = ratio(overlap, union, [r.id for r in forced])
        found |= self._said()
        if other := [r for r in target if r.other_iou is not None]:
            found["other_question"] = _mean(other, lambda r: r.other_iou or 0.0)
        if (classes := [r for r in self.rows if r.category]) and not several:
            overlap, union = [r.intersection for r in classes], [r.union for r in classes]
            name = "class_miou_present" if any(r.present_only for r in classes) else "class_miou"
            found[name] = mean_ratio(overlap, union, [r.category for r in classes], [r.id for r in classes])
        return found

    def _said(self) -> dict[str, Figure]:
        """What there is to say of the answers' words."""
        found = {"text_exact": _mean([r for r in self.rows if r.expected], lambda r: float(r.answer == r.expected))}
        if told := [r for r in self.rows if says_something(r.expected)]:
            alike = chrf([r.answer for r in told], [r.expected for r in told])
            found["chrf"] = ratio(alike, np.ones(len(told)), [r.id for r in told])
        if named := [r for r in self.rows if r.wanted and r.named is not None]:
            found["named"] = _mean(named, lambda r: float(bool(r.named)))
        if reasoned := [r for r in self.rows if r.explained is not None]:
            found["explained"] = _mean(reasoned, lambda r: float(bool(r.explained)))
        return found

    def by_category(self) -> dict[str, Figure]:
        """ΣI / ΣU of each class, over all pictures."""
        return {name: _sums(rows) for name, rows in split_by(self.rows, lambda r: r.category).items()}

    def by_group(self) -> dict[str, Figure]:
        """gIoU of each group; for groups without targets the share of answers that are right to the letter."""
        groups: dict[str, Figure] = {}
        for name, rows in split_by(self.rows, lambda r: r.group).items():
            masks = [r for r in rows if r.wanted]
            exact: Callable[[Row], float] = lambda r: float(r.given == 0 and r.answer == r.expected)  # noqa: E731
            groups[name] = _mean(masks, lambda r: r.iou) if masks else _mean(rows, exact)
        return groups

    def by_language(self) -> dict[str, Figure]:
        """gIoU of the questions in each language."""
        return self._giou_by(lambda r: r.language)

    def by_round(self) -> dict[str, Figure]:
        """gIoU by how many turns a conversation has with this question."""
        return self._giou_by(lambda r: str(r.rounds))

    def by_size(self) -> dict[str, Figure]:
        """gIoU by the share of the picture that is asked for."""
        found = self._giou_by(size_of)
        return {label: found[label] for _, label in SIZES if label in found}

    def by_length(self) -> dict[str, Figure]:
        """gIoU by the words of the question."""
        found = self._giou_by(length_of)
        return {label: found[label] for _, label in WORDS if label in found}

    def by_targets(self) -> dict[str, Figure]:
        """gIoU by the number of masks that are wanted."""
        return self._giou_by(lambda r: str(r.wanted) if r.wanted < 3 else "3 or more")

    def _giou_by(self, label: Callable[[Row], str]) -> dict[str, Figure]:
        rows = split_by([r for r in self.rows if r.wanted], label)
        return {name: _mean(of, lambda r: r.iou) for name, of in rows.items()}

    def to_json(self) -> dict[str, Any]:
        """Every figure with its interval, then the tables by group, and `seconds_per_question`."""
        figures: dict[str, Any] = {k: v.to_json() for k, v in self.figures().items()}
        tables = {
            "by_kind": self.by_group(),
            "by_language": self.by_language(),
            "by_class": self.by_category(),
            "by_round": self.by_round(),
            "by_size": self.by_size(),
            "by_length": self.by_length(),
            "by_targets": self.by_targets(),
        }
        for name, table in tables.items():
            if len(table) > 1 or (table and name == "by_kind"):
                figures[name] = {k: v.to_json() for k, v in table.items()}
        figures["questions"] = len(self.rows)
        figures["seconds_per_question"] = round(float(np.mean([r.seconds for r in self.rows] or [0.0])), 4)
        return figures


def size_of(row: Row) -> str:
    """The group of `SIZES` that a question belongs to."""
    return next(label for limit, label in SIZES if row.share < limit)


def length_of(row: Row) -> str:
    """The group of `WORDS` that a question belongs to."""
    han, rest = len(_HAN.findall(row.instruction)), _HAN.sub(" ", row.instruction)
    count = len(rest.split()) + round(han / 1.5)  # of Chinese, a word has about so many characters
    return next(label for limit, label in WORDS if count <= limit)


def average_precision(rows: Sequence[Row]) -> float:
    """AP at IoU 0.5 over the scored masks of all questions; where classes are asked for, the mean over classes."""
    states: dict[str, PrecisionState] = {}
    for r in rows:
        states.setdefault(r.category, PrecisionState()).update(r.scores, r.hits, r.wanted)
    values = [v for v in (s.compute() for s in states.values()) if v == v]
    return float(np.mean(values)) if values else float("nan")


def calibration_error(rows: Sequence[Row]) -> float:
    """How far scores are from the IoU that they promise."""
    pairs = [(s, o.iou) for r in rows for s, o in zip(r.scores, r.overlaps)]
    return reliability([s for s, _ in pairs], [t for _, t in pairs])[0]


def _picture(row: Row) -> str:
    return row.id


def split_by(items: Sequence[Item], label: Callable[[Item], str]) -> dict[str, list[Item]]:
    """Items by their labels, in order; those without one are left out."""
    found: dict[str, list[Item]] = {}
    for item in items:
        if name := label(item):
            found.setdefault(name, []).append(item)
    return dict(sorted(found.items()))


def _mean(rows: Sequence[Row], value: Callable[[Row], float]) -> Figure:
    return ratio([value(r) for r in rows], [1.0] * len(rows), [r.id for r in rows])


def _sums(rows: Sequence[Row]) -> Figure:
    return ratio([r.intersection for r in rows], [r.union for r in rows], [r.id for r in rows])
