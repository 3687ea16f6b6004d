"""Small files, written atomically. Torch-free."""

from __future__ import annotations

import json
import os
import uuid
from pathlib import Path
from typing import Any


def write_json(path: Path, data: Any) -> None:
    """Writes JSON beside the path, then renames it there; folders are made."""
    write_text(path, json.dumps(data, indent=2, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Writes text in UTF-8 beside the path, then renames it there; folders are made."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, data: bytes) -> None:
    """Writes beside the path, then renames it there; folders are made. Several processes may write the same file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        beside.write_bytes(data)
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise


def expanded(path: str | os.PathLike[str]) -> Path:
    """A path with `~` in front for somebody's home; a name that only begins so is left as it is."""
    try:
        return Path(path).expanduser()
    except RuntimeError:  # there is nobody of that name
        return Path(path)
