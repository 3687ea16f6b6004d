"""CamVid (Brostow et al., 2009), the split of SegNet: street photographs, every pixel of one of eleven classes.

    train/NAME.jpg|png   trainannot/NAME.png (class numbers, 11 = unlabelled)   val, valannot

What is known of the classes makes the questions: names, places, what a thing is for and what takes a thought or two
(`assets/camvid.json`), and what a picture does not show.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lisa.data.base import ABSENT, named_by
from lisa.data.files import read_annotations, read_labels
from lisa.data.folders import pictures_in
from lisa.data.prompts import pick
from lisa.errors import BadInput, Missing, shown
from lisa.images import open_image
from lisa.types import Image, Mask, Sample, Target, Turn

Labels = NDArray[np.int64]
Augment = Callable[[Image, Labels, np.random.Generator], tuple[Image, Labels]]
"""Picture and map `[H, W]`, and dice → the same, changed alike."""

IGNORED = 11


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known of one class."""

    name: str
    """As it is called in answers: "the traffic signs"."""
    plural: bool
    also: tuple[str, ...] = ()
    """Other names people use."""
    because: str
    """Why it is the answer."""


@dataclass(frozen=True, kw_only=True)
class Questions:
    """Questions about the use or nature of one class."""

    learned: tuple[str, ...]
    choose: tuple[str, ...]
    """Never learned from, written by somebody who had not seen those: to make choices by."""
    test: tuple[str, ...]
    """By the same hand, for the validation part."""


@lru_cache(maxsize=1)
def questions() -> dict[str, Questions]:
    """Class → the questions about it."""
    listed = json.loads((files("lisa") / "assets" / "camvid.json").read_text(encoding="utf-8"))
    return {name: Questions(**{k: tuple(v) for k, v in asked.items()}) for name, asked in listed.items()}


CLASSES: tuple[Facts, ...] = (
    Facts(name="sky", plural=False, also=("heaven above",), because="Birds, planes and clouds are up there."),
    Facts(
        name="buildings",
        plural=True,
        also=("houses", "walls of the houses"),
        because="People live and work in buildings.",
    ),
    Facts(
        name="poles",
        plural=True,
        also=("posts", "columns of the street lamps"),
        because="Poles hold lamps and signs up.",
    ),
    Facts(name="road", plural=False, also=("street", "carriageway", "roadway"), because="Vehicles drive on the road."),
    Facts(name="pavement", plural=False, also=("sidewalk", "footpath"), because="The pavement is for people on foot."),
    Facts(
        name="trees",
        plural=True,
        also=("bushes and trees", "plants", "greenery"),
        because="Trees grow and have leaves.",
    ),
    Facts(name="traffic signs", plural=True, also=("signs", "road signs"), because="Signs tell drivers what to do."),
    Facts(name="fence", plural=False, also=("railing", "barrier"), because="A fence keeps people from going through."),
    Facts(name="cars", plural=True, also=("vehicles", "automobiles"), because="Cars have an engine and carry people."),
    Facts(
        name="pedestrians", plural=True, also=("people on foot", "people walking"), because="Pedestrians go on foot."
    ),
    Facts(
        name="cyclists",
        plural=True,
        also=("bicyclists", "people on bicycles", "riders"),
        because="Cyclists ride bicycles.",
    ),
)
"""In the order of their numbers."""

NAMED = (
    "Segment the {name}.", "Where {is} the {name}?", "Show me the {name}.", "Find the {name}, please.",
    "Can you segment the {name} in this image?", "Please segment the {name} in this image.", "the {name}",
    "What is {name} in this image? Please output segmentation mask.", "Mark the {name}.",
    "I am looking for the {name}.", "Can you see the {name}?", "Please show me the {name} in this picture.",
)  # fmt: skip
REASONED = (
    "{q}",
    "{q}",
    "{q} Please segment it.",
    "{q} Please output segmentation mask.",
    "{q} Show me.",
    "Tell me: {q}",
)
EXPLAINED = ("{q} Please explain why.", "{q} Why?", "{q} Please output segmentation mask and explain why.")
SIDES = ("left", "right")
SIDED = 0.27
"""How often a name is asked for on one side."""
KEPT = {"seen": slice(None, -50), "held": slice(-50, None)}
"""Parts of the training photographs: to learn from while choices are made, and to make them by."""
LEAST = 60
"""Pixels from which on a class counts as shown; what is smaller is asked about as if it were there, never as absent."""


