"""Whether a picture is of the kind that a model was trained on: a small model says so, instead of guessing aloud.

What a picture's tokens are like, their mean and spread, is compared with the same of many training pictures
(Mahalanobis distance, as in Lee et al., NeurIPS 2018). The limit is set on other pictures of the kind, of which one in
fifty lies beyond it. How many photographs it catches for `tiny` stands in docs/models/tiny.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from lisa.errors import BadCheckpoint

DOMAIN = "domain.safetensors"
SHRINK = 0.05
"""How much of the covariance is replaced by that of independent features, since pictures are few for so many."""
_REMEDY = "take it from the same checkpoint, or remove it"
KEPT = 0.98
"""Share of pictures of the kind that lie within the limit."""


@dataclass(frozen=True)
class Domain:
    """Pictures of a kind, as their tokens are."""

    mean: Tensor
    """`[F]`."""
    whiten: Tensor
    """`[F, F]`, after which features are independent and of size one."""
    limit: float
    """Distance beyond which a picture is of another kind."""

    @classmethod
    def fit(cls, pictures: Sequence[Tensor], others: Sequence[Tensor]) -> Domain:
        """From the tokens `[tokens, D]` of pictures; the limit from those of others of the same kind."""
        x = torch.stack([described(p) for p in pictures])
        covariance = torch.cov(x.T)
        independent = covariance.diagonal().mean() * torch.eye(len(covariance))
        values, vectors = torch.linalg.eigh((1 - SHRINK) * covariance + SHRINK * independent)
        domain = cls(x.mean(0), vectors * values.clamp(min=1e-8).rsqrt(), 0.0)
        limit = torch.tensor([domain.distance(o) for o in others]).quantile(KEPT)
        return cls(domain.mean, domain.whiten, float(limit))

    def distance(self, tokens: Tensor) -> float:
        """How far a picture is from the middle of the kind; some twenty for one of them."""
        away = described(tokens) - self.mean
        return float((away @ self.whiten).norm())

    def holds(self, tokens: Tensor) -> bool:
        """Whether a picture is of the kind."""
        return self.distance(tokens) <= self.limit

    def save(self, folder: Path) -> None:
        """Writes it beside a model's weights."""
        tensors = {"mean": self.mean, "whiten": self.whiten.half().contiguous(), "limit": torch.tensor(self.limit)}
        save_file(tensors, folder / DOMAIN)

    @classmethod
    def load(cls, folder: Path, *, width: int) -> Domain | None:
        """What lies beside the weights of a model whose tokens have `width`, if anything.

        Raises BadCheckpoint for a file that is damaged, or of another model.
        """
        path = folder / DOMAIN
        if not path.is_file():
            return None
        try:
            found = load_file(path)
            mean, whiten, limit = found["mean"].float(), found["whiten"].float(), float(found["limit"])
        except (OSError, SafetensorError, KeyError, ValueError) as error:
            raise BadCheckpoint(f"{path} is damaged ({error}): {_REMEDY}") from error
        if mean.shape != (2 * width,) or whiten.shape != (2 * width, 2 * width):
            raise BadCheckpoint(f"{path} does not fit the model: {_REMEDY}")
        return cls(mean, whiten, limit)


def described(tokens: Tensor) -> Tensor:
    """Mean and spread of a picture's tokens `[tokens, D]`: `[2 D]` float32."""
    wide = tokens.detach().float().cpu()
    return torch.cat([wide.mean(0), wide.std(0)])
