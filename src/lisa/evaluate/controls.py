"""Does it listen, does it look? The same questions with other words, other pictures, or none: how much of a score each
of them carries, against what needs no model at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lisa.data.augment import Change, changed_words
from lisa.data.base import picture_of
from lisa.evaluate.ask import Answered, ask
from lisa.metrics.intervals import Figure, ratio
from lisa.metrics.iou import iou, together
from lisa.predictor import Predictor
from lisa.types import Mask, Sample, Turn

GREY = 127
GRID = 64
"""Cells of a side in which the places of targets are counted."""
REWORDED = ("{q} Please show me.", "I would like to know: {q}", "Could you help me? {q}", "Look at this picture. {q}")
NEGATED = ("Segment everything but what this asks for: {q}", "Do not segment this: {q}")


@dataclass(frozen=True, kw_only=True)
class Controls:
    """gIoU against the original targets, of the same questions changed, and of what looks at nothing."""

    asked: Figure
    changed: dict[str, Figure]
    """What was changed → gIoU."""
    floors: dict[str, Figure]
    """What needs no model → gIoU."""
    ceiling: Figure
    """The targets themselves, at the resolution of the model's masks."""
    consistency: Figure
    """IoU of the answers to the question and to its other wording."""

    def shares(self) -> dict[str, float]:
        """Of what the score is above the higher floor: how much goes when the words, or the picture, are taken away.

        They need not add up to one: a model that needs both loses everything without either.
        """
        floor = max(f.value for f in self.floors.values())
        above = self.asked.value - floor
        if not above > 0:
            return {"language": 0.0, "picture": 0.0}
        lost = {"language": "another picture's question", "picture": "blank picture"}
        return {k: min((self.asked.value - max(self.changed[v].value, 0.0)) / above, 1.0) for k, v in lost.items()}

    def to_json(self) -> dict[str, Any]:
        """As it stands in a report."""
        return {
            "asked": self.asked.to_json(),
            "changed": {k: f.to_json() for k, f in self.changed.items()},
            "floors": {k: f.to_json() for k, f in self.floors.items()},
            "ceiling": self.ceiling.to_json(),
            "consistency": self.consistency.to_json(),
            "shares": {k: round(v, 4) for k, v in self.shares().items()},
        }


