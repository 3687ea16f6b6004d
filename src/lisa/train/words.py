"""Before it looks at anything, a small language side learns to talk: the conversations without their pictures.

LISA begins with a language model that knows words; one that is trained from nothing has to learn them first. Beside
pictures it learns them several times slower, since what it sees says nothing to it yet (`docs/log.md`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from lisa.devices import casts_small
from lisa.model.losses import text_loss
from lisa.train.optim import NO_MATRICES, matrices, muon_beside_adamw, rest
from lisa.train.seg import Draw, computed
from lisa.types import Sample
from lisa.vlms.base import IGNORE, pad_rows
from lisa.vlms.hf import HfVlm


@dataclass(frozen=True, kw_only=True)
class WordsBatch:
    """Conversations."""

    input_ids: Tensor
    """`[B, T]` int64, padded on the right."""
    mask: Tensor
    """`[B, T]` int64, 1 where there is a token."""
    labels: Tensor
    """`[B, T]` int64, the ids of the answers, IGNORE elsewhere."""


def fast(vlm: HfVlm) -> AbstractContextManager[Any]:
    """In bf16 where the device computes it faster."""
    device = vlm.head.weight.device
    return computed(device, bf16=casts_small(device))


class WordsObjective:
    """Answers by words alone; see `lisa.train.loop.Objective`."""

    def __init__(self, vlm: HfVlm, draw: Draw, *, beside: nn.Module | None = None, rate: float = 1.0) -> None:
        """`draw`: place → conversations, whose pictures are left out. `beside`: what else is trained.

        `rate`: factor on the learning rates.
        """
        self.vlm, self.draw = vlm, draw
        self.module: nn.Module = vlm.model if beside is None else nn.ModuleDict({"vlm": vlm.model, "beside": beside})
        decoder: Any = vlm.model.get_decoder()
        kernels = matrices(decoder, without=NO_MATRICES)
        others = [*rest(decoder, kernels), *vlm.head.parameters(), *(beside.parameters() if beside else ())]
        table: Any = vlm.model.get_input_embeddings()
        self.optimizers: Sequence[Optimizer] = muon_beside_adamw(kernels, others, rate=1e-3 * rate, table=table.weight)
        self._image = vlm.model.config.image_token_id
        self._blank = vlm.prepare_image(np.zeros((1, 1, 3), np.uint8))

    def batches(self, shares: Sequence[range]) -> list[WordsBatch]:
        """One for each share."""
        return [self.batch([s for place in places for s in self.draw(place)]) for places in shares]

    def batch(self, samples: Sequence[Sample]) -> WordsBatch:
        """Conversations, without the tokens of their pictures."""
        rows = []
        for sample in samples:
            prompt = self.vlm.prepare_text(self._blank, sample.turns)
            kept = prompt.input_ids != self._image
            rows.append((prompt.input_ids[kept], prompt.labels[kept]))
        return WordsBatch(
            input_ids=pad_rows([ids for ids, _ in rows], self.vlm.dialogue.pad_token_id, left=False),
            mask=pad_rows([torch.ones_like(ids) for ids, _ in rows], 0, left=False),
            labels=pad_rows([labels for _, labels in rows], IGNORE, left=False),
        )

    def counts(self, batch: WordsBatch) -> dict[str, float]:
        """The supervised tokens."""
        return {"tokens": float((batch.labels[:, 1:] != IGNORE).sum()), "shares": 1.0}

    def losses(self, batch: WordsBatch, counts: Mapping[str, float]) -> dict[str, Tensor]:
        """`total`, the error of the answers' tokens, and the share of them that would be said."""
        with fast(self.vlm):
            hidden = self.vlm.hidden_of_words(batch.input_ids, batch.mask)
        return self._errors(hidden[:, :-1], batch, counts)

    def _errors(self, hidden: Tensor, batch: WordsBatch, counts: Mapping[str, float]) -> dict[str, Tensor]:
        """Of the states `[B, T − 1, D]` that predict."""
        following = batch.labels[:, 1:]
        supervised = following != IGNORE
        logits, wanted = self.vlm.logits(hidden[supervised]), following[supervised]
        total = text_loss(logits, wanted, counts["tokens"])
        return {"total": total, "right": (logits.argmax(-1) == wanted).sum() / counts["tokens"]}
