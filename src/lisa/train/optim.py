"""Optimizers and the learning-rate schedule."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from lisa.devices import computes_bf16
from lisa.errors import BadInput

NO_MATRICES = ("embed_tokens", "lm_head", "position", "stem.0")
"""Parts of names of weights that have two axes or more and are none of Muon's: tables, and the first convolution."""
TABLE = 10.0
"""Factor on the rate of an embedding that is trained from nothing: most of its rows are seen a few times only."""


class Muon(torch.optim.Optimizer):
    """Muon (Jordan et al., 2024): Nesterov's momentum, of which every matrix is made orthogonal before it is a step.

    Kernels of any rank are seen as matrices `[out, everything else]`. Unlike torch's own, it orthogonalises in float32
    where bfloat16 is slow: on a CPU without instructions for it that took seven eighths of a step.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float,
        *,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One update from the kernels' gradients; those of one shape are made orthogonal together."""
        for group in self.param_groups:
            kernels = [kernel for kernel in group["params"] if kernel.grad is not None]
            alike: dict[torch.Size, list[int]] = {}
            for number, kernel in enumerate(kernels):
                alike.setdefault(kernel.flatten(1).shape, []).append(number)
            pushed = self._pushed(kernels, group["momentum"])
            if kernels:
                torch._foreach_mul_(kernels, 1 - group["lr"] * group["weight_decay"])  # type: ignore[attr-defined]
            for (rows, columns), numbers in alike.items():
                update = orthogonal(torch.stack([pushed[n].flatten(1) for n in numbers]))
                rate = group["lr"] * math.sqrt(max(1.0, rows / columns))
                some = [kernels[n] for n in numbers]
                torch._foreach_add_(some, [u.reshape(k.shape) for u, k in zip(update, some)], alpha=-rate)  # type: ignore[attr-defined]

    def _pushed(self, kernels: list[Tensor], momentum: float) -> list[Tensor]:
        """The gradients with Nesterov's momentum."""
        if not kernels:
            return []
        for kernel in kernels:
            if not self.state[kernel]:
                self.state[kernel]["momentum_buffer"] = torch.zeros_like(kernel)
        gradients: list[Tensor] = [kernel.grad for kernel in kernels]  # type: ignore[misc]
        velocities = [self.state[kernel]["momentum_buffer"] for kernel in kernels]
        torch._foreach_lerp_(velocities, gradients, 1 - momentum)  # type: ignore[attr-defined]
        return list(torch._foreach_lerp(gradients, velocities, momentum))  # type: ignore[attr-defined]


def orthogonal(matrix: Tensor) -> Tensor:
    """`[…, M, N]` → nearly the same with every singular value near 1, by five steps of Newton and Schulz.

    The quintic's coefficients are Jordan's.
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = matrix.shape[-2] > matrix.shape[-1]
    x = matrix.mT if tall else matrix
    x = x.to(torch.bfloat16 if computes_bf16(x.device) else torch.float32)
    x = (x / x.norm(dim=(-2, -1), keepdim=True).clamp(min=1e-7)).reshape(-1, *x.shape[-2:])
    for _ in range(5):
        square = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(square, square, square, beta=b, alpha=c), x, beta=a)
    return (x.mT if tall else x).reshape(matrix.shape).to(matrix.dtype)


def matrices(module: nn.Module, *, without: Sequence[str] = ()) -> list[nn.Parameter]:
    """A module's trainable parameters of rank ≥ 2 whose names hold none of `without`: what Muon is for."""
    return [
        p for n, p in module.named_parameters() if p.requires_grad and p.ndim >= 2 and not any(w in n for w in without)
    ]


def rest(module: nn.Module, taken: Iterable[Tensor]) -> list[nn.Parameter]:
    """The trainable parameters that are not in `taken`."""
    ids = {id(p) for p in taken}
    return [p for p in module.parameters() if p.requires_grad and id(p) not in ids]


def muon_beside_adamw(
    kernels: Sequence[nn.Parameter],
    others: Sequence[nn.Parameter],
    *,
    rate: float,
    table: nn.Parameter | None = None,
    weight_decay: float = 0.01,
    betas: tuple[float, float] = (0.9, 0.999),
) -> tuple[Muon, torch.optim.AdamW]:
    """Muon for the kernels at ten times the learning rate that AdamW has for the others.

    `table`: the words' embedding, where it is trained from nothing; it gets `TABLE` times that rate.
    """
    once = [p for p in dict.fromkeys(others) if p is not table]  # a head may be the table itself
    groups: list[dict[str, Any]] = [{"params": once}]
    if table is not None:
        groups.append({"params": [table], "lr": TABLE * rate})
    return (
        Muon([{"params": [*kernels]}], lr=10 * rate, weight_decay=weight_decay),  # there may be none
        torch.optim.AdamW(groups, lr=rate, betas=betas, weight_decay=weight_decay),
    )


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
