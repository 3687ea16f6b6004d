"""The [SEG] stage: conversations about pictures, the loss of LISA, any segmenter."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from lisa.model.losses import LossWeights
from lisa.model.segmenter import Batch, Segmenter
from lisa.types import Sample

Draw = Callable[[int], Sequence[Sequence[Sample]]]
"""Step → samples grouped by picture; a pure function of the step."""


class SegObjective:
    """Answers and masks of a segmenter, teacher-forced. The masker's image encoder may be frozen."""

    def __init__(
        self,
        segmenter: Segmenter,
        draw: Draw,
        optimizers: Sequence[torch.optim.Optimizer],
        *,
        weights: LossWeights,
        bf16: bool,
        frozen_masker_encoder: bool,
    ) -> None:
        self.module = segmenter
        self.optimizers = optimizers
        self._draw, self._weights, self._bf16, self._frozen = draw, weights, bf16, frozen_masker_encoder

    def batch(self, step: int) -> Batch:
        """The conversations of a step, tokenised and padded."""
        return self.module.collate(self._draw(step))

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Total, and its parts."""
        batch = batch.to(self.module.device)
        features = None
        if self._frozen:
            with torch.no_grad():
                features = self.module.masker.encode(batch.pixels)
        with torch.autocast(self.module.device.type, torch.bfloat16, enabled=self._bf16):
            output = self.module(batch, features)
        losses = self.module.losses(batch, output, self._weights)
        parts = {"total": losses.total, "text": losses.text, "bce": losses.bce, "dice": losses.dice}
        return parts if losses.score is None else parts | {"score": losses.score}
