"""What the embedded model is asked on the side while it learns to answer: to look.

picture ─► tokens ──┬─► TokenHeads: what is in each patch, and how it stands to other things
                    └─► Pointer ◄── a state at `<assistant>`: which patches is the question about, or none?

Words alone teach a small model a favourite answer; these two tell it at once which thing was meant. The state is one of
a layer in the middle, so that the layers above it can still say what was found. Neither is part of the model: what they
teach has to pass through its own answer and its own [SEG].
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm
from torch.optim import Optimizer

from lisa.geometry import Geometry
from lisa.model.segmenter import Batch, Output
from lisa.train.dense import TokenHeads
from lisa.train.seg import Draw, SegObjective, SegStep
from lisa.types import Sample, Turn

LabelsOf = Callable[[Sample, int], Mapping[str, Tensor]]
"""A conversation and the side of the language side's square → what its picture's tokens are to be read as, by name."""
_NEAREST = cv2.INTER_NEAREST
LOOK, POINT = 0.3, 1.0
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
        states = layer_norm(states, states.shape[-1:])  # between layers they are of any size
        logits = torch.einsum("qd,qnd->qn", self.query(states), keys) / math.sqrt(keys.shape[-1])
        return -(wanted * logits.log_softmax(-1)).sum() / wanted.sum().clamp(min=1)


class LookHeads(nn.Module):
    """Both questions on the side."""

    def __init__(self, sizes: Mapping[str, int], width: int) -> None:
        super().__init__()
        self.token, self.point = TokenHeads(sizes, width), Pointer(width)


@dataclass(frozen=True, kw_only=True)
class LookBatch(Batch):
    """A batch with what is to be read from its pictures."""

    labels: dict[str, Tensor]
    """Name → `[I, S/4, S/4]` int64, S being the language side's square."""
    points: Tensor
    """`[Q, N + 1]`: a row for every turn of every conversation, see `wanted_patches`."""


class LookObjective(SegObjective):
    """Answers and masks, while the model is also asked to look."""

    def __init__(
        self, step: SegStep, draw: Draw, optimizers: Sequence[Optimizer], heads: LookHeads, labels_of: LabelsOf
    ) -> None:
        super().__init__(step, draw, optimizers, module=nn.ModuleDict({"step": step, "look": heads}))
        self.heads, self.labels_of = heads, labels_of
        inner: Any = self.segmenter.vlm
        inner.watch = len(inner.model.get_decoder().layers) // 2

    def losses(self, batch: Batch, counts: Mapping[str, float]) -> dict[str, Tensor]:
        """Those of answers and masks, and `look` and `point`."""
        assert isinstance(batch, LookBatch)
        self._name(batch.unreadable)
        inner: Any = self.segmenter.vlm
        tokens = inner.model.model.vision_tower(batch.vlm.images["pixel_values"])
        seen = list(inner.model.model.multi_modal_projector(tokens))
        output = self.step.output(batch, (self._features(batch)[0], seen))
        losses = self.step.losses(batch, output, counts)
        beside = self.beside(batch, output, tokens)
        total = losses["total"] + sum(weight * value for weight, value in beside.values())
        return losses | {"total": total} | {name: value for name, (_, value) in beside.items()}

    def beside(self, batch: LookBatch, output: Output, tokens: Tensor) -> dict[str, tuple[float, Tensor]]:
        """What is asked on the side: name → its weight and error."""
        inner: Any = self.segmenter.vlm
        look = self.heads.token(tokens, batch.labels)
        rows, places = (batch.vlm.input_ids == inner.dialogue.assistant).nonzero(as_tuple=True)
        states = inner.watched[rows, places].float()
        point = self.heads.point(states, tokens[batch.vlm.image_index[rows]], batch.points)
        return {"look": (LOOK, look), "point": (POINT, point)}

    def _collate(self, groups: Sequence[Sequence[Sample]]) -> LookBatch:
        batch = super()._collate(groups)
        square = batch.vlm.images["pixel_values"].shape[-1]
        rows = [self.labels_of(group[0], square) for group in groups]
        labels = {name: torch.stack([row[name] for row in rows]) for name in self.heads.token.sizes}
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
            height, width = Geometry.fit((target.mask.shape[0], target.mask.shape[1]), square).resized
            full[:height, :width] += cv2.resize(target.mask.astype(np.uint8), (width, height), interpolation=_NEAREST)
        wanted[:-1] = full.reshape(grid, patch, grid, patch).sum((1, 3)).reshape(-1)
        return wanted / max(float(wanted.sum()), 1.0)
    wanted[-1] = float(absent)
    return wanted
