"""Writes checkpoints in the published layout, from given tensors or with random ones by a manifest."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from lisa.model.legacy_keys import to_published
from lisa.model.segmenter import Segmenter

TINY_HUB = "hub/tiny-lisa", "hub/tiny-clip"


def write_weights(
    folder: Path, tensors: Iterable[tuple[str, Tensor]], *, layout: str, shard_bytes: int = 2**31
) -> None:
    """Writes tensors as they come, one shard in memory at a time. `layout`: bin, bin-sharded, safe, safe-sharded."""
    stem, ending = ("pytorch_model", "bin") if layout.startswith("bin") else ("model", "safetensors")
    if not layout.endswith("sharded"):
        _save(dict(tensors), folder / f"{stem}.{ending}")
        return
    shards: list[list[str]] = []
    for number, shard in enumerate(_shards(tensors, shard_bytes), start=1):
        _save(shard, folder / f"{stem}-{number:05d}.{ending}")
        shards.append(list(shard))
    weight_map = {key: f"{stem}-{n:05d}.{ending}" for n, keys in enumerate(shards, start=1) for key in keys}
    index = {"metadata": {"total_size": 0}, "weight_map": weight_map}
    (folder / f"{stem}.{ending}.index.json").write_text(json.dumps(index))


def published_tensors(segmenter: Segmenter) -> Iterator[tuple[str, Tensor]]:
    """A model's weights under their published names; the vision tower is left out, as published files do."""
    for name, tensor in segmenter.state_dict().items():
        if (key := to_published(name)) is not None:
            yield key, tensor.clone()


def random_tensors(manifest: Mapping[str, list], *, seed: int = 0) -> Iterator[tuple[str, Tensor]]:
    """A random tensor for every `{key: [shape, dtype]}` of a manifest, cut out of one pool of normal numbers."""
    pool = torch.randn(2**25, generator=torch.Generator().manual_seed(seed))
    position = 0
    for key, (shape, dtype) in manifest.items():
        count = 1
        for side in shape:
            count *= side
        norm = key.endswith("weight") and len(shape) == 1
        tensor = torch.empty(count, dtype=getattr(torch, dtype))
        for start in range(0, count, len(pool)):
            part = pool[position : position + min(count - start, len(pool))]
            rest = min(count - start, len(pool)) - len(part)
            values = torch.cat([part, pool[:rest]]) if rest else part
            tensor[start : start + len(values)] = values * 0.02 + float(norm)
            position = (position + len(values) + 12345) % len(pool)
        yield key, tensor.view(shape)


def write_tiny(reference: Path, folder: Path, *, layout: str = "bin", shard_bytes: int = 2**22) -> Path:
    """The tiny reference checkpoint in the published layout, its vision tower in a folder inside. Returns `folder`."""
    from safetensors.torch import load_file

    for source, target in zip(TINY_HUB, (folder, folder / "tiny-clip")):
        target.mkdir(parents=True)
        for file in (reference / source).iterdir():
            shutil.copyfile(file, target / file.name)
    write_weights(
        folder, load_file(reference / "tiny_lisa.safetensors").items(), layout=layout, shard_bytes=shard_bytes
    )
    shutil.copyfile(reference / "tiny_clip_vision.safetensors", folder / "tiny-clip" / "model.safetensors")
    return folder


def write_full_size(reference: Path, folder: Path, size: str) -> Path:
    """A checkpoint of `size` ("7b", "13b") with random bf16 weights, in shards of 2.5 GB as published; CLIP inside.

    The tokenizer is the tiny one with the added tokens at the ids of the published checkpoint.
    """
    manifest = json.loads((reference / f"manifest_{size}.json").read_text())
    config = json.loads((reference / f"config_{size}.json").read_text())
    (folder / "clip").mkdir(parents=True)
    config["mm_vision_tower"] = "clip"
    (folder / "config.json").write_text(json.dumps(config))
    first = config["vocab_size"] - (4 if size == "7b" else 3)
    names = ["<im_patch>", "<im_start>", "<im_end>", "[SEG]"] if size == "7b" else ["[SEG]", "<im_start>", "<im_end>"]
    (folder / "added_tokens.json").write_text(json.dumps({name: first + i for i, name in enumerate(names)}))
    shutil.copyfile(reference / "hub/tiny-lisa/tokenizer.model", folder / "tokenizer.model")
    tensors = random_tensors(manifest["saved_in_checkpoint"])
    write_weights(folder, tensors, layout="bin-sharded", shard_bytes=2_500_000_000)
    write_clip(manifest["dropped_on_save_vision_tower"], folder / "clip")
    return folder


def write_clip(manifest: Mapping[str, list], folder: Path) -> None:
    """A random CLIP ViT-L/14 vision tower in fp32 by the manifest of a full-size checkpoint."""
    prefix = "model.vision_tower.vision_tower."
    clip = {key.removeprefix(prefix): [shape, "float32"] for key, (shape, _) in manifest.items()}
    save_file(dict(random_tensors(clip, seed=1)), folder / "model.safetensors")
    config = {
        "model_type": "clip_vision_model", "hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24,
        "num_attention_heads": 16, "image_size": 224, "patch_size": 14, "hidden_act": "quick_gelu",
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))


def _shards(tensors: Iterable[tuple[str, Tensor]], limit: int) -> Iterator[dict[str, Tensor]]:
    shard: dict[str, Tensor] = {}
    size = 0
    for key, tensor in tensors:
        if shard and size + tensor.nbytes > limit:
            yield shard
            shard, size = {}, 0
        shard[key] = tensor
        size += tensor.nbytes
    yield shard


def _save(tensors: dict[str, Tensor], path: Path) -> None:
    if path.suffix == ".bin":
        torch.save(tensors, path)
    else:
        save_file(tensors, path)
