"""[SEG] learns the words that the masker was taught with, while the embedded model learns to answer.

dense stage: what is known of a target (kind, part, place) ─► prompt ─► mask
[SEG] stage: picture, question ─► answer ─► [SEG] ─► prompt ◄── told how far it is from that one
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.optim import Optimizer

from lisa.model.segmenter import Output
from lisa.train.dense import Classes, DenseHeads, classes_of_world, label_maps
from lisa.train.look import LookBatch, LookHeads, LookObjective
from lisa.train.seg import Draw, SegStep
from lisa.types import Sample
from lisa.world.scene import Picture

PROMPT = 10.0
"""Weight of [SEG]'s distance from the masker's own words."""


@dataclass(frozen=True, kw_only=True)
class PromptBatch(LookBatch):
    """A batch with what each of its masks is called by the words that the masker was taught with."""

    called: Tensor
    """`[S, 3]` int64, as `Wanted.words`; in the order of the [SEG] tokens."""
    place: Tensor
    """`[S, 3]`, as `Wanted.place`."""
    known: Tensor
    """`[S]` bool: whether those words mean the mask; several things of different kinds have none."""


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
        said = self.dense.prompts(batch.called, batch.place)
        apart = (output.seg_embeddings.float() - said).square().mean(1)
        prompt = (apart * batch.known).sum() / batch.known.sum().clamp(min=1)
        return super().beside(batch, output, tokens) | {"prompt": (PROMPT, prompt)}

    def _collate(self, groups: Sequence[Sequence[Sample]]) -> PromptBatch:
        batch = super()._collate(groups)
        called = [
            called_of(s.meta["picture"], self.classes, ids, part, batch.vlm.images["pixel_values"].shape[-1])
            for group in groups
            for s in group
            for turn in s.meta["turns"]
            for ids, part in turn
        ]
        words, place, known = zip(*called) if called else ((), (), ())
        return PromptBatch(
            **vars(batch),
            called=torch.tensor(words, dtype=torch.int64).reshape(-1, 3),
            place=torch.tensor(place, dtype=torch.float32).reshape(-1, 3),
            known=torch.tensor(known, dtype=torch.bool),
        )


Called = tuple[tuple[int, int, int], tuple[float, float, float], bool]


def called_of(picture: Picture, classes: Classes, ids: Sequence[int], part: str | None, square: int) -> Called:
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
