"""Checkpoint folders for tests: the golden tiny one in the published layout, and ways to damage it."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import zipfile
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file, save_file


class Evil:
    """Unpickling it makes a file: the sign that a reader has run what it should not."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


def published(shared: Path, folder: Path) -> Path:
    """The golden tiny checkpoint as a hub folder holds it."""
    shutil.copytree(shared / "reference" / "hub" / "tiny-lisa", folder, copy_function=shutil.copyfile)
    folder.chmod(0o755)
    shutil.copyfile(shared / "reference" / "tiny_lisa.safetensors", folder / "model.safetensors")
    return folder


def edit_weights(folder: Path, change) -> None:
    """Applies `change` to the dictionary of tensors; what the file says of them stays."""
    path = folder / "model.safetensors"
    with safe_open(path, "np") as file:
        said = file.metadata()
    tensors = load_file(path)
    change(tensors)
    save_file({key: np.ascontiguousarray(value) for key, value in tensors.items()}, path, metadata=said)


def edit_json(path: Path, **changes: object) -> None:
    """Sets keys of a JSON file; None removes one."""
    data = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({key: value for key, value in data.items() if value is not None}))


def write_evil_pickle(path: Path, marker: Path, *, zipped: bool) -> None:
    """A weights file that would create `marker` if it were unpickled: plain, or in torch's zip layout."""
    payload = pickle.dumps({"a": Evil(marker)}, protocol=2)
    if not zipped:
        path.write_bytes(payload)
        return
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("archive/data.pkl", payload)
        file.writestr("archive/version", "3\n")
        file.writestr("archive/byteorder", "little")
