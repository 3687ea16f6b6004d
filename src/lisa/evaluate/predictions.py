"""Answers as files: a line of JSON for every question, written as it is answered, scored again without the model.

The first line of each file says what was asked of what. All processes that ever answered a dataset in a folder have a
file there; together they are its answers, however many processes there were. Of one that was killed all whole lines
count.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from lisa.errors import BadInput, shown
from lisa.evaluate.ask import Answered
from lisa.evaluate.rows import Row, score
from lisa.segmentation import Segmentation
from lisa.types import Sample

VERSION = 1


class Answers:
    """The files of a folder: which questions are answered, and where. Records are read when they are needed."""

    def __init__(self, files: Iterable[Path] | Path, about: Mapping[str, Any] | None = None) -> None:
        """`files`: a folder, whose files may grow; or given files. `about`: what they all have to be about.

        Raises BadInput for files about something else, or that are damaged.
        """
        self.folder = files if isinstance(files, Path) else None
        self._given = [] if isinstance(files, Path) else list(files)
        self.about: dict[str, Any] | None = None if about is None else _header(about)
        self.places: dict[int, tuple[Path, int]] = {}
        self.ends: dict[Path, int] = {}
        """File → bytes of its whole lines."""
        self.refresh()

    def refresh(self) -> None:
        """Reads what was added since."""
        for path in sorted(self.folder.glob("predictions*.jsonl")) if self.folder else self._given:
            self._read(path)

    def record(self, index: int) -> dict[str, Any]:
        """The answer to a question."""
        path, start = self.places[index]
        with path.open("rb") as file:
            file.seek(start)
            return json.loads(file.readline())

    def _read(self, path: Path) -> None:
        end = self.ends.get(path, 0)
        try:
            with path.open("rb") as file:
                file.seek(end)
                for line in file:
                    if not line.endswith(b"\n"):
                        break
                    record = _parsed(line, path)
                    if end == 0:
                        self._check(record, path)
                    else:
                        self.places.setdefault(_index(record, path), (path, end))
                    end += len(line)
        except OSError as error:
            raise BadInput(f"{shown(path)} cannot be read: {error.strerror}") from error
        self.ends[path] = end

    def _check(self, found: dict[str, Any], path: Path) -> None:
        if found.get("lisa_predictions") != VERSION:
            raise BadInput(f"{shown(path)} is no file of predictions: its first line says nothing of them")
        self.about = self.about or found
        if changed := sorted(k for k in {*found, *self.about} if found.get(k) != self.about.get(k)):
            raise BadInput(
                f"{shown(path)} holds answers to something else (another {', '.join(changed)}): "
                "give another folder with --out"
            )


class PredictionFile:
    """A file that answers are added to."""

    def __init__(self, path: Path, about: Mapping[str, Any], *, end: int = 0) -> None:
        """`end`: bytes of it that are whole lines already; what is behind them is cut off."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: IO[str] = path.open("a+", encoding="utf-8")
        self._file.truncate(end)
        if not end:
            self._write(_header(about))

    def add(self, answered: Answered) -> None:
        """One more line, handed to the system when this returns."""
        self._write(record_of(answered))

    def close(self) -> None:
        """No more lines."""
        self._file.close()

    def _write(self, record: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(record, ensure_ascii=False) + "\n")
        self._file.flush()


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


def rescore(samples: Iterable[tuple[int, Sample]], answers: Answers) -> Iterator[Row]:
    """The rows that the model's own run gave; what is not answered is left out. Raises BadInput where they do not fit.

    `samples`: (place in the dataset, sample).
    """
    for index, sample in samples:
        if index not in answers.places:
            continue
        where, record = shown(answers.places[index][0]), answers.record(index)
        asked = sample.turns[-1].instruction
        if (record.get("id"), record.get("instruction")) != (sample.id, asked):
            raise BadInput(
                f"{where}: question {index} is {asked!r} about {sample.id}, but {record.get('instruction')!r} about "
                f"{record.get('id')} was answered; give the dataset, split and seed that were asked"
            )
        yield _scored(sample, index, record, where)


def _scored(sample: Sample, index: int, record: Mapping[str, Any], where: str) -> Row:
    try:
        result = Segmentation.from_dict(record["answer"])
        control, forced = (
            None if record.get(name) is None else Segmentation.from_dict(record[name]) for name in ("other", "forced")
        )
        seconds = float(record["seconds"])
    except (KeyError, TypeError, ValueError, BadInput) as error:
        raise BadInput(f"{where}, question {index}: {error}") from error
    size = sample.image.shape[:2]
    for found in (result, control, forced):
        if found is not None and found.size != size:
            raise BadInput(
                f"{where}, question {index}: masks are {found.size[1]} × {found.size[0]}, "
                f"the picture is {size[1]} × {size[0]}"
            )
    return score(sample, result, seconds, control=control, forced=forced, index=index)


def _header(about: Mapping[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps({"lisa_predictions": VERSION, **about}))


def _parsed(line: bytes, path: Path) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{shown(path)} has a line that is no JSON ({error})") from error
    if not isinstance(record, dict):
        raise BadInput(f"{shown(path)} has a line that is no record")
    return record


def _index(record: Mapping[str, Any], path: Path) -> int:
    index = record.get("index")
    if not isinstance(index, int) or isinstance(index, bool) or index < 0:
        raise BadInput(f"{shown(path)}: index is the place of a question, a whole number, not {index!r}")
    return index
