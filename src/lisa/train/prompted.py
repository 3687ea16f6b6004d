"""[SEG] learns the words that the masker was taught with, while a small model learns to answer.

dense stage: what is known of a target (kind, colour, part, place) ─► prompt ─► mask
words:       question ─► answer ─► [SEG] ─► prompt ◄── told how far it is from that one, as far as names go
[SEG] stage: picture, question ─► answer ─► [SEG] ─► prompt ◄── the same, with the place
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from lisa.maskers.match import MatchMasker
from lisa.model.segmenter import Output, Segmenter
from lisa.train.dense import PIXEL, Classes, DenseHeads, classes_of_world, pixel_errors
from lisa.train.look import LOOK, LabelsOf, LookBatch, LookHeads, LookObjective
from lisa.train.loop import shared
from lisa.train.seg import Draw, SegStep
from lisa.train.shown import Shown
from lisa.train.words import WordsBatch, WordsObjective
from lisa.types import Sample
from lisa.world.scene import Picture


class Teacher(Protocol):
    """Knows the words that a masker was taught with, and which of them mean the masks of a sample."""

    def called(self, samples: Iterable[Sample], square: int) -> Any:
        """Tensors that say what is masked in samples whose pictures fill a square, in the order of the [SEG] tokens."""
        ...

    def distances(self, prompts: Tensor, called: Any, *, seen: bool = True) -> dict[str, Tensor]:
        """`prompt`: mean square between prompts `[S, P]` and those that the words make; beside it parts, to look at.

        `seen`: whether what has to be seen counts.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class PromptBatch(LookBatch):
    """A batch with what its masks are called."""

    called: Any


@dataclass(frozen=True, kw_only=True)
class PromptWordsBatch(WordsBatch):
    """Conversations with what their masks are called."""

    called: Any


Pixels = Callable[[Tensor, Mapping[str, Tensor]], dict[str, tuple[float, Tensor]]]
"""The masker's features `[I, C, h, w]` and labels of their pixels → name → weight and error."""


class PromptedObjective(LookObjective):
    """Answers and masks, while [SEG] also learns to say what the masker's own words say."""

    def __init__(
        self,
        step: SegStep,
        draw: Draw,
        optimizers: Sequence[Optimizer],
        heads: LookHeads,
        teacher: Teacher,
        *,
        weight: float,
        labels_of: LabelsOf | None = None,
        shown: Shown | None = None,
        look: float = LOOK,
        pixels: Pixels | None = None,
    ) -> None:
        """`pixels`: what the masker is told of each pixel by `labels_of`, where it is trained, too."""
        super().__init__(step, draw, optimizers, heads, labels_of=labels_of, shown=shown, look=look)
        self.teacher, self.weight, self.pixels = teacher, weight, pixels

    def beside(
        self, batch: LookBatch, output: Output, tokens: Tensor, masks: Tensor
    ) -> dict[str, tuple[float, Tensor]]:
        """See there; then how far [SEG] is from the prompt made of the truth, and what pixels are from theirs."""
        assert isinstance(batch, PromptBatch)
        pixels = self.pixels(masks, batch.labels) if self.pixels else {}
        found = self.teacher.distances(output.seg_embeddings.float(), batch.called)
        weighed = {name: (self.weight if name == "prompt" else 0.0, value) for name, value in found.items()}
        return super().beside(batch, output, tokens, masks) | weighed | pixels

    def _collate(self, groups: Sequence[Sequence[Sample]]) -> PromptBatch:
        batch = super()._collate(groups)
        square = batch.vlm.images["pixel_values"].shape[-1]
        return PromptBatch(**vars(batch), called=self.teacher.called((s for g in groups for s in g), square))


