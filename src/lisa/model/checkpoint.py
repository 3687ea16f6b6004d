"""Our own checkpoints: a folder of `config.json`, `model.safetensors` and what the families' processors need."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from lisa.config import FORMAT, ModelConfig
from lisa.errors import BadCheckpoint, LisaError, first_line
from lisa.files import write_json
from lisa.maskers.sam import SamMasker
from lisa.model.segmenter import Segmenter
from lisa.model.tensor_files import write_tensors
from lisa.registry import MASKERS, VLMS, find
from lisa.weights import SAME, SCALE, stored_as

WEIGHTS = "model.safetensors"
_LARGE = 1024
"""Matrices with fewer numbers are stored as often as they are there."""


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


def save(
    segmenter: Segmenter,
    config: ModelConfig,
    folder: Path,
    *,
    dtype: torch.dtype = torch.float32,
    eight_bits: bool = False,
) -> None:
    """Writes weights, equal ones once, configuration and the processors' files.

    `eight_bits`: matrices take a byte a number, of which each row has a scale of its own; that is half of float16, and
    rounds to a 254th of the largest number of a row.

    Raises TooLarge where the disk is full.
    """
    folder.mkdir(parents=True, exist_ok=True)
    state = segmenter.state_dict()
    narrow = _in_eight_bits(state) if eight_bits else {}
    tensors = narrow | {
        k: (v.to(dtype) if v.is_floating_point() else v).contiguous().clone()
        for k, v in state.items()
        if k not in narrow
    }
    same = _equal(tensors)
    kept = {name: tensor for name, tensor in tensors.items() if name not in same}
    write_tensors(folder / WEIGHTS, kept, {"format": "pt"} | ({SAME: json.dumps(same)} if same else {}))
    segmenter.vlm.save_files(folder)
    write_json(folder / "config.json", config.to_json())  # last, so that a folder with it is whole


def load(folder: Path, *, device: torch.device, dtype: torch.dtype, mixed: bool = False) -> Segmenter:
    """A segmenter from one of our folders, ready to answer. Raises BadCheckpoint when weights do not fit.

    Weights are in `dtype`; with `mixed`, to be trained under autocast, parts of `own_precision` are in float32. There
    is never a second copy of them. Buffers that no file holds, such as rotary frequencies, stay as they were made.
    """
    config = read_config(folder)
    try:
        with _without_weights():
            segmenter = build(config, folder)
    except LisaError:
        raise
    except Exception as error:  # of libraries that read tokenizers and configurations any kind can come
        raise BadCheckpoint(f"{folder} cannot be built as its config.json says ({first_line(error)}); a file may be "
                            f"missing: run `lisa doctor {folder}`") from error  # fmt: skip
    try:
        parts = {f"{name}.": part for name, part in segmenter.named_children()} if mixed else {}
        wide = tuple(k for k, p in parts.items() if any(getattr(m, "own_precision", False) for m in p.modules()))
        state, names = _widened(load_file(folder / WEIGHTS)), segmenter.state_dict().keys()
        same = {name: stored for name, stored in stored_as(folder / WEIGHTS).items() if name in names}
        for key in [*same, *state]:
            tensor, kind = state[same.get(key, key)], torch.float32 if key.startswith(wide) else dtype
            kind = kind if tensor.is_floating_point() else tensor.dtype
            state[key] = tensor.to(device, kind, copy=key in same)
        shared = _shared(segmenter)
        missing, unexpected = segmenter.load_state_dict(state, strict=False, assign=True)
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
    for first, others in shared.items():
        for other in others:
            parent, _, name = other.rpartition(".")
            setattr(segmenter.get_submodule(parent), name, segmenter.get_parameter(first))
    if dtype == torch.float16 and isinstance(segmenter.masker, SamMasker):
        segmenter.masker.guard_fp16()
    return segmenter.to(device).eval()


def _in_eight_bits(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Large matrices as int8 `[rows, …]`, and beside each `[rows]` of what its numbers are multiples of."""
    stored: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if tensor.ndim < 2 or tensor.numel() < _LARGE or len(tensor) == 1 or not tensor.is_floating_point():
            continue
        rows = tensor.float().flatten(1)
        scale = rows.abs().amax(1).clamp(min=torch.finfo(torch.float32).tiny) / 127
        stored[name] = (rows / scale[:, None]).round().to(torch.int8).reshape(tensor.shape)
        stored[name + SCALE] = scale
    return stored


def _widened(stored: dict[str, Tensor]) -> dict[str, Tensor]:
    """What `_in_eight_bits` made narrow in float32, everything else as it is."""
    scales = {name.removesuffix(SCALE): stored.pop(name) for name in list(stored) if name.endswith(SCALE)}
    for name, scale in scales.items():
        if name in stored:
            stored[name] = stored[name].float() * scale.reshape(-1, *[1] * (stored[name].ndim - 1))
    return stored


def _equal(tensors: Mapping[str, Tensor]) -> dict[str, str]:
    """Matrices that equal one before them, as those of two copies of a frozen trunk do → that one's name."""
    seen: dict[tuple[Any, ...], list[str]] = {}
    same: dict[str, str] = {}
    for name, tensor in tensors.items():
        if tensor.ndim < 2 or tensor.numel() < _LARGE:
            continue
        alike = seen.setdefault((tensor.dtype, tensor.shape, *tensor.flatten()[:8].tolist()), [])
        scale = tensors.get(name + SCALE)  # of eight bits: rows that differ by a factor have the same ones
        first = next(
            (o for o in alike if torch.equal(tensors[o], tensor) and _alike(tensors.get(o + SCALE), scale)), None
        )
        if first is None:
            alike.append(name)
        else:
            same[name] = first
    return same


def _alike(a: Tensor | None, b: Tensor | None) -> bool:
    return (a is None and b is None) or (a is not None and b is not None and torch.equal(a, b))


@contextlib.contextmanager
def _without_weights() -> Iterator[None]:
    """Parameters that this thread makes take no memory, as they are to be loaded; buffers have their values."""
    thread = threading.get_ident()

    def empty(_: nn.Module, __: str, parameter: nn.Parameter | None) -> nn.Parameter | None:
        if parameter is None or parameter.is_meta or threading.get_ident() != thread:
            return None
        return nn.Parameter(parameter.data.to("meta"), requires_grad=parameter.requires_grad)

    hook = register_module_parameter_registration_hook(empty)  # type: ignore[arg-type]  # torch's own type is too narrow
    try:
        yield
    finally:
        hook.remove()


def _shared(module: nn.Module) -> dict[str, list[str]]:
    """Parameters that have several names: one of them → the others."""
    names: dict[int, list[str]] = {}
    for name, parameter in module.named_parameters(remove_duplicate=False):
        names.setdefault(id(parameter), []).append(name)
    return {first: others for first, *others in names.values() if others}
