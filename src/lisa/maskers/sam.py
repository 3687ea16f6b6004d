"""Segment Anything (Kirillov et al., 2023) as a masker: an image encoder in front of SAM's prompt and mask decoders."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers.models.sam.configuration_sam import (
    SamConfig,
    SamMaskDecoderConfig,
    SamPromptEncoderConfig,
    SamVisionConfig,
)
from transformers.models.sam.modeling_sam import SamMaskDecoder, SamPromptEncoder, SamVisionEncoder

from lisa.geometry import Geometry, normalised
from lisa.types import Image


class SamMasker(nn.Module):
    """Image encoder + SAM's prompt encoder and mask decoder, prompted by one vector per mask.

    The vector is the only sparse prompt and `no_mask_embed` the dense one; of the decoder's mask tokens only the
    first, single-mask one is used. The image encoder is any module `[B, 3, square, square]` → `[B, C, g, g]`.
    """

    def __init__(
        self,
        image_encoder: nn.Module,
        prompt_encoder: SamPromptEncoder,
        mask_decoder: SamMaskDecoder,
        *,
        scores_trained: bool,
    ) -> None:
        super().__init__()
        self.image_encoder = image_encoder
        self.prompt_encoder = prompt_encoder
        self.mask_decoder = mask_decoder
        self.square: int = prompt_encoder.input_image_size
        self.prompt_width: int = prompt_encoder.hidden_size
        self.scores_trained = scores_trained

    def guard_fp16(self) -> None:
        """For weights in fp16: the encoder's neck overflows there, so it runs in float32."""
        neck: Any = self.image_encoder.neck.float()
        neck.register_forward_pre_hook(lambda _, args: tuple(a.float() for a in args))
        neck.register_forward_hook(lambda _, args, out: out.half())

    def prepare(self, image: Image) -> tuple[Tensor, Geometry]:
        """See `Masker`; the picture's long side fills the square."""
        geometry = Geometry.fit((image.shape[0], image.shape[1]), self.square)
        return geometry.raw(image), geometry

    def encode(self, pixels: Tensor) -> Tensor:
        """`[B, 4, square, square]` → features `[B, C, g, g]`."""
        features = self.image_encoder(normalised(pixels, self.prompt_encoder.no_mask_embed.weight.dtype))
        return features if isinstance(features, Tensor) else features.last_hidden_state

    def decode(self, features: Tensor, prompts: Tensor, image_index: Tensor) -> tuple[Tensor, Tensor]:
        """Prompts `[S, P]` on images `image_index [S]` → low-res logits `[S, h, w]`, predicted IoU `[S]`."""
        count = prompts.shape[0]
        if count == 0:  # the decoder refuses an empty batch: decode one zero prompt and drop it
            prompts, image_index = prompts.new_zeros(1, prompts.shape[1]), image_index.new_zeros(1)
        chosen = features[image_index]
        masks, iou = self.mask_decoder(
            image_embeddings=chosen,
            image_positional_embeddings=self.position_map(features.shape[-1]).expand_as(chosen),
            sparse_prompt_embeddings=prompts[:, None, None].to(chosen.dtype),
            dense_prompt_embeddings=self.prompt_encoder.no_mask_embed.weight.reshape(1, -1, 1, 1).expand_as(chosen),
            multimask_output=False,
        )
        return masks[:count, 0, 0], iou[:count, 0, 0]

    def position_map(self, grid: int) -> Tensor:
        """Random-Fourier position features of a `grid`² map, `[1, P, grid, grid]`, in the weights' dtype.

        The dtype matters: published weights were trained and run with the map computed in bf16.
        """
        embed = self.prompt_encoder.shared_embedding
        ones = torch.ones(grid, grid, dtype=embed.positional_embedding.dtype, device=embed.positional_embedding.device)
        xy = torch.stack([(ones.cumsum(1) - 0.5) / grid, (ones.cumsum(0) - 0.5) / grid], dim=-1)
        return embed(xy).permute(2, 0, 1)[None]


def sam_decoders(vision: SamVisionConfig, decoder: dict[str, Any]) -> tuple[SamPromptEncoder, SamMaskDecoder]:
    """SAM's prompt encoder and mask decoder for features as `vision` describes them; `decoder`: its config's fields."""
    mask_config = SamMaskDecoderConfig(**decoder)
    prompt_config = SamPromptEncoderConfig(
        hidden_size=mask_config.hidden_size, image_size=vision.image_size, patch_size=vision.patch_size
    )
    whole = SamConfig(vision_config=vision, prompt_encoder_config=prompt_config, mask_decoder_config=mask_config)
    mask_config._attn_implementation = "sdpa"  # after the whole config, which resets it
    return SamPromptEncoder(whole), SamMaskDecoder(mask_config)


def build(options: dict[str, Any]) -> SamMasker:
    """SAM with its ViT encoder.

    Options: vision and decoder, fields of transformers' SAM configurations; scores_trained.
    """
    vision, decoder = options["vision"], options["decoder"]
    config = SamVisionConfig(**{"initializer_range": 0.02, **vision})
    config._attn_implementation = "sdpa"
    prompt_encoder, mask_decoder = sam_decoders(config, decoder)
    scored = bool(options.get("scores_trained", False))
    return SamMasker(SamVisionEncoder(config), prompt_encoder, mask_decoder, scores_trained=scored)
