"""Answers as files: a line of JSON for every question, written as it is answered, scored again without the model.

The first line says what was asked of what; a file of other questions, or of another model, is not continued. Of a run
that was killed all whole lines count.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from lisa.errors import BadInput, shown
from lisa.evaluate.ask import Answered
from lisa.evaluate.figures import Evaluation
from lisa.evaluate.rows import Row, score
from lisa.segmentation import Segmentation
from lisa.types import Sample

VERSION = 1


class PredictionFile:
    """A file that answers are added to, in any order of their places."""

    def __init__(self, path: Path, about: Mapping[str, Any]) -> None:
        """Goes on where the file stands. Raises BadInput where it is about something else or is no such file."""
        self.path, self.about = path, {"lisa_predictions": VERSION, **about}
        self.done: set[int] = set()
        path.parent.mkdir(parents=True, exist_ok=True)
        end = self._read() if path.is_file() else 0
        self._file: IO[str] = path.open("a+", encoding="utf-8")
        self._file.truncate(end)
        if not end:
            self._write(self.about)

    def add(self, answered: Answered) -> None:
        """One more line, whole on the disk when this returns."""
        self._write(record_of(answered))
        self.done.add(answered.index)

    def close(self) -> None:
        """No more lines."""
        self._file.close()

    def _write(self, record: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(record, ensure_ascii=False) + "\n")
        self._file.flush()

    def _read(self) -> int:
        """The bytes of all whole lines; what is there is noted in `done`."""
        end = 0
        with self.path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.endswith(b"\n"):
                    break
                record = _parsed(line, self.path, number)
                if number == 1 and record != json.loads(json.dumps(self.about)):
                    changed = sorted(k for k in {*record, *self.about} if record.get(k) != self.about.get(k))
                    raise BadInput(
                        f"{shown(self.path)} holds answers to something else (another {', '.join(changed)}): "
                        "give another folder with --out"
                    )
                if number > 1:
                    self.done.add(_index(record, self.path, number))
                end += len(line)
        return end


def record_of(answered: Answered) -> dict[str, Any]:
    """A line of the file."""
    return {
        "index": answered.index,
        "id": answered.sample.id,
        "instruction": answered.sample.turns[-1].instruction,
        "seconds": round(answered.seconds, 6),
        "answer": answered.result.to_dict(),
        **{
            name: None if found is None else found.to_dict()
            for name, found in (("other", answered.control), ("forced", answered.forced))
        },
    }


def read(path: Path) -> tuple[dict[str, Any], dict[int, dict[str, Any]]]:
    """What a file is about, and its records by place; an unfinished last line is left out. Raises BadInput."""
    about: dict[str, Any] = {}
    records: dict[int, dict[str, Any]] = {}
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.endswith(b"\n"):
                    break
                record = _parsed(line, path, number)
                if number == 1:
                    about = record
                else:
                    records[_index(record, path, number)] = record
    except OSError as error:
        raise BadInput(f"{shown(path)} cannot be read: {error.strerror}") from error
    if about.get("lisa_predictions") != VERSION:
        raise BadInput(f"{shown(path)} is no file of predictions: its first line says nothing of them")
    return about, records


def rescore(samples: Iterable[Sample], records: Mapping[int, Mapping[str, Any]], where: Path) -> Evaluation:
    """The rows that the model's own run gave, from the file of its answers. Raises BadInput where they do not fit."""
    rows = []
    for index, sample in enumerate(samples):
        if index not in records:
            continue
        record = records[index]
        if record.get("id") != sample.id:
            raise BadInput(
                f"{shown(where)}: question {index} is about {sample.id}, but {record.get('id')!r} was answered; "
                "give the dataset, split and seed that were asked"
            )
        rows.append(_scored(sample, index, record, where))
    return Evaluation(rows)


def _scored(sample: Sample, index: int, record: Mapping[str, Any], where: Path) -> Row:
    try:
        result = Segmentation.from_dict(record["answer"])
        control, forced = (
            None if record.get(name) is None else Segmentation.from_dict(record[name]) for name in ("other", "forced")
        )
        seconds = float(record["seconds"])
    except (KeyError, TypeError, ValueError, BadInput) as error:
        raise BadInput(f"{shown(where)}, question {index}: {error}") from error
    size = sample.image.shape[:2]
    for found in (result, control, forced):
        if found is not None and found.size != size:
            raise BadInput(
                f"{shown(where)}, question {index}: masks are {found.size[1]} × {found.size[0]}, "
                f"the picture is {size[1]} × {size[0]}"
            )
    return score(sample, result, seconds, control=control, forced=forced, index=index)


def _parsed(line: bytes, path: Path, number: int) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{shown(path)}, line {number} is no JSON ({error})") from error
    if not isinstance(record, dict):
        raise BadInput(f"{shown(path)}, line {number} is no record")
    return record


def _index(record: Mapping[str, Any], path: Path, number: int) -> int:
    index = record.get("index")
    if not isinstance(index, int) or isinstance(index, bool) or index < 0:
        raise BadInput(f"{shown(path)}, line {number}: index is the place of a question, a whole number")
    return index


def lines_of(records: Mapping[int, Mapping[str, Any]]) -> Iterator[str]:
    """The records as lines, in order."""
    return (json.dumps(records[k], ensure_ascii=False) for k in sorted(records))
