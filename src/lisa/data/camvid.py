"""CamVid (Brostow et al., 2009), the split of SegNet: street photographs, every pixel of one of eleven classes.

    train/NAME.jpg|png   trainannot/NAME.png (class numbers, 11 = unlabelled)   val, valannot

One table of what is known of the classes makes the questions: names, places, what a thing is for, what takes a thought
or two, and what a picture does not show.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lisa.data.base import ABSENT
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
    asked: tuple[str, ...]
    """Questions about its use or nature; the last ones, new wordings of what is asked before, are `HELD` back."""
    because: str
    """Why it is the answer."""


HELD = 2
"""Questions of each class that are never learned from, and that it is evaluated by."""

CLASSES: tuple[Facts, ...] = (
    Facts(
        name="sky", plural=False, also=("heaven above",),
        asked=(
            "Where would birds and planes fly?", "Where do the clouds hang?", "Where does the sun shine from?",
            "Where does the rain come from?", "What is above everything else?",
            "Where do you see the sun and the clouds?", "What is high above the houses?", "Where would a plane be?",
            "What turns dark at night?", "Where would one look for the moon and the stars?",
            "What is blue when the weather is good?", "What tells us how the weather is?",
            "Where can the stars be seen at night?", "Where does a bird fly?", "What do you see when you look up?",
            "Where would a plane fly?", "Where are the sun and the moon?",
        ),
        because="Birds, planes and clouds are up there.",
    ),
    Facts(
        name="buildings", plural=True, also=("houses", "walls of the houses"),
        asked=(
            "Where do people live and work?", "What was built by masons?", "What has rooms and windows?",
            "Where could one find a shop or an office?", "Where would a family sleep at night?",
            "What would an architect have designed?", "What has walls and a roof?",
            "Where would somebody have a flat?", "What is made of bricks and concrete?",
            "What has doors, stairs and rooms?", "Where do people go to be warm inside?",
            "What keeps a family dry when it rains?", "What did somebody build for people to live in?",
            "Where would you find an office, a kitchen or a bedroom?", "What has an address?",
            "Where would a family live?", "What has a roof, walls and windows?",
        ),
        because="People live and work in buildings.",
    ),
    Facts(
        name="poles", plural=True, also=("posts", "columns of the street lamps"),
        asked=(
            "What holds up the lamps and signs?", "What are the street lights fixed to?",
            "What thin things stand upright beside the road?", "What could one chain a bicycle to?",
            "What keeps the lamps high above the street?", "What carries the lamps?",
            "What is tall, thin and made of metal?", "What are the signs fixed to?",
            "What would a dog like to sniff at?", "What stands upright and holds a light?",
            "What does a street lamp stand on?", "Which thin things are put into the ground?",
            "What carries wires and lamps?", "What could a poster be fixed to?",
            "What thin thing would hurt if one walked into it?", "What holds the lamps up?",
            "What thin and tall things are fixed in the ground?",
        ),
        because="Poles hold lamps and signs up.",
    ),
    Facts(
        name="road", plural=False, also=("street", "carriageway", "roadway"),
        asked=(
            "Where may a car drive?", "What is paved for traffic?", "What do the wheels of the cars touch?",
            "Where is it dangerous for children to play?", "Where would a bus drive along?",
            "Which surface is made for vehicles?", "What are the lanes painted on?", "Where does the traffic go?",
            "What is made of asphalt for cars?", "Where do cars, buses and trucks drive?",
            "What would a driver keep their eyes on?", "Where may vehicles go fast?",
            "What should one look at both ways before crossing?", "What has white lines for the traffic?",
            "Where must nobody stand when a car comes?", "Where may buses and trucks drive?",
            "Which surface do the cars drive on?",
        ),
        because="Vehicles drive on the road.",
    ),
    Facts(
        name="pavement", plural=False, also=("sidewalk", "footpath"),
        asked=(
            "Where should people walk?", "Where is it safe to walk beside the traffic?",
            "Where would one push a pram?", "Where may somebody stand and wait for the bus?",
            "Which surface is made for people on foot?", "Where should children stay when cars come?",
            "Where can I walk without fear of cars?", "What runs along the road for those who walk?",
            "Where would a mother walk with her child?", "Which part of the street is for walkers?",
            "Where may one stop to talk to a friend?", "What is beside the road and a little higher?",
            "Where should one go on foot?", "Where is one safe from the cars?", "Where would you walk to the shop?",
            "Where may people go on foot safely?", "Where should a mother push a pram?",
        ),
        because="The pavement is for people on foot.",
    ),
    Facts(
        name="trees", plural=True, also=("bushes and trees", "plants", "greenery"),
        asked=(
            "What gives shade in summer?", "What has leaves?", "What grows here?",
            "Where may a bird build its nest?", "What makes the air fresh?", "What would a gardener take care of?",
            "What is green and alive?", "What has branches and roots?", "What loses its leaves in autumn?",
            "What needs water and light to grow?", "What gives wood?",
            "Which living things do not move from their place?", "What could a cat climb up to catch a bird?",
            "What has bark and branches?", "What turns yellow in autumn?", "What is green and has branches?",
            "What grows leaves and gives shade?",
        ),
        because="Trees grow and have leaves.",
    ),
    Facts(
        name="traffic signs", plural=True, also=("signs", "road signs"),
        asked=(
            "What tells drivers the rules?", "What should a driver read?", "What shows the way or a speed limit?",
            "What gives information to those who drive?", "What warns drivers of dangers?",
            "What has to be obeyed by everybody who drives?", "What says how fast one may go?",
            "What shows where one may not park?", "What says stop or give way?",
            "What has letters or symbols on it for drivers?", "What helps a driver to find the way?",
            "What forbids something to drivers?", "What must one know for the driving test?",
            "What tells you the speed limit?", "What shows drivers which way to go?",
            "What warns and informs drivers?", "What tells a driver how fast to go?",
        ),
        because="Signs tell drivers what to do.",
    ),
    Facts(
        name="fence", plural=False, also=("railing", "barrier"),
        asked=(
            "What keeps people from walking through?", "What closes off a piece of land?",
            "What would one have to climb over?", "What separates one side from the other?",
            "What keeps a dog in a garden?", "What is put up to keep others out?", "What marks where a garden ends?",
            "What keeps animals from running away?", "What is between the garden and the street?",
            "What stops people from getting in?", "What has bars or boards in a row?",
            "What could one lean on and not pass?", "What protects a garden?", "What would a thief climb over?",
            "What keeps strangers out?", "What keeps people out of a garden?",
            "What would a dog have to climb over?",
        ),
        because="A fence keeps people from going through.",
    ),
    Facts(
        name="cars", plural=True, also=("vehicles", "automobiles"),
        asked=(
            "What could take a family to another town?", "What needs fuel?", "What has an engine and four wheels?",
            "What can drive fast?", "What would one need a driving licence for?", "What has to be parked?",
            "What has a boot, doors and seats?", "What does a driver sit in?", "What has headlights and tyres?",
            "What makes noise and fumes on the road?", "What would one take to a garage to be repaired?",
            "What is locked with a key and driven?", "What carries people on four wheels?",
            "What do people drive to work?", "What has a motor?", "What has four wheels and needs fuel?",
            "What would a family drive in?",
        ),
        because="Cars have an engine and carry people.",
    ),
    Facts(
        name="pedestrians", plural=True, also=("people on foot", "people walking"),
        asked=(
            "Who must be given way at a crossing?", "Who is walking?", "Who moves on their own two feet?",
            "Whom should a driver look out for?", "Who wears shoes here?", "Who is most easily hurt by a car?",
            "Who goes without any vehicle?", "Who may be on their way to a shop on foot?", "Who uses the crossing?",
            "Who could be talking to each other?", "Who would get wet in the rain?",
            "Whom must a driver stop for at a crossing?", "Who has legs and no wheels?",
            "Who walks along the street?", "Who could carry a shopping bag?", "Who goes on their own feet?",
            "For whom must a driver stop?",
        ),
        because="Pedestrians go on foot.",
    ),
    Facts(
        name="cyclists", plural=True, also=("bicyclists", "people on bicycles", "riders"),
        asked=(
            "Who rides without an engine?", "Who has to pedal?", "Who should wear a helmet?",
            "Who moves on two wheels by their own strength?", "Who gets along by bicycle?",
            "Who needs strong legs to get ahead?", "Who sits on a saddle?", "Who holds handlebars?",
            "Who has a bell and two wheels?", "Who rides and gets exercise?",
            "Whom should a driver pass with enough room?", "Who needs a bicycle lane?",
            "Who has to keep their balance on two wheels?", "Who travels on a bike?",
            "Who rides beside the cars without a motor?", "Who pedals on two wheels?",
            "Who rides a bicycle with a helmet?",
        ),
        because="Cyclists ride bicycles.",
    ),
)  # fmt: skip
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
KEPT = {"seen": slice(None, -50), "held": slice(-50, None)}
"""Parts of the training photographs: to learn from while choices are made, and to make them by."""
LEAST = 60
"""Pixels from which on a class counts as shown; what is smaller is asked about as if it were there, never as absent."""


class CamVid:
    """One part of CamVid, as questions to learn from and, asked about every class, to be evaluated by."""

    def __init__(
        self, folder: Path, part: str = "train", *, augment: Augment | None = None, lengths: Sequence[int] = (1, 1, 10)
    ) -> None:
        """`folder` holds `train`, `trainannot` …; `part` is one of them, or of `KEPT`. Raises Missing without it.

        `lengths`: turns of the conversations drawn about each picture, which is looked at once in each of them.
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
        self.augment, self.lengths = augment, tuple(lengths)

    def __len__(self) -> int:
        return len(self.pictures)

    def read(self, index: int) -> tuple[Image, Labels]:
        """A picture and its map of class numbers, 11 where nothing is labelled. Raises BadInput or Missing."""
        path = self.pictures[index]
        image = open_image(path)
        return image, read_labels(self.maps / f"{path.stem}.png", (image.shape[0], image.shape[1]))

    def draw(self, index: int, rng: np.random.Generator) -> Sequence[Sample]:
        """See `Reader`: a class in one turn of a conversation at most; the second short one is of what is not there."""
        image, labels = self.read(index)
        if self.augment is not None:
            image, labels = self.augment(image, labels, rng)
        counts = np.bincount(labels.ravel(), minlength=256)[: len(CLASSES)]
        there = [i for i in range(len(CLASSES)) if counts[i] >= LEAST]
        missing = [i for i in range(len(CLASSES)) if counts[i] == 0]
        found = []
        for place, length in enumerate(self.lengths):
            known = missing if length == 1 and place and missing else [*there, *missing]
            told = [(int(number), *turn_about(number, labels, rng)) for number in rng.permutation(known)[:length]]
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
                    asked = facts.asked[-1 - index % HELD]
                targets = (Target(mask=mask, ignore=ignore),) if mask.any() else ()
                turn = Turn(instruction=asked, answer=answer_of(facts, found=bool(targets)), targets=targets)
                meta = {"class": facts.name, "ignore": ignore}
                group = facts.name if targets else ABSENT
                yield Sample(id=name, image=image, turns=(turn,), group=group, meta=meta)


def turn_about(number: int, labels: Labels, rng: np.random.Generator) -> tuple[Turn, int]:
    """A question about a class, by its name, its side of the picture, or its use, with its answer and mask.

    The number behind it is 0, or 1 + the place in `SIDES` of the side that was asked for.
    """
    facts = CLASSES[number]
    mask = labels == number
    way = rng.random()
    if way < 0.45:
        explain = rng.random() < 0.35
        question = pick(facts.asked[:-HELD], rng)
        asked = pick(EXPLAINED if explain else REASONED, rng).format(q=question)
        return _turn(asked, facts, mask, because=facts.because if explain else ""), 0
    name = facts.name if rng.random() < 0.6 or not facts.also else pick(facts.also, rng)
    side = 0
    if way < 0.6 and (half := _side(mask, rng)) is not None:
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