def controls(
    predictor: Predictor,
    samples: Sequence[Sample],
    *,
    others: Callable[[Sample], Sample | None] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Controls:
    """Asks every sample that has a target, then again in each changed way. Raises ValueError for fewer than two."""
    kept = [s for s in samples if s.turns[-1].targets]
    if len(kept) < 2:
        raise ValueError("controls need two questions with a target, or more")

    def answers(asked: Sequence[Sample]) -> list[Answered]:
        found = []
        for answered in ask(predictor, enumerate(asked)):
            found.append(answered)
            if progress:
                progress(1)
        return found

    plain = answers(kept)
    reworded = answers([_worded(s, REWORDED[i % len(REWORDED)]) for i, s in enumerate(kept)])
    changes = {
        "another picture's question": [_asked(s, _stranger(kept, i).turns) for i, s in enumerate(kept)],
        "no words": [_asked(s, [replace(s.turns[-1], instruction="")]) for s in kept],
        "negated": [_worded(s, NEGATED[i % len(NEGATED)]) for i, s in enumerate(kept)],
        "blank picture": [replace(s, image=np.full_like(s.image, GREY)) for s in kept],
        "mirrored, left and right exchanged": [_mirrored(s) for s in kept],
    }
    changed = {"other wording": _giou(reworded)} | {name: _giou(answers(asked)) for name, asked in changes.items()}
    if others is not None and (pairs := [(s, o) for s in kept if (o := others(s)) is not None]):
        same = answers([_asked(s, o.turns) for s, o in pairs])
        changed = {"another question of the same picture": _giou(same), **changed}
    return Controls(
        asked=_giou(plain),
        changed=changed,
        floors={"the places of targets in other pictures": _prior(kept), "the whole picture": _whole(kept)},
        ceiling=_ceiling(predictor, kept),
        consistency=_consistency(plain, reworded),
    )


def _giou(answered: Sequence[Answered]) -> Figure:
    rows = [a.scored() for a in answered]
    return ratio([r.iou for r in rows], np.ones(len(rows)), [r.id for r in rows])


def _asked(sample: Sample, turns: Sequence[Turn]) -> Sample:
    """The sample with another conversation, whose answer is scored against the old target."""
    last = replace(turns[-1], answer=sample.turns[-1].answer, targets=sample.turns[-1].targets)
    return replace(sample, turns=(*turns[:-1], last))


def _worded(sample: Sample, template: str) -> Sample:
    turn = sample.turns[-1]
    return _asked(sample, [*sample.turns[:-1], replace(turn, instruction=template.format(q=turn.instruction))])


def _stranger(samples: Sequence[Sample], index: int) -> Sample:
    """A sample from the other half whose question is another one."""
    for step in range(len(samples)):
        other = samples[(index + len(samples) // 2 + step) % len(samples)]
        same_words = other.turns[-1].instruction == samples[index].turns[-1].instruction
        if not same_words and picture_of(other) != picture_of(samples[index]):
            return other
    return samples[(index + 1) % len(samples)]


def _mirrored(sample: Sample) -> Sample:
    height, width = sample.image.shape[:2]
    change = Change(rows=slice(0, height), columns=slice(0, width), mirror=True, light=None)
    return replace(changed_words(sample, change), image=change.picture(sample.image))


# -- what needs no model ---------------------------------------------------------------------------------------------
def _prior(samples: Sequence[Sample]) -> Figure:
    """The cells where targets of *other* pictures lie, at the level that fits all of them best."""
    cells = np.stack([_cells(_union(s)) for s in samples])
    pictures = [picture_of(s) for s in samples]
    total = cells.sum(0)
    own = {name: sum(cells[k] for k in range(len(samples)) if pictures[k] == name) for name in set(pictures)}
    counts = {name: max(sum(p != name for p in pictures), 1) for name in own}
    often = [(total - own[p]) / counts[p] for p in pictures]
    levels = [np.quantile(total / len(samples), q) for q in np.arange(0.3, 1.0, 0.05)]
    scores = [[_iou(_grown(o >= level, s), _union(s)) for o, s in zip(often, samples)] for level in levels]
    best = int(np.argmax([np.mean(row) for row in scores]))
    return ratio(scores[best], np.ones(len(samples)), pictures)


def _whole(samples: Sequence[Sample]) -> Figure:
    scores = [_iou(np.ones(s.image.shape[:2], np.bool_), _union(s)) for s in samples]
    return ratio(scores, np.ones(len(samples)), [picture_of(s) for s in samples])


def _ceiling(predictor: Predictor, samples: Sequence[Sample]) -> Figure:
    import torch

    model = predictor.segmenter
    nothing = torch.zeros(1, model.masker.prompt_width, device=model.device, dtype=model.projector.out.weight.dtype)
    low, _ = model.decode(model.encode(samples[0].image), nothing)
    scores = []
    for s in samples:
        _, geometry = model.masker.prepare(s.image)
        lower = geometry.lower(torch.from_numpy(_union(s))[None], (low.shape[-2], low.shape[-1])) - 0.5
        scores.append(_iou((geometry.restore(lower) > 0)[0].numpy(), _union(s)))
    return ratio(scores, np.ones(len(samples)), [picture_of(s) for s in samples])


def _consistency(first: Sequence[Answered], second: Sequence[Answered]) -> Figure:
    scores = [_iou(together(a.result.masks), together(b.result.masks)) for a, b in zip(first, second)]
    return ratio(scores, np.ones(len(scores)), [picture_of(a.sample) for a in first])


def _union(sample: Sample) -> Mask:
    return together(np.stack([t.mask for t in sample.turns[-1].targets]))


def _cells(mask: Mask) -> NDArray[np.float64]:
    """The share of each of 64 × 64 cells that a mask covers."""
    import cv2

    return np.asarray(cv2.resize(mask.astype(np.float64), (GRID, GRID), interpolation=cv2.INTER_AREA), np.float64)


def _grown(cells: NDArray[np.bool_], sample: Sample) -> Mask:
    import cv2

    height, width = sample.image.shape[:2]
    return cv2.resize(cells.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST) > 0


def _iou(predicted: Mask, truth: Mask) -> float:
    return float(iou(predicted[None], truth[None])[0])
