"""The embedded model's masker: SAM's decoder over a small convolutional pyramid trained from nothing."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate
from transformers.models.sam.configuration_sam import SamVisionConfig

from lisa.maskers.sam import SamMasker, sam_decoders
from lisa.towers import Residual, Trunk


class Pyramid(nn.Module):
    """Trunk + top-down fusion → one map `[B, width, S/8, S/8]` that has seen the context and kept the detail.

    Stride-4 detail enters by a strided convolution, the picture's mean by a broadcast.
    """

    def __init__(self, widths: tuple[int, int, int], depths: tuple[int, int, int], width: int) -> None:
        super().__init__()
        self.trunk = Trunk(widths, depths)
        self.from4 = nn.Conv2d(widths[0], width, 2, stride=2)
        self.from8 = nn.Conv2d(widths[1], width, 1)
        self.from16 = nn.Conv2d(widths[2], width, 1)
        self.context = nn.Linear(widths[2], width)
        self.fuse = nn.Sequential(Residual(width), Residual(width, 2), nn.GroupNorm(1, width))

    def forward(self, pixels: Tensor) -> Tensor:
        """`[B, 3, S, S]` → `[B, width, S/8, S/8]`."""
        return self.combine(*self.trunk(pixels)[1:])

    def combine(self, at4: Tensor, at8: Tensor, at16: Tensor) -> Tensor:
        """The trunk's maps to one."""
        context = self.context(at16.mean((2, 3)))[:, :, None, None]
        top = interpolate(self.from16(at16), scale_factor=2, mode="bilinear", align_corners=False)
        return self.fuse(self.from4(at4) + self.from8(at8) + top + context)


class FloatPyramid(Pyramid):
    """A pyramid that stays out of autocast: bf16 convolutions are slow on CPUs."""

    def forward(self, pixels: Tensor) -> Tensor:
        """`[B, 3, S, S]` → `[B, width, S/8, S/8]`."""
        with torch.autocast(pixels.device.type, enabled=False):
            return super().forward(pixels)


def build(options: dict[str, Any]) -> SamMasker:
    """Options: square, width, widths, depths, decoder (fields of SAM's mask decoder configuration)."""
    square, width = options["square"], options["width"]
    vision = SamVisionConfig(hidden_size=2, num_pos_feats=width // 2, image_size=square, patch_size=8)  # scale 1
    prompt_encoder, mask_decoder = sam_decoders(vision, {"hidden_size": width, **options["decoder"]})
    encoder: nn.Module = FloatPyramid(tuple(options["widths"]), tuple(options["depths"]), width)
    return SamMasker(encoder, prompt_encoder, mask_decoder, scores_trained=True)
