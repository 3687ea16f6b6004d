"""Memory of training against `lisa train --dry-run`'s estimate, at three widths, and over many steps.

`python benchmarks/memory.py` runs each width in a process of its own and compares the growth of its peak memory since
before the model was built; `--flat 2000` trains the embedded model's small sister and prints memory every 200 steps.
"""

from __future__ import annotations

import argparse
import gc
import resource
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import torch
from step_cost import TOKENIZER
from transformers import CLIPVisionConfig, LlamaConfig

from lisa.maskers import sam
from lisa.model.adapters import Trained, prepare
from lisa.model.losses import LossWeights
from lisa.model.segmenter import Segmenter
from lisa.recipes.lisa import debug
from lisa.train.memory import training_memory
from lisa.train.seg import FrozenFeatures, SegStep
from lisa.types import Sample, Target, Turn
from lisa.vlms import llava_v1
from lisa.vlms.llava_tokens import LlamaTokens
from lisa.vlms.llava_v1 import LlavaV1Dialogue

WIDTHS = (512, 768, 1024)


def build(width: int) -> Segmenter:
    """LLaMA of `width` × 8 layers, a small CLIP, a narrow SAM at 1024 px; random weights."""
    torch.manual_seed(0)
    text = LlamaConfig(
        hidden_size=width, intermediate_size=width * 8 // 3 // 16 * 16, num_hidden_layers=8,
        num_attention_heads=width // 64, vocab_size=32003, pad_token_id=0,
    )  # fmt: skip
    clip = CLIPVisionConfig(
        hidden_size=256, intermediate_size=1024, num_hidden_layers=4, num_attention_heads=4, image_size=224,
        patch_size=14,
    )  # fmt: skip
    tokens = LlamaTokens(TOKENIZER, {"[SEG]": 32000, "<im_start>": 32001, "<im_end>": 32002})
    vision = {
        "hidden_size": 96, "num_hidden_layers": 4, "num_attention_heads": 2, "mlp_dim": 384, "image_size": 1024,
        "global_attn_indexes": [3],
    }  # fmt: skip
    vlm = llava_v1.build(text, clip, LlavaV1Dialogue(tokens, image_tokens=256))
    return Segmenter(vlm, sam.build({"vision": vision, "decoder": {}}))


def samples(count: int) -> list[list[Sample]]:
    """Pictures of 768 × 1024 with a conversation and a mask each."""
    rng = np.random.default_rng(0)
    mask = np.zeros((768, 1024), bool)
    mask[100:400, 300:600] = True
    turn = Turn(instruction="What stands on the left of it?", answer="It is [SEG].", targets=(Target(mask=mask),))
    pictures = [rng.integers(0, 256, (768, 1024, 3), dtype=np.uint8) for _ in range(count)]
    return [[Sample(id=str(i), image=image, turns=(turn,))] for i, image in enumerate(pictures)]


def measure(width: int) -> None:
    """One width: prints measured and estimated bytes."""
    torch.set_num_threads(1)
    recipe = replace(debug(), precision="fp32")
    torch.nn.functional.linear(torch.randn(64, 64), torch.randn(64, 64))
    before = psutil.Process().memory_info().rss
    model = prepare(build(width), Trained(dropout=0.0)).train()
    gc.collect()
    batch = model.collate(samples(2))
    step = SegStep(model, weights=LossWeights(), bf16=False)
    features = FrozenFeatures(model, None, None)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4, foreach=False)
    for _ in range(2):
        optimizer.zero_grad()
        step(batch, features(batch), model.counts(batch))["total"].backward()
        optimizer.step()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
    parts = training_memory(model, batch, recipe)
    print(width, peak, sum(parts.values()), " ".join(f"{k.replace(' ', '-')}={v / 1e9:.2f}" for k, v in parts.items()))


def flat(steps: int) -> None:
    """Memory every 200 steps of a training."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from small_model import write_small

    from lisa.train import finetune
    from lisa.train.loop import fit
    from lisa.train.ranks import Ranks

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        start = write_small(folder / "small")
        recipe = replace(
            debug(), start=str(start), steps=steps, samples=2, micro=1, evaluate="", log_every=200, workers=1,
            cache_gb=0.01,
        )  # fmt: skip
        made = finetune.objective_of(recipe, finetune.start_of(recipe, folder, torch.device("cpu")), folder, Ranks())
        process = psutil.Process()
        fit(made, finetune.fit_config(recipe), folder / "states", lambda step, _: print(
            f"step {step}: {process.memory_info().rss / 1e6:.0f} MB", flush=True))  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--width", type=int)
    parser.add_argument("--flat", type=int)
    chosen = parser.parse_args()
    if chosen.width:
        measure(chosen.width)
    elif chosen.flat:
        flat(chosen.flat)
    else:
        for width in WIDTHS:
            run = subprocess.run(
                [sys.executable, __file__, "--width", str(width)], capture_output=True, text=True, check=True
            )
            _, measured, estimated, parts = run.stdout.strip().splitlines()[-1].split(" ", 3)
            print(f"width {width}: measured {int(measured) / 1e9:.2f} GB, estimated {float(estimated) / 1e9:.2f} GB "
                  f"({float(estimated) / int(measured) - 1:+.1%}); {parts}")  # fmt: skip
