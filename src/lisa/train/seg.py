"""The [SEG] stage: conversations about pictures, the loss of LISA, any segmenter."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor, nn

from lisa.errors import BadInput, LisaError
from lisa.model.losses import LossWeights
from lisa.model.segmenter import Batch, Output, Segmenter
from lisa.train.feature_cache import FeatureCache
from lisa.types import Sample

Draw = Callable[[int], Sequence[Sample]]
"""Place in the run → conversations about one picture, a pure function of the place; may be none."""

Features = Callable[[Batch], tuple[Tensor | None, Sequence[Tensor] | None]]
"""Batch → the masker's features of its pictures `[I, C, g, g]`, and the language side's, per picture `[tokens, D]`.

None leaves either to the step, which then trains the encoder.
"""

_LOG = logging.getLogger(__name__)
_TRIES, _APART = 8, 100_003
"""Places that are tried where one has nothing to learn, and how far they are apart: what a row has to count up to for
them stays little."""
MOST_UNREADABLE = 100
"""Different records that a process may meet without being able to read them."""
_MEGAPIXEL = 1024 * 1024


class SegStep(nn.Module):
    """Batch → losses, as one module: what DDP and FSDP wrap."""

    def __init__(self, segmenter: Segmenter, *, weights: LossWeights, bf16: bool) -> None:
        super().__init__()
        self.segmenter = segmenter
        self.weights, self.bf16 = weights, bf16

    def forward(
        self,
        batch: Batch,
        features: tuple[Tensor | None, Sequence[Tensor] | None],
        counts: Mapping[str, float],
    ) -> dict[str, Tensor]:
        """Total, and its parts, divided by `counts`."""
        return self.losses(batch, self.output(batch, features), counts)

    def output(self, batch: Batch, features: tuple[Tensor | None, Sequence[Tensor] | None]) -> Output:
        """The pass itself, in bf16 where it is asked for."""
        with computed(self.segmenter.device, bf16=self.bf16):
            return self.segmenter(batch, *features)

    def losses(self, batch: Batch, output: Output, counts: Mapping[str, float]) -> dict[str, Tensor]:
        """Total, and its parts, divided by `counts`."""
        losses = self.segmenter.losses(batch, output, self.weights, counts)
        parts = {"total": losses.total, "text": losses.text, "bce": losses.bce, "dice": losses.dice}
        return parts if losses.score is None else parts | {"score": losses.score}


def computed(device: torch.device, *, bf16: bool) -> AbstractContextManager[Any]:
    """In bf16 where it is asked for: trained weights are in float32 then, frozen ones in bf16."""
    return torch.autocast(device.type, torch.bfloat16, enabled=bf16)


class SegObjective:
    """Answers and masks of a segmenter, teacher-forced; see `lisa.train.loop.Objective`."""

    def __init__(
        self,
        step: SegStep,
        draw: Draw,
        optimizers: Sequence[torch.optim.Optimizer],
        *,
        module: nn.Module | None = None,
        features: Features | None = None,
        grouped: bool = True,
    ) -> None:
        """`module`: the step as `spread` gave it. `features`: of frozen encoders, if not just computed.

        `grouped`: whether micro-batches are made of conversations of like length; not where each has its own mean.
        """
        self.step = step
        self.segmenter = step.segmenter
        self.module: nn.Module = step if module is None else module
        self.optimizers = optimizers
        self._draw, self.grouped = draw, grouped
        self.unreadable: Counter[str] = Counter()
        self._features = features or FrozenFeatures(self.segmenter, None, None)

    def batches(self, shares: Sequence[range]) -> list[Batch]:
        """The conversations of each share; grouped by length over the shares, so that little is padded."""
        wrong: list[str] = []
        groups = [self._group(place, wrong) for places in shares for place in places]
        if self.grouped:
            groups.sort(key=_length)
        ends = list(accumulate(len(places) for places in shares))
        found = [self._collate(groups[end - len(p) : end]) for p, end in zip(shares, ends)]
        return [replace(found[0], unreadable=tuple(wrong)), *found[1:]] if wrong else found

    def _collate(self, groups: Sequence[Sequence[Sample]]) -> Batch:
        return self.segmenter.collate(groups)

    def batch(self, places: range) -> Batch:
        """The conversations at these places, tokenised and padded; a place without any takes a later one's."""
        return self.batches([places])[0]

    def _group(self, place: int, wrong: list[str]) -> Sequence[Sample]:
        for again in range(_TRIES):
            try:
                if found := self._draw(place + again * _APART):
                    return found
            except LisaError as error:
                wrong.append(str(error))
        last = f" ({wrong[-1]})" if wrong else ""
        raise BadInput(f"the data gives nothing to learn at place {place}{last}: look at it with `lisa data check`")

    def _name(self, wrong: Sequence[str]) -> None:
        """Names records that could not be read, each once; too many end the run with a list."""
        for line in wrong:
            if line not in self.unreadable:
                _LOG.warning("skipped: %s", line)
            self.unreadable[line] += 1
        if len(self.unreadable) > MOST_UNREADABLE:
            listed = "; ".join(list(self.unreadable)[:10])
            raise BadInput(
                f"more than {MOST_UNREADABLE} records cannot be read, such as: {listed}. See all: `lisa data check`"
            )

    def counts(self, batch: Batch) -> dict[str, float]:
        """Supervised tokens and masks."""
        return self.segmenter.counts(batch)

    def losses(self, batch: Batch, counts: Mapping[str, float]) -> dict[str, Tensor]:
        """Total, and its parts. Raises BadInput when too many records could not be read."""
        self._name(batch.unreadable)
        return self.module(batch, self._features(batch), counts)