class CamVid:
    """One part of CamVid, as questions to learn from and, asked about every class, to be evaluated by."""

    def __init__(
        self,
        folder: Path,
        part: str = "train",
        *,
        augment: Augment | None = None,
        lengths: Sequence[int] = (1, 1, 1, 10),
        reasoned: float = 0.6,
    ) -> None:
        """`folder` holds `train`, `trainannot` …; `part` is one of them, or of `KEPT`. Raises Missing without it.

        `lengths`: turns of the conversations drawn about each picture, which is looked at once in each of them.
        `reasoned`: the share of the questions that ask by use or nature, not by name.
        """
        name = "train" if part in KEPT else part
        home = folder / name
        if not home.is_dir():
            raise Missing(f"there is no {shown(home)}: CamVid needs train, trainannot, val and valannot")
        if (folder / "classes.json").exists():  # the archive itself has none
            listed = read_annotations(folder / "classes.json")
            count = len(listed.get("classes", ())) if isinstance(listed, dict) else 0
            if count != len(CLASSES) + 1:
                raise BadInput(f"{shown(folder / 'classes.json')} names {count} classes, not {len(CLASSES) + 1}")
        self.pictures = pictures_in(home)[KEPT.get(part, slice(None))]
        self.maps = folder / f"{name}annot"
        self.part, self.augment, self.lengths, self.reasoned = part, augment, tuple(lengths), reasoned

    def __len__(self) -> int:
        return len(self.pictures)

    def read(self, index: int) -> tuple[Image, Labels]:
        """A picture and its map of class numbers, 11 where nothing is labelled. Raises BadInput or Missing."""
        path = self.pictures[index]
        image = open_image(path)
        return image, read_labels(self.maps / f"{path.stem}.png", (image.shape[0], image.shape[1]))

    def draw(self, index: int, rng: np.random.Generator) -> Sequence[Sample]:
        """See `Reader`: a class once in a conversation; short ones after the first are of what is missing."""
        image, labels = self.read(index)
        if self.augment is not None:
            image, labels = self.augment(image, labels, rng)
        counts = np.bincount(labels.ravel(), minlength=256)[: len(CLASSES)]
        there = [i for i in range(len(CLASSES)) if counts[i] >= LEAST]
        missing = [i for i in range(len(CLASSES)) if counts[i] == 0]
        found = []
        for place, length in enumerate(self.lengths):
            known = missing if length == 1 and place and missing else [*there, *missing]
            told = [
                (int(number), *turn_about(number, labels, rng, self.reasoned))
                for number in rng.permutation(known)[:length]
            ]
            turns = tuple(turn for _, turn, _ in told)
            words = tuple((number, side) for number, turn, side in told if turn.targets)
            absent = tuple(i for i, turn in enumerate(turns) if not turn.targets)
            sample = Sample(
                id=f"camvid/{self.pictures[index].stem}/{place}",
                image=image,
                turns=turns,
                group="camvid" if words else ABSENT,
                meta={"labels": labels, "words": words, ABSENT: absent},
            )
            found.append(sample)
        return found


