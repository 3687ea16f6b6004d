"""The mask side's protocol: an image encoder and a decoder that takes a prompt vector per mask."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

from torch import Tensor, nn

from lisa.geometry import Geometry
from lisa.types import Image


@runtime_checkable
class Masker(Protocol):
    """What the segmenter asks of a mask model. Knows nothing of language.

    Implementations are `nn.Module`s; the three calls are meant to be made in this order, `encode` once per image.
    """

    image_encoder: nn.Module
    """The part behind `encode`, which is mostly frozen."""
    prompt_width: int
    """P, the width of a prompt vector."""
    scores_trained: bool
    """Whether the IoU head was trained for prompts that come from language."""

    def prepare(self, image: Image) -> tuple[Tensor, Geometry]:
        """An RGB picture → `Geometry.raw`'s pixels `[4, square, square]` uint8 on the CPU, and the way back."""
        ...

    def encode(self, pixels: Tensor) -> Tensor:
        """Such pixels `[B, 4, square, square]`, normalised here → image features `[B, C, g, g]`."""
        ...

    def decode(self, features: Tensor, prompts: Tensor, image_index: Tensor) -> tuple[Tensor, Tensor]:
        """Masks for prompts `[S, P]`, the s-th on image `image_index[s]` of `features`.

        Returns low-res logits `[S, h, w]` and the predicted IoU `[S]`. S = 0 is allowed and keeps the graph connected.
        """
        ...

    def parameters(self, recurse: bool = True) -> Iterator[Any]:
        """The parameters, as `nn.Module` gives them."""
        ...
