"""Which weight files a checkpoint has, and what safetensors files hold, read from headers alone. Torch-free."""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lisa.errors import BadCheckpoint, Missing, shown

ITEM_SIZES = {
    "F64": 8,
    "F32": 4,
    "F16": 2,
    "BF16": 2,
    "F8_E4M3": 1,
    "F8_E5M2": 1,
    "I64": 8,
    "I32": 4,
    "I16": 2,
    "I8": 1,
    "U64": 8,
    "U32": 4,
    "U16": 2,
    "U8": 1,
    "BOOL": 1,
}
"""Bytes per element of the types that safetensors files name."""

_NUMPY = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1", "U8": "u1"}
_MAX_HEADER = 100_000_000
_INDEXES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
_SINGLES = ("model.safetensors", "pytorch_model.bin")


@dataclass(frozen=True)
class StoredTensor:
    """A tensor of a safetensors file, still on the disk."""

    path: Path
    dtype: str
    """As safetensors names it: F32, BF16 …"""
    shape: tuple[int, ...]
    start: int
    """Offset of its first byte in the file."""
    scaled: bool = False
    """Whether its numbers are in eight bits, multiples of a scale for each row, and become float32 when loaded."""

    @property
    def count(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    def sample(self, first: int, count: int) -> NDArray[np.float32]:
        """Elements `first` to `first + count` of the flattened tensor as float32, read through a memory map."""
        if self.dtype == "BF16":
            raw = np.memmap(self.path, "<u2", "r", self.start + 2 * first, (count,))
            return (raw.astype(np.uint32) << 16).view(np.float32)
        size = ITEM_SIZES[self.dtype]
        kind = _NUMPY.get(self.dtype, "u1")
        width = np.dtype(kind).itemsize
        raw = np.memmap(self.path, kind, "r", self.start + size * first, (count * size // width,))
        with np.errstate(over="ignore"):
            return raw.astype(np.float32)


SAME = "lisa.same"
"""In the metadata of a safetensors file: a JSON object, name of a tensor → that of an equal one that is stored."""
SCALE = ".scale_of_rows"
"""Behind the name of a matrix in eight bits: what the numbers of each of its rows are multiples of."""
ADAPTERS = "adapters.json"
"""The file that marks a folder with what a training changed, alone."""


def holds_adapters(folder: Path) -> bool:
    """Whether a folder holds adapters, not a whole checkpoint."""
    return (folder / ADAPTERS).is_file()


def read_json(path: Path) -> dict[str, Any]:
    """A JSON file that must hold an object. Raises Missing or BadCheckpoint with the name of the file."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise Missing(f"{shown(path.parent)} has no {path.name}: give the folder of a checkpoint") from error
    except (ValueError, RecursionError) as error:
        raise BadCheckpoint(f"{shown(path)} is not JSON: fetch the checkpoint again") from error
    except OSError as error:
        raise BadCheckpoint(f"{shown(path)} cannot be read ({error.strerror}): check its rights") from error
    if not isinstance(data, dict):
        raise BadCheckpoint(f"{shown(path)} holds no JSON object: fetch the checkpoint again")
    return data


def weight_files(folder: Path) -> list[Path]:
    """The files of the weights: shards of an index, a single file, or all that look like one. Safetensors first.

    Raises:
        Missing: there are none, or a shard that the index names is not there.
        BadCheckpoint: the index is broken or names files outside the folder.
    """
    for single, index in zip(_SINGLES, _INDEXES):
        if (folder / index).is_file():
            return _shards(folder, folder / index)
        if (folder / single).is_file():
            return [folder / single]
    loose = sorted(folder.glob("*.safetensors")) or sorted(folder.glob("pytorch_model*.bin"))
    if not loose:
        raise Missing(f"{shown(folder)} has no weights: put model.safetensors or pytorch_model*.bin there")
    return loose


def _shards(folder: Path, index: Path) -> list[Path]:
    names = read_json(index).get("weight_map")
    if not isinstance(names, dict) or not names or not all(isinstance(name, str) for name in names.values()):
        raise BadCheckpoint(f"{shown(index)} has no weight_map: fetch the checkpoint again")
    files = sorted(set(names.values()))
    for name in files:
        # an index must not make the reader open something elsewhere
        if Path(name).name != name:
            raise BadCheckpoint(f"{shown(index)} names the file {shown(name)} outside its folder: do not use it")
        if not (folder / name).is_file():
            raise Missing(f"{shown(folder)} lacks the shard {shown(name)}: fetch the checkpoint again, it will resume")
    return [folder / name for name in files]


def read_header(path: Path) -> dict[str, StoredTensor]:
    """The tensors of a safetensors file by name, those stored under another one's too; reads the header only.

    The scales of matrices in eight bits are no tensors of their own.

    Raises:
        BadCheckpoint: the file is cut off, or its header is damaged or lies about sizes.
    """
    tensors, same = _header(path)
    found = tensors | {name: tensors[stored] for name, stored in same.items()}
    return {
        name: replace(tensor, scaled=name + SCALE in found)
        for name, tensor in found.items()
        if not (name.endswith(SCALE) and name[: -len(SCALE)] in found)
    }


def stored_as(path: Path) -> dict[str, str]:
    """Tensors of a safetensors file that are stored under the name of an equal one, as `read_header` takes them.

    Raises BadCheckpoint as that one.
    """
    return _header(path)[1]


def _header(path: Path) -> tuple[dict[str, StoredTensor], dict[str, str]]:
    damaged = f"{shown(path)} is no whole safetensors file: fetch it again"
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = struct.unpack("<Q", file.read(8))[0]
            if length > min(_MAX_HEADER, size - 8):
                raise BadCheckpoint(damaged)
            entries = json.loads(file.read(length))
        same = json.loads((entries.pop("__metadata__", None) or {}).get(SAME, "{}"))
        tensors = {name: _tensor(path, entry, 8 + length, size) for name, entry in entries.items()}
        if not all(stored in tensors and name not in tensors for name, stored in same.items()):
            raise ValueError("names of equal tensors")
    except (OSError, struct.error, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadCheckpoint(damaged) from error
    return tensors, same


def _tensor(path: Path, entry: dict[str, Any], base: int, size: int) -> StoredTensor:
    start, end = entry["data_offsets"]
    shape = tuple(int(side) for side in entry["shape"])
    stored = StoredTensor(path, entry["dtype"], shape, base + start)
    item = ITEM_SIZES[stored.dtype]
    if not 0 <= start <= end or base + end > size or any(side < 0 for side in shape):
        raise ValueError("offsets lie outside the file")
    if stored.count * item != end - start:
        raise ValueError("shape and offsets disagree")
    return stored
