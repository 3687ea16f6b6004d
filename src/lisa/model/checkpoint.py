"""Our own checkpoints: a folder of `config.json`, `model.safetensors` and what the families' processors need."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from lisa.config import FORMAT, ModelConfig
from lisa.errors import BadCheckpoint, first_line
from lisa.files import write_json
from lisa.model.segmenter import Segmenter
from lisa.registry import MASKERS, VLMS, find

WEIGHTS = "model.safetensors"


def read_config(folder: Path) -> ModelConfig:
    """The model's description. Raises BadCheckpoint when the folder holds none of ours."""
    try:
        data: Any = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        if data.get("format") != FORMAT:
            raise KeyError("format")
        return ModelConfig.from_json(data)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadCheckpoint(f"{folder} is not a lisa checkpoint ({error!r}): run `lisa doctor {folder}`") from error


def build(config: ModelConfig, folder: Path) -> Segmenter:
    """The segmenter a configuration describes, with random weights; `folder` holds the processors' files."""
    vlm = find("vlms", VLMS, config.vlm.family)(config.vlm.options, folder)
    masker = find("maskers", MASKERS, config.masker.family)(config.masker.options)
    return Segmenter(vlm, masker, reads=config.reads)


def save(segmenter: Segmenter, config: ModelConfig, folder: Path, *, dtype: torch.dtype = torch.float32) -> None:
    """Writes weights, configuration and the processors' files."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {
        k: (v.to(dtype) if v.is_floating_point() else v).contiguous().clone() for k, v in segmenter.state_dict().items()
    }
    beside = folder / f".{WEIGHTS}.tmp"
    save_file(tensors, beside, metadata={"format": "pt"})
    beside.replace(folder / WEIGHTS)
    segmenter.vlm.save_files(folder)
    write_json(folder / "config.json", config.to_json())  # last, so that a folder with it is whole


def load(folder: Path, *, device: torch.device, dtype: torch.dtype) -> Segmenter:
    """A segmenter from one of our folders, ready to answer. Raises BadCheckpoint when weights do not fit."""
    segmenter = build(read_config(folder), folder)
    try:
        missing, unexpected = segmenter.load_state_dict(load_file(folder / WEIGHTS), strict=False)
    except (OSError, SafetensorError, RuntimeError) as error:
        raise BadCheckpoint(
            f"the weights of {folder} do not load ({first_line(error)}): run `lisa doctor {folder}`"
        ) from error
    if missing or unexpected:
        names = ", ".join([*missing, *unexpected][:3])
        raise BadCheckpoint(
            f"{folder}: {len(missing)} weights missing, {len(unexpected)} unknown ({names} …): "
            f"run `lisa doctor {folder}`"
        )
    return segmenter.to(device=device, dtype=dtype).eval()
