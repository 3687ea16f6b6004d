"""An estimate of the memory that training takes on each device, by part, from shapes alone."""

from __future__ import annotations

from typing import Any, cast

from lisa.model.adapters import language_model
from lisa.model.segmenter import Batch, Segmenter
from lisa.recipes.base import Recipe

MASTER, GRADIENT, MOMENTS = 4, 4, 8
"""Bytes for each trained number: float32 weight, gradient and AdamW's two moments."""


def training_memory(segmenter: Segmenter, batch: Batch, recipe: Recipe) -> dict[str, float]:
    """Part → bytes, for one forward of `batch` and its backward.

    Activations are those that autograd keeps: with checkpointing the inputs of every block and one block's insides.
    """
    frozen = sum(p.numel() * p.element_size() for p in segmenter.parameters() if not p.requires_grad)
    trained = sum(p.numel() for p in segmenter.parameters() if p.requires_grad)
    return {
        "frozen weights": float(frozen),
        "trained weights": float(trained * MASTER),
        "gradients": float(trained * GRADIENT),
        "optimizer": float(trained * MOMENTS),
        "activations": _activations(segmenter, batch, recipe),
    }


def _activations(segmenter: Segmenter, batch: Batch, recipe: Recipe) -> float:
    """Bytes kept for the backward pass: the language model's blocks, its logits, and the mask decoder."""
    config: Any = cast(Any, language_model(segmenter)).config
    size = 2 if recipe.precision == "bf16" else 4
    b, t = batch.vlm.input_ids.shape
    width, inner = config.hidden_size, config.intermediate_size
    heads, layers = config.num_attention_heads, config.num_hidden_layers
    eager = getattr(config, "_attn_implementation", "sdpa") == "eager"
    block = b * t * size * (10 * width + 4 * inner) + (2 * b * heads * t * t * size if eager else 0)
    between = size if recipe.embeddings == "none" else 4  # trained embeddings are float32, and so are the sums on them
    blocks = b * t * width * between * layers + block if recipe.checkpointing else block * layers
    tokens = int((batch.vlm.labels != -100).sum())
    logits = tokens * config.vocab_size * (size + 8)
    masks = sum(len(target) for target in batch.targets)
    pixels = sum(target.numel() for target in batch.targets) * 4 * 6
    side = segmenter.masker.square if hasattr(segmenter.masker, "square") else 1024  # type: ignore[attr-defined]
    decoder = masks * (side // 16) ** 2 * segmenter.masker.prompt_width * 4 * 40
    return float(blocks + logits + pixels + decoder)
