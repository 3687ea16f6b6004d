"""Weights on disk, written whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from lisa.errors import TooLarge, first_line, shown


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> None:
    """A safetensors file, written beside and renamed; what was there stays until the new one is whole.

    Raises TooLarge where the disk is full or nothing may be written there.
    """
    beside = path.with_name(f".{path.name}.tmp")
    try:
        beside.touch()
        mode = beside.stat().st_mode
        save_file(dict(tensors), beside, metadata=None if metadata is None else dict(metadata))
        beside.chmod(mode)  # safetensors' own files are nobody else's to read
        beside.replace(path)
    except (SafetensorError, OSError) as error:
        beside.unlink(missing_ok=True)
        raise TooLarge(f"{shown(path)} could not be written ({first_line(error)}): free some space or allow writing "
                       "there, then give the same command again") from error  # fmt: skip
