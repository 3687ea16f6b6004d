"""Files of datasets, read so that a broken or hostile one is named and never run."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pickle
import struct
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from lisa.errors import BadInput, Missing, first_line, shown
from lisa.images import FORMATS
from lisa.rle import check_runs, spelled_out
from lisa.types import Mask

MALFORMED = (TypeError, KeyError, IndexError, ValueError, AttributeError, OverflowError, RecursionError)
"""What comes of reading a record that is not of its form."""
LARGEST = 4 << 30
"""Bytes of the largest annotation file that is read; the largest published one has 1.1 GB."""


def once(records: Iterable[Any], what: str, path: Path) -> None:
    """Raises BadInput where two records have one id, as in files that were put together: their masks would be mixed."""
    twice = [id for id, n in Counter(int(record["id"]) for record in records).items() if n > 1]
    if twice:
        raise BadInput(f"{shown(path)} has several {what} with the id {twice[0]}: number them anew everywhere")


def read_text(path: Path, encodings: Sequence[str] = ("UTF-8",)) -> str:
    """A text file whole, without a byte order mark. Raises Missing, or BadInput for one in no such encoding."""
    raw = _bytes(path)
    for encoding in encodings:
        with contextlib.suppress(UnicodeDecodeError):
            return raw.decode(encoding).removeprefix("\ufeff")
    raise BadInput(f"{shown(path)} is no text in {' or '.join(encodings)}: save it as UTF-8")


def read_annotations(
    path: Path, *, encodings: Sequence[str] = ("UTF-8",), each: Callable[[dict[str, Any]], Any] | None = None
) -> Any:
    """A JSON file; `each` says what to keep of an object, such as `packed`, before the next one is read.

    Raises Missing where there is none, BadInput for one that is broken or too large.
    """
    try:
        return json.loads(read_text(path, encodings), object_hook=each)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{shown(path)} is no whole JSON file ({error}): fetch it again") from error


def packed(record: dict[str, Any]) -> dict[str, Any]:
    """An annotation as it is kept in memory: what is read of it, its numbers as arrays, which are exact and small.

    Other objects, and segmentations that are of no known form, stay as they are.
    """
    if "segmentation" not in record or "image_id" not in record:
        return record
    kept = {name: record[name] for name in ("id", "image_id", "category_id", "iscrowd") if name in record}
    return kept | {"segmentation": _as_arrays(record["segmentation"])}


def _as_arrays(segmentation: Any) -> Any:
    try:
        if isinstance(segmentation, list):
            return [p if isinstance(p, array | dict) else array("d", p) for p in segmentation]
        if isinstance(segmentation, dict) and isinstance(segmentation["counts"], list):
            return segmentation | {"counts": array("q", segmentation["counts"])}
    except MALFORMED:
        pass  # it is named when it is drawn
    return segmentation


def read_lines(path: Path) -> list[str]:
    """The lines of a text file that say something. Raises Missing, or BadInput for one that is no UTF-8 text."""
    lines = io.StringIO(read_text(path), newline=None)  # ends them at \n and \r only, as JSON lines need it
    return [line.removesuffix("\n") for line in lines if line.strip()]


def read_yaml(path: Path) -> Any:
    """A YAML file of plain values. Raises Missing, or BadInput for one that is broken or asks for more."""
    import yaml

    try:
        return yaml.safe_load(read_text(path))
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise BadInput(f"{shown(path)} is no YAML: {first_line(error)}") from error


class _Plain(pickle.Unpickler):
    """Lists, dictionaries, text and numbers; a pickle that asks for anything else is refused before it runs."""

    def find_class(self, module: str, name: str) -> Any:
        raise BadInput(f"the pickle asks for {module}.{name}, which data does not need: do not trust this file")


def read_refs(path: Path) -> list[dict[str, Any]]:
    """A `refs(*.p)` file of the refer datasets, without running anything in it.

    Raises Missing, or BadInput for a file that is broken or asks for code.
    """
    raw = _bytes(path)
    try:
        found = _Plain(io.BytesIO(raw), encoding="latin1").load()
    except BadInput as error:
        raise BadInput(f"{shown(path)}: {error}") from error
    except Exception as error:  # a pickle can be broken in any way
        raise BadInput(f"{shown(path)} is no whole pickle ({type(error).__name__}): fetch it again") from error
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise BadInput(f"{shown(path)} holds no list of records: it is not a refs file")
    return found


def inside(folder: Path, name: object) -> Path:
    """A file that an annotation names, by a name that stays in its folder; links in there may lead where they will.

    Raises BadInput for another name.
    """
    if not isinstance(name, str) or "\x00" in name or not _stays(path := Path(os.path.normpath(name))):
        raise BadInput(f"an annotation names {shown(name)}, which is no file inside {shown(folder)}")
    return folder / path


def _stays(path: Path) -> bool:
    try:
        short = all(len(os.fsencode(part)) <= 255 for part in path.parts)
    except UnicodeEncodeError:
        return False
    return short and not path.anchor and ".." not in path.parts


def read_labels(source: Path | bytes, size: tuple[int, int] | None = None) -> NDArray[np.int64]:
    """A label map `[H, W]`: the numbers of a grey, palette, 1-bit or 16-bit PNG.

    Raises Missing, or BadInput for a file that is none, is in colours, or has another size than its picture.
    """
    with _opened(source, size) as (picture, name):
        if len(picture.getbands()) != 1:
            raise BadInput(f"{name} is in colours, not in label numbers")
        return np.asarray(picture).astype(np.int64)


def read_mask(source: Path | bytes, size: tuple[int, int] | None = None) -> Mask:
    """A mask of one thing `[H, W]`: all that is not black. Of a palette the colours count, whose order is anybody's.

    Raises as `read_labels`.
    """
    with _opened(source, size) as (picture, name):
        if len(picture.getbands()) != 1:
            raise BadInput(f"{name} is in colours, not white on black")
        return np.asarray(picture.convert("L") if picture.mode == "P" else picture) > 0


def read_colours(source: Path | bytes, size: tuple[int, int] | None = None) -> NDArray[np.int64]:
    """A map whose colours are numbers, red + 256 green + 65536 blue: `[H, W]`. Raises as `read_labels`."""
    with _opened(source, size) as (picture, _):
        return np.asarray(picture.convert("RGB")).astype(np.int64) @ np.array([1, 256, 65536])


@contextlib.contextmanager
def _opened(source: Path | bytes, size: tuple[int, int] | None) -> Iterator[tuple[PIL.Image.Image, str]]:
    """The picture of a label map or mask, and what to call it. Raises as `read_labels`."""
    name = "a label map" if isinstance(source, bytes) else shown(source)
    if isinstance(source, Path) and not source.is_file():
        raise Missing(f"there is no {name}: fetch the annotations again")
    try:
        file = io.BytesIO(source) if isinstance(source, bytes) else source
        with PIL.Image.open(file, formats=FORMATS) as picture:
            if size is not None and (picture.height, picture.width) != size:
                raise BadInput(f"{name} is {picture.width} × {picture.height}, its picture {size[1]} × {size[0]}")
            yield picture, name
    except (OSError, ValueError, SyntaxError, EOFError, struct.error, PIL.Image.DecompressionBombError) as error:
        raise BadInput(f"{name} cannot be read as a label map: fetch it again") from error


def decode_segmentation(segmentation: Any, size: tuple[int, int], where: str) -> Mask:
    """COCO's polygons or run-length encoding, compressed or not, or several of these → `[H, W]` bool, by pycocotools.

    `where` names the record. Raises BadInput for anything that is neither, or is of another size.
    """
    return decode_together([(segmentation, where)], size)


def decode_together(segmentations: Sequence[tuple[Any, str]], size: tuple[int, int]) -> Mask:
    """Several of them, each with its record's name, as one mask: merged as runs, which costs less than as pixels."""
    from pycocotools import mask

    coco: Any = mask  # its types know less than it takes
    rles: list[Any] = []
    for segmentation, where in segmentations:
        try:
            rles += _runs(coco, segmentation, size)
        except MALFORMED as error:
            raise BadInput(f"{where}: the mask cannot be read ({error})") from error
    return coco.decode(coco.merge(rles) if len(rles) > 1 else rles[0]).astype(np.bool_)


