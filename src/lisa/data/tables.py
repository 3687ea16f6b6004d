"""One's own questions in parquet files or in a dataset of the hub, by the `datasets` library (extra `data`).

Columns as in `questions`; `image` and `mask` are pictures of the table, as `datasets.Image` stores them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lisa.data.files import inside
from lisa.data.questions import FORMS, Questions, Row, row_of
from lisa.errors import BadInput, Missing, first_line, shown

_FILES = ("image", "mask")


class Table(Questions):
    """All rows of a table; pictures stay in it until they are drawn."""

    def __init__(self, source: str | Path, *, split: str = "train") -> None:
        """`source`: a parquet file, a folder of them, or the id of a dataset on the hub. Raises Missing or BadInput."""
        self.source, self.folder = shown(source), _home(source)
        self.table: Any = _opened(source, split)
        super().__init__(Path(source).name, self._rows())

    def file(self, name: str) -> Path | bytes:
        """See `Questions`; a name is "column/row". A picture may lie beside parquet files, which then hold its path."""
        column, _, row = name.partition("/")
        cell = self.table[int(row)][column]
        if isinstance(cell, dict) and isinstance(cell.get("bytes"), bytes):
            return cell["bytes"]
        if isinstance(cell, dict) and cell.get("path") and self.folder is not None:
            return inside(self.folder, os.path.relpath(Path(self.folder, cell["path"]), self.folder))
        raise BadInput(f"{self.source}, row {row}: {column} holds no picture: save it with datasets.Image")

    def _rows(self) -> Iterator[Row]:
        light = [c for c in self.table.column_names if c in ("instruction", "answer", "explanation", *FORMS[1:])]
        if "instruction" not in light or "image" not in self.table.column_names:
            raise BadInput(f"{self.source} needs columns image and instruction, it has {self.table.column_names}")
        masks = "mask" in self.table.column_names
        empty = self.table.data.column("mask").is_null().to_pylist() if masks else [True] * len(self.table)
        for i, row in enumerate(self.table.select_columns(light)):
            files = {"image": f"image/{i}"} | ({} if empty[i] else {"mask": f"mask/{i}"})
            yield row_of({**row, **files}, f"{self.source}, row {i}")


def _home(source: str | Path) -> Path | None:
    """The folder that pictures beside a table may lie in."""
    if not isinstance(source, Path):
        return None
    return source.parent if source.is_file() else source


def _opened(source: str | Path, split: str) -> Any:
    try:
        import datasets  # type: ignore[import-not-found]
    except ImportError as error:
        raise Missing("parquet files and hub datasets need: pip install 'lisa-seg[data]'") from error
    try:
        if isinstance(source, Path):
            files = [str(source)] if source.is_file() else sorted(str(p) for p in source.rglob("*.parquet"))
            table = datasets.load_dataset("parquet", data_files=files, split="train")
        else:
            table = datasets.load_dataset(source, split=split)
        for column in _FILES:
            if column in table.column_names:
                table = table.cast_column(column, datasets.Image(decode=False))
    except Exception as error:  # of this library any kind can come
        raise BadInput(f"{shown(source)} cannot be read as a table: {first_line(error)[:200]}") from error
    return table
