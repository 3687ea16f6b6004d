"""What a writer is, and how results reach a folder: all of them, or none."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from lisa.errors import BadInput, shown
from lisa.files import expanded

if TYPE_CHECKING:
    from lisa.segmentation import Segmentation


class Writer(Protocol):
    """Puts one answer into a folder as files."""

    def __call__(self, result: Segmentation, folder: Path, name: str, question: Mapping[str, str]) -> list[Path]:
        """Writes files whose names begin with `name` and a dot; returns their paths."""
        ...


@contextlib.contextmanager
def staged(target: str | os.PathLike[str], *, replaces: re.Pattern[str] | None = None) -> Iterator[Path]:
    """A folder beside `target` to write into; at the end its files are moved into `target` by renaming.

    If anything fails, in the block or while moving, `target` is as it was: files of other names untouched, files of
    the same names put back, a folder that did not exist still not there.

    Args:
        target: where the files shall end up.
        replaces: matches the whole names of older files in `target` that make way for the new ones.

    Raises:
        BadInput: the folder cannot be made or written, or the disk is full.
    """
    folder = expanded(target)
    work: Path | None = None
    try:
        made = _make(folder)
        try:
            work = Path(tempfile.mkdtemp(prefix=".lisa-", dir=folder))
            (work / "new").mkdir()
            yield work / "new"
            _swap(work, folder, replaces)
            made = []
        finally:
            if work is not None:
                shutil.rmtree(work, ignore_errors=True)
            for path in reversed(made):
                with contextlib.suppress(OSError):
                    path.rmdir()
    except OSError as error:
        reason = error.strerror or error
        raise BadInput(
            f"cannot write to {shown(folder)} ({reason}): nothing was changed; give another folder"
        ) from error


def _make(folder: Path) -> list[Path]:
    """Makes the folder and its parents; returns those that were not there, outermost first."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    made: list[Path] = []
    try:
        for path in reversed(missing):
            path.mkdir(exist_ok=True)  # another answer may have made it just now
            made.append(path)
    except OSError:
        for path in reversed(made):
            path.rmdir()
        raise
    return made


def _swap(work: Path, folder: Path, replaces: re.Pattern[str] | None) -> None:
    """Moves `work`/new into `folder`; what it displaces waits in `work`/old and comes back on failure."""
    old = work / "old"
    old.mkdir()
    new = sorted((work / "new").iterdir())
    displaced = {folder / path.name for path in new}
    if replaces is not None:
        displaced |= {path for path in folder.iterdir() if replaces.fullmatch(path.name)}
    undo: list[tuple[Path, Path]] = []
    try:
        for path in sorted(displaced):
            if path.is_dir():
                raise IsADirectoryError(None, f"{path.name} is a folder there")
            if path.exists():
                path.replace(old / path.name)
                undo.append((old / path.name, path))
        for path in new:
            path.replace(folder / path.name)
            undo.append((folder / path.name, path))
    except BaseException:
        for source, destination in reversed(undo):
            source.replace(destination)
        raise
