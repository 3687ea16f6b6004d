"""What the embedded model is asked on the side while it learns to answer: to look.

picture ─► tokens ──┬─► TokenHeads: what is in each patch, and how it stands to other things
                    └─► Pointer ◄── a state at `<assistant>`: which patches is the question about, or none?
                                    the state a layer above: of what kind is it?

Words alone teach a small model a favourite answer; these tell it at once which thing was meant. The states are of
layers in the middle, so that the layers above them can still say what was found. None of it is part of the model: what
is taught has to pass through its own answer and its own [SEG].
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
LOOK, POINT, NAME = 0.3, 1.0, 1.0
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
    """All questions on the side; the first of `sizes` is what the target's kind is read as."""

    def __init__(self, sizes: Mapping[str, int], width: int) -> None:
        super().__init__()
        self.token, self.point = TokenHeads(sizes, width), Pointer(width)
        self.name = nn.Linear(width, next(iter(sizes.values())))


@dataclass(frozen=True, kw_only=True)
class LookBatch(Batch):
    """A batch with what is to be read from its pictures."""

    labels: dict[str, Tensor]
    """Name → `[I, S/4, S/4]` int64, S being the language side's square."""
    points: Tensor
    """`[Q, N + 1]`: a row for every turn of every conversation, see `wanted_patches`."""
    kinds: Tensor
    """`[Q, K]`: the shares of the kinds of what each turn is about, 0 for none; all zero where that is not said."""


class LookObjective(SegObjective):
    """Answers and masks, while the model is also asked to look."""

    def __init__(
        self, step: SegStep, draw: Draw, optimizers: Sequence[Optimizer], heads: LookHeads, labels_of: LabelsOf
    ) -> None:
        super().__init__(step, draw, optimizers, module=nn.ModuleDict({"step": step, "look": heads}))
        self.heads, self.labels_of = heads, labels_of
        inner: Any = self.segmenter.vlm
        middle = len(inner.model.get_decoder().layers) // 2
        inner.watch = (middle, middle + 1)

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
        middle, above = (states[rows, places].float() for states in inner.watched)
        point = self.heads.point(middle, tokens[batch.vlm.image_index[rows]], batch.points)
        names = self.heads.name(layer_norm(above, above.shape[-1:])).log_softmax(-1)
        name = -(batch.kinds * names).sum() / batch.kinds.sum().clamp(min=1)
        return {"look": (LOOK, look), "point": (POINT, point), "name": (NAME, name)}

    def _collate(self, groups: Sequence[Sequence[Sample]]) -> LookBatch:
        batch = super()._collate(groups)
        square = batch.vlm.images["pixel_values"].shape[-1]
        rows = [self.labels_of(group[0], square) for group in groups]
        labels = {name: torch.stack([row[name] for row in rows]) for name in self.heads.token.sizes}
        points = [wanted_patches(t, square, absent=s.group == "absent") for g in groups for s in g for t in s.turns]
        first, size = next(iter(self.heads.token.sizes.items()))
        kinds = [
            wanted_kinds(t, row[first].numpy(), size, point[-1] > 0)
            for t, point, row in zip(
                (t for g in groups for s in g for t in s.turns),
                points,
                (row for row, g in zip(rows, groups) for s in g for _ in s.turns),
            )
        ]
        own = {f.name: getattr(batch, f.name) for f in fields(batch)}
        return LookBatch(
            **own,
            labels=labels,
            points=torch.from_numpy(np.stack(points)),
            kinds=torch.from_numpy(np.stack(kinds)),
        )


def wanted_patches(turn: Turn, square: int, *, absent: bool, patch: int = 16) -> np.ndarray:
    """The shares of a turn's targets in the patches of the padded square, and of "none": `[N + 1]`, sums to 1.

    All zero where the turn says nothing about it, as a plain question does.
    """
    grid = square // patch
    wanted = np.zeros(grid * grid + 1, np.float32)
    if turn.targets:
        full = _in_square(turn, square)
        wanted[:-1] = full.reshape(grid, patch, grid, patch).sum((1, 3)).reshape(-1)
        return wanted / max(float(wanted.sum()), 1.0)
    wanted[-1] = float(absent)
    return wanted


def wanted_kinds(turn: Turn, labels: np.ndarray, size: int, absent: bool) -> np.ndarray:
    """The shares of kinds `[K]` under a turn's targets, read from label numbers `[S/4, S/4]`; 1 at 0 for "none"."""
    wanted = np.zeros(size, np.float32)
    wanted[0] = float(absent)
    if turn.targets:
        full = _in_square(turn, labels.shape[0] * 4)[2::4, 2::4]
        found = labels[(full > 0) & (labels > 0)]
        if len(found):
            wanted = np.bincount(found, minlength=size).astype(np.float32) / len(found)
    return wanted


def _in_square(turn: Turn, square: int) -> np.ndarray:
    """All targets of a turn together, as they lie in the square that its picture is seen in: `[S, S]`."""
    full = np.zeros((square, square), np.float32)
    for target in turn.targets:
        height, width = Geometry.fit((target.mask.shape[0], target.mask.shape[1]), square).resized
        full[:height, :width] += cv2.resize(target.mask.astype(np.uint8), (width, height), interpolation=_NEAREST)
    return full
