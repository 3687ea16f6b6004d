"""Whether a picture is of the kind that a model was trained on: a small model says so, instead of guessing aloud.

What both sides see of a picture, the mean of its tokens, the mean and spread of the mask side's features and how much
those change from one place to the next, is compared with the same of many training pictures (Mahalanobis distance, as
in Lee et al., NeurIPS 2018). The limit is set on other pictures of the kind, so that nearly all can be trusted to lie
within. How many photographs it catches for `tiny` stands in docs/models/tiny.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch.distributions import Binomial

from lisa.errors import BadCheckpoint
from lisa.model.segmenter import EncodedImage, Segmenter
from lisa.model.tensor_files import write_tensors

DOMAIN = "domain.safetensors"
SHRINK = 0.05
"""How much of the covariance is replaced by that of independent features, since pictures are few for so many."""
_REMEDY = "take it from the same checkpoint, or remove it"
KEPT, SURE = 0.98, 0.95
"""Share of pictures of the kind that lie within the limit, and how sure that is, as pictures to set it by are few."""


@dataclass(frozen=True)
class Domain:
    """Pictures of a kind, as they are seen."""

    mean: Tensor
    """`[F]`."""
    whiten: Tensor
    """`[F, F]`, after which features are independent and of size one."""
    limit: float
    """Distance beyond which a picture is of another kind."""

    @classmethod
    def fit(cls, pictures: Tensor, others: Tensor) -> Domain:
        """From pictures as `described`, `[n, F]`; the limit from others of the same kind, `[m, F]`."""
        size = pictures.std(0).clamp(min=1e-3)
        correlation = torch.cov((pictures / size).T)
        values, vectors = torch.linalg.eigh((1 - SHRINK) * correlation + SHRINK * torch.eye(len(correlation)))
        domain = cls(pictures.mean(0), vectors * values.clamp(min=1e-8).rsqrt() / size[:, None], 0.0)
        distances = sorted(float(domain.distance(o)) for o in others)
        return cls(domain.mean, domain.whiten, distances[-1 - beyond(len(distances))])

    def distance(self, picture: Tensor) -> Tensor:
        """How far a picture, as `described`, is from the middle of the kind; some thirty for one of them."""
        return ((picture - self.mean) @ self.whiten).norm()

    def holds(self, image: EncodedImage) -> bool:
        """Whether a picture is of the kind."""
        return bool(self.distance(described(image)) <= self.limit)

    def save(self, folder: Path) -> None:
        """Writes it beside a model's weights."""
        tensors = {"mean": self.mean, "whiten": self.whiten.half().contiguous(), "limit": torch.tensor(self.limit)}
        write_tensors(folder / DOMAIN, tensors)

    @classmethod
    def load(cls, folder: Path, segmenter: Segmenter) -> Domain | None:
        """What lies beside the weights of a model, if anything.

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
        size = len(described(segmenter.encode(np.zeros((8, 8, 3), np.uint8))))
        if mean.shape != (size,) or whiten.shape != (size, size):
            raise BadCheckpoint(f"{path} does not fit the model: {_REMEDY}")
        return cls(mean, whiten, limit)


def beyond(count: int) -> int:
    """Of how many of `count` pictures the limit may fall short (Wilks' tolerance limit).

    More would often come of a limit that really keeps less than `KEPT`.
    """
    drawn = Binomial(count, torch.tensor(1 - KEPT, dtype=torch.float64))
    at_most = drawn.log_prob(torch.arange(count, dtype=torch.float64)).exp().cumsum(0)
    return max(int((at_most <= 1 - SURE).sum()) - 1, 0)


def described(image: EncodedImage) -> Tensor:
    """Mean of its tokens; mean and spread of the mask side's features, and their mean step to a neighbour: `[F]`."""
    tokens, features = (x.detach().float().cpu() for x in (image.vlm_features, image.mask_features[0]))
    steps = features.diff(dim=1).abs().mean((1, 2)) + features.diff(dim=2).abs().mean((1, 2))
    return torch.cat([tokens.mean(0), features.mean((1, 2)), features.std((1, 2)), steps])
