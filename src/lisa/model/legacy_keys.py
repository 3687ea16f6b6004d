"""Names of the published LISA weights ↔ names in a `Segmenter`: one table, read in both directions.

`#` is a number and `*` the rest of a name; a key belongs to the first row that fits it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_LANGUAGE = "vlm.model.model.language_model"
_SAM = "model.visual_model"
_ENCODER, _PROMPT, _DECODER = f"{_SAM}.image_encoder", f"{_SAM}.prompt_encoder", f"{_SAM}.mask_decoder"
_IMAGES, _PROMPTS, _MASKS = "masker.image_encoder", "masker.prompt_encoder", "masker.mask_decoder"

TABLE: Sequence[tuple[str, str]] = (
    # the VLM
    ("model.embed_tokens.*", f"{_LANGUAGE}.embed_tokens.*"),
    ("model.layers.#.*", f"{_LANGUAGE}.layers.#.*"),
    ("model.norm.*", f"{_LANGUAGE}.norm.*"),
    ("lm_head.*", "vlm.model.lm_head.*"),
    ("model.mm_projector.*", "vlm.model.model.multi_modal_projector.*"),
    # [SEG] state → prompt
    ("model.text_hidden_fcs.0.0.*", "projector.hidden.*"),
    ("model.text_hidden_fcs.0.2.*", "projector.out.*"),
    # SAM's image encoder
    (f"{_ENCODER}.pos_embed", f"{_IMAGES}.pos_embed"),
    (f"{_ENCODER}.patch_embed.proj.*", f"{_IMAGES}.patch_embed.projection.*"),
    (f"{_ENCODER}.blocks.#.norm#.*", f"{_IMAGES}.layers.#.layer_norm#.*"),
    (f"{_ENCODER}.blocks.#.attn.*", f"{_IMAGES}.layers.#.attn.*"),
    (f"{_ENCODER}.blocks.#.mlp.*", f"{_IMAGES}.layers.#.mlp.*"),
    (f"{_ENCODER}.neck.0.*", f"{_IMAGES}.neck.conv1.*"),
    (f"{_ENCODER}.neck.1.*", f"{_IMAGES}.neck.layer_norm1.*"),
    (f"{_ENCODER}.neck.2.*", f"{_IMAGES}.neck.conv2.*"),
    (f"{_ENCODER}.neck.3.*", f"{_IMAGES}.neck.layer_norm2.*"),
    # SAM's prompt encoder
    (f"{_PROMPT}.pe_layer.positional_encoding_gaussian_matrix", f"{_PROMPTS}.shared_embedding.positional_embedding"),
    (f"{_PROMPT}.point_embeddings.#.*", f"{_PROMPTS}.point_embed.#.*"),
    (f"{_PROMPT}.not_a_point_embed.*", f"{_PROMPTS}.not_a_point_embed.*"),
    (f"{_PROMPT}.no_mask_embed.*", f"{_PROMPTS}.no_mask_embed.*"),
    (f"{_PROMPT}.mask_downscaling.0.*", f"{_PROMPTS}.mask_embed.conv1.*"),
    (f"{_PROMPT}.mask_downscaling.1.*", f"{_PROMPTS}.mask_embed.layer_norm1.*"),
    (f"{_PROMPT}.mask_downscaling.3.*", f"{_PROMPTS}.mask_embed.conv2.*"),
    (f"{_PROMPT}.mask_downscaling.4.*", f"{_PROMPTS}.mask_embed.layer_norm2.*"),
    (f"{_PROMPT}.mask_downscaling.6.*", f"{_PROMPTS}.mask_embed.conv3.*"),
    # SAM's mask decoder
    (f"{_DECODER}.transformer.layers.#.norm#.*", f"{_MASKS}.transformer.layers.#.layer_norm#.*"),
    (f"{_DECODER}.transformer.layers.#.*", f"{_MASKS}.transformer.layers.#.*"),
    (f"{_DECODER}.transformer.final_attn_token_to_image.*", f"{_MASKS}.transformer.final_attn_token_to_image.*"),
    (f"{_DECODER}.transformer.norm_final_attn.*", f"{_MASKS}.transformer.layer_norm_final_attn.*"),
    (f"{_DECODER}.iou_token.*", f"{_MASKS}.iou_token.*"),
    (f"{_DECODER}.mask_tokens.*", f"{_MASKS}.mask_tokens.*"),
    (f"{_DECODER}.output_upscaling.0.*", f"{_MASKS}.upscale_conv1.*"),
    (f"{_DECODER}.output_upscaling.1.*", f"{_MASKS}.upscale_layer_norm.*"),
    (f"{_DECODER}.output_upscaling.3.*", f"{_MASKS}.upscale_conv2.*"),
    (f"{_DECODER}.output_hypernetworks_mlps.#.layers.0.*", f"{_MASKS}.output_hypernetworks_mlps.#.proj_in.*"),
    (f"{_DECODER}.output_hypernetworks_mlps.#.layers.1.*", f"{_MASKS}.output_hypernetworks_mlps.#.layers.0.*"),
    (f"{_DECODER}.output_hypernetworks_mlps.#.layers.2.*", f"{_MASKS}.output_hypernetworks_mlps.#.proj_out.*"),
    (f"{_DECODER}.iou_prediction_head.layers.0.*", f"{_MASKS}.iou_prediction_head.proj_in.*"),
    (f"{_DECODER}.iou_prediction_head.layers.1.*", f"{_MASKS}.iou_prediction_head.layers.0.*"),
    (f"{_DECODER}.iou_prediction_head.layers.2.*", f"{_MASKS}.iou_prediction_head.proj_out.*"),
)  # fmt: skip
"""(published, ours)."""

IGNORED = re.compile(r"model\.layers\.\d+\.self_attn\.rotary_emb\.inv_freq")
"""Published keys without a counterpart: rotary frequencies, rounded to bf16 in the files, are computed instead."""

TRAINING_PREFIX = "base_model.model."
"""What PEFT puts before every key while the reference trains; LoRA pairs stand beside their weight as `lora_A.default`
and `lora_B.default`."""

CLIP = "model.vision_tower.vision_tower."
"""What stands before the vision tower's own keys while the reference trains; published files leave the tower out."""


def to_ours(key: str) -> str | None:
    """A published key → its name in a `Segmenter`; None for a key that no row fits."""
    return None if IGNORED.fullmatch(key) else _translate(key, _FORWARD)


def to_published(key: str) -> str | None:
    """A name in a `Segmenter` → the published key; None for one without, such as the vision tower's."""
    return _translate(key, _BACKWARD)


def _compile(rows: Sequence[tuple[str, str]]) -> list[tuple[re.Pattern[str], str]]:
    compiled = []
    for source, target in rows:
        pattern = re.escape(source).replace(r"\#", r"(\d+)").replace(r"\*", "(.+)")
        compiled.append((re.compile(pattern), re.sub(r"[#*]", "{}", target)))
    return compiled


def _translate(key: str, rows: Sequence[tuple[re.Pattern[str], str]]) -> str | None:
    for pattern, target in rows:
        if match := pattern.fullmatch(key):
            return target.format(*match.groups())
    return None


_FORWARD = _compile(TABLE)
_BACKWARD = _compile([(ours, published) for published, ours in TABLE])