class PromptedWords(WordsObjective):
    """Words alone, while [SEG] learns to say in the masker's own words what was named."""

    def __init__(
        self,
        segmenter: Segmenter,
        draw: Draw,
        teacher: Teacher,
        *,
        weight: float,
        beside: nn.Module | None = None,
        rate: float = 1.0,
    ) -> None:
        vlm: Any = segmenter.vlm
        super().__init__(vlm, draw, beside=nn.ModuleList(filter(None, (segmenter.projector, beside))), rate=rate)
        self.projector, self.teacher, self.weight = segmenter.projector, teacher, weight

    def batch(self, samples: Sequence[Sample]) -> PromptWordsBatch:
        """See `WordsObjective`."""
        return PromptWordsBatch(**vars(super().batch(samples)), called=self.teacher.called(samples, 1))

    def _errors(self, hidden: Tensor, batch: WordsBatch, counts: Mapping[str, float]) -> dict[str, Tensor]:
        assert isinstance(batch, PromptWordsBatch)
        losses = super()._errors(hidden, batch, counts)
        named = hidden[batch.labels[:, 1:] == self.vlm.seg_token_id]
        found = self.teacher.distances(self.projector(named), batch.called, seen=False)
        found = shared(found, counts)
        return losses | {"total": losses["total"] + self.weight * found["prompt"]} | found


@dataclass(frozen=True)
class Called:
    """What the masks of drawn scenes are called."""

    words: Tensor
    """`[S, 3]` int64, as `Wanted.words`."""
    place: Tensor
    """`[S, 3]`, as `Wanted.place`."""
    known: Tensor
    """`[S]` bool: whether those words mean the mask; several things of different kinds have none."""


class WorldPixels:
    """What every pixel of a drawn scene is, in the words of the dense stage, to a masker that goes on; see `Pixels`."""

    def __init__(self, dense: DenseHeads, masker: MatchMasker) -> None:
        self.dense, self.masker = dense, masker

    def __call__(self, features: Tensor, labels: Mapping[str, Tensor]) -> dict[str, tuple[float, Tensor]]:
        """Each error is named after its label."""
        said = self.dense.named(self.masker, self.masker.embed(features))
        errors = pixel_errors(said, self.masker.vote(features), labels)
        return {name: (PIXEL[name], error) for name, error in errors.items()}


class WorldWords:
    """The words of the dense stage: kind, colour, part and place; see `Teacher`."""

    def __init__(self, dense: DenseHeads) -> None:
        self.dense, self.classes = dense.requires_grad_(False), classes_of_world()

    def called(self, samples: Iterable[Sample], square: int) -> Called:
        """See `Teacher`."""
        rows = [
            called_of(s.meta["picture"], self.classes, ids, part, square)
            for s in samples
            for turn in s.meta["turns"]
            for ids, part in turn
        ]
        words, place, known = zip(*rows) if rows else ((), (), ())
        return Called(
            torch.tensor(words, dtype=torch.int64).reshape(-1, 3),
            torch.tensor(place, dtype=torch.float32).reshape(-1, 3),
            torch.tensor(known, dtype=torch.bool),
        )

    def distances(self, prompts: Tensor, called: Called, *, seen: bool = True) -> dict[str, Tensor]:
        """See `Teacher`: `prompt`, and of those without a place `named`; a place has to be seen."""
        said = self.dense.prompts(called.words, called.place if seen else torch.zeros_like(called.place))
        apart = (prompts - said).square().mean(1)
        whole = (apart * called.known).sum() / called.known.sum().clamp(min=1)
        if not seen:
            return {"prompt": whole}
        named = called.known & (called.place[:, 0] == 0)
        return {"prompt": whole, "named": (apart * named).sum() / named.sum().clamp(min=1)}


Row = tuple[tuple[int, int, int], tuple[float, float, float], bool]


def called_of(picture: Picture, classes: Classes, ids: Sequence[int], part: str | None, square: int) -> Row:
    """Words and place by which the masker was taught to mean these things, and whether there are such words."""
    things = [t for t in picture.scene.things if t.id in ids]
    kind = classes.kinds.index(things[0].kind) + 1
    if len(things) == 1:
        box, number = things[0].box, 0 if part is None else classes.parts.index(part) + 1
        return (kind, 0, number), (1.0, (box[1] + box[3]) / 2 / square, (box[0] + box[2]) / 2 / square), True
    there = [t for t in picture.scene.things if t.kind == things[0].kind and (picture.ids == t.id).any()]
    colour = things[0].colour
    coloured = {t.id for t in there if t.colour == colour}
    nowhere = (0.0, 0.0, 0.0)
    if part is None and coloured == set(ids) and len(coloured) < len(there) and colour in classes.colours:
        return (kind, classes.colours.index(colour) + 1, 0), nowhere, True
    return (kind, 0, 0), nowhere, part is None and {t.id for t in there} == set(ids)
