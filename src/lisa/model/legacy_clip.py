"""The vision tower of a published checkpoint: its files leave CLIP out and name the folder or hub id it came from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import PIL.Image
from torch import Tensor
from transformers import CLIPVisionConfig

from lisa.errors import BadCheckpoint, Missing, shown
from lisa.model.legacy_files import read_weights
from lisa.vlms.llava_v1 import ClipPixels
from lisa.weights import read_json

_FILES = ["config.json", "preprocessor_config.json", "model.safetensors*", "*.safetensors.index.json"]
_CONFIG = (
    "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_channels", "image_size",
    "patch_size", "hidden_act", "layer_norm_eps",
)  # fmt: skip
_TOWER = "vision_model."


def find_tower(folder: Path, config: Mapping[str, Any], vision_tower: str | Path | None) -> Path:
    """CLIP's folder: the caller's choice, else what the config names, looked up inside the checkpoint first.

    A name that is no folder is taken for a hub id: from the local cache, else fetched.
    """
    named = config.get("mm_vision_tower") or config.get("vision_tower")
    if vision_tower is None and not isinstance(named, str):
        raise BadCheckpoint(f"{shown(folder / 'config.json')} names no vision tower: give vision_tower=")
    for candidate in [Path(vision_tower)] if vision_tower is not None else [folder / str(named), Path(str(named))]:
        if candidate.is_dir():
            return candidate
    return _from_hub(str(vision_tower if vision_tower is not None else named))


def tower_config(folder: Path) -> CLIPVisionConfig:
    """CLIP's sizes, from the configuration of the whole CLIP or of its vision half."""
    data = read_json(folder / "config.json")
    fields = data.get("vision_config", data)
    known = {name: fields[name] for name in _CONFIG if name in fields}
    if "hidden_size" not in known:
        raise BadCheckpoint(f"{shown(folder)} is no CLIP: give vision_tower=openai/clip-vit-large-patch14")
    return CLIPVisionConfig(**known)


def tower_pixels(folder: Path) -> ClipPixels:
    """CLIP's preprocessing; the published values where the folder does not say."""
    path = folder / "preprocessor_config.json"
    data = read_json(path) if path.is_file() else {}
    crop = data.get("crop_size", 224)
    size = crop if isinstance(crop, int) else int(crop.get("height", 224))
    plain = ClipPixels()
    return ClipPixels(
        size=size,
        mean=tuple(data.get("image_mean", plain.mean)),
        std=tuple(data.get("image_std", plain.std)),
        resample=PIL.Image.Resampling(data.get("resample", plain.resample)),
    )


def tower_weights(folder: Path) -> dict[str, Tensor]:
    """The vision half's tensors by their names below `vision_model.`, memory-mapped."""
    tensors = {k.removeprefix(_TOWER): t for k, t in read_weights(folder).items() if k.startswith(_TOWER)}
    tensors.pop("embeddings.position_ids", None)  # a counter that old files carry along
    return tensors


def _from_hub(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        cached = Path(snapshot_download(name, local_files_only=True))
        if (cached / "config.json").is_file() and (any(cached.glob("*.safetensors")) or any(cached.glob("*.bin"))):
            return cached
    except (LocalEntryNotFoundError, HFValidationError):
        pass
    try:
        return Path(snapshot_download(name, allow_patterns=_FILES))
    except (HfHubHTTPError, LocalEntryNotFoundError, HFValidationError, OSError) as error:
        raise Missing(
            f"the vision tower {shown(name)} is neither a folder nor to be had from the hub: "
            "fetch it with `lisa get`, or give its folder as vision_tower="
        ) from error
