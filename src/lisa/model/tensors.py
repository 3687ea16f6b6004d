"""The weights of a folder opened for looking: names, shapes, samples. Memory-mapped; nothing in them is executed."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lisa.errors import BadCheckpoint, shown
from lisa.weights import read_header, weight_files

Read = Callable[[int, int], NDArray[np.float32]]


@dataclass
class OpenTensors:
    """Names → shapes, and samples of the values."""

    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    readers: dict[str, Read] = field(default_factory=dict)

    def forget(self, unread: Callable[[str], bool]) -> None:
        """Leaves out the tensors whose names `unread` holds true for."""
        for key in [key for key in self.shapes if unread(key)]:
            del self.shapes[key], self.readers[key]

    def sample(self, key: str, *, pieces: int = 8, length: int = 256) -> NDArray[np.float32]:
        """Up to `pieces × length` values of a tensor as float32, spread evenly over it; all of a small one."""
        count = int(np.prod(self.shapes[key], dtype=np.int64))
        read = self.readers[key]
        if count <= pieces * length:
            return read(0, count) if count else np.zeros(0, np.float32)
        starts = np.linspace(0, count - length, pieces).astype(np.int64)
        return np.concatenate([read(int(start), length) for start in starts])

    def row(self, key: str, index: int) -> NDArray[np.float32]:
        """Row `index` of a matrix as float32."""
        width = self.shapes[key][1]
        return self.readers[key](index * width, width)


def open_tensors(folder: Path) -> OpenTensors:
    """Opens all weight files of a folder.

    Raises:
        Missing: there are none, or a shard is not there.
        BadCheckpoint: a file is damaged, or is a pickle that would run code; it was not run.
    """
    opened = OpenTensors()
    for path in weight_files(folder):
        if path.suffix == ".safetensors":
            for name, stored in read_header(path).items():
                opened.shapes[name], opened.readers[name] = stored.shape, stored.sample
        else:
            for name, tensor in load_bin(path).items():
                opened.shapes[name], opened.readers[name] = tuple(tensor.shape), _reader(tensor)
    return opened


def load_bin(path: Path) -> dict[str, Tensor]:
    """A `pytorch_model*.bin` as name → tensor on the CPU, memory-mapped; pickled code is refused, not run.

    Raises:
        BadCheckpoint: it holds code or anything else than tensors, or is damaged.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except pickle.UnpicklingError as error:
        raise BadCheckpoint(
            f"{shown(path)} holds program code beside or instead of weights; it was not run: do not use this file, "
            "get the checkpoint from its authors, best as safetensors"
        ) from error
    except Exception as error:  # torch raises many kinds on damaged files
        raise BadCheckpoint(
            f"{shown(path)} is damaged or older than torch 1.6: fetch it again, or save it anew as safetensors"
        ) from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise BadCheckpoint(f"{shown(path)} holds no plain list of tensors: give the merged weights of a model")
    return {str(name): tensor for name, tensor in state.items()}


def _reader(tensor: Tensor) -> Read:
    def read(first: int, count: int) -> NDArray[np.float32]:
        return tensor.detach().reshape(-1)[first : first + count].float().numpy()

    return read
