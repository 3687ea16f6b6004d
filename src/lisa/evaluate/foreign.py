"""Other people's predictions: COCO's result JSON, gRefCOCO's, a folder of PNGs; matched to a dataset's questions.

A record says which question it answers by one of `NAMES`: `index` is the place in the dataset, `id` the question's
whole id, `sent_id` and `ref_id` those of the refer files, `image_id` and `file_name` the picture. A picture names a
question only where the dataset asks one about it, or together with `category`, the class's name. Masks stand in
`segmentation` or `masks`, as RLE or polygons, one or several; `no_target: true`, or none, says that nothing is there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lisa.data.files import decode_segmentation, read_annotations, read_mask
from lisa.errors import BadInput, shown
from lisa.evaluate.figures import Evaluation
from lisa.evaluate.predictions import Answers, rescore
from lisa.evaluate.rows import Row, score
from lisa.segmentation import Segmentation
from lisa.types import SEG, Sample, Size

NAMES = ("index", "id", "sent_id", "ref_id", "image_id", "file_name", "image")
OF_PICTURES = ("image_id", "file_name")
MASKS = ("masks", "segmentation", "pred", "rle")
TEXTS = ("raw_text", "answer", "text", "caption")


def is_predictions(where: str) -> bool:
    """Whether this names answers rather than a model: a .json or .jsonl file, or a folder of PNGs."""
    path = Path(where)
    if path.suffix.lower() in (".json", ".jsonl"):
        return path.is_file()
    return path.is_dir() and not (path / "config.json").exists() and next(path.glob("*.png"), None) is not None


def score_files(where: Path, samples: Iterable[Sample], asked: Mapping[str, Any]) -> Evaluation:
    """Rows of answers in files. What is not answered counts as an answer without a mask. Raises BadInput.

    `asked`: dataset, split and seed of the samples, which our own files have to be about.
    """
    if where.is_file() and where.suffix.lower() == ".jsonl" and _is_ours(where):
        return _of_ours(where, samples, asked)
    given = _of_folder(where) if where.is_dir() else _of_records(where)
    evaluation = Evaluation([given.row(index, sample) for index, sample in enumerate(samples)])
    given.check()
    return evaluation


def _is_ours(path: Path) -> bool:
    with path.open("rb") as file:
        return b"lisa_predictions" in file.readline(4096)


def _of_ours(path: Path, samples: Iterable[Sample], asked: Mapping[str, Any]) -> Evaluation:
    answers = Answers([path])
    about = answers.about or {}
    if changed := sorted(k for k in asked if about.get(k) != asked[k]):
        raise BadInput(
            f"{shown(path)} answers another {', '.join(changed)} ({', '.join(str(about.get(k)) for k in changed)}): "
            "give the dataset, --split and --seed that were asked"
        )
    found = Evaluation()
    for index, sample in enumerate(samples):
        rows = list(rescore([(index, sample)], answers))
        found.rows += rows or [score(sample, _result("", [], [], _size(sample)), index=index)]
    return found


@dataclass
class _Given:
    """Records by what they say they answer."""

    where: Path
    by: dict[tuple[str, str], list[Mapping[str, Any]]]
    used: dict[tuple[str, str], int] = field(default_factory=dict)

    def row(self, index: int, sample: Sample) -> Row:
        """The row of a question. Raises BadInput where its answer cannot be told from another's."""
        records: Sequence[Mapping[str, Any]] = ()
        for key in _keys(index, sample):
            if key not in self.by:
                continue
            records = [r for r in self.by[key] if _fits(r, sample)]
            named = all("category" in r for r in records)
            if key[0] in OF_PICTURES and not named and self.used.get(key, index) != index:
                raise BadInput(
                    f"{shown(self.where)} answers by pictures, but {sample.id} is not the only question "
                    f"about {key[1]}: say which one by id, index or category"
                )
            if records:
                self.used[key] = index
                break
        return score(sample, _answer(records, _size(sample), self.where), index=index)

    def check(self) -> None:
        """Raises BadInput where nothing was used: these are answers to something else."""
        if self.by and not self.used:
            raise BadInput(
                f"{shown(self.where)} answers no question of this dataset: are its names those of another one?"
            )


def _keys(index: int, sample: Sample) -> list[tuple[str, str]]:
    """What a question may be called by, the surest first."""
    meta = {name: str(sample.meta[name]) for name in ("sent_id", "ref_id", *OF_PICTURES) if name in sample.meta}
    return [("index", str(index)), ("id", sample.id), ("id", sample.id.replace("/", "_")), *meta.items()]


def _fits(record: Mapping[str, Any], sample: Sample) -> bool:
    """Whether a record that names a class is about this one; any is where no class is asked for."""
    if "category" not in record or "class" not in sample.meta:
        return True
    given, asked = _spelled(record["category"]), _spelled(sample.meta["class"])
    return asked in (given, given.partition(" (")[0])


def _spelled(name: object) -> str:
    """Datasets write "traffic_light" and "Dog" where a question says "traffic light" and "dog"."""
    return str(name).replace("_", " ").strip().casefold()


def _of_folder(folder: Path) -> _Given:
    """PNG files named by a question's id, with _ for /, or as the picture is."""
    by: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for number, path in enumerate(sorted(folder.glob("*.png")), 1):
        record = {"png": path, "_number": number}
        for key in (("id", path.stem), ("file_name", path.name), ("file_name", f"{path.stem}.jpg")):
            by[key] = [record]
    return _Given(folder, by)


def _of_records(path: Path) -> _Given:
    by: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for number, record in enumerate(_records(path), 1):
        if not isinstance(record, dict):
            raise BadInput(f"{shown(path)}, record {number} is no object: it needs {' or '.join(NAMES[:3])} and a mask")
        name = next((n for n in NAMES if isinstance(record.get(n), (str, int))), None)
        if name is None:
            raise BadInput(
                f"{shown(path)}, record {number} does not say what it answers: give one of {', '.join(NAMES)}"
            )
        called = "file_name" if name == "image" else name
        said = Path(str(record[name])).name if called == "file_name" else str(record[name])
        by.setdefault((called, said), []).append({**record, "_number": number})
    return _Given(path, by)


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


def _answer(records: Sequence[Mapping[str, Any]], size: Size, path: Path) -> Segmentation:
    masks: list[NDArray[np.bool_]] = []
    scores: list[float] = []
    text = ""
    for record in records:
        where = f"{shown(path)}, record {record['_number']}"
        text = text or next((str(record[t]) for t in TEXTS if isinstance(record.get(t), str)), "")
        if record.get("no_target"):
            continue
        if "png" in record:
            masks.append(read_mask(record["png"], size))
            scores.append(float("nan"))
            continue
        for value in _several(next((record[m] for m in MASKS if record.get(m)), None)):
            masks.append(decode_segmentation(value, size, where))
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
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0 or value > 1:
        raise BadInput(f"{where}: score is a number from 0 to 1")
    return float(value)


def _result(text: str, masks: Sequence[NDArray[np.bool_]], scores: Sequence[float], size: Size) -> Segmentation:
    """A text as it came, with as many [SEG] as there are masks."""
    missing = len(masks) - text.count(SEG)
    spoken = text if missing == 0 else f"{text.replace(SEG, '').strip()} {' '.join([SEG] * len(masks))}".strip()
    stack = np.stack(masks) if masks else np.zeros((0, *size), np.bool_)
    return Segmentation.from_raw(spoken, stack, list(scores) or None, size=size)


def _size(sample: Sample) -> Size:
    return sample.image.shape[0], sample.image.shape[1]
