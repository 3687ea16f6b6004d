"""One answered question, measured: sample + answer → Row. All figures come from rows; processes merge nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lisa.data.base import REASONS, picture_of
from lisa.metrics.boundary import boundary_overlap
from lisa.metrics.detection import matched
from lisa.metrics.iou import IGNORE, intersection_union, iou, together
from lisa.segmentation import Segmentation
from lisa.types import Sample

MATCH = 0.5
"""The IoU from which on a mask has found an instance."""


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """A wanted mask and what came in its place; pixels that are ignored count nowhere."""

    intersection: int
    union: int
    near_intersection: int
    """The same near the outlines; see `lisa.metrics.boundary`."""
    near_union: int
    area: int
    """Pixels of the wanted mask."""

    @property
    def iou(self) -> float:
        """1.0 where both are empty, as the reference has it."""
        return self.intersection / self.union if self.union else 1.0

    @property
    def near_iou(self) -> float:
        """Boundary IoU."""
        return self.near_intersection / self.near_union if self.near_union else 1.0


@dataclass(frozen=True, kw_only=True)
class Row:
    """One question and how it was answered."""

    index: int = 0
    """Its place in the dataset."""
    id: str
    """The picture: rows of the same one stay together where pictures are resampled."""
    group: str
    instruction: str
    expected: str
    answer: str
    overlaps: tuple[Overlap, ...] = ()
    """For each wanted mask, in order; one that did not come counts as empty."""
    given: int = 0
    """Masks that came and have any pixel: a blank one says that nothing is there."""
    scores: tuple[float, ...] = ()
    """Of each mask that came, 0 … 1 or NaN."""
    hits: tuple[bool, ...] = ()
    """Whether each mask that came found an instance that no surer one had found."""
    matched_iou: float | None = None
    """Where several masks are wanted, their mean IoU with the masks that fit them best, each used once."""
    false_pixels: int = 0
    """Masked where nothing that was asked for is there."""
    pixels: int = 1
    """Of the picture."""
    named: bool | None = None
    """Whether the answer names what it masks as the expected one does; None where that is not known."""
    explained: bool | None = None
    """Whether the answer gives a reason that is true of the target; None where none is asked for, or not known."""
    category: str = ""
    """The class that is asked for, where every class of a picture is; masks of one that is not there add to `union`."""
    present_only: bool = False
    """Whether classes are asked for only in pictures that show them, so that none is masked where it is not."""
    language: str = ""
    """Of the question, "en" or "zh", where the dataset says so."""
    rounds: int = 1
    """Which turn of its conversation the question is."""
    seconds: float = 0.0
    other_iou: float | None = None
    """Another question of the same picture, scored against this one's target; None when there was none."""
    forced: tuple[Overlap, ...] = ()
    """As `overlaps`, of the masks of an answer that was put into the model's mouth; empty where that was not done."""

    @property
    def wanted(self) -> int:
        """Masks that belong there."""
        return len(self.overlaps)

    @property
    def iou(self) -> float:
        """Mean over the wanted masks; without any, 1.0 when nothing came, else 0.0."""
        return float(np.mean([o.iou for o in self.overlaps])) if self.overlaps else float(self.given == 0)

    @property
    def intersection(self) -> int:
        """Pixels of all wanted masks that were found."""
        return sum(o.intersection for o in self.overlaps)

    @property
    def union(self) -> int:
        """Pixels of all unions; where nothing is wanted, those that were masked."""
        return sum(o.union for o in self.overlaps) if self.overlaps else self.false_pixels

    @property
    def share(self) -> float:
        """The wanted masks' share of the picture; 1 at most, also where they overlap."""
        return min(sum(o.area for o in self.overlaps) / self.pixels, 1.0)

    def to_json(self) -> dict[str, Any]:
        """As a line of JSON; NaN scores become None."""
        return asdict(self) | {"scores": [None if s != s else s for s in self.scores]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Row:
        """The way back. Raises KeyError or TypeError where fields are missing or unknown."""
        fields = dict(data)
        fields |= {name: tuple(Overlap(**o) for o in data[name]) for name in ("overlaps", "forced")}
        fields["scores"] = tuple(float("nan") if s is None else float(s) for s in data["scores"])
        fields["hits"] = tuple(data["hits"])
        return cls(**fields)


def score(
    sample: Sample,
    result: Segmentation,
    seconds: float = 0.0,
    *,
    control: Segmentation | None = None,
    forced: Segmentation | None = None,
    index: int = 0,
) -> Row:
    """One answered question as a row. Masks are taken in order; a missing one counts as empty.

    `control`: the answer to another question of the same picture. `forced`: the teacher-forced masks. Where the sample
    says `united`, as gRefCOCO does, all masks of an answer are one.
    """
    turn = sample.turns[-1]
    masks, raw_scores = _masks(sample, result)
    truth = _truth(sample)
    ious = _pairs(masks, truth)
    scores = tuple(round(float(s), 6) for s in raw_scores)
    other = None
    if control is not None and turn.targets:
        other = float(iou(_in_order(_masks(sample, control)[0], truth.shape), truth).mean())
    overlaps = _overlaps(masks, truth)
    phrases = [t.phrase.lower() for t in turn.targets if t.phrase]
    reasons = sample.meta.get(REASONS, ())
    names = bool(phrases) and all(p in (turn.answer or "").lower() for p in phrases)
    return Row(
        index=index,
        id=picture_of(sample),
        group=sample.group,
        instruction=turn.instruction,
        expected=turn.answer or "",
        answer=result.raw_text,
        overlaps=overlaps,
        given=int(masks.any(axis=(1, 2)).sum()),
        scores=scores,
        hits=tuple(matched(ious, [-1.0 if s != s else s for s in scores], MATCH)),
        matched_iou=_best(ious) if len(truth) > 1 else None,
        false_pixels=0 if overlaps else _false_pixels(sample, result),
        pixels=result.size[0] * result.size[1],
        named=all(p in result.text.lower() for p in phrases) if names else None,
        explained=any(r.lower() in result.text.lower() for r in reasons) if reasons else None,
        category=str(sample.meta.get("class", "")),
        present_only=bool(sample.meta.get("present_only")),
        language=str(sample.meta.get("language", "")),
        rounds=len(sample.turns),
        seconds=round(seconds, 6),
        other_iou=other,
        forced=() if forced is None else _overlaps(forced.masks, truth),
    )


def _masks(sample: Sample, result: Segmentation) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """The masks of an answer and their scores; one of both where they are united."""
    if not sample.meta.get("united") or len(result) < 2:
        return result.masks, result.scores
    return together(result.masks)[None], np.nan_to_num(result.scores, nan=0.0).max(keepdims=True)


def _truth(sample: Sample) -> NDArray[np.uint8]:
    """`[n, H, W]`: 1 on each wanted mask, 255 where nobody judges."""
    targets = sample.turns[-1].targets
    if not targets:
        return np.zeros((0, *sample.image.shape[:2]), np.uint8)
    truth = np.stack([t.mask.astype(np.uint8) for t in targets])
    for row, t in zip(truth, targets):
        if t.ignore is not None:
            row[t.ignore] = IGNORE
    return truth


def _in_order(masks: NDArray[np.bool_], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    found = np.zeros(shape, np.bool_)
    count = min(shape[0], len(masks))
    found[:count] = masks[:count]
    return found


def _overlaps(masks: NDArray[np.bool_], truth: NDArray[np.uint8]) -> tuple[Overlap, ...]:
    predicted = _in_order(masks, truth.shape)
    intersections, unions = intersection_union(predicted, truth) if len(truth) else ((), ())
    found = []
    for p, t, i, u in zip(predicted, truth, intersections, unions):
        near = boundary_overlap(p & (t != IGNORE), t == 1, t == IGNORE)
        found.append(
            Overlap(
                intersection=int(i),
                union=int(u),
                near_intersection=near[0],
                near_union=near[1],
                area=int((t == 1).sum()),
            )
        )
    return tuple(found)


def _pairs(masks: NDArray[np.bool_], truth: NDArray[np.uint8]) -> NDArray[np.float64]:
    """IoU of every given with every wanted mask, `[given, wanted]`."""
    found = [iou(np.broadcast_to(mask, truth.shape), truth) for mask in masks]
    return np.stack(found) if found else np.zeros((0, len(truth)))


def _best(ious: NDArray[np.float64]) -> float:
    """Mean over the wanted masks of their IoU in the pairing that takes the best pair first."""
    left, total = ious.copy(), 0.0
    for _ in range(min(ious.shape)):
        p, t = np.unravel_index(int(np.argmax(left)), left.shape)
        total += max(float(left[p, t]), 0.0)
        left[p, :], left[:, t] = -1.0, -1.0
    return total / ious.shape[1]


def _false_pixels(sample: Sample, result: Segmentation) -> int:
    """Pixels masked where nothing was asked for that is there, without those that nobody judges."""
    masked = result.masks.any(axis=0)
    ignore = sample.meta.get("ignore")
    return int((masked if ignore is None else masked & ~ignore).sum())
