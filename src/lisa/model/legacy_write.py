"""Checkpoints written in the published layout, so that the reference and every reader of it can open them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from torch import Tensor

from lisa.files import write_json
from lisa.model.legacy_keys import to_published
from lisa.model.segmenter import Segmenter
from lisa.model.tensor_files import write_tensors
from lisa.weights import read_json

SHARD_BYTES = 5_000_000_000
BESIDE = ("tokenizer.model", "added_tokens.json", "special_tokens_map.json", "tokenizer_config.json",
          "generation_config.json")  # fmt: skip
"""Files of a published checkpoint that a copy takes over as they are."""


def write_published(
    segmenter: Segmenter, like: Path, out: Path, *, dtype: torch.dtype = torch.bfloat16, shard_bytes: int = SHARD_BYTES
) -> Path:
    """Writes a segmenter into `out`, with config and tokenizer of the checkpoint `like`; LoRA has to be merged before.

    CLIP is left out, as published files do; `config.json` goes on naming it, and where it is a folder, that is copied
    into `out`. The folder appears whole or not at all.

    Raises TooLarge where the disk is full.
    """
    beside = out.with_name(f".{out.name}.tmp")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    try:
        _fill(beside, segmenter, like, dtype, shard_bytes)
    except BaseException:  # a full disk is not left fuller
        shutil.rmtree(beside, ignore_errors=True)
        raise
    old = out.with_name(f".{out.name}.old")
    if out.exists():
        out.replace(old)
    beside.replace(out)
    shutil.rmtree(old, ignore_errors=True)
    return out


def _fill(beside: Path, segmenter: Segmenter, like: Path, dtype: torch.dtype, shard_bytes: int) -> None:
    for name in BESIDE:
        if (like / name).is_file():
            shutil.copyfile(like / name, beside / name)
    config = read_json(like / "config.json")
    config["torch_dtype"] = str(dtype).removeprefix("torch.")
    tower = Path(str(config.get("mm_vision_tower") or config.get("vision_tower") or ""))
    if (like / tower).is_dir() and (like / tower).resolve() != like.resolve():
        name = tower.name if tower.is_absolute() or ".." in tower.parts else str(tower)
        shutil.copytree(like / tower, beside / name)
        config |= {key: name for key in ("mm_vision_tower", "vision_tower") if key in config}
    write_json(beside / "config.json", config)
    write_shards(_published(segmenter, dtype), beside, shard_bytes=shard_bytes)


def write_shards(tensors: Iterable[tuple[str, Tensor]], folder: Path, *, shard_bytes: int) -> None:
    """`model.safetensors`, or shards of about `shard_bytes` with their index; one shard in memory at a time."""
    names: list[tuple[Path, list[str]]] = []
    total = 0
    for number, shard in enumerate(_shards(tensors, shard_bytes), start=1):
        path = folder / f"part-{number:05d}"
        write_tensors(path, shard, {"format": "pt"})
        names.append((path, list(shard)))
        total += sum(t.numel() * t.element_size() for t in shard.values())
    if len(names) == 1:
        names[0][0].replace(folder / "model.safetensors")
        return
    weight_map: dict[str, str] = {}
    for number, (path, keys) in enumerate(names, start=1):
        name = f"model-{number:05d}-of-{len(names):05d}.safetensors"
        path.replace(folder / name)
        weight_map |= dict.fromkeys(keys, name)
    index = {"metadata": {"total_size": total}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2), encoding="utf-8")


def _published(segmenter: Segmenter, dtype: torch.dtype) -> Iterator[tuple[str, Tensor]]:
    for name, tensor in segmenter.state_dict().items():
        if (key := to_published(name)) is not None:
            yield key, tensor.detach().to(device="cpu", dtype=dtype).contiguous().clone()


def _shards(tensors: Iterable[tuple[str, Tensor]], shard_bytes: int) -> Iterator[dict[str, Tensor]]:
    shard: dict[str, Tensor] = {}
    size = 0
    for key, tensor in tensors:
        count = tensor.numel() * tensor.element_size()
        if shard and size + count > shard_bytes:
            yield shard
            shard, size = {}, 0
        shard[key] = tensor
        size += count
    yield shard
