"""Under what names results are kept, so that none takes another's place unasked."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from itertools import count
from pathlib import Path

from lisa.errors import BadInput, shown

_LONGEST = 200
"""Bytes of a name made from a picture's: file systems hold 255, and numbers and endings follow."""


def check_name(name: str) -> str:
    """The name, if files in a folder can begin with it. Raises BadInput otherwise."""
    file = f"{name}.png"
    if not name or Path(file).name != file or "\0" in name:
        raise BadInput(f"results cannot be called {shown(name)}: give a name without a path, such as photo")
    return name


def shortened(name: str) -> str:
    """A picture's name, cut where results named after it would have too long names."""
    return name.encode()[:_LONGEST].decode("utf-8", "ignore")


def name_for(folder: Path, name: str, question: Mapping[str, str]) -> str:
    """`name`, or `name`-2 …: the first that is free in the folder, or has an answer to the same question.

    `question`: what tells one question from another; it stands in the JSON of its answer.
    """
    own = re.compile(r"\.(overlay\.png|mask-\d+\.png|answer\.json)")
    return _first(name, lambda n: not _has(folder, n, own) or _asked(folder / f"{n}.answer.json", question) == question)


def name_for_chat(folder: Path, name: str) -> str:
    """`name`, or `name`-2 …: the first under which no conversation is kept in the folder."""
    return _first(name, lambda n: not _has(folder, n, re.compile(r"\.turn-\d+\..+")))


def _first(name: str, fits: Callable[[str], bool]) -> str:
    return next(n for k in count(1) if fits(n := name if k == 1 else f"{name}-{k}"))


def _has(folder: Path, name: str, rest: re.Pattern[str]) -> bool:
    """Whether a file is there whose name is `name` and what `rest` matches."""
    paths = folder.iterdir() if folder.is_dir() else ()
    return any(p.name.startswith(name) and rest.fullmatch(p.name, len(name)) for p in paths)


def _asked(path: Path, like: Iterable[str]) -> dict[str, str] | None:
    """What a saved answer says of its question under these names; None where there is none."""
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
        return {name: saved[name] for name in like}
    except (OSError, ValueError, KeyError, TypeError):
        return None
