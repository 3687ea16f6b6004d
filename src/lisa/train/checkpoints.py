"""Training state on disk: written beside, flushed, then renamed, so that a kill leaves the old or the new one."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import torch


def save_state(folder: Path, step: int, state: dict[str, Any], *, keep: int = 2) -> Path:
    """Writes `folder/step-XXXXXXXX.pt` atomically and drops all but the newest `keep`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"step-{step:08d}.pt"
    beside = folder / f".{path.name}.tmp"
    with beside.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    for old in saved_states(folder)[:-keep]:
        old.unlink()
    return path


def saved_states(folder: Path) -> list[Path]:
    """The states of a folder, oldest first; half-written ones are not among them."""
    return sorted(folder.glob("step-*.pt"))


def load_latest(folder: Path) -> dict[str, Any] | None:
    """The newest state that can be read, or None."""
    for path in reversed(saved_states(folder)):
        try:
            return torch.load(path, map_location="cpu", weights_only=True)
        except (RuntimeError, EOFError, OSError):
            continue
    return None


def check_space(folder: Path, needed: int) -> None:
    """Raises TooLarge before anything is written when the disk has less than `needed` bytes free."""
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise OSError(
            f"{folder} has {free / 1e9:.1f} GB free, {needed / 1e9:.1f} GB are needed: free some or use --out"
        )
