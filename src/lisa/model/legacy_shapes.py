"""Sizes of a published checkpoint, read from the shapes of its tensors; nothing is assumed to be ViT-H or 7B."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from lisa.errors import BadCheckpoint

_SAM = "model.visual_model."
_DECODER_HEADS = 8
"""Attention heads of SAM's mask decoder: no shape shows them, and every SAM has eight."""


def sam_options(tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    """Options for `lisa.maskers.sam.build`."""
    shapes = {key.removeprefix(_SAM): tuple(t.shape) for key, t in tensors.items() if key.startswith(_SAM)}
    try:
        return {"vision": _vision(shapes), "decoder": _decoder(shapes)}
    except (KeyError, IndexError, ValueError, ZeroDivisionError) as error:
        raise BadCheckpoint(
            f"the mask side (SAM, {_SAM}*) of this checkpoint is incomplete ({error}): see `lisa doctor`"
        ) from error


def vocabulary(tensors: Mapping[str, Tensor]) -> int:
    """Rows of the input embedding."""
    try:
        return tensors["model.embed_tokens.weight"].shape[0]
    except KeyError as error:
        raise BadCheckpoint("this checkpoint has no model.embed_tokens.weight: see `lisa doctor`") from error


def _vision(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    _, grid, _, width = shapes["image_encoder.pos_embed"]
    patch = shapes["image_encoder.patch_embed.proj.weight"][-1]
    depth = _count(shapes, "image_encoder.blocks.")
    tables = [shapes[f"image_encoder.blocks.{i}.attn.rel_pos_h"] for i in range(depth)]
    spans = [(length + 1) // 2 for length, _ in tables]  # a table of 2 n − 1 offsets spans n positions
    windows = {span for span in spans if span != grid}
    if len(windows) > 1:
        raise ValueError(f"windows of several sizes {sorted(windows)}")
    return {
        "hidden_size": width,
        "num_hidden_layers": depth,
        "num_attention_heads": width // tables[0][1],
        "mlp_dim": shapes["image_encoder.blocks.0.mlp.lin1.weight"][0],
        "qkv_bias": "image_encoder.blocks.0.attn.qkv.bias" in shapes,
        "output_channels": shapes["image_encoder.neck.0.weight"][0],
        "image_size": grid * patch,
        "patch_size": patch,
        "window_size": windows.pop() if windows else grid,
        "global_attn_indexes": [i for i, span in enumerate(spans) if span == grid],
        "num_pos_feats": shapes["prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"][1],
    }


def _decoder(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    width = shapes["mask_decoder.iou_token.weight"][1]
    first = "mask_decoder.transformer.layers.0."
    return {
        "hidden_size": width,
        "num_attention_heads": _DECODER_HEADS,
        "num_hidden_layers": _count(shapes, "mask_decoder.transformer.layers."),
        "mlp_dim": shapes[f"{first}mlp.lin1.weight"][0],
        "attention_downsample_rate": width // shapes[f"{first}cross_attn_token_to_image.q_proj.weight"][0],
        "num_multimask_outputs": shapes["mask_decoder.mask_tokens.weight"][0] - 1,
        "iou_head_depth": _count(shapes, "mask_decoder.iou_prediction_head.layers."),
        "iou_head_hidden_dim": shapes["mask_decoder.iou_prediction_head.layers.0.weight"][0],
        "layer_norm_eps": 1e-5,
    }


def _count(shapes: Mapping[str, tuple[int, ...]], prefix: str) -> int:
    """How many numbered modules follow `prefix`."""
    return len({key[len(prefix) :].split(".")[0] for key in shapes if key.startswith(prefix)})
