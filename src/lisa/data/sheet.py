"""One's own questions in a sheet: CSV or JSON lines with the columns of `questions`; files are seen from its folder."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lisa.data.files import inside, read_lines, read_text
from lisa.data.questions import Questions, Row, row_of
from lisa.errors import BadInput, shown


class Sheet(Questions):
    """All questions of a sheet."""

    def __init__(self, path: Path) -> None:
        """Raises Missing, or BadInput with the row that is wrong."""
        self.folder = path.parent
        super().__init__(path.stem, rows_of(path))

    def file(self, name: str) -> Path:
        """See `Questions`."""
        return inside(self.folder, name)


def rows_of(path: Path) -> Iterator[Row]:
    """The rows of a sheet. Raises Missing, or BadInput with the row that is wrong."""
    if path.suffix.lower() == ".csv":
        for number, row in enumerate(_records(path), 2):
            if None in row:
                where = f"{shown(path)}, row {number}"
                raise BadInput(f"{where} has more cells than the first one names: put a text with a comma into quotes")
            if any(str(value or "").strip() for value in row.values()):
                yield row_of(row, f"{shown(path)}, row {number}")
        return
    for number, line in enumerate(read_lines(path), 1):
        where = f"{shown(path)}, row {number}"
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise BadInput(f"{where} is no JSON ({error})") from error
        if not isinstance(row, dict):
            raise BadInput(f"{where} is no record of names and values")
        yield row_of(row, where)


def _records(path: Path) -> list[dict[str, Any]]:
    """Of a CSV. Its cells may be long: outlines and run-lengths stand in them."""
    text = read_text(path).lstrip()
    limit = csv.field_size_limit(2**31 - 1)
    try:
        return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise BadInput(f"{shown(path)} is no CSV ({error}): the first row names the columns") from error
    finally:
        csv.field_size_limit(limit)
