"""Weight files as the hub holds them → memory-mapped tensors. Nothing in a file is ever executed."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor

from lisa.errors import BadCheckpoint, Missing, shown
from lisa.model.tensors import load_bin
from lisa.weights import weight_files


def read_weights(folder: Path) -> dict[str, Tensor]:
    """Every tensor of a checkpoint by name, memory-mapped, so that nothing is read before it is used.

    Raises:
        Missing: there are no weights, or shards of the index are not there.
        BadCheckpoint: a file is damaged, holds code or more than tensors, or the index points out of the folder.
    """
    tensors: dict[str, Tensor] = {}
    for path in weight_files(folder):
        tensors.update(read_file(path))
    return tensors


def read_file(path: Path) -> dict[str, Tensor]:
    """Every tensor of one file, safetensors or torch's own, memory-mapped. Raises as `read_weights`."""
    if not path.is_file():
        raise Missing(f"{shown(path)} is not there: give the path of a weights file")
    return _read_safe(path) if path.suffix == ".safetensors" else load_bin(path)


def _read_safe(path: Path) -> dict[str, Tensor]:
    try:
        with safe_open(path, framework="pt") as file:
            return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (no mapping)
    except (SafetensorError, OSError) as error:
        raise BadCheckpoint(f"{shown(path)} is damaged ({error}): fetch it again with `lisa get`") from error
