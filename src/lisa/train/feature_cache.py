"""Features of frozen image encoders, computed once per picture instead of once per step.

Filled as training goes, in memory or on disk, up to a size. What is stored is rounded to the cache's type, and so is
what a miss gives back: a run with a cold cache and one with a warm cache see the same bits.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn


class Store(Protocol):
    """Where features are kept."""

    def get(self, key: str) -> Tensor | None:
        """What was put under a key; None where it is not, or not whole."""
        ...

    def put(self, key: str, value: Tensor) -> None:
        """Keeps a tensor of the CPU, if there is room."""
        ...


class Memory:
    """The newest used features, up to `limit` bytes."""

    def __init__(self, limit: int) -> None:
        self.limit, self.used = limit, 0
        self._rows: OrderedDict[str, Tensor] = OrderedDict()

    def get(self, key: str) -> Tensor | None:
        """See `Store`."""
        if (row := self._rows.get(key)) is not None:
            self._rows.move_to_end(key)
        return row

    def put(self, key: str, value: Tensor) -> None:
        """See `Store`; the longest unused ones make room."""
        size = value.numel() * value.element_size()
        if key in self._rows or size > self.limit:
            return
        while self.used + size > self.limit:
            _, old = self._rows.popitem(last=False)
            self.used -= old.numel() * old.element_size()
        self._rows[key] = value
        self.used += size


class Disk:
    """A file for each picture in 256 folders, up to `limit` bytes; many processes may share one folder.

    A file is written beside and renamed, so that nobody reads half of one. When it is full, nothing more is added.
    """

    def __init__(self, folder: Path, limit: int, *, processes: int = 1, spare: int = 0) -> None:
        """`processes`: that fill it, each its part of what is left. `spare`: bytes of the disk left free for others."""
        self.folder, self.spare = folder, spare
        folder.mkdir(parents=True, exist_ok=True)
        used = sum(file.stat().st_size for file in folder.glob("??/*.safetensors"))
        self.left = (limit - used) // processes

    def get(self, key: str) -> Tensor | None:
        """See `Store`; a damaged file counts as none and is taken away."""
        path = self._path(key)
        try:
            return load_file(path)["features"]
        except FileNotFoundError:
            return None
        except (SafetensorError, OSError, KeyError):
            path.unlink(missing_ok=True)
            return None

    def put(self, key: str, value: Tensor) -> None:
        """See `Store`; a disk that is full or cannot be written is no reason to stop."""
        size = value.numel() * value.element_size()
        path = self._path(key)
        if size > self.left or path.exists():
            return
        beside = path.with_name(f".{key}.{os.getpid()}.tmp")
        try:
            if shutil.disk_usage(self.folder).free < size + self.spare:
                self.left = 0
                return
            path.parent.mkdir(exist_ok=True)
            save_file({"features": value}, beside)
            beside.replace(path)
            self.left -= size
        except (OSError, SafetensorError):
            beside.unlink(missing_ok=True)
            self.left = 0

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.safetensors"


class FeatureCache:
    """One encoder's features by picture."""

    def __init__(self, store: Store, *, weights: str, dtype: torch.dtype) -> None:
        """`weights`: `hash_of` the encoder, part of every key, so that another encoder never finds these."""
        self.store, self.weights, self.dtype = store, weights, dtype
        self.hits = self.misses = 0

    def __call__(
        self, pictures: Sequence[str], encode: Callable[[list[int]], Iterable[Tensor]], device: torch.device
    ) -> list[Tensor]:
        """Features of pictures by their keys; `encode` computes those of the numbers that are missing."""
        keys = [hashlib.sha256(f"{self.weights}/{p}".encode()).hexdigest()[:32] for p in pictures]
        rows = [self.store.get(key) for key in keys]
        missing = [i for i, row in enumerate(rows) if row is None]
        self.hits += len(rows) - len(missing)
        self.misses += len(missing)
        for i, feature in zip(missing, encode(missing) if missing else []):
            rows[i] = feature.detach().to("cpu", self.dtype).contiguous().clone()
            self.store.put(keys[i], rows[i])  # type: ignore[arg-type]
        return [row.to(device) for row in rows if row is not None]


def hash_of(*modules: nn.Module, more: str = "") -> str:
    """A hash of modules' weights and of whatever else decides their features, such as the size of their input."""
    digest = hashlib.sha256(more.encode())
    for module in modules:
        for name, tensor in module.state_dict().items():
            digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
            digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()[:16]
