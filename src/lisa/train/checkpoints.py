"""Training state on disk. A kill at any moment leaves the old state or the new one, never half of one.

A state is one file, `step-STEP-HASH.pt`: written beside, flushed, renamed. Its name holds the hash of its bytes, so
that a damaged one is told and passed over. Old ones go only after the new one is there.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import shutil
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

import torch

from lisa.errors import TooLarge, first_line

_LOG = logging.getLogger(__name__)
_NAME = re.compile(r"(step|best)-(\d{8})-([0-9a-f]{16})\.pt")


class _Hashed:
    """A file that knows the hash of what was written to it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.hash = file, hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.hash.update(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()


def save_state(folder: Path, step: int, state: dict[str, Any], *, keep: int = 2, best: bool = False) -> Path:
    """Writes a state atomically, then drops all but the newest `keep`; with `best` it also replaces the best one.

    Of one step there is one state, the last that was written.

    Raises TooLarge when the disk is full; what was there before is untouched then.
    """
    folder.mkdir(parents=True, exist_ok=True)
    beside = folder / f".step-{step:08d}.tmp"
    try:
        with beside.open("wb") as file:
            hashed = _Hashed(file)
            torch.save(state, hashed)  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        path = folder / f"step-{step:08d}-{hashed.hash.hexdigest()[:16]}.pt"
        beside.replace(path)
        if best:
            _replace_best(folder, path)
    except (OSError, RuntimeError) as error:  # torch wraps a full disk in a RuntimeError
        beside.unlink(missing_ok=True)
        raise TooLarge(f"the state of step {step} could not be written to {folder} ({first_line(error)}): "
                       "free some space or allow writing there, then start again to resume") from error  # fmt: skip
    for other in folder.glob(f"step-{step:08d}-*.pt"):  # of the same step, before it was scored
        if other != path:
            other.unlink()
    states = saved_states(folder)
    here = states.index(path)
    for other in [*states[: max(here + 1 - keep, 0)], *states[here + 1 :]]:  # a later one was damaged and passed over
        other.unlink()
    return path


def _replace_best(folder: Path, path: Path) -> None:
    old = list(folder.glob("best-*.pt"))
    new = folder / path.name.replace("step-", "best-", 1)
    if not new.exists():
        try:
            os.link(path, new)
        except OSError:  # a file system without links
            beside = folder / f".{new.name}.tmp"
            shutil.copyfile(path, beside)
            beside.replace(new)
    for other in old:
        if other != new:
            other.unlink()


def saved_states(folder: Path) -> list[Path]:
    """The states of a folder, oldest first; half-written ones are not among them."""
    return sorted(path for path in folder.glob("step-*.pt") if _NAME.fullmatch(path.name))


def best_state(folder: Path) -> Path | None:
    """The state that scored best, if one was kept."""
    return max((path for path in folder.glob("best-*.pt") if _NAME.fullmatch(path.name)), default=None)


def load_state(path: Path) -> dict[str, Any] | None:
    """A state, or None when its bytes are not those that were written."""
    name = _NAME.fullmatch(path.name)
    try:
        if name is None or _hash(path) != name[3]:
            return None
        return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except (RuntimeError, EOFError, OSError):
        return None


def load_latest(folder: Path) -> dict[str, Any] | None:
    """The newest state that is whole, or None; damaged ones are told of."""
    for path in reversed(saved_states(folder)):
        if (state := load_state(path)) is not None:
            return state
        _LOG.warning("%s is damaged and passed over", path)
    return None


def _hash(path: Path) -> str:
    whole = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            whole.update(block)
    return whole.hexdigest()[:16]


class Saver:
    """Writes states in the background, one at a time, from copies, so that training goes on meanwhile."""

    def __init__(self, folder: Path, *, keep: int = 2) -> None:
        self.folder, self.keep = folder, keep
        for left in folder.glob(".*.tmp"):  # what a kill left of a state
            left.unlink(missing_ok=True)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._writing: Future[Path] | None = None

    def save(self, step: int, state: dict[str, Any], *, best: bool = False) -> None:
        """Starts writing a state whose tensors nobody changes any more. Raises what the write before it met."""
        self.wait()
        self._writing = self._pool.submit(save_state, self.folder, step, state, keep=self.keep, best=best)

    def wait(self) -> None:
        """Until everything is written. Raises TooLarge where it could not be."""
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()

    def close(self) -> None:
        """Waits, then gives the thread back."""
        try:
            self.wait()
        finally:
            self._pool.shutdown()


def check_space(folder: Path, needed: int) -> None:
    """Raises TooLarge before anything is written when the disk has less than `needed` bytes free."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise TooLarge(f"{folder} cannot be written ({error.strerror}): give another --out") from error
    if free < needed:
        raise TooLarge(
            f"{folder} has {free / 1e9:.1f} GB free, {needed / 1e9:.1f} GB are needed: free some or use --out"
        )
