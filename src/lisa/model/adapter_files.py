"""What a training changed, alone: a few megabytes beside the hash of the checkpoint that they belong to.

OUT/adapters.json         base, its fingerprint, what was trained
OUT/adapters.safetensors  LoRA pairs, rows of the embeddings, projector, mask decoder
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from lisa.errors import BadCheckpoint, first_line
from lisa.files import write_json
from lisa.model.adapters import SEG_ROW, Trained, merge_lora, prepare
from lisa.model.segmenter import Segmenter
from lisa.model.tensor_files import write_tensors
from lisa.weights import ADAPTERS, weight_files

CONFIG, WEIGHTS = ADAPTERS, "adapters.safetensors"
_ROW = "weight@row"
"""Ends the name of one row of a matrix."""
_BLOCK = 1 << 20


def fingerprint(folder: Path) -> str:
    """A hash of a checkpoint's weight files: their sizes, and their first and last megabyte."""
    digest = hashlib.sha256()
    for path in sorted(weight_files(folder), key=lambda p: p.name):
        size = path.stat().st_size
        digest.update(f"{size}".encode())
        with path.open("rb") as file:
            digest.update(file.read(_BLOCK))
            file.seek(max(size - _BLOCK, 0))
            digest.update(file.read(_BLOCK))
    return digest.hexdigest()[:16]


def write_adapters(
    segmenter: Segmenter, trained: Trained, base: Path, name: str, out: Path, *, learned: Sequence[str] = ()
) -> Path:
    """Writes what `prepare(…, trained)` made trainable. `name`: what the base is called, for `lisa.load`.

    `learned`: the datasets that it was trained on.
    """
    out.mkdir(parents=True, exist_ok=True)
    tensors: dict[str, Tensor] = {}
    for key, parameter in segmenter.named_parameters():
        if parameter.requires_grad:
            file_key = key.removesuffix(SEG_ROW) + _ROW if key.endswith(SEG_ROW) else key
            tensors[file_key] = parameter.detach().cpu().contiguous().clone()
    write_tensors(out / WEIGHTS, tensors)
    about = {"base": name, "fingerprint": fingerprint(base), "trained": asdict(trained), "reads": segmenter.reads}
    write_json(out / CONFIG, {**about, "learned": list(learned)})
    return out


def base_of(folder: Path) -> str:
    """What the base of adapters is called. Raises BadCheckpoint for a file that cannot be read."""
    return str(_config(folder)["base"])


def learned_by(folder: Path) -> tuple[str, ...]:
    """The datasets that adapters were trained on; "own" where they do not say. Raises as `base_of`."""
    return tuple(str(name) for name in _config(folder).get("learned") or ("own",))


@torch.no_grad()
def apply_adapters(segmenter: Segmenter, base: Path, folder: Path) -> Segmenter:
    """The base with its adapters, LoRA merged. Raises BadCheckpoint when the base is another one."""
    config = _config(folder)
    if fingerprint(base) != config["fingerprint"]:
        raise BadCheckpoint(f"the adapters of {folder} were trained on another {config['base']}: give the weights they "
                            "were trained on")  # fmt: skip
    dtypes = {key: p.dtype for key, p in segmenter.named_parameters()}
    trained = Trained(**{**config["trained"], "targets": tuple(config["trained"]["targets"])})
    prepare(segmenter, trained)
    parameters = dict(segmenter.named_parameters())
    try:
        tensors = load_file(folder / WEIGHTS)
        for key, tensor in tensors.items():
            parameters[key.removesuffix(_ROW) + SEG_ROW if key.endswith(_ROW) else key].copy_(tensor)
    except (OSError, SafetensorError, KeyError, RuntimeError) as error:
        raise BadCheckpoint(f"the adapters of {folder} do not fit ({first_line(error)})") from error
    segmenter.reads = config["reads"]
    merge_lora(segmenter)
    for key, parameter in segmenter.named_parameters():
        parameter.requires_grad_(False)
        if key in dtypes:
            parameter.data = parameter.data.to(dtypes[key])
    return segmenter.eval()


def _config(folder: Path) -> dict[str, Any]:
    try:
        data = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        return {"reads": "before", **{key: data[key] for key in ("base", "fingerprint", "trained")}, **data}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadCheckpoint(f"{folder / CONFIG} cannot be read ({error!r}): write the adapters again") from error
