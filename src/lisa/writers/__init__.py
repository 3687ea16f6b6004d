"""Answers → files. A writer is a function in a module here and its name in `WRITERS`."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from lisa.files import expanded
from lisa.writers.base import Writer, staged
from lisa.writers.images import write_masks, write_overlay
from lisa.writers.jsonl import JsonLines, read_json_lines, to_json, write_json
from lisa.writers.names import check_name, name_for, name_for_chat, shortened

if TYPE_CHECKING:
    from lisa.segmentation import Segmentation

__all__ = [
    "WRITERS",
    "JsonLines",
    "Writer",
    "name_for",
    "name_for_chat",
    "read_json_lines",
    "save",
    "shortened",
    "staged",
    "to_json",
]

WRITERS: dict[str, Writer] = {"overlay": write_overlay, "masks": write_masks, "json": write_json}
"""Name → writer, in the order in which their files are returned."""


def save(
    result: Segmentation,
    folder: str | os.PathLike[str],
    *,
    name: str = "result",
    writers: tuple[str, ...] = tuple(WRITERS),
    question: Mapping[str, str] | None = None,
) -> list[Path]:
    """Writes an answer with the named writers, all or nothing, and returns the paths in the folder.

    Masks that an earlier answer of the same name left there are removed, since this answer may have fewer.
    `question`: what was asked, to be kept with the answer; see `name_for`.

    Raises:
        BadInput: the name is none for a file, or the folder cannot be written; nothing was changed.
    """
    target = expanded(folder)
    masks = re.compile(re.escape(check_name(name)) + r"\.mask-\d+\.png")
    with staged(target, replaces=masks) as stage:
        written = [path for key in writers for path in WRITERS[key](result, stage, name, question or {})]
    return [target / path.name for path in written]
