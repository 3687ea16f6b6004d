"""The embedded model's masker: SAM's decoder over a small convolutional pyramid trained from nothing."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers.models.sam.configuration_sam import SamVisionConfig

from lisa.maskers.sam import SamMasker, sam_decoders
from lisa.towers import Pyramid


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
