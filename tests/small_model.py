"""A segmenter of the embedded model's classes that is small enough to be trained in seconds."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from types import MethodType

import torch
from transformers.models.llama.modeling_llama import LlamaRMSNorm

import lisa
from lisa.config import ModelConfig, PartConfig
from lisa.model.checkpoint import build, save
from lisa.model.segmenter import Batch, Segmenter

WIDTHS, DEPTHS = [16, 16, 16], [1, 1, 1]
SMALL = ModelConfig(
    name="small",
    vlm=PartConfig(
        family="tiny",
        options={"square": 64, "width": 64, "layers": 2, "tower": {"widths": WIDTHS, "depths": DEPTHS, "layers": 1}},
    ),
    masker=PartConfig(
        family="match",
        options={
            "square": 64, "widths": WIDTHS, "depths": DEPTHS, "middle": 16, "features": 16, "prompt": 32,
            "embedding": 16, "outline": 8, "layers": 1,
        },
    ),
)  # fmt: skip


def write_small(folder: Path) -> Path:
    """A checkpoint folder of it with random weights."""
    folder.mkdir(parents=True)
    shutil.copyfile(Path(lisa.__file__).parent / "assets" / "tiny" / "tokenizer.json", folder / "tokenizer.json")
    torch.manual_seed(0)
    save(build(SMALL, folder), SMALL, folder)
    return folder


def all_double(segmenter: Segmenter) -> None:
    """Float64 throughout; transformers rounds to float32 inside norms and eager softmax, whatever the weights are."""
    segmenter.double()
    segmenter.vlm.model.set_attn_implementation("sdpa")  # type: ignore[attr-defined]
    for module in segmenter.modules():
        if isinstance(module, LlamaRMSNorm):
            module.forward = MethodType(_norm, module)  # type: ignore[method-assign]


def _norm(module, x):
    return module.weight * x * (x.square().mean(-1, keepdim=True) + module.variance_epsilon).rsqrt()


def as_double(batch: Batch) -> Batch:
    """A batch for such a segmenter."""
    images = {k: v.double() if v.is_floating_point() else v for k, v in batch.vlm.images.items()}
    return replace(batch, vlm=replace(batch.vlm, images=images))
