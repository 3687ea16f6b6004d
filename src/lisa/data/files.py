"""Files of datasets, read so that a broken or hostile one is named and never run."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pickle
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from lisa.errors import BadInput, Missing, shown
from lisa.images import FORMATS
from lisa.types import Mask

MALFORMED = (TypeError, KeyError, IndexError, ValueError, AttributeError, OverflowError, RecursionError)
"""What comes of reading a record that is not of its form."""
LARGEST = 4 << 30
"""Bytes of the largest annotation file that is read; the largest published one has 1.1 GB."""


def read_annotations(path: Path, *, encodings: tuple[str, ...] = ("utf-8",)) -> Any:
    """A JSON file. Raises Missing where there is none, BadInput for one that is broken or too large."""
    raw = _bytes(path)
    for encoding in encodings:
        try:
            return json.loads(raw.decode(encoding))
        except UnicodeDecodeError:
            continue
        except (ValueError, RecursionError) as error:
            raise BadInput(f"{shown(path)} is no whole JSON file ({error}): fetch it again") from error
    raise BadInput(f"{shown(path)} is not in {' or '.join(encodings)}: save it as UTF-8")


def read_lines(path: Path) -> list[str]:
    """The lines of a text file that say something. Raises Missing, or BadInput for one that is no UTF-8 text."""
    try:
        return [line for line in _bytes(path).decode("utf-8-sig").splitlines() if line.strip()]
    except UnicodeDecodeError as error:
        raise BadInput(f"{shown(path)} is no text in UTF-8: save it as UTF-8") from error


def read_yaml(path: Path) -> Any:
    """A YAML file of plain values. Raises Missing, or BadInput for one that is broken or asks for more."""
    import yaml

    try:
        return yaml.safe_load(_bytes(path).decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise BadInput(f"{shown(path)} is no text in UTF-8: save it as UTF-8") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise BadInput(f"{shown(path)} is no YAML: {str(error).splitlines()[0]}") from error


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
    """A file that an annotation names, which has to lie in its folder. Raises BadInput for one that does not."""
    path = folder / str(name)
    strange = not isinstance(name, str) or "\x00" in name or any(len(os.fsencode(p)) > 255 for p in path.parts)
    if strange or not path.resolve().is_relative_to(folder.resolve()):
        raise BadInput(f"an annotation names {shown(name)}, which is no file inside {shown(folder)}")
    return path


def read_labels(source: Path | bytes, size: tuple[int, int] | None = None) -> NDArray[np.int64]:
    """A label map `[H, W]`: the numbers of a grey, palette, 1-bit or 16-bit PNG.

    Raises Missing, or BadInput for a file that is none, is in colours, or has another size than its picture.
    """
    name, file = _map_file(source)
    with _as_bad_map(name), PIL.Image.open(file, formats=FORMATS) as picture:
        if len(picture.getbands()) != 1:
            raise BadInput(f"{name} is in colours, not in label numbers")
        labels = np.asarray(picture).astype(np.int64)
    return _of_size(labels, size, name)


def read_colours(source: Path | bytes, size: tuple[int, int] | None = None) -> NDArray[np.int64]:
    """A map whose colours are numbers, red + 256 green + 65536 blue: `[H, W]`. Raises as `read_labels`."""
    name, file = _map_file(source)
    with _as_bad_map(name), PIL.Image.open(file, formats=FORMATS) as picture:
        channels = np.asarray(picture.convert("RGB")).astype(np.int64)
    return _of_size(channels @ np.array([1, 256, 65536]), size, name)


def _map_file(source: Path | bytes) -> tuple[str, Path | io.BytesIO]:
    if isinstance(source, bytes):
        return "a label map", io.BytesIO(source)
    if not source.is_file():
        raise Missing(f"there is no {shown(source)}: fetch the annotations again")
    return shown(source), source


@contextlib.contextmanager
def _as_bad_map(name: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, SyntaxError, EOFError, struct.error, PIL.Image.DecompressionBombError) as error:
        raise BadInput(f"{name} cannot be read as a label map: fetch it again") from error


def _of_size(labels: NDArray[np.int64], size: tuple[int, int] | None, name: str) -> NDArray[np.int64]:
    if size is not None and labels.shape != size:
        raise BadInput(f"{name} is {labels.shape[1]} × {labels.shape[0]}, its picture {size[1]} × {size[0]}")
    return labels


def decode_segmentation(segmentation: Any, size: tuple[int, int], where: str) -> Mask:
    """COCO's polygons or run-length encoding, compressed or not → `[H, W]` bool, by pycocotools.

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
            rle = _runs(coco, segmentation, size)
            if not isinstance(segmentation, list):
                coco.area(rle)  # reads its runs, so that a broken one is named here
            rles.append(rle)
        except MALFORMED as error:
            raise BadInput(f"{where}: the mask cannot be read ({error})") from error
    try:
        return coco.decode(coco.merge(rles) if len(rles) > 1 else rles[0]).astype(np.bool_)
    except MALFORMED as error:
        raise BadInput(f"{segmentations[0][1]}: the mask cannot be read ({error})") from error


def _runs(coco: Any, segmentation: Any, size: tuple[int, int]) -> Any:
    """As pycocotools' own encoding. Raises one of `MALFORMED`."""
    height, width = size
    if isinstance(segmentation, list):
        polygons = [[float(x) for x in polygon] for polygon in segmentation]
        if not polygons or any(len(p) < 6 or len(p) % 2 or not np.isfinite(p).all() for p in polygons):
            raise ValueError("a polygon needs three points or more, of finite numbers")
        if any(abs(x) > 1e6 for p in polygons for x in p):
            raise ValueError("a polygon lies far outside of its picture")
        return coco.merge(coco.frPyObjects(polygons, height, width))
    if list(segmentation["size"]) != [height, width]:
        raise ValueError(f"its size is {list(segmentation['size'])}, not {[height, width]}")
    if isinstance(segmentation["counts"], list):
        counts = [int(n) for n in segmentation["counts"]]
        if min(counts, default=0) < 0 or sum(counts) != height * width:
            raise ValueError("its runs do not add up to the picture")
        return coco.frPyObjects({"size": [height, width], "counts": counts}, height, width)
    return {"size": [height, width], "counts": str(segmentation["counts"]).encode("ascii")}


def _bytes(path: Path) -> bytes:
    if not path.is_file():
        raise Missing(f"there is no {shown(path)}: see `lisa data list` for the layout")
    if path.stat().st_size > LARGEST:
        raise BadInput(f"{shown(path)} is larger than any annotation file: is it the right one?")
    return path.read_bytes()
