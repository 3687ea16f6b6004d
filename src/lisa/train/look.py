"""What the embedded model is asked on the side while it learns to answer: to look.

picture ─► tokens ──► TokenHeads: what is in each patch, and how it stands to other things
words ─► one head of the second layer, at each that speaks of something ──► looks at all that it may mean, or at none
         └─► Recall: what that single thing is, and what is beside it
question ─► `<assistant>`, one head of a middle layer ──► looks at what the question goes out from ─► Recall, again
            └─► Pointer: which patches is it about, or none?
answer ─► one head of the next layer, up to each [SEG] ──► looks at what the [SEG] will stand for

Words alone teach a small model a favourite answer. Told where to look, it finds there what to say: what a question
speaks of is found first ("the saw", of what is left of the saw), and what is beside that is recalled; the pointer makes
it find the thing that is meant, the head makes it see that while it names it. Nothing of this is part of the model.
Nothing is read from the tokens of a tower that stays as it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, layer_norm
from torch.optim import Optimizer

from lisa.data.base import ABSENT, SEEN
from lisa.geometry import Geometry
from lisa.model.segmenter import Batch, Output
from lisa.train.dense import TokenHeads
from lisa.train.loop import shared
from lisa.train.seg import Draw, SegObjective, SegStep, computed
from lisa.train.shown import Noted, Shown
from lisa.types import Mask, Sample, Turn
from lisa.vlms.hf import HfVlm

LabelsOf = Callable[[Sample, int], Mapping[str, Tensor]]
"""A conversation and the side of the language side's square → what its picture's tokens are to be read as, by name."""
LOOK, READ, POINT, ATTEND, FIRST, RECALL = 0.1, 5.0, 2.0, 3.0, 2.0, 0.3
"""Weights beside answers and masks."""
PATCH = 16
"""Pixels of a token's side."""


class Pointer(nn.Module):
    """Finds the patches that a question is about from a state where the answer begins."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query, self.key = nn.Linear(width, width), nn.Linear(width, width)
        self.nothing = nn.Parameter(torch.zeros(width))

    def forward(self, states: Tensor, tokens: Tensor, wanted: Tensor) -> Tensor:
        """States `[Q, D]`, their pictures' tokens `[Q, N, D]`, shares `[Q, N + 1]`, the first for "none": a scalar."""
        keys = torch.cat([self.nothing.expand(len(tokens), 1, -1), self.key(tokens)], dim=1)
        states = layer_norm(states, states.shape[-1:])  # between layers they are of any size
        logits = torch.einsum("qd,qnd->qn", self.query(states), keys) / math.sqrt(keys.shape[-1])
        return -(wanted * logits.log_softmax(-1)).sum() / wanted.sum().clamp(min=1)


class Recall(nn.Module):
    """Reads from the state of a word or question what the thing is that it speaks of, and what is beside it."""

    def __init__(self, width: int, sizes: Mapping[str, int]) -> None:
        super().__init__()
        self.sizes = list(sizes.values())
        self.read = nn.Linear(width, sum(self.sizes))

    def forward(self, states: Tensor, facts: Tensor) -> Tensor:
        """States `[K, D]`, facts `[K, F]`, −1 where unknown: the sum of their errors, in which 0 counts a fifth."""
        parts = self.read(layer_norm(states, states.shape[-1:])).split(self.sizes, dim=-1)
        errors = [cross_entropy(p, f.clamp(min=0), reduction="none") for p, f in zip(parts, facts.unbind(1))]
        weights = (facts > 0) + 0.2 * (facts == 0)
        return (torch.stack(errors, 1) * weights).sum(0).div(weights.sum(0).clamp(min=1)).sum()


class LookHeads(nn.Module):
    """What reads states and tokens.

    `sizes` says of how many classes each thing read from a token is, if any is; `facts` the same of what is recalled.
    """

    def __init__(
        self, width: int, sizes: Mapping[str, int] | None = None, facts: Mapping[str, int] | None = None
    ) -> None:
        super().__init__()
        self.token = TokenHeads(sizes, width) if sizes else None
        self.point = Pointer(width)
        self.recall = Recall(width, facts) if facts else None


