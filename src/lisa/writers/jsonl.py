"""Answers as JSON: one file each, or one line each of a growing file."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lisa.errors import BadInput, shown
from lisa.files import expanded

if TYPE_CHECKING:
    from lisa.segmentation import Segmentation


def to_json(result: Segmentation, **extra: Any) -> str:
    """The answer on one line of JSON; `extra` keys, such as `image="a.png"`, come first."""
    return json.dumps({**extra, **result.to_dict()}, ensure_ascii=False, allow_nan=False)


def write_json(result: Segmentation, folder: Path, name: str, question: Mapping[str, str]) -> list[Path]:
    """`NAME.answer.json`, the question's keys first."""
    path = folder / f"{name}.answer.json"
    path.write_text(to_json(result, **question) + "\n", encoding="utf-8")
    return [path]


class JsonLines:
    """A file of one answer a line, for many pictures. Use it in a `with` block.

    Lines go to a file beside, which takes the final name at the end of the block; after an exception the final name
    is as it was before.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = expanded(path)
        self._part = self.path.with_name(f".{self.path.name}.{os.getpid()}.part")

    def __enter__(self) -> JsonLines:
        try:
            self._file = self._part.open("w", encoding="utf-8")
        except OSError as error:
            raise BadInput(f"cannot write {shown(self.path)} ({error.strerror}): give another file") from error
        return self

    def write(self, result: Segmentation, **extra: Any) -> None:
        """Adds one answer; `extra` keys, such as `image="a.png"`, come first in its line."""
        self._file.write(to_json(result, **extra) + "\n")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self._file.close()
            if kind is None:
                self._part.replace(self.path)
        finally:
            self._part.unlink(missing_ok=True)


def read_json_lines(path: str | os.PathLike[str]) -> Iterator[dict[str, Any]]:
    """The objects of a file of JSON lines. Raises BadInput naming the first line that is none."""
    with Path(path).open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                yield json.loads(line)
            except ValueError as error:
                raise BadInput(f"line {number} of {shown(path)} is not JSON ({error}): remove or mend it") from error
