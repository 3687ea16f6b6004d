"""Answers → files. A writer is a function in a module here and its name in `WRITERS`."""

from __future__ import annotations

import glob
import os
from pathlib import Path
from typing import TYPE_CHECKING

from lisa.writers.base import Writer, staged
from lisa.writers.images import write_masks, write_overlay
from lisa.writers.jsonl import JsonLines, read_json_lines, to_json, write_json

if TYPE_CHECKING:
    from lisa.segmentation import Segmentation

__all__ = ["WRITERS", "JsonLines", "Writer", "read_json_lines", "save", "staged", "to_json"]

WRITERS: dict[str, Writer] = {"overlay": write_overlay, "masks": write_masks, "json": write_json}
"""Name → writer, in the order in which their files are returned."""


def save(
    result: Segmentation,
    folder: str | os.PathLike[str],
    *,
    name: str = "result",
    writers: tuple[str, ...] = tuple(WRITERS),
) -> list[Path]:
    """Writes an answer with the named writers, all or nothing, and returns the paths in the folder.

    Masks that an earlier answer of the same name left there are removed, since this answer may have fewer.

    Raises:
        BadInput: the folder cannot be written; nothing was changed.
    """
    target = Path(folder).expanduser()
    with staged(target, replaces=f"{glob.escape(name)}.mask-*.png") as stage:
        written = [path for key in writers for path in WRITERS[key](result, stage, name)]
    return [target / path.name for path in written]
