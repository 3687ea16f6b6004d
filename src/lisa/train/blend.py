"""Weights between a start's and the learned ones, which forget less and have learned less (arXiv 2109.01903)."""

from __future__ import annotations

import torch
from torch import nn


@torch.no_grad()
def blend(learned: nn.Module, before: nn.Module, share: float) -> None:
    """Every number of `learned` becomes (1 − share) of `before` and `share` of itself."""
    old = dict([*before.named_parameters(), *before.named_buffers()])
    for name, tensor in [*learned.named_parameters(), *learned.named_buffers()]:
        if tensor.is_floating_point():
            tensor.copy_(tensor.float().lerp(old[name].float(), 1 - share))