def _length(group: Sequence[Sample]) -> int:
    """Bytes of the longest conversation about a picture, which go with its tokens in any script."""
    return max(sum(len(f"{t.instruction}{t.answer or ''}".encode()) for t in s.turns) for s in group)


class FrozenFeatures:
    """What frozen encoders see, from caches where there are any; None for an encoder that is trained."""

    def __init__(
        self,
        segmenter: Segmenter,
        masks: FeatureCache | None,
        language: FeatureCache | None,
        *,
        bf16: bool = False,
    ) -> None:
        self.segmenter, self.masks, self.language, self.bf16 = segmenter, masks, language, bf16

    @torch.no_grad()
    def __call__(self, batch: Batch) -> tuple[Tensor | None, Sequence[Tensor] | None]:
        """See `Features`."""
        return self._mask_features(batch), self._vlm_features(batch)

    def _mask_features(self, batch: Batch) -> Tensor | None:
        masker = self.segmenter.masker
        if is_trained(masker.image_encoder):
            return None
        if self.masks is None:
            return torch.stack(list(self._encode(batch.pixels)))
        rows = self.masks(batch.pictures, lambda rows: self._encode(batch.pixels[rows]), batch.pixels.device)
        return torch.stack(rows).to(next(masker.image_encoder.parameters()).dtype)  # a cache may have rounded them

    def _encode(self, pixels: Tensor) -> Iterator[Tensor]:
        """Pictures `[I, 4, S, S]` → features `[C, g, g]` of each, a megapixel at a time, which bounds the memory."""
        for some in pixels.split(max(_MEGAPIXEL // pixels[0, 0].numel(), 1)):
            yield from self.segmenter.masker.encode(some)

    def _vlm_features(self, batch: Batch) -> Sequence[Tensor] | None:
        vlm, images = self.segmenter.vlm, batch.vlm.images
        apart = all(len(tensor) == len(batch.pictures) for tensor in images.values())
        if self.language is None or not apart:  # the step computes them, with a graph if the tower is trained
            return None
        with computed(self.segmenter.device, bf16=self.bf16):  # as the step would compute them
            return self.language(
                batch.pictures,
                lambda rows: vlm.encode_images({k: v[rows] for k, v in images.items()}),
                batch.pixels.device,
            )


def is_trained(module: nn.Module) -> bool:
    """Whether any of its weights gets gradients."""
    return any(p.requires_grad for p in module.parameters())
