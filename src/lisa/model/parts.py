"""LISA as the paper starts it: a LLaVA, a SAM and a CLIP put together, with a fresh [SEG] row and projector.

The result is a folder in the published layout without weights (configuration and tokenizer) and the tensors for it.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lisa.errors import BadCheckpoint, shown
from lisa.files import write_bytes, write_json
from lisa.model.legacy_files import read_file, read_weights
from lisa.types import SEG
from lisa.vlms.llava_tokens import LlamaTokens
from lisa.vlms.llava_v1 import IM_END, IM_START
from lisa.weights import read_json

_SAM = "model.visual_model."
_ROWS = ("model.embed_tokens.weight", "lm_head.weight")


def assemble(llava: Path, sam: Path, clip: str, folder: Path, *, generator: torch.Generator) -> dict[str, Tensor]:
    """Writes configuration and tokenizer into `folder`; returns the tensors by published names, mapped where old.

    Several processes may do so at once: they write the same files, each of which appears whole.

    Args:
        llava: LLaVA v1 with a linear projector (LLaMA's names and `model.mm_projector`).
        sam: a file of Meta's SAM weights, such as `sam_vit_h_4b8939.pth`.
        clip: CLIP's folder or hub id, which the configuration then names.
        folder: made if it is not there.
        generator: draws the projector.

    Raises:
        Missing, BadCheckpoint: a part is not there or not what it should be.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tensors = read_weights(llava)
    if missing := [k for k in (*_ROWS, "model.mm_projector.weight", "model.mm_projector.bias") if k not in tensors]:
        raise BadCheckpoint(f"{shown(llava)} is no LLaVA v1 with a linear projector: it has no {missing[0]}")
    masks = {f"{_SAM}{key}": tensor for key, tensor in read_file(sam).items()}
    if f"{_SAM}image_encoder.pos_embed" not in masks:
        raise BadCheckpoint(f"{shown(sam)} is no SAM: it has no image_encoder.pos_embed")
    tokens = _add_tokens(llava, folder)
    for name in _ROWS:
        tensors[name] = grow(tensors[name], max(tokens.values()) + 1)
    kept = {k: t for k, t in tensors.items() if not k.startswith("model.vision_tower.")}
    _write_config(llava, clip, folder, rows=tensors[_ROWS[0]].shape[0])
    return kept | masks | _projector(tensors[_ROWS[0]].shape[1], generator)


def grow(rows: Tensor, count: int) -> Tensor:
    """An embedding with at least `count` rows; new ones are the mean of the old, which no answer prefers."""
    new = count - rows.shape[0]
    if new <= 0:
        return rows
    mean = rows.float().mean(0, keepdim=True).to(rows.dtype)
    return torch.cat([rows, mean.expand(new, -1)])


def _add_tokens(llava: Path, folder: Path) -> dict[str, int]:
    """The names added to LLaMA's tokenizer with their ids; those LLaVA has keep theirs, as in the reference."""
    model = llava / "tokenizer.model"
    if not model.is_file():
        raise BadCheckpoint(f"{shown(llava)} has no tokenizer.model: fetch the whole of it")
    path = llava / "added_tokens.json"
    added: dict[str, int] = dict(read_json(path)) if path.is_file() else {}
    size = LlamaTokens(model, {}).pieces.get_piece_size()
    for name in (SEG, IM_START, IM_END):
        added.setdefault(name, max([size - 1, *added.values()]) + 1)
    write_bytes(folder / "tokenizer.model", model.read_bytes())
    write_json(folder / "added_tokens.json", added)
    return added


def _write_config(llava: Path, clip: str, folder: Path, *, rows: int) -> None:
    config: dict[str, Any] = read_json(llava / "config.json")
    tower = str(Path(clip).resolve()) if Path(clip).is_dir() else clip
    config |= {
        "architectures": ["LISAForCausalLM"],
        "vocab_size": rows,
        "train_mask_decoder": True,
        "out_dim": 256,
        "mm_use_im_start_end": True,
        "vision_tower": tower,
        "mm_vision_tower": tower,
        "mm_vision_select_layer": config.get("mm_vision_select_layer", -2),
    }
    write_json(folder / "config.json", config)


def _projector(width: int, generator: torch.Generator) -> dict[str, Tensor]:
    """torch's own initialisation of two linear layers, width → width → 256."""
    found: dict[str, Tensor] = {}
    for index, out in ((0, width), (2, 256)):
        bound = 1 / math.sqrt(width)
        for name, shape in (("weight", (out, width)), ("bias", (out,))):
            values = torch.rand(shape, generator=generator) * 2 * bound - bound
            found[f"model.text_hidden_fcs.0.{index}.{name}"] = values
    return found