class Asked:
    """Every class asked of every picture of a part: "names", or "reason" with questions that training never saw.

    "halves": names, asked of the left and the right half of every second picture, where more classes are missing.
    """

    def __init__(self, data: CamVid, kind: str) -> None:
        self.data, self.kind = data, kind

    def __len__(self) -> int:
        pictures = len(self.data)
        return (2 * ((pictures + 1) // 2) if self.kind == "halves" else pictures) * len(CLASSES)

    def _seen(self) -> Iterator[tuple[int, str, Image, Labels]]:
        for index, path in enumerate(self.data.pictures):
            if self.kind == "halves" and index % 2:
                continue
            image, labels = self.data.read(index)
            if self.kind != "halves":
                yield index, path.stem, image, labels
                continue
            middle = labels.shape[1] // 2
            for side, columns in zip(SIDES, (slice(0, middle), slice(middle, None))):
                half = np.ascontiguousarray(image[:, columns])
                yield index, f"{path.stem}/{side}", half, np.ascontiguousarray(labels[:, columns])

    def __iter__(self) -> Iterator[Sample]:
        for index, name, image, labels in self._seen():
            ignore = labels == IGNORED
            for number, facts in enumerate(CLASSES):
                mask = labels == number
                asked = f"Segment the {facts.name}."
                if self.kind == "reason":
                    unseen = questions()[facts.name].choose if self.data.part in KEPT else questions()[facts.name].test
                    asked = unseen[index % len(unseen)]
                targets = (Target(mask=mask, ignore=ignore),) if mask.any() else ()
                turn = Turn(instruction=asked, answer=answer_of(facts, found=bool(targets)), targets=targets)
                meta = {"picture_id": self.data.pictures[index].stem, "class": facts.name, "ignore": ignore}
                if self.kind != "halves":
                    meta |= named_by(self.data.pictures[index])
                group = facts.name if targets else ABSENT
                yield Sample(id=f"{name}/{facts.name}", image=image, turns=(turn,), group=group, meta=meta)


def turn_about(number: int, labels: Labels, rng: np.random.Generator, reasoned: float) -> tuple[Turn, int]:
    """A question about a class, by its name, its side of the picture, or its use, with its answer and mask.

    The number behind it is 0, or 1 + the place in `SIDES` of the side that was asked for.
    """
    facts = CLASSES[number]
    mask = labels == number
    if rng.random() < reasoned:
        explain = rng.random() < 0.35
        question = pick(questions()[facts.name].learned, rng)
        asked = pick(EXPLAINED if explain else REASONED, rng).format(q=question)
        return _turn(asked, facts, mask, because=facts.because if explain else ""), 0
    name = facts.name if rng.random() < 0.6 or not facts.also else pick(facts.also, rng)
    side = 0
    if rng.random() < SIDED and (half := _side(mask, rng)) is not None:
        side, mask = half
        name = f"{name} on the {SIDES[side - 1]}"
    asked = pick(NAMED, rng).format(name=name, **{"is": "are" if facts.plural else "is"})
    return _turn(asked, facts, mask), side


def answer_of(facts: Facts, *, found: bool, because: str = "") -> str:
    """The answer to a question about a class."""
    if not found:
        return f"There {'are' if facts.plural else 'is'} no {facts.name} in this picture."
    return f"{'They are' if facts.plural else 'It is'} the {facts.name} [SEG]. {because}".rstrip()


def _turn(asked: str, facts: Facts, mask: Mask, *, because: str = "") -> Turn:
    found = bool(mask.any())
    answer = answer_of(facts, found=found, because=because)
    return Turn(instruction=asked, answer=answer, targets=(Target(mask=mask, phrase=facts.name),) if found else ())


def _side(mask: Mask, rng: np.random.Generator) -> tuple[int, Mask] | None:
    """A side's number, 1 left or 2 right, and that half of what is seen on both; None where it is not."""
    middle = mask.shape[1] // 2
    left = mask.copy()
    left[:, middle:] = False
    right = mask & ~left
    if min(left.sum(), right.sum()) < LEAST:
        return None
    i = int(rng.integers(2))
    return i + 1, (left, right)[i]


def camvid(folder: Path, part: str = "train") -> CamVid:
    """`camvid/{train, trainannot, val, valannot}`, the split of SegNet."""
    return CamVid(folder / "camvid", part)
