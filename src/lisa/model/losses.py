"""The three losses of LISA (arXiv 2308.00692, eq. 3–5), by the reference implementation's definitions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from lisa.geometry import wide


@dataclass(frozen=True, kw_only=True)
class LossWeights:
    """How the parts add up; the paper's values."""

    text: float = 1.0
    bce: float = 2.0
    dice: float = 0.5
    score: float = 0.0
    """Of the predicted IoU's squared error; the paper leaves that head untrained."""
    original_size: bool = True
    """Masks are compared at their pictures' size, as in the paper; otherwise at the decoder's, which is cheaper."""


def bce_per_mask(logits: Tensor, target: Tensor) -> Tensor:
    """Mean binary cross-entropy of a mask's pixels: `[N, H, W]` twice → `[N]`."""
    return binary_cross_entropy_with_logits(logits, target.to(logits.dtype), reduction="none").flatten(1).mean(1)


def dice_per_mask(logits: Tensor, target: Tensor, scale: float = 1000.0, eps: float = 1e-6) -> Tensor:
    """1 − DICE of a mask: `[N, H, W]` twice → `[N]`. Sums are divided by `scale` first, against overflow in fp16."""
    p = logits.sigmoid().flatten(1)
    t = target.to(logits.dtype).flatten(1)
    overlap = (p / scale * t).sum(-1)
    total = (p / scale).sum(-1) + (t / scale).sum(-1)
    return 1 - (2 * overlap + eps) / (total + eps)


def mask_losses(
    logits: Sequence[Tensor], targets: Sequence[Tensor], masks: float | None = None
) -> tuple[Tensor, Tensor]:
    """(BCE, DICE) over the masks of all pictures, each `[N_i, H_i, W_i]`: sums over the number of masks.

    `masks`: another number to divide by, of a whole batch of which this is a part. Without any mask both are 0 and
    stay connected to the graph.
    """
    count = (sum(len(t) for t in targets) if masks is None else masks) + 1e-8
    zero = sum((m.sum() * 0.0 for m in logits), torch.zeros((), device=logits[0].device if len(logits) else None))
    bce, dice = zero, zero
    for predicted, target in zip(logits, targets):
        if len(target):
            bce = bce + bce_per_mask(predicted, target).sum()
            dice = dice + dice_per_mask(predicted, target).sum()
    return bce / count, dice / count


def text_loss(logits: Tensor, labels: Tensor, tokens: float | None = None) -> Tensor:
    """Cross-entropy, mean over the supervised tokens: logits `[M, V]` of the states before labels `[M]`.

    `tokens`: another number to divide the sum by, of a whole batch of which this is a part.
    """
    if labels.numel() == 0:
        return logits.sum() * 0.0
    if tokens is None:
        return cross_entropy(wide(logits), labels)
    return cross_entropy(wide(logits), labels, reduction="sum") / tokens


def score_loss(
    predicted_iou: Sequence[Tensor], logits: Sequence[Tensor], targets: Sequence[Tensor], masks: float | None = None
) -> Tensor:
    """Squared error of predicted IoU `[N_i]` against the true one of masks `[N_i, H_i, W_i]`, over the number of masks.

    `masks`: another number to divide by, of a whole batch of which this is a part.
    """
    count = (sum(len(t) for t in targets) if masks is None else masks) + 1e-8
    total = predicted_iou[0].sum() * 0.0 if len(predicted_iou) else torch.zeros(())
    for said, rows, target in zip(predicted_iou, logits, targets):
        total = total + (wide(said) - true_iou(rows, target)).square().sum()
    return total / count


@torch.no_grad()
def true_iou(logits: Tensor, targets: Tensor) -> Tensor:
    """IoU of masks `[N, H, W]` with targets of which more than half has to be covered → `[N]`."""
    mask, true = logits > 0, targets > 0.5
    overlap = (mask & true).flatten(1).sum(1)
    return overlap / (mask | true).flatten(1).sum(1).clamp(min=1)
