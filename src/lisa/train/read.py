"""Words meet pictures: each that speaks of something learns to look at it, or at nothing where it is not there.

picture ─► tokens ─► the language side's first layers ◄── "tangerine, red cup, Lisa, 把手", and what is asked
                     └─► at each word: how one head looks at the picture ◄── all that the word may mean
                                       what is recalled of a single thing ◄── what it is, what is beside it

Answers alone teach a few of them a step, and late; this needs the first layers only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from lisa.train.look import Looking, Recall, at, early_layer, looks, mentioned, missed
from lisa.train.loop import shared
from lisa.train.shown import Shown
from lisa.train.words import WordsBatch, WordsObjective, fast
from lisa.types import Sample
from lisa.vlms.base import VlmBatch
from lisa.vlms.hf import HfVlm

Listed = Callable[[Sample], Sequence[Sample]]
"""A conversation → texts that list things about its picture, as questions without an answer."""
TOLD = 0.3
"""Weight of what is recalled, beside answers and looks."""


@dataclass(frozen=True, kw_only=True)
class ReadBatch:
    """Texts about pictures."""

    vlm: VlmBatch
    mentions: Looking
    """The words that speak of something."""


class Reader:
    """How words look at pictures, in the first layers of a language side."""

    def __init__(self, vlm: HfVlm, shown: Shown, recall: Recall) -> None:
        """`recall` is trained beside the first layers."""
        self.vlm, self.shown, self.recall = vlm, shown, recall
        self.layer = early_layer(vlm)
        vlm.watch = (self.layer,)

    def batch(self, groups: Sequence[Sequence[Sample]]) -> ReadBatch:
        """Conversations and texts, grouped by their picture, none of them empty."""
        images = [self.vlm.prepare_image(group[0].image) for group in groups]
        stacked = {name: torch.cat([image[name] for image in images]) for name in images[0]}
        square = stacked["pixel_values"].shape[-1]
        samples = [(number, sample) for number, group in enumerate(groups) for sample in group]
        prompts = [self.vlm.prepare_text(images[number], sample.turns) for number, sample in samples]
        batch = self.vlm.collate(prompts, [number for number, _ in samples], stacked)
        texts = [sample for _, sample in samples]
        return ReadBatch(vlm=batch, mentions=mentioned(batch.input_ids, texts, square, self.vlm.dialogue, self.shown))

    def losses(self, batch: ReadBatch) -> dict[str, Tensor]:
        """`read`, the error of where words look, how much of it is right, `found`, the same for what is `gone`; `told`,
        the error of what is recalled.
        """
        with fast(self.vlm):
            self.vlm.hidden(batch.vlm, layers=self.layer + 1)
        places, rows = batch.mentions.places, batch.mentions.rows
        look = looks(self.vlm.looked[self.layer], *places.unbind(1))
        right, gone = (look * (rows > 0)).sum(1), rows[:, 0] > 0
        some = {"found": ~gone, "gone": gone}
        shares = {name: (right * which).sum() / which.sum().clamp(min=1) for name, which in some.items()}
        told = self.recall(at(self.vlm.watched[self.layer], places), batch.mentions.facts)
        return {"read": missed(look, rows), "told": told, **shares}


@dataclass(frozen=True, kw_only=True)
class SightBatch:
    """Conversations without their pictures, and with them."""

    words: WordsBatch
    read: ReadBatch


class WordsAndSights:
    """Answers by words alone, while words learn what they look like; see `lisa.train.loop.Objective`."""

    def __init__(self, words: WordsObjective, reader: Reader, listed: Listed) -> None:
        """`words` trains all that `reader` looks with, too."""
        self.words, self.reader, self.listed = words, reader, listed
        self.module: nn.Module = words.module
        self.optimizers: Sequence[Optimizer] = words.optimizers
        vlm: Any = reader.vlm
        vlm.model.model.vision_tower.requires_grad_(False)

    def batches(self, shares: Sequence[range]) -> list[SightBatch]:
        """One for each share."""
        return [self.batch([group for place in places if (group := self.words.draw(place))]) for places in shares]

    def batch(self, groups: Sequence[Sequence[Sample]]) -> SightBatch:
        """Conversations, grouped by their picture."""
        words = self.words.batch([sample for group in groups for sample in group])
        return SightBatch(words=words, read=self.reader.batch([[*group, *self.listed(group[0])] for group in groups]))

    def counts(self, batch: SightBatch) -> dict[str, float]:
        """See `WordsObjective`."""
        return self.words.counts(batch.words)

    def losses(self, batch: SightBatch, counts: Mapping[str, float]) -> dict[str, Tensor]:
        """Those of both."""
        said, seen = self.words.losses(batch.words, counts), shared(self.reader.losses(batch.read), counts)
        return said | seen | {"total": said["total"] + seen["read"] + TOLD * seen["told"]}
