"""Cheap checks of options, made before anything slow starts. Torch-free."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from pathlib import Path

from lisa.errors import BadInput, TooLarge, shown
from lisa.files import expanded

DTYPES = {
    "float32": "float32",
    "fp32": "float32",
    "float": "float32",
    "bfloat16": "bfloat16",
    "bf16": "bfloat16",
    "float16": "float16",
    "fp16": "float16",
    "half": "float16",
}
"""What a person may write → torch's name."""

_DEVICE = re.compile(r"(cpu|mps|(cuda|xpu)(:\d{1,3})?)")


def check_dtype(name: str | None) -> str | None:
    """Torch's name of a number type, or None for the model's own. Raises BadInput for any other name."""
    if name is None or name.lower() == "auto":
        return None
    key = name.lower().removeprefix("torch.")
    if key not in DTYPES:
        raise BadInput(f"there is no dtype {shown(name)}: choose float32, bfloat16 or float16")
    return DTYPES[key]


def check_device(name: str | None) -> str | None:
    """A device name, or None to choose the best one here. Raises BadInput for a name no machine has."""
    if name is None or name.lower() == "auto":
        return None
    if not _DEVICE.fullmatch(name.lower()):
        raise BadInput(f"there is no device {shown(name)}: choose cpu, cuda, cuda:0, mps or auto")
    return name.lower()


def check_out_folder(folder: str | os.PathLike[str], *, room: int = 1 << 20) -> Path:
    """The folder as a path, after seeing that files can be written there. Creates nothing that stays.

    Args:
        folder: where results shall go; it need not exist yet.
        room: bytes that must be free there.

    Raises:
        BadInput: it is a file, or cannot be written.
        TooLarge: the disk is full.
    """
    text = os.fspath(folder)
    if not text.strip() or "\0" in text:
        raise BadInput(f"the output folder {shown(text)} has no usable name: give one such as --out results")
    path = expanded(text)
    try:
        existing = _nearest(path)
        if not existing.is_dir():
            raise BadInput(
                f"the output folder {shown(path)} cannot be made: {shown(existing)} is a file; name a folder"
            )
        if shutil.disk_usage(existing).free < room:
            raise TooLarge(f"the disk of {shown(existing)} is full: free some space or give another --out")
        with tempfile.TemporaryDirectory(prefix=".lisa-", dir=existing):
            pass
    except OSError as error:
        reason = error.strerror or error
        raise BadInput(f"cannot write to the output folder {shown(path)} ({reason}): give another --out") from error
    _check_name_length(path)
    return path


def check_new_folder(source: Path, out: Path) -> None:
    """Sees that `source` is a folder and `out` a new or empty one that can be written. Raises BadInput otherwise."""
    if not source.is_dir():
        raise BadInput(f"{shown(source)} is no folder: give a training run or a checkpoint on this machine")
    check_out_folder(out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BadInput(f"{shown(out)} is there already: give a new folder, so that nothing is lost")


def _nearest(path: Path) -> Path:
    """The path itself, or the first parent that exists."""
    while not path.exists() and not path.is_symlink() and path != path.parent:
        path = path.parent
    return path


def _check_name_length(path: Path) -> None:
    longest = 255
    with contextlib.suppress(OSError, AttributeError, ValueError):
        longest = os.pathconf(_nearest(path), "PC_NAME_MAX")
    if any(len(os.fsencode(part)) > longest for part in path.parts):
        raise BadInput(f"the output folder {shown(path)} has a name that is too long: give a shorter --out")