@dataclass(frozen=True, kw_only=True)
class Looking:
    """Places that look at something."""

    places: Tensor
    """`[K, 2]`: conversation and place."""
    rows: Tensor
    """`[K, N + 1]`: shares of patches, the first of "none"."""
    facts: Tensor
    """`[K, F]`: what is to be known there, −1 where nothing is."""


@dataclass(frozen=True, kw_only=True)
class LookBatch(Batch):
    """A batch with what is to be seen in its pictures."""

    labels: dict[str, Tensor]
    """Name → `[I, S/4, S/4]` integers, S being the language side's square; none where no token is read."""
    wanted: Tensor
    """`[R, N + 1]`: shares of patches, the first of "none"; a row for each [SEG], or "none", see `lines_of`."""
    begins: Tensor
    """`[Q, 2]`: conversation and place of each `<assistant>` whose answer is about something, or nothing."""
    begin_rows: Tensor
    """`[Q, N + 1]`: shares for the whole answer."""
    words: Tensor
    """`[M, 3]`: conversation, place, and row of `wanted` of each place in an answer that looks at something."""
    mentions: Looking
    """The words that speak of something."""
    firsts: Looking
    """The `<assistant>` of each question that goes out from something."""


class LookObjective(SegObjective):
    """Answers and masks, while the model is also asked to look."""

    def __init__(
        self,
        step: SegStep,
        draw: Draw,
        optimizers: Sequence[Optimizer],
        heads: LookHeads,
        *,
        labels_of: LabelsOf | None = None,
        shown: Shown | None = None,
        look: float = LOOK,
    ) -> None:
        """`labels_of`: what tokens are read as, where the tower is trained and `heads` read them; `look` weighs it."""
        super().__init__(step, draw, optimizers, module=nn.ModuleDict({"step": step, "look": heads}))
        self.heads, self.labels_of, self.shown, self.look = heads, labels_of, shown, look
        inner: Any = self.segmenter.vlm
        layers = len(inner.model.get_decoder().layers)
        self.early, self.late = early_layer(inner), min(layers // 2 + 1, layers - 1)
        self.first = max(self.late - 1, 0)
        inner.watch = tuple({self.early, self.first, self.late})

    def counts(self, batch: Batch) -> dict[str, float]:
        """Those of answers and masks; what is asked on the side is a mean over each share."""
        return super().counts(batch) | {"shares": 1.0}

    def losses(self, batch: Batch, counts: Mapping[str, float]) -> dict[str, Tensor]:
        """Those of answers and masks, then what is asked on the side, each by its name."""
        assert isinstance(batch, LookBatch)
        self._name(batch.unreadable)
        inner: Any = self.segmenter.vlm
        with computed(self.segmenter.device, bf16=self.step.bf16):
            tokens = inner.model.model.vision_tower(batch.vlm.images["pixel_values"]).float()
            masks = self._features(batch)[0]
            masks = self.segmenter.masker.encode(batch.pixels) if masks is None else masks
        seen = list(inner.model.model.multi_modal_projector(tokens))
        output = self.step.output(batch, (masks, seen))
        losses = self.step.losses(batch, output, counts)
        beside = self.beside(batch, output, tokens, masks)
        values = shared({name: value for name, (_, value) in beside.items()}, counts)
        total = losses["total"] + sum(weight * values[name] for name, (weight, _) in beside.items())
        return losses | {"total": total} | values

    def beside(
        self, batch: LookBatch, output: Output, tokens: Tensor, masks: Tensor
    ) -> dict[str, tuple[float, Tensor]]:
        """What is asked on the side: name → its weight and error; `tokens` and `masks` are what both towers see."""
        inner: Any = self.segmenter.vlm
        token = self.heads.token
        asked = {"look": (self.look, token(tokens, batch.labels))} if token is not None and batch.labels else {}
        rows, places = batch.begins.unbind(1)
        states = inner.watched[self.first][rows, places].float()
        point = self.heads.point(states, tokens[batch.vlm.image_index[rows]], batch.begin_rows)
        attend = unattended(inner.looked[self.late], batch.words, batch.wanted)
        asked |= {"point": (POINT, point), "attend": (ATTEND, attend)}
        if self.shown is None:
            return asked
        read, first = (
            missed(looks(inner.looked[layer], *some.places.unbind(1)), some.rows)
            for layer, some in ((self.early, batch.mentions), (self.first, batch.firsts))
        )
        asked |= {"read": (READ, read), "first": (FIRST, first)}
        recall = self.heads.recall
        assert recall is not None
        return asked | {
            name: (RECALL, recall(at(inner.watched[layer], some.places), some.facts))
            for name, layer, some in (("told", self.early, batch.mentions), ("recall", self.first, batch.firsts))
        }

    def _collate(self, groups: Sequence[Sequence[Sample]]) -> LookBatch:
        batch = super()._collate(groups)
        square = batch.vlm.images["pixel_values"].shape[-1]
        labels = [self.labels_of(group[0], square) for group in groups] if self.labels_of else []
        wanted, begins, begin_rows, words = [], [], [], []
        dialogue: Any = self.segmenter.vlm.dialogue  # type: ignore[attr-defined]
        samples = [sample for group in groups for sample in group]
        for number, (ids, sample) in enumerate(zip(batch.vlm.input_ids, samples)):
            for start, lines in lines_of(ids.tolist(), sample, dialogue.assistant, dialogue.seg_token_id, dialogue.eos):
                rows = [shares_of(masks, square) for _, masks in lines]
                begins.append((number, start))
                begin_rows.append(np.mean(rows, axis=0))
                for (places, _), row in zip(lines, rows):
                    words += [(number, place, len(wanted)) for place in places]
                    wanted.append(row)
        size = (square // PATCH) ** 2 + 1
        ids = batch.vlm.input_ids
        return LookBatch(
            **vars(batch),
            labels={name: torch.stack([row[name] for row in labels]) for name in (labels[0] if labels else ())},
            wanted=torch.from_numpy(np.array(wanted, np.float32).reshape(-1, size)),
            begins=torch.tensor(begins, dtype=torch.int64).reshape(-1, 2),
            begin_rows=torch.from_numpy(np.array(begin_rows, np.float32).reshape(-1, size)),
            words=torch.tensor(words, dtype=torch.int64).reshape(-1, 3),
            mentions=mentioned(ids, samples, square, dialogue, self.shown),
            firsts=gone_out_from(ids, samples, square, dialogue, self.shown),
        )


def early_layer(vlm: HfVlm) -> int:
    """The layer of which one head looks at what a word means: what is before it makes words of their pieces."""
    return min(1, len(vlm.model.get_decoder().layers) - 1)  # type: ignore[union-attr]


def mentioned(ids: Tensor, samples: Sequence[Sample], square: int, dialogue: Any, shown: Shown | None) -> Looking:
    """The words of conversations `[B, T]` that speak of something."""
    found = [
        (number, place, noted)
        for number, (row, sample) in enumerate(zip(ids, samples))
        if shown is not None
        for place, noted in _places_of_mentions(row.tolist(), sample, dialogue, shown)
    ]
    return _looking(found, square, shown)


def gone_out_from(ids: Tensor, samples: Sequence[Sample], square: int, dialogue: Any, shown: Shown | None) -> Looking:
    """The `<assistant>` of the questions in conversations `[B, T]` of which is known what they go out from."""
    found = [
        (number, place, noted)
        for number, (row, sample) in enumerate(zip(ids, samples))
        if shown is not None
        for turn, place in enumerate((row == dialogue.assistant).nonzero().flatten().tolist())
        if (noted := shown.about(sample, turn)) is not None
    ]
    return _looking(found, square, shown)


def _looking(found: Sequence[tuple[int, int, Noted]], square: int, shown: Shown | None) -> Looking:
    rows = [shares_of([noted.mask], square) for *_, noted in found]
    unknown = np.full(len(shown.sizes) if shown else 0, -1, np.int64)
    facts = [unknown if noted.facts is None else noted.facts for *_, noted in found]
    return Looking(
        places=torch.tensor([(number, place) for number, place, _ in found], dtype=torch.int64).reshape(-1, 2),
        rows=torch.from_numpy(np.array(rows, np.float32).reshape(-1, (square // PATCH) ** 2 + 1)),
        facts=torch.from_numpy(np.array(facts, np.int64).reshape(len(found), len(unknown))),
    )


def at(states: Tensor, places: Tensor) -> Tensor:
    """Of states `[B, T, D]` those at some places `[K, 2]`, in float32."""
    rows, columns = places.unbind(1)
    return states[rows, columns].float()


def missed(look: Tensor, rows: Tensor) -> Tensor:
    """How far looks `[K, N + 1]` are from what they should be, as cross entropy; a scalar."""
    return -(rows * look.clamp(min=1e-6).log()).sum() / max(len(rows), 1)


def _places_of_mentions(ids: Sequence[int], sample: Sample, dialogue: Any, shown: Shown) -> Iterator[tuple[int, Noted]]:
    """Places of the words of a conversation that speak of something, and what of it is seen."""
    starts = [i for i, id in enumerate(ids) if id in (dialogue.user, dialogue.assistant)]
    for turn, user, assistant in zip(sample.turns, starts[::2], starts[1::2]):
        found = [shown.mentions(sample, text) for text in (turn.instruction, turn.answer or "")]
        if not any(found):
            continue
        places = dialogue.places_of(turn, *([noted.end for noted in words] for words in found))
        for start, some, words in zip((user, assistant), places, found):
            yield from ((start + place, noted) for place, noted in zip(some, words))


def looks(looked: Tensor, rows: Tensor, places: Tensor) -> Tensor:
    """How some places look at the prefix, `[M, N + 1]`: its first token, `<s>`, stands for "none"."""
    return looked.float()[rows, places - looked.shape[-1]]


def unattended(looked: Tensor, words: Tensor, wanted: Tensor) -> Tensor:
    """How far words `[M, 3]` of answers look elsewhere than at their rows of what is wanted; a scalar."""
    rows, places, lines = words.unbind(1)
    found = (looks(looked, rows, places) * _cover(wanted[lines])).sum(1)
    return -found.clamp(min=1e-6).log().sum() / max(len(lines), 1)


def _cover(shares: Tensor) -> Tensor:
    """Shares `[M, N + 1]` → how far each patch belongs to what is wanted, 1 for the fullest."""
    return shares / shares.amax(1, keepdim=True).clamp(min=1e-6)


Lines = list[tuple[range, list[Mask]]]


def lines_of(ids: Sequence[int], sample: Sample, assistant: int, seg: int, end: int) -> Iterator[tuple[int, Lines]]:
    """For each turn that is about something or about nothing: where its answer begins, and its lines.

    A line is the places from which the words up to a [SEG], and the [SEG], are predicted, with that one's mask; of an
    answer to what is not there it is the whole answer, without any mask: the last turn of a sample whose group is
    `ABSENT`, or the turns that its `meta` lists under that name. Where `meta` says what an answer in words alone is
    about (`SEEN`), the whole of it looks there.
    """
    starts = [i for i, id in enumerate(ids) if id == assistant]
    last = len(sample.turns) - 1
    seen = sample.meta.get(SEEN, {})
    nothing = sample.meta.get(ABSENT, (last,) if sample.group == ABSENT else ())
    for number, (turn, start) in enumerate(zip(sample.turns, starts)):
        stop = next((i for i in range(start, len(ids)) if ids[i] == end), len(ids))
        if turn.targets:
            yield start, list(_up_to_each(ids, turn, start, stop, seg))
        elif number in seen:
            yield start, [(range(start, stop), list(seen[number]))]
        elif number in nothing:
            yield start, [(range(start, stop), [])]


def _up_to_each(ids: Sequence[int], turn: Turn, start: int, stop: int, seg: int) -> Iterator[tuple[range, list[Mask]]]:
    at = start
    marks = [i for i in range(start, stop) if ids[i] == seg]
    for mark, target in zip(marks, turn.targets):
        yield range(at, mark), [target.mask]
        at = mark


def shares_of(masks: Sequence[Mask], square: int) -> np.ndarray:
    """The shares of some masks in the patches of the padded square, `[N + 1]`, sums to 1; the first one is "none"."""
    grid = square // PATCH
    full = np.zeros((square, square), np.float32)
    for mask in masks:
        height, width = Geometry.fit((mask.shape[0], mask.shape[1]), square).resized
        seen = mask.view(np.uint8)
        if mask.shape != (height, width):
            seen = cv2.resize(seen, (width, height), interpolation=cv2.INTER_NEAREST)
        full[:height, :width] += seen
    patches = cv2.resize(full, (grid, grid), interpolation=cv2.INTER_AREA).reshape(-1)
    total = float(patches.sum())
    return np.concatenate([[float(total == 0)], patches / (total or 1.0)]).astype(np.float32)
