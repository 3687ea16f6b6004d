"""An estimate of the memory that training takes on each device, by part, from shapes alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from torch import nn

from lisa.model.adapters import language_model
from lisa.model.segmenter import Batch, Segmenter
from lisa.recipes.base import Recipe

MASTER, GRADIENT, MOMENTS = 4, 4, 8
"""Bytes for each trained number: float32 weight, gradient and AdamW's two moments."""


BUCKET = 500_000_000
"""Numbers in ZeRO-2's buffer for gradients, by default."""
NF4 = 0.5625
"""Bytes of a number in 4 bits, with its part of the scales."""


def on_each(parts: Mapping[str, float], segmenter: Segmenter, engine: str, processes: int) -> dict[str, float]:
    """`training_memory` of one of several processes: what an engine copies or shares out ("deepspeed" as ZeRO-2)."""
    found, share = dict(parts), 1 / processes
    if processes == 1:
        return found
    if engine == "ddp":  # beside the gradients lie the buckets in which they are sent
        return found | {"gradients": 2 * found["gradients"]}
    numbers = found["trained weights"] / MASTER
    found |= {"optimizer": found["optimizer"] * share, "trained weights": numbers * MASTER * (1 + share)}
    if engine != "fsdp":
        return found | {"gradients": numbers * GRADIENT * share + BUCKET * GRADIENT}
    blocks = frozen_blocks(segmenter)
    frozen = found["frozen weights"] - sum(blocks) * (1 - share) + 2 * max(blocks)
    return found | {"frozen weights": frozen, "gradients": numbers * GRADIENT * (1 + share)}


def frozen_blocks(segmenter: Segmenter) -> list[int]:
    """Bytes of the frozen weights of each block of the language model."""
    return [_frozen(layer) for layer in cast(Any, language_model(segmenter)).layers]


def _frozen(module: nn.Module) -> int:
    """Bytes of its frozen weights."""
    return sum(p.numel() * p.element_size() for p in module.parameters() if not p.requires_grad)


def training_memory(segmenter: Segmenter, batch: Batch, recipe: Recipe) -> dict[str, float]:
    """Part → bytes, for one forward of `batch` and its backward; of a segmenter on the meta device, too.

    Activations are those that autograd keeps: with checkpointing the inputs of every block and one block's insides.
    """
    frozen = float(_frozen(segmenter))
    if recipe.quantise == "nf4":
        layers = [m.weight for m in language_model(segmenter).modules() if isinstance(m, nn.Linear)]
        whole = [w for w in layers if not w.requires_grad and w.is_floating_point()]  # as they are on the meta device
        frozen -= sum(w.numel() * (w.element_size() - NF4) for w in whole)
    trained = sum(p.numel() for p in segmenter.parameters() if p.requires_grad)
    return {
        "frozen weights": frozen,
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
    between = size if recipe.embeddings != "all" else 4  # trained tables are float32, and so are the sums on them
    blocks = b * t * width * between * layers + block if recipe.checkpointing else block * layers
    tokens = int((batch.vlm.labels != -100).sum())
    logits = tokens * config.vocab_size * (size + 8)
    masks = sum(len(target) for target in batch.targets)
    pixels = sum(target.numel() for target in batch.targets) * 4 * 6
    side = segmenter.masker.square if hasattr(segmenter.masker, "square") else 1024  # type: ignore[attr-defined]
    decoder = masks * (side // 16) ** 2 * segmenter.masker.prompt_width * 4 * 40
    return float(blocks + logits + pixels + decoder)
