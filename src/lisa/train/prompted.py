"""[SEG] learns the words that the masker was taught with, while the embedded model learns to answer.

dense stage: what is known of a target (kind, part, place) ─► prompt ─► mask
words:       question ─► answer ─► [SEG] ─► prompt ◄── told how far it is from that one, as far as names go
[SEG] stage: picture, question ─► answer ─► [SEG] ─► prompt ◄── the same, with the place
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from lisa.model.segmenter import Output, Segmenter
from lisa.train.dense import Classes, DenseHeads, classes_of_world, label_maps
from lisa.train.look import LookBatch, LookHeads, LookObjective
from lisa.train.seg import Draw, SegStep
from lisa.train.words import WordsBatch, WordsObjective
from lisa.types import Sample
from lisa.world.scene import Picture

PROMPT, PROMPT_IN_WORDS = 10.0, 0.5
"""Weights of [SEG]'s distance from the masker's own words, beside answers that weigh 20 and 1."""


@dataclass(frozen=True)
class Called:
    """What masks are called by the words that the masker was taught with, in the order of the [SEG] tokens."""

    words: Tensor
    """`[S, 3]` int64, as `Wanted.words`."""
    place: Tensor
    """`[S, 3]`, as `Wanted.place`."""
    known: Tensor
    """`[S]` bool: whether those words mean the mask; several things of different kinds have none."""

    @classmethod
    def of(cls, samples: Iterable[Sample], classes: Classes, square: int) -> Called:
        """All that is masked in samples of drawn scenes."""
        rows = [
            called_of(s.meta["picture"], classes, ids, part, square)
            for s in samples
            for turn in s.meta["turns"]
            for ids, part in turn
        ]
        words, place, known = zip(*rows) if rows else ((), (), ())
        return cls(
            torch.tensor(words, dtype=torch.int64).reshape(-1, 3),
            torch.tensor(place, dtype=torch.float32).reshape(-1, 3),
            torch.tensor(known, dtype=torch.bool),
        )

    def distance(self, prompts: Tensor, dense: DenseHeads, *, placed: bool = True) -> Tensor:
        """Mean square between prompts `[S, P]` and those that the words make; without places if not `placed`."""
        said = dense.prompts(self.words, self.place if placed else torch.zeros_like(self.place))
        apart = (prompts.float() - said).square().mean(1)
        return (apart * self.known).sum() / self.known.sum().clamp(min=1)


@dataclass(frozen=True, kw_only=True)
class PromptBatch(LookBatch):
    """A batch with what its masks are called."""

    called: Called


@dataclass(frozen=True, kw_only=True)
class PromptWordsBatch(WordsBatch):
    """Conversations with what their masks are called."""

    called: Called


class PromptedObjective(LookObjective):
    """Answers and masks, while [SEG] also learns to say what the masker's own words say: kind, part and place."""

    def __init__(
        self, step: SegStep, draw: Draw, optimizers: Sequence[Optimizer], heads: LookHeads, dense: DenseHeads
    ) -> None:
        self.dense, self.classes = dense.requires_grad_(False), classes_of_world()
        super().__init__(step, draw, optimizers, heads, partial(labels_of, self.classes))

    def beside(self, batch: LookBatch, output: Output, tokens: Tensor) -> dict[str, tuple[float, Tensor]]:
        """`look`, `point`, `attend`, and `prompt`: how far [SEG] is from the prompt made of the truth."""
        assert isinstance(batch, PromptBatch)
        prompt = batch.called.distance(output.seg_embeddings, self.dense)
        return super().beside(batch, output, tokens) | {"prompt": (PROMPT, prompt)}

    def _collate(self, groups: Sequence[Sequence[Sample]]) -> PromptBatch:
        batch = super()._collate(groups)
        square = batch.vlm.images["pixel_values"].shape[-1]
        return PromptBatch(**vars(batch), called=Called.of((s for g in groups for s in g), self.classes, square))


class PromptedWords(WordsObjective):
    """Words alone, while [SEG] learns to say in the masker's own words what was named; places have to be seen."""

    def __init__(self, segmenter: Segmenter, draw: Draw, dense: DenseHeads) -> None:
        vlm: Any = segmenter.vlm
        super().__init__(vlm, draw, beside=segmenter.projector)
        self.projector, self.dense, self.classes = segmenter.projector, dense.requires_grad_(False), classes_of_world()

    def batch(self, samples: Sequence[Sample]) -> PromptWordsBatch:
        """See `WordsObjective`."""
        return PromptWordsBatch(**vars(super().batch(samples)), called=Called.of(samples, self.classes, 1))

    def _errors(self, hidden: Tensor, batch: WordsBatch, counts: Mapping[str, float]) -> dict[str, Tensor]:
        assert isinstance(batch, PromptWordsBatch)
        losses = super()._errors(hidden, batch, counts)
        named = hidden[batch.labels[:, 1:] == self.vlm.seg_token_id]
        prompt = batch.called.distance(self.projector(named), self.dense, placed=False)
        return losses | {"total": losses["total"] + PROMPT_IN_WORDS * prompt, "prompt": prompt}


Row = tuple[tuple[int, int, int], tuple[float, float, float], bool]


def called_of(picture: Picture, classes: Classes, ids: Sequence[int], part: str | None, square: int) -> Row:
    """Words and place by which the masker was taught to mean these things, and whether there are such words."""
    things = [t for t in picture.scene.things if t.id in ids]
    kind = classes.kinds.index(things[0].kind) + 1
    if len(things) == 1:
        box, number = things[0].box, 0 if part is None else classes.parts.index(part) + 1
        return (kind, 0, number), (1.0, (box[1] + box[3]) / 2 / square, (box[0] + box[2]) / 2 / square), True
    all_of_kind = {t.id for t in picture.scene.things if t.kind == things[0].kind and (picture.ids == t.id).any()}
    return (kind, 0, 0), (0.0, 0.0, 0.0), part is None and all_of_kind == set(ids)


def labels_of(classes: Classes, sample: Sample, square: int) -> dict[str, Tensor]:
    """What the tokens of a sample's picture are to be read as."""
    return label_maps(sample.meta["picture"], classes, square)
