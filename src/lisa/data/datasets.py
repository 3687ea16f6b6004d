"""Datasets by name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import yaml

from lisa import registry
from lisa.data.base import Reader
from lisa.data.every_class import EVALUATED, EveryClass
from lisa.data.mixture import Part
from lisa.data.own import added, own, place_of
from lisa.data.refer import SPLIT_BY, Refer
from lisa.data.tables import Table
from lisa.errors import BadInput, LisaError
from lisa.files import expanded, write_text
from lisa.types import Image, Sample

if TYPE_CHECKING:
    from lisa.data.reasonseg import ReasonSeg


class Dataset(Protocol):
    """Samples in a fixed order."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Sample]: ...

    def other(self, sample: Sample) -> Sample | None:
        """Another question, with another target, of the same picture; None where there is none."""
        ...


CAMVID = {"camvid": "names", "camvid-reason": "reason", "camvid-halves": "halves"}
"""Dataset → how every class is asked for."""
WORDED = (*EVALUATED, *SPLIT_BY)
"""What can be asked in each of `lisa.data.prompts.WORDINGS`."""
DRAWN = (
    "world", "world-en", "world-zh", "world-kinds", "world-seed", "world-twins", "world-twins-zh", "world-reason",
    "people",
)  # fmt: skip
KNOWN = (*DRAWN, "reason-val", "reason-test", "own", *CAMVID, *WORDED)
"""What `lisa eval` measures on, beside what `lisa data add` noted and what other packages bring."""


def open_dataset(
    name: str, *, folder: Path | None, split: str | None, seed: int, limit: int | None, wording: int = 0
) -> Dataset:
    """The dataset of that name. Raises BadInput for an unknown one.

    `wording`: which of several fixed wordings asks for a class or an expression, where a dataset has more than one.
    """
    brought = set(registry.names("datasets", {}))
    if name not in {*KNOWN, *brought} and (folder is None or not noted(folder, name)):
        known = ", ".join((*KNOWN, *sorted(brought - set(KNOWN))))
        raise BadInput(f"no dataset is called {name!r}: known are {known}, and what `lisa data add` noted in --data")
    _check_split(name, split)
    if name in DRAWN:
        return _drawn(name, split, seed, limit)
    if name in ("reason-val", "reason-test"):
        pictures = _reasonseg(_given(folder, name), name.removeprefix("reason-"))
        return First(pictures, len(pictures), limit)
    if name in CAMVID:
        from lisa.data.camvid import Asked as AskedCamVid
        from lisa.data.camvid import CamVid

        data = CamVid(_given(folder, name) / "camvid", split or "val")
        asked = AskedCamVid(data, CAMVID[name])
        return First(asked, len(asked), limit)
    if name in EVALUATED:
        opener, apart = EVALUATED[name]
        return EveryClass(name, opener(_given(folder, name)), apart=apart, wording=wording, limit=limit)
    if name in SPLIT_BY:
        refer = Refer(_given(folder, name) / "refer_seg", name, split or "val", wording=wording)
        return First(refer, len(refer.expressions), limit)
    reader = open_training(name, 1.0, folder=_given(folder, name))[0].dataset
    return First(Asked(reader, seed), len(reader), limit)


def _drawn(name: str, split: str | None, seed: int, limit: int | None) -> Dataset:
    from lisa.data.world import People, Twins, WorldDataset, world_reason
    from lisa.world.questions import LANGUAGES, QUESTION_KINDS, SEED_KINDS

    part, language = split or "test", "zh" if name.endswith("-zh") else "en"
    usual = {"world-seed": 50 * len(SEED_KINDS), "world-kinds": 60 * len(QUESTION_KINDS), "world": 2_000}
    count = limit or usual.get(name, 500)
    if name == "world-seed":
        return WorldDataset(seed=seed, count=count, split=part, kinds=SEED_KINDS)
    if name == "world-kinds":
        languages = tuple(language for language in LANGUAGES for _ in QUESTION_KINDS)
        return WorldDataset(seed=seed, count=count, split=part, kinds=QUESTION_KINDS, languages=languages)
    if name.startswith("world-twins"):
        return Twins(seed=seed, count=count, split=part, language=language)
    if name in ("world-reason", "people"):
        fixed = People(split) if name == "people" else world_reason(split or "val")
        return First(fixed, len(fixed), limit)
    languages = ("en", "zh") if name == "world" else (language,)
    return WorldDataset(seed=seed, count=count, split=part, languages=languages)


