"""Optimizers and the learning-rate schedule."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from lisa.errors import BadInput


class Muon(torch.optim.Muon):
    """torch's Muon over kernels of any rank: each is seen as the matrix `[out, everything else]`.

    Muon (Jordan et al., 2024) orthogonalises the momentum of a matrix; convolutions are matrices too.
    """

    def __init__(self, params: Iterable[Tensor], lr: float, *, momentum: float = 0.95, weight_decay: float = 0.0):
        self._pairs = [(p, nn.Parameter(_as_matrix(p, p.detach()))) for p in params]
        super().__init__([view for _, view in self._pairs], lr=lr, momentum=momentum, weight_decay=weight_decay)
        for kernel, view in self._pairs:
            if kernel.data_ptr() != view.data_ptr():
                raise ValueError("Muon needs kernels that are contiguous in some order")

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One update from the kernels' gradients."""
        for kernel, view in self._pairs:
            view.grad = None if kernel.grad is None else _as_matrix(kernel, kernel.grad)
        super().step()

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forgets the kernels' gradients."""
        for kernel, view in self._pairs:
            kernel.grad = view.grad = None


def _as_matrix(kernel: Tensor, values: Tensor) -> Tensor:
    """Values of a kernel as `[out, everything else]`, a view in the kernel's own memory order."""
    return values.flatten(1) if kernel.is_contiguous() else values.permute(0, 2, 3, 1).flatten(1)


def matrices(module: nn.Module, *, without: Sequence[str] = ()) -> list[nn.Parameter]:
    """A module's trainable parameters of rank ≥ 2 whose names hold none of `without`: what Muon is for."""
    return [
        p for n, p in module.named_parameters() if p.requires_grad and p.ndim >= 2 and not any(w in n for w in without)
    ]


def rest(module: nn.Module, taken: Iterable[Tensor]) -> list[nn.Parameter]:
    """The trainable parameters that are not in `taken`."""
    ids = {id(p) for p in taken}
    return [p for p in module.parameters() if p.requires_grad and id(p) not in ids]


def warmup_then_cosine(step: int, *, steps: int, warmup: int, floor: float = 0.0) -> float:
    """Factor on the learning rate at `step`: linear up over `warmup`, then a half cosine down to `floor`."""
    if step < warmup:
        return (step + 1) / warmup
    done = min((step - warmup) / max(steps - warmup, 1), 1.0)
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * done))


def schedule(name: str, step: int, *, steps: int, warmup: int) -> float:
    """Factor on the learning rate at `step`, by the schedule's name: "cosine", "linear" or "constant".

    Raises BadInput for another name.
    """
    if name == "cosine":
        return warmup_then_cosine(step, steps=steps, warmup=warmup)
    if name not in ("linear", "constant"):
        raise BadInput(f"there is no schedule {name!r}: choose cosine, linear or constant")
    if step < warmup:
        return (step + 1) / warmup
    return 1.0 if name == "constant" else max((steps - step) / max(steps - warmup, 1), 0.0)
