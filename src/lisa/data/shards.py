"""One's own questions in WebDataset shards: tar files of KEY.jpg, KEY.png (the mask) and KEY.json or KEY.txt.

The JSON has the columns of `questions`, an object or a list of them; `image` and `mask` are the files beside it unless
said otherwise. The text is the instruction. Nothing is unpacked: files are read where they lie in the tar.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lisa.data.files import LARGEST
from lisa.data.questions import Questions, Row, row_of
from lisa.errors import BadInput, Missing, shown

_PICTURES, _MASKS = ("jpg", "jpeg", "webp", "png"), ("mask.png", "png")


class Shards(Questions):
    """All questions of some shards."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """Raises Missing, or BadInput with the shard or record that is wrong."""
        self.places: dict[str, tuple[Path, int, int]] = {}
        """File → its shard, where it begins there, and its bytes."""
        super().__init__(paths[0].parent.name if paths else "shards", self._rows(paths))

    def file(self, name: str) -> bytes:
        """See `Questions`."""
        if name not in self.places:
            raise Missing(f"no shard holds {shown(name)}")
        path, start, size = self.places[name]
        with path.open("rb") as shard:
            shard.seek(start)
            return shard.read(size)

    def _rows(self, paths: Sequence[Path]) -> Iterator[Row]:
        for path in paths:
            parts = self._parts(path)
            for key, found in parts.items():
                yield from self._records(path, key, found)

    def _parts(self, path: Path) -> dict[str, dict[str, str]]:
        """Key → extension → file."""
        parts: dict[str, dict[str, str]] = {}
        try:
            with tarfile.open(path, "r:") as shard:
                for member in shard:
                    if member.isfile():
                        stem, _, extension = member.name.rpartition("/")[2].partition(".")
                        key = f"{path.name}/{member.name.rpartition('/')[0]}/{stem}"
                        parts.setdefault(key, {})[extension.lower()] = f"{path.name}/{member.name}"
                        self.places[f"{path.name}/{member.name}"] = path, member.offset_data, member.size
        except (tarfile.TarError, OSError, EOFError, ValueError) as error:
            raise BadInput(f"{shown(path)} is no whole tar file ({error}): fetch it again") from error
        return parts

    def _records(self, path: Path, key: str, found: dict[str, str]) -> Iterator[Row]:
        where = f"{shown(path)}, {shown(key.rpartition('/')[2])}"
        picture = next((found[e] for e in _PICTURES if e in found), None)
        mask = next((found[e] for e in _MASKS if e in found and found[e] != picture), None)
        for fields in self._told(found, where):
            own: dict[str, Any] = {"image": picture} | ({"mask": mask} if mask and not _has_mask(fields) else {})
            named = {k: f"{path.name}/{v}" for k, v in fields.items() if k in ("image", "mask") and v}
            yield row_of(own | fields | named, where)

    def _told(self, found: dict[str, str], where: str) -> list[dict[str, Any]]:
        if "json" not in found:
            return [{"instruction": self._text(found["txt"], where)}] if "txt" in found else []
        try:
            data = json.loads(self._text(found["json"], where))
        except (ValueError, RecursionError) as error:
            raise BadInput(f"{where}: its JSON is broken ({error})") from error
        rows = data if isinstance(data, list) else [data]
        if not all(isinstance(row, dict) for row in rows):
            raise BadInput(f"{where}: its JSON is neither a record nor a list of them")
        return rows

    def _text(self, name: str, where: str) -> str:
        if self.places[name][2] > LARGEST:
            raise BadInput(f"{where}: {shown(name)} is larger than any annotation")
        try:
            return self.file(name).decode("utf-8")
        except UnicodeDecodeError as error:
            raise BadInput(f"{where}: {shown(name)} is no text in UTF-8") from error


def _has_mask(fields: dict[str, Any]) -> bool:
    return any(fields.get(form) for form in ("mask", "rle", "polygon", "box"))