WORLD_SPLITS = ("train", "test", "templates", "pairs", "backgrounds")
"""What of the world a scene may have; see `lisa.world.make`."""


def _check_split(name: str, split: str | None) -> None:
    known = _splits(name)
    if split is not None and known is not None and split not in known:
        fitting = f"its splits are {', '.join(known)}" if known else "it has no splits"
        raise BadInput(f"{name} has no split {split!r}: {fitting}")


def _splits(name: str) -> tuple[str, ...] | None:
    """What --split may be; None where a dataset's own files say."""
    if name == "people":
        return ("en", "zh")
    if name == "world-reason":
        return ("train", "val", "test")
    if name in DRAWN:
        return WORLD_SPLITS
    if name in CAMVID:
        return ("train", "val", "test", "seen", "held")
    return None if name in SPLIT_BY else ()


class First:
    """The first samples of a dataset."""

    def __init__(self, dataset: Iterable[Sample], total: int, limit: int | None) -> None:
        self.dataset, self.limit = dataset, total if limit is None else min(limit, total)

    def __len__(self) -> int:
        return self.limit

    def __iter__(self) -> Iterator[Sample]:
        return islice(iter(self.dataset), self.limit)

    def other(self, sample: Sample) -> Sample | None:
        """None: no other target of a picture is known here."""
        return None


class Asked:
    """A dataset that is learned from, asked: one question about each picture, by (seed, number)."""

    def __init__(self, reader: Reader, seed: int) -> None:
        self.reader, self.seed = reader, seed

    def __iter__(self) -> Iterator[Sample]:
        for index in range(len(self.reader)):
            yield from islice(self.reader.draw(index, np.random.default_rng([self.seed, index])), 1)


def _given(folder: Path | None, name: str) -> Path:
    if folder is None:
        raise BadInput(f"{name} is read from files: say with --data where the datasets lie")
    return folder


def open_training(name: str, share: float, *, folder: Path) -> list[Part]:
    """A dataset to train on, or each of a group with its part of the share; `folder` may name own ones (`NAME.yaml`).

    Raises BadInput for an unknown name, Missing (or what a reader raises) where its files are not in `folder`.
    """
    if noted(folder, name):
        return [Part(added(folder / f"{name}.yaml"), share)]
    members = registry.DATASET_GROUPS.get(name, (name,))
    return [Part(registry.find("datasets", registry.DATASETS, m)(folder), share / len(members)) for m in members]


def pictures(name: str, *, folder: Path | None) -> Iterator[tuple[str, Image]]:
    """Id and picture of everything in a dataset's training part; "NAME:SPLIT" is what is evaluated on that split.

    Of a training part, what cannot be read is left out. Raises BadInput for drawn scenes, as the others do, and what is
    read for an evaluation raises as that does.
    """
    name, _, split = name.partition(":")
    if name in DRAWN:
        raise BadInput(f"{name} is drawn afresh for every seed, so there is nothing to compare with")
    if split or (name in KNOWN and name not in registry.DATASETS):
        last = None
        for sample in open_dataset(name, folder=folder, split=split or None, seed=0, limit=None):
            if sample.image is not last:
                last = sample.image
                yield sample.id, sample.image
        return
    for part in open_training(name, 1.0, folder=_given(folder, name)):
        for index in range(len(part.dataset)):
            with suppress(LisaError):
                for sample in islice(part.dataset.draw(index, np.random.default_rng(index)), 1):
                    yield sample.id, sample.image


