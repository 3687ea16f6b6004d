"""CPU-seconds of one training step at mid-size: the reference's schedule, ours with a cold cache, ours with a warm one.

`python benchmarks/step_cost.py [--small]`. Mid-size (615 M parameters, random weights): LLaMA 1024 × 12 layers, CLIP
ViT-L/14-224, SAM ViT-B at 1024 px; 2 pictures × 2 conversations, LoRA and the reference's trained parts, activations
computed twice, fp32, one thread. The reference's schedule: SAM picture by picture, CLIP once per conversation, output
embedding on every position, SAM's attention as a whole matrix. All three run the same weights, batch and losses.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import CLIPVisionConfig, LlamaConfig
from transformers.models.sam.modeling_sam import SamVisionAttention

from lisa.maskers import sam
from lisa.model.adapters import Trained, language_model, prepare
from lisa.model.losses import LossWeights, mask_losses, text_loss
from lisa.model.segmenter import Batch, Segmenter
from lisa.train.feature_cache import FeatureCache, Memory
from lisa.train.seg import FrozenFeatures
from lisa.types import Sample, Target, Turn
from lisa.vlms import llava_v1
from lisa.vlms.base import IGNORE
from lisa.vlms.llava_tokens import LlamaTokens
from lisa.vlms.llava_v1 import LlavaV1Dialogue

TOKENIZER = Path("../shared/reference/hub/tiny-lisa/tokenizer.model")


def mid_size(small: bool) -> Segmenter:
    """Random weights at FACTS E's sizes, or at a fraction of them to try the script."""
    torch.manual_seed(0)
    width, layers, inner = (128, 2, 344) if small else (1024, 12, 2720)
    text = LlamaConfig(
        hidden_size=width, intermediate_size=inner, num_hidden_layers=layers, num_attention_heads=width // 64,
        vocab_size=32003, pad_token_id=0,
    )  # fmt: skip
    clip = CLIPVisionConfig(
        hidden_size=128 if small else 1024, intermediate_size=512 if small else 4096,
        num_hidden_layers=4 if small else 24, num_attention_heads=2 if small else 16, image_size=224, patch_size=14,
    )  # fmt: skip
    tokens = LlamaTokens(TOKENIZER, {"[SEG]": 32000, "<im_start>": 32001, "<im_end>": 32002})
    vlm = llava_v1.build(text, clip, LlavaV1Dialogue(tokens, image_tokens=256))
    vision = {
        "hidden_size": 96 if small else 768, "num_hidden_layers": 2 if small else 12,
        "num_attention_heads": 2 if small else 12, "mlp_dim": 384 if small else 3072,
        "image_size": 256 if small else 1024, "global_attn_indexes": [1] if small else [2, 5, 8, 11],
    }  # fmt: skip
    return Segmenter(vlm, sam.build({"vision": vision, "decoder": {}}))


def conversations() -> list[list[Sample]]:
    """Two pictures of 768 × 1024 with two conversations of a mask each."""
    rng = np.random.default_rng(0)
    groups = []
    for number in range(2):
        image = rng.integers(0, 256, (768, 1024, 3), dtype=np.uint8)
        group = []
        for side in range(2):
            mask = np.zeros((768, 1024), bool)
            mask[100:400, 100 + 300 * side : 350 + 300 * side] = True
            turn = Turn(
                instruction="What is the thing that somebody would take to reach what is on top of it in this picture?",
                answer="Sure, it is the wooden one on the left side [SEG].",
                targets=(Target(mask=mask),),
            )
            group.append(Sample(id=f"{number}/{side}", image=image, turns=(turn,)))
        groups.append(group)
    return groups


def reference_step(model: Segmenter, batch: Batch) -> Tensor:
    """The reference's schedule, with our modules."""
    with torch.no_grad(), explicit_attention(model.masker.image_encoder):
        features = torch.cat([model.masker.encode(p[None]) for p in batch.pixels])
        rows = [model.vlm.encode_images({k: v[i : i + 1] for k, v in batch.vlm.images.items()})[0]
                for i in batch.vlm.image_index.tolist()]  # fmt: skip
    first = {int(i): rows[k] for k, i in enumerate(batch.vlm.image_index.tolist())}
    output = model(batch, features, [first[i] for i in range(len(first))])
    logits = model.vlm.logits(output.hidden)  # of every position
    following = batch.vlm.labels[:, 1:]
    text = text_loss(logits[:, :-1][following != IGNORE], following[following != IGNORE])
    restored, targets = model._compared(batch, output, True)
    bce, dice = mask_losses(restored, targets)
    return text + 2 * bce + 0.5 * dice


@contextmanager
def explicit_attention(encoder: Any) -> Iterator[None]:
    """SAM's attention as the reference computes it: the whole matrix, its position terms added, then softmax."""
    layers = [layer.attn for layer in encoder.layers]
    kinds = [type(attention) for attention in layers]
    for attention in layers:
        attention.__class__ = SamVisionAttention
    yield
    for attention, kind in zip(layers, kinds):
        attention.__class__ = kind


def our_step(model: Segmenter, batch: Batch, features: FrozenFeatures) -> Tensor:
    """Ours."""
    return model.losses(batch, model(batch, *features(batch)), LossWeights()).total


def timed(model: Segmenter, step: Callable[[], Tensor]) -> tuple[float, float]:
    """(loss, CPU-seconds) of forward and backward."""
    model.zero_grad()
    torch.manual_seed(1)
    began = time.process_time()
    loss = step()
    loss.backward()
    return float(loss.detach()), time.process_time() - began


def main(small: bool) -> None:
    """Prints the table."""
    torch.set_num_threads(1)
    model = prepare(mid_size(small), Trained(dropout=0.0)).train()
    language: Any = language_model(model)
    language.gradient_checkpointing_enable({"use_reentrant": False})
    batch = model.collate(conversations())
    print(f"{sum(p.numel() for p in model.parameters()) / 1e6:.0f} M parameters, "
          f"{sum(p.numel() for p in model.parameters() if p.requires_grad) / 1e6:.1f} M trained, "
          f"{batch.vlm.input_ids.shape[1]} tokens")  # fmt: skip
    began = time.process_time()
    (torch.randn(2048, 2048) @ torch.randn(2048, 2048)).sum()
    print(f"calibration: a product of 2048² matrices {time.process_time() - began:.3f} CPU-s")
    loss, slow = timed(model, lambda: reference_step(model, batch))
    print(f"{'reference schedule':24} {slow:8.1f} CPU-s  loss {loss:.6f}")
    for name, kind in (("fp32 cache", torch.float32), ("bf16 cache", torch.bfloat16)):
        caches = [FeatureCache(Memory(1 << 30), weights=n, dtype=kind) for n in ("masks", "language")]
        features = FrozenFeatures(model, *caches)
        for state in ("cold", "warm"):
            value, seconds = timed(model, partial(our_step, model, batch, features))
            ratio, change = slow / seconds, abs(value - loss) / abs(loss)
            print(f"{f'ours, {name}, {state}':24} {seconds:8.1f} CPU-s  loss {value:.6f}  "
                  f"{ratio:.2f} x cheaper, loss off by {change:.1e}")  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--small", action="store_true", help="a hundredth of the size, to try the script")
    main(parser.parse_args().small)