def _runs(coco: Any, segmentation: Any, size: tuple[int, int]) -> list[Any]:
    """As pycocotools' own encoding, one or several. Raises one of `MALFORMED`."""
    if isinstance(segmentation, dict):
        return [_rle(coco, segmentation, size)]
    if segmentation and isinstance(segmentation[0], dict):  # refCLEF's form
        return [_rle(coco, rle, size) for rle in segmentation]
    polygons = [[float(x) for x in polygon] for polygon in segmentation]
    if not polygons or any(len(p) < 6 or len(p) % 2 or not np.isfinite(p).all() for p in polygons):
        raise ValueError("a polygon needs three points or more, of finite numbers")
    if any(abs(x) > 1e6 for p in polygons for x in p):
        raise ValueError("a polygon lies far outside of its picture")
    return coco.frPyObjects(polygons, *size)


def _rle(coco: Any, rle: Any, size: tuple[int, int]) -> Any:
    if list(rle["size"]) != list(size):
        raise ValueError(f"its size is {list(rle['size'])}, not {list(size)}")
    compressed = isinstance(rle["counts"], str)
    counts = spelled_out(rle["counts"]) if compressed else [int(n) for n in rle["counts"]]
    check_runs(counts, size)
    return coco.frPyObjects({"size": list(size), "counts": counts}, *size)


def _bytes(path: Path) -> bytes:
    if not path.is_file():
        raise Missing(f"there is no {shown(path)}: see `lisa data list` for the layout")
    if path.stat().st_size > LARGEST:
        raise BadInput(f"{shown(path)} is larger than any annotation file: is it the right one?")
    return path.read_bytes()
