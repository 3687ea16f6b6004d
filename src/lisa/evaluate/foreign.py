"""Other people's predictions: COCO's result JSON, gRefCOCO's, a folder of PNGs; matched to a dataset's questions.

A record says which question it answers by one of `NAMES`; its value is the question's id, the end of it, the picture's
number or its place in the dataset. Masks stand in `segmentation` or `masks`, as RLE or polygons, one or several;
`no_target: true`, or none, says that nothing is there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lisa.data.files import decode_segmentation, read_annotations, read_labels
from lisa.errors import BadInput, shown
from lisa.evaluate.figures import Evaluation
from lisa.evaluate.predictions import read, rescore
from lisa.evaluate.rows import score
from lisa.segmentation import Segmentation
from lisa.types import SEG, Sample, Size

NAMES = ("id", "index", "question_id", "ref_id", "sent_id", "image_id", "image", "file_name", "name")
MASKS = ("masks", "segmentation", "pred", "rle")
TEXTS = ("raw_text", "answer", "text", "caption")


def is_predictions(where: str) -> bool:
    """Whether this names answers rather than a model: a .json or .jsonl file, or a folder of PNGs."""
    path = Path(where)
    if path.suffix.lower() in (".json", ".jsonl"):
        return path.is_file()
    return path.is_dir() and not (path / "config.json").exists() and next(path.glob("*.png"), None) is not None


def score_files(where: Path, samples: Iterable[Sample]) -> Evaluation:
    """Rows of answers in files. What is not answered counts as an answer without a mask. Raises BadInput."""
    if where.is_dir():
        return _of_folder(where, samples)
    if where.suffix.lower() == ".jsonl" and _is_ours(where):
        return rescore(samples, read(where)[1], where)
    return _of_records(where, samples)


def _is_ours(path: Path) -> bool:
    with path.open("rb") as file:
        return b"lisa_predictions" in file.readline(4096)


def _of_folder(folder: Path, samples: Iterable[Sample]) -> Evaluation:
    files = {p.stem: p for p in sorted(folder.glob("*.png"))}
    rows, used = [], set()
    for index, sample in enumerate(samples):
        found = next((k for k in (sample.id.replace("/", "_"), *_keys(index, sample)) if k in files), None)
        size: Size = (sample.image.shape[0], sample.image.shape[1])
        masks = [] if found is None else [read_labels(files[found], size) > 0]
        used.add(found)
        rows.append(score(sample, _result("", [m for m in masks if m.any()], [], size), index=index))
    _check_used(used, len(files), folder)
    return Evaluation(rows)


def _of_records(path: Path, samples: Iterable[Sample]) -> Evaluation:
    by_key: dict[str, list[Mapping[str, Any]]] = {}
    for number, record in enumerate(_records(path), 1):
        if not isinstance(record, dict):
            raise BadInput(f"{shown(path)}, record {number} is no object: it needs {' or '.join(NAMES[:3])} and a mask")
        names = [str(record[n]) for n in NAMES if isinstance(record.get(n), (str, int))]
        if not names:
            raise BadInput(
                f"{shown(path)}, record {number} does not say what it answers: give one of {', '.join(NAMES)}"
            )
        record["_number"] = number
        by_key.setdefault(names[0], []).append(record)
    rows, used = [], set()
    for index, sample in enumerate(samples):
        key = next((k for k in _keys(index, sample) if k in by_key), None)
        used.add(key)
        size: Size = (sample.image.shape[0], sample.image.shape[1])
        rows.append(score(sample, _answer(by_key.get(key or "", []), size, path), index=index))
    _check_used(used, len(by_key), path)
    return Evaluation(rows)


def _records(path: Path) -> Sequence[Any]:
    if path.suffix.lower() == ".jsonl":
        lines = path.read_bytes().splitlines()
        try:
            return [json.loads(line) for line in lines if line.strip()]
        except (ValueError, RecursionError) as error:
            raise BadInput(f"{shown(path)} has a line that is no JSON ({error})") from error
    data = read_annotations(path)
    if isinstance(data, dict):
        data = next((data[k] for k in ("annotations", "predictions", "results") if k in data), None)
    if not isinstance(data, list):
        raise BadInput(f"{shown(path)} holds no list of predictions")
    return data


def _keys(index: int, sample: Sample) -> list[str]:
    """What a question may be called by, the surest first."""
    end = sample.id.rsplit("/", 1)[-1]
    picture = str(sample.meta.get("picture_id", ""))
    return [k for k in (sample.id, end, picture, f"{end}.jpg", f"{end}.png", str(index)) if k]


def _answer(records: Sequence[Mapping[str, Any]], size: Size, path: Path) -> Segmentation:
    masks: list[NDArray[np.bool_]] = []
    scores: list[float] = []
    text = ""
    for record in records:
        where = f"{shown(path)}, record {record['_number']}"
        text = text or next((str(record[t]) for t in TEXTS if isinstance(record.get(t), str)), "")
        if record.get("no_target"):
            continue
        for value in _several(next((record[m] for m in MASKS if record.get(m)), None)):
            mask = decode_segmentation(value, size, where)
            if mask.any():
                masks.append(mask)
                scores.append(_score(record.get("score"), where))
    return _result(text, masks, scores, size)


def _several(value: Any) -> list[Any]:
    """One RLE, one list of polygons, or a list of RLEs."""
    if value is None:
        return []
    return list(value) if isinstance(value, list) and value and isinstance(value[0], dict) else [value]


def _score(value: Any, where: str) -> float:
    if value is None:
        return float("nan")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise BadInput(f"{where}: score is a number from 0 to 1")
    return float(value)


def _result(text: str, masks: Sequence[NDArray[np.bool_]], scores: Sequence[float], size: Size) -> Segmentation:
    """A text as it came, with as many [SEG] as there are masks."""
    missing = len(masks) - text.count(SEG)
    spoken = text if missing == 0 else f"{text.replace(SEG, '').strip()} {' '.join([SEG] * len(masks))}".strip()
    stack = np.stack(masks) if masks else np.zeros((0, *size), np.bool_)
    return Segmentation.from_raw(spoken, stack, list(scores) or None, size=size)


def _check_used(used: set[str | None], count: int, where: Path) -> None:
    if count and not used - {None}:
        raise BadInput(f"{shown(where)} answers no question of this dataset: are its names those of another one?")
