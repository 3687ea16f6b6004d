"""Which id [SEG] has, by every file of a tokenizer that says so. Torch-free."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lisa.errors import BadCheckpoint, Missing, shown
from lisa.types import SEG
from lisa.weights import read_json


@dataclass(frozen=True)
class SegToken:
    """[SEG] in a tokenizer folder."""

    id: int
    sources: tuple[str, ...]
    """The files that name it."""
    conflicts: str
    """Files that disagree about it, or two tokens with one id, in words; empty if all is well."""
    tokens: int | None
    """Highest id of the tokenizer plus one; None where it cannot be told."""


def find_seg(folder: Path) -> SegToken:
    """[SEG] as the tokenizer files of a folder have it.

    Raises:
        Missing: no file knows [SEG].
        BadCheckpoint: a file is damaged.
    """
    tables = _tables(folder)
    ids = {name: table[SEG] for name, table in tables.items() if SEG in table}
    if not ids:
        seen = ", ".join(tables) or "no tokenizer files"
        raise Missing(f"no tokenizer file of {shown(folder)} knows {SEG} (looked at {seen})")
    first = next(iter(ids.values()))
    conflicts = ""
    if len(set(ids.values())) > 1:
        conflicts = ", ".join(f"{name}: {number}" for name, number in ids.items())
    doubles = [
        f"{token} is {first} too"
        for table in tables.values()
        for token, number in table.items()
        if number == first and token != SEG
    ]
    conflicts = "; ".join(filter(None, [conflicts, *dict.fromkeys(doubles)]))
    top = max((number for table in tables.values() for number in table.values()), default=-1)
    top = max(top, _pieces(folder) - 1)
    return SegToken(first, tuple(ids), conflicts, top + 1 if top >= 0 else None)


def vocabulary_size(config: Mapping[str, Any]) -> int | None:
    """`vocab_size` of a config, or of the first part inside it that has one."""
    size = config.get("vocab_size")
    if isinstance(size, int):
        return size
    for part in config.values():
        if isinstance(part, Mapping) and (inner := vocabulary_size(part)) is not None:
            return inner
    return None


def _tables(folder: Path) -> dict[str, dict[str, int]]:
    """File name → token → id, of every file that lists added tokens."""
    tables: dict[str, dict[str, int]] = {}
    readers = {
        "added_tokens.json": lambda data: data.items(),
        "tokenizer.json": lambda data: _fast(data),
        "tokenizer_config.json": lambda data: (
            (entry["content"], number) for number, entry in data.get("added_tokens_decoder", {}).items()
        ),
    }
    for name, reader in readers.items():
        if not (folder / name).is_file():
            continue
        try:
            table = {str(token): int(number) for token, number in reader(read_json(folder / name))}
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BadCheckpoint(f"{shown(folder / name)} is no list of tokens: fetch it again") from error
        if table:
            tables[name] = table
    return tables


def _fast(data: dict[str, Any]) -> list[tuple[str, int]]:
    vocabulary = data.get("model", {}).get("vocab", {})
    pairs = list(vocabulary.items()) if isinstance(vocabulary, dict) else []
    return pairs + [(entry["content"], entry["id"]) for entry in data.get("added_tokens", [])]


def _pieces(folder: Path) -> int:
    """Pieces of the sentencepiece model, 0 where there is none."""
    path = folder / "tokenizer.model"
    if not path.is_file():
        return 0
    from sentencepiece import SentencePieceProcessor

    try:
        processor = SentencePieceProcessor()
        processor.LoadFromSerializedProto(path.read_bytes())
        return int(processor.GetPieceSize())
    except Exception as error:  # the library raises plain RuntimeErrors and others
        raise BadCheckpoint(f"{shown(path)} is no sentencepiece model: fetch it again") from error