def noted(folder: Path, name: str) -> bool:
    """Whether `lisa data add` noted a dataset of that name there."""
    return re.fullmatch(r"[\w.+-]+", name) is not None and (folder / f"{name}.yaml").is_file()


def notes(folder: Path) -> Iterator[tuple[str, str]]:
    """What `lisa data add` noted there: each name, and where its data lies or why that cannot be read."""
    for file in sorted(folder.glob("*.yaml")):
        if noted(folder, file.stem):
            try:
                yield file.stem, place_of(file)
            except BadInput as error:
                yield file.stem, str(error)


def add(name: str, path: str, folder: Path) -> Reader:
    """Notes one's own data as `NAME.yaml` in `folder`, once it was opened: a folder, a file, or "hub:ID".

    Raises BadInput for a name that cannot be one or is taken, and what its layout raises.
    """
    if re.fullmatch(r"[\w.+-]+", name) is None:
        raise BadInput(f"{name!r} is no name for a dataset: take letters, digits, - and _")
    taken = {*registry.names("datasets", registry.DATASETS), *registry.DATASET_GROUPS, *KNOWN}
    if name in taken or noted(folder, name):
        remove = f", or remove {name}.yaml" if name not in taken else ""
        raise BadInput(f"there is a dataset called {name!r} already: take another name{remove}")
    place = path if path.startswith("hub:") else str(expanded(path).resolve())
    reader = Table(place.removeprefix("hub:")) if place.startswith("hub:") else own(Path(place))
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / f"{name}.yaml", yaml.safe_dump({"path": place}, allow_unicode=True))
    return reader


def world(folder: Path) -> Reader:
    """Drawn scenes, asked about in English and Chinese in turn; they need no files."""
    from lisa.data.world import WorldDataset

    return WorldDataset(seed=1, count=1_000_000, split="train", languages=("en", "zh"))


def reason_of_world(folder: Path) -> Reader:
    """239 drawn scenes with a reasoning question each; they need no files."""
    from lisa.data.world import world_reason

    return world_reason("train")


def refclef(folder: Path) -> Reader:
    """`refer_seg/refclef/{refs(unc).p, instances.json}`, pictures in `refer_seg/images/saiapr_tc-12`."""
    return _refer(folder, "refclef")


def refcoco(folder: Path) -> Reader:
    """`refer_seg/refcoco/{refs(unc).p, instances.json}`, pictures in `refer_seg/images/mscoco/images/train2014`."""
    return _refer(folder, "refcoco")


def refcoco_plus(folder: Path) -> Reader:
    """`refer_seg/refcoco+/{refs(unc).p, instances.json}`, pictures in `refer_seg/images/mscoco/images/train2014`."""
    return _refer(folder, "refcoco+")


def refcocog(folder: Path) -> Reader:
    """`refer_seg/refcocog/{refs(umd).p, instances.json}`, pictures in `refer_seg/images/mscoco/images/train2014`."""
    return _refer(folder, "refcocog")


def grefcoco(folder: Path) -> Reader:
    """`refer_seg/grefcoco/{grefs(unc).json, instances.json}`, pictures as refcoco; several targets, or none."""
    return _refer(folder, "grefcoco")


def vqa(folder: Path) -> Reader:
    """`llava_dataset/llava_instruct_150k.json`, pictures in `coco/train2017`."""
    from lisa.data.llava import LlavaChat

    return LlavaChat(folder / "llava_dataset" / "llava_instruct_150k.json", folder / "coco" / "train2017")


def reason(folder: Path) -> Reader:
    """`reason_seg/ReasonSeg/{train/*.jpg, train/*.json, explanatory/train.json}`."""
    return _reasonseg(folder, "train")


def _refer(folder: Path, name: str) -> Reader:
    return Refer(folder / "refer_seg", name, "train")


def _reasonseg(folder: Path, split: str) -> ReasonSeg:
    from lisa.data.reasonseg import ReasonSeg

    return ReasonSeg(folder / "reason_seg" / "ReasonSeg", split)
