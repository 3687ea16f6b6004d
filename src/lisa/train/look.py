"""What the embedded model is asked on the side while it learns to answer: to look.

picture ─► tokens ──┬─► TokenHeads: what is in each patch, and how it stands to other things
                    └─► Pointer ◄── the state behind `<assistant>`: which patches is the question about, or none?

Words alone teach a small model a favourite answer; these two tell it at once which thing was meant. Neither is part of
the model: what they teach has to pass through its own answer and its own [SEG].
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from lisa.model.segmenter import Batch
from lisa.train.dense import TOKEN_LABELS, Classes, TokenHeads, label_maps
from lisa.train.seg import Draw, SegObjective, SegStep
from lisa.types import Sample, Turn

LOOK, POINT = 0.3, 0.5
"""Weights beside answers and masks."""


class Pointer(nn.Module):
    """Finds the patches that a question is about from the state that begins the answer."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query, self.key = nn.Linear(width, width), nn.Linear(width, width)
        self.nothing = nn.Parameter(torch.zeros(width))

    def forward(self, states: Tensor, tokens: Tensor, wanted: Tensor) -> Tensor:
        """States `[Q, D]`, their pictures' tokens `[Q, N, D]`, shares `[Q, N + 1]`, the last for "none": a scalar."""
        keys = torch.cat([self.key(tokens), self.nothing.expand(len(tokens), 1, -1)], dim=1)
        logits = torch.einsum("qd,qnd->qn", self.query(states), keys) / math.sqrt(keys.shape[-1])
        return -(wanted * logits.log_softmax(-1)).sum() / wanted.sum().clamp(min=1)


class LookHeads(nn.Module):
    """Both questions on the side."""

    def __init__(self, classes: Classes, width: int) -> None:
        super().__init__()
        self.classes = classes
        self.token, self.point = TokenHeads(classes, width), Pointer(width)


@dataclass(frozen=True, kw_only=True)
class LookBatch(Batch):
    """A batch with what is to be read from its pictures."""

    labels: dict[str, Tensor]
    """`TOKEN_LABELS` → `[I, S/4, S/4]` int64."""
    points: Tensor
    """`[Q, N + 1]`: a row for every turn of every conversation, see `wanted_patches`."""


class LookObjective(SegObjective):
    """Answers and masks, while the model is also asked to look."""

    def __init__(self, step: SegStep, draw: Draw, optimizers: Sequence[Optimizer], heads: LookHeads) -> None:
        super().__init__(step, draw, optimizers, module=nn.ModuleDict({"step": step, "look": heads}))
        self.heads = heads

    def losses(self, batch: Batch, counts: Mapping[str, float]) -> dict[str, Tensor]:
        """Those of answers and masks, and `look` and `point`."""
        assert isinstance(batch, LookBatch)
        self._name(batch.unreadable)
        inner: Any = self.segmenter.vlm
        tokens = inner.model.model.vision_tower(batch.vlm.images["pixel_values"])
        seen = list(inner.model.model.multi_modal_projector(tokens))
        output = self.step.output(batch, (self._features(batch)[0], seen))
        losses = self.step.losses(batch, output, counts)
        look = self.heads.token(tokens, batch.labels)
        rows, places = (batch.vlm.input_ids == inner.dialogue.assistant).nonzero(as_tuple=True)
        states = output.hidden[rows, places].float()
        point = self.heads.point(states, tokens[batch.vlm.image_index[rows]], batch.points)
        return losses | {"total": losses["total"] + LOOK * look + POINT * point, "look": look, "point": point}

    def _collate(self, groups: Sequence[Sequence[Sample]]) -> LookBatch:
        batch = super()._collate(groups)
        square = batch.pixels.shape[-1]
        rows = [label_maps(g[0].meta["picture"], self.heads.classes, square) for g in groups]
        labels = {name: torch.stack([row[name] for row in rows]) for name in TOKEN_LABELS}
        points = [wanted_patches(t, square, absent=s.group == "absent") for g in groups for s in g for t in s.turns]
        own = {f.name: getattr(batch, f.name) for f in fields(batch)}
        return LookBatch(**own, labels=labels, points=torch.from_numpy(np.stack(points)))


def wanted_patches(turn: Turn, square: int, *, absent: bool, patch: int = 16) -> np.ndarray:
    """The shares of a turn's targets in the patches of the padded square, and of "none": `[N + 1]`, sums to 1.

    All zero where the turn says nothing about it, as a plain question does.
    """
    grid = square // patch
    wanted = np.zeros(grid * grid + 1, np.float32)
    if turn.targets:
        full = np.zeros((square, square), np.float32)
        for target in turn.targets:
            full[: target.mask.shape[0], : target.mask.shape[1]] += target.mask
        wanted[:-1] = full.reshape(grid, patch, grid, patch).sum((1, 3)).reshape(-1)
        return wanted / max(float(wanted.sum()), 1.0)
    wanted[-1] = float(absent)
    return wanted
