"""The procedural world as a dataset: pictures, and dialogues about them, as samples."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.resources import files
from itertools import islice

import numpy as np

from lisa.data.base import ABOUT, ABSENT, REASONS, SEEN
from lisa.types import SEG, Sample, Target, Turn
from lisa.world.draw import draw
from lisa.world.facts import rows
from lisa.world.make import make_scene
from lisa.world.own_words import in_own_words
from lisa.world.phrases import LESSON
from lisa.world.questions import PIECES, Asked, ask, dialogues, targets_to_turn
from lisa.world.questions.nothing import none_of
from lisa.world.questions.view import View
from lisa.world.scene import Picture, Scene
from lisa.world.sets import scene_seed
from lisa.world.spec import scene_of
from lisa.world.twins import twin_of

REFERRED = ("name", "colour", "attribute", "location", "relation")
"""Question kinds that mean a thing by what can be seen of it."""
LOOKED = (*REFERRED, "part")
"""Question kinds that take no knowledge and one step."""
_TWIN = 3
"""Keeps the dice of twins apart."""
_TRIES = 60
_TOLD = re.compile(r"segm|mask|mark|outline|highlight|select|show|point|find|see\b|looking|分割|掩码|标", re.IGNORECASE)
"""Words of those who want to be shown."""
_MARK = re.compile(rf" ?{re.escape(SEG)}")


def samples_of(
    picture: Picture,
    rng: np.random.Generator,
    count: int,
    *,
    split: str = "train",
    weights: Mapping[str, float] | None = None,
    shares: Mapping[str, float] | None = None,
    language: str = "en",
    name: str = "",
) -> list[Sample]:
    """Up to `count` dialogues about one picture; all share its pixels."""
    asked = dialogues(picture, rng, count, split=split, language=language, weights=weights, shares=shares)
    return [to_sample(picture, turns, f"{name}/{i}") for i, turns in enumerate(asked)]


def own_worded(
    picture: Picture, rng: np.random.Generator, count: int, *, language: str = "en", name: str = ""
) -> list[Sample]:
    """Up to `count` questions in words as they come to mind, see `lisa.world.own_words`."""
    view = View(picture)
    found = {asked.instruction: asked for _ in range(count) if (asked := in_own_words(view, rng, language))}
    return [to_sample(picture, [asked], f"{name}/own/{i}") for i, asked in enumerate(found.values())]


def spoken_of(
    picture: Picture,
    rng: np.random.Generator,
    count: int,
    *,
    shares: Mapping[str, float] | None = None,
    language: str = "en",
    name: str = "",
) -> list[Sample]:
    """Up to `count` dialogues as `in_words` has them.

    What is asked for by name, look or place goes along, for those who teach to look; what takes a thought does not.
    """
    found = []
    for asked in dialogues(picture, rng, 2 * count, language=language, shares=shares):
        if (said := in_words(asked)) is not None and len(found) < count:
            turns = [targets_to_turn(picture, turn) for turn in asked]
            seen = {
                i: tuple(target.mask for target in turn.targets)
                for i, (turn, was) in enumerate(zip(turns, asked))
                if turn.targets and was.kind in LOOKED
            }
            about = tuple(_about(was) if was.kind in LOOKED else () for was in asked)
            sample = to_sample(picture, said, f"{name}/{len(found)}")
            found.append(replace(sample, meta=sample.meta | {SEEN: seen, ABOUT: about}))
    return found


def in_words(asked: Sequence[Asked]) -> list[Asked] | None:
    """A dialogue as a model holds it that cannot segment; None where it is told to, or something is pointed at."""
    if any(turn.kind == "pointed" or _TOLD.search(turn.instruction) for turn in asked):
        return None
    return [replace(t, answer=_MARK.sub("", t.answer), targets=(), parts=(), phrases=()) for t in asked]


def to_sample(picture: Picture, turns: list[Asked], id: str) -> Sample:
    """A dialogue as a sample; its group is the kind of its last question."""
    return Sample(
        id=id,
        image=picture.image,
        turns=tuple(targets_to_turn(picture, t) for t in turns),
        group=turns[-1].kind,
        meta={
            "template": turns[-1].template,
            "language": turns[-1].language,
            "targets": turns[-1].targets,
            "parts": turns[-1].parts,
            "turns": tuple(tuple(zip(t.targets, t.parts)) for t in turns),
            "said": turns[-1].said,
            ABOUT: tuple(map(_about, turns)),
            **_reasons(picture, turns[-1]),
        },
    )


def _about(asked: Asked) -> tuple[int, ...]:
    """The things that a question goes out from: those that it asks for, where it names no other."""
    return asked.about or tuple(id for ids in asked.targets for id in ids)


def _reasons(picture: Picture, asked: Asked) -> dict[str, tuple[str, ...]]:
    """What an explanation may say: all that the facts say of the target, and what is expected."""
    why = asked.answer.rpartition(SEG)[2].strip(" .。")
    if not why or len(asked.targets) != 1:
        return {}
    row = rows()[next(t.kind for t in picture.scene.things if t.id == asked.targets[0][0])]
    table = row.sentences if asked.language == "en" else row.sentences_zh
    return {REASONS: (*table, why)}


class WorldDataset:
    """`count` questions from scenes of `seed`, one dialogue a picture; `kinds` and `languages` take turns.

    Iterating draws the pictures as it goes; item i is the same whatever was read before. Languages are "en" and "zh".
    """

    most = 1
    """Dialogues about a picture that is drawn to learn from."""

    def __init__(
        self,
        *,
        seed: int,
        count: int,
        split: str = "test",
        kinds: tuple[str, ...] = (),
        languages: tuple[str, ...] = ("en",),
    ) -> None:
        self.seed, self.count, self.split, self.kinds, self.languages = seed, count, split, kinds, languages
        self._pieces = {kind: piece for piece, kind in PIECES.items()}

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Sample:
        kind = self.kinds[index % len(self.kinds)] if self.kinds else None
        language = self.language_of(index)
        for attempt in range(200):
            place = index + attempt * 1_000_003  # another picture where this kind cannot be asked
            picture = self._picture(place, kind)
            rng = np.random.default_rng([self.seed, place])
            weights = {kind: 1.0} if kind else None
            name = f"{self.seed}/{place}"
            found = samples_of(picture, rng, 1, split=self.split, weights=weights, language=language, name=name)
            if found:
                return replace(found[0], meta={**found[0].meta, "place": place, "asked": kind})
        raise LookupError(f"no scene of seed {self.seed} near {index} can be asked about {kind}")

    def draw(self, index: int, rng: np.random.Generator) -> list[Sample]:
        """See `Reader`; a single question goes with the picture's number, and `rng` decides nothing."""
        if self.most == 1:
            return [self[index]]
        name = f"{self.seed}/{index}"
        picture = self._picture(index, None)
        language = self.language_of(index)
        return samples_of(picture, rng, self.most, split=self.split, language=language, name=name) or [self[index]]

    def __iter__(self) -> Iterator[Sample]:
        return (self[i] for i in range(self.count))

    def language_of(self, index: int) -> str:
        """What an item is asked in."""
        return self.languages[index % len(self.languages)]

    def picture_at(self, sample: Sample) -> Picture:
        """What a sample was drawn from."""
        return self._picture(sample.meta["place"], sample.meta["asked"])

    def other(self, sample: Sample) -> Sample | None:
        """Another valid question of the same picture, about none of the same things; None where there is none."""
        picture = self.picture_at(sample)
        mine = {id for ids in sample.meta["targets"] for id in ids}
        rng = np.random.default_rng([self.seed, sample.meta["place"], 1])
        for asked in dialogues(picture, rng, 12, split=self.split, language=sample.meta["language"]):
            ids = {id for targets in asked[-1].targets for id in targets}
            if len(asked) == 1 and ids and not ids & mine:
                return to_sample(picture, asked, f"{sample.id}/other")
        return None

    def _picture(self, place: int, kind: str | None) -> Picture:
        seed = scene_seed(self.seed, place)
        return draw(make_scene(seed, set_piece=self._pieces.get(kind or ""), split=self.split))


REASON_KINDS = (
    "function", "knowledge", "multi_step", "explanation", "vitamin_c", "stand_higher", "near_lens", "baby_fence",
    "dog_antlers", "chilli", "cold_sun", "odd_one_out", "sink_tap",
)  # fmt: skip
"""Questions that need knowledge or several steps."""
REASON_PARTS = {"train": (41, 239), "val": (141, 200), "test": (241, 779)}
"""Part → seed of its scenes and their number, which is the published benchmark's."""


def world_reason(part: str) -> WorldDataset:
    """`world-reason`: a reasoning question about each of 239, 200 or 779 drawn scenes, always the same ones.

    Raises KeyError for a part that is none of "train", "val" and "test".
    """
    seed, count = REASON_PARTS[part]
    return WorldDataset(seed=seed, count=count, split="train" if part == "train" else "test", kinds=REASON_KINDS)


def hash_of(samples: Iterable[Sample]) -> str:
    """SHA-256 over what is asked, answered and masked, by which a fixed set is known on any machine."""
    digest = hashlib.sha256()
    for sample in samples:
        for turn in sample.turns:
            digest.update(f"{turn.instruction}\n{turn.answer}\n".encode())
            for target in turn.targets:
                digest.update(repr(target.mask.shape).encode() + np.packbits(target.mask).tobytes())
    return digest.hexdigest()


class Twins:
    """Pairs of pictures that differ in one thing, both asked for it in the same words: there, and not there.

    Item 2k shows it, item 2k + 1 is the twin without it. What is said of either without looking is right half the time.
    """

    def __init__(self, *, seed: int, count: int, split: str = "test", language: str = "en") -> None:
        self.seed, self.count, self.split, self.language = seed, count, split, language

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Sample]:
        return islice((s for pair in range((self.count + 1) // 2) for s in self._both(pair)), self.count)

    def __getitem__(self, index: int) -> Sample:
        return self._both(index // 2)[index % 2]

    def _both(self, pair: int) -> tuple[Sample, Sample]:
        for attempt in range(200):
            place = pair + attempt * 1_000_003
            if (found := self._pair(place)) is not None:
                picture, twin, asked = found
                id = f"{self.seed}/{place}"
                both = to_sample(picture, [asked], id), to_sample(twin, [_without(asked, twin)], f"{id}/twin")
                there, gone = (replace(s, meta=s.meta | {"picture_id": id}) for s in both)
                return there, gone
        raise LookupError(f"no scene of seed {self.seed} near {pair} has a twin")

    def other(self, sample: Sample) -> Sample | None:
        """None: the twin is what it is compared with."""
        return None

    def _pair(self, place: int) -> tuple[Picture, Picture, Asked] | None:
        rng = np.random.default_rng([self.seed, place, _TWIN])
        picture = draw(make_scene(scene_seed(self.seed, place), split=self.split))
        scene = twin_of(picture, rng)
        if scene is None:
            return None
        twin = draw(scene)
        found = _for_what_lacks(picture, twin, rng, 1, split=self.split, language=self.language)
        return (picture, twin, found[0]) if found else None


def _without(asked: Asked, twin: Picture) -> Asked:
    """The same words, asked of the twin."""
    assert twin.scene.taken is not None
    row = rows()[twin.scene.taken.kind]
    answer = none_of(row) if asked.language == "en" else f"这里没有{row.zh}。"
    return replace(asked, kind=ABSENT, answer=answer, targets=(), parts=(), phrases=())


def of_both(
    picture: Picture, twin: Picture, rng: np.random.Generator, count: int, *, language: str, name: str
) -> tuple[list[Sample], list[Sample]]:
    """Up to `count` questions for what a picture's twin lacks, answered about the one and about the other."""
    found = _for_what_lacks(picture, twin, rng, count, split=LESSON, language=language)
    there = [to_sample(picture, [asked], f"{name}/same/{i}") for i, asked in enumerate(found)]
    gone = [to_sample(twin, [_without(asked, twin)], f"{name}/same/{i}/twin") for i, asked in enumerate(found)]
    return there, gone


def _for_what_lacks(
    picture: Picture, twin: Picture, rng: np.random.Generator, count: int, *, split: str, language: str
) -> list[Asked]:
    """Questions by name for what the twin lacks, in different words; none where something there could be meant."""
    taken, view = twin.scene.taken, View(picture)
    found: dict[str, Asked] = {}
    if taken is None or not View(twin).absent(taken.kind):
        return []
    for _ in range(_TRIES):
        turns = ask(view, rng, kind="name", split=split, language=language)
        if turns and turns[-1].targets == ((taken.id,),):
            found.setdefault(turns[-1].instruction, turns[-1])
        if len(found) == count:
            break
    return list(found.values())


class StatedScenes:
    """Given scenes, asked about."""

    def __init__(self, scenes: Sequence[Scene]) -> None:
        self.scenes = scenes

    def __len__(self) -> int:
        return len(self.scenes)

    def draw(self, index: int, rng: np.random.Generator) -> list[Sample]:
        """See `Reader`; one question about a scene."""
        return samples_of(draw(self.scenes[index]), rng, 1, split="test", name=f"stated/{index}")


class People:
    """400 questions in people's own words, half of them Chinese, about 200 scenes that nothing was trained on.

    They were written from the pictures and the list of kinds alone, without sight of the templates, before the model
    was trained that is measured by them; never learn from them.
    """

    def __init__(self, language: str | None = None) -> None:
        """`language`: "en", "zh", or both."""
        lines = (files("lisa") / "assets" / "world" / "people.jsonl").read_text(encoding="utf-8").splitlines()
        self.rows = [json.loads(line) for line in lines]
        self.asked = [
            (i, k)
            for i, row in enumerate(self.rows)
            for k, asked in enumerate(row["asked"])
            if language in (None, asked["language"])
        ]

    def __len__(self) -> int:
        return len(self.asked)

    def __iter__(self) -> Iterator[Sample]:
        for i, k in self.asked:
            picture, asked = draw(scene_of(self.rows[i]["scene"])), self.rows[i]["asked"][k]
            ids, part = tuple(asked["targets"]), asked.get("part")
            mask = picture.part_mask(ids[0], part) if part else picture.mask(*ids)
            turn = Turn(instruction=asked["question"], targets=(Target(mask=mask),) if ids else ())
            group, meta = asked["language"] if ids else ABSENT, asked | {"picture_id": f"people/{i}"}
            yield Sample(id=f"people/{i}/{k}", image=picture.image, turns=(turn,), group=group, meta=meta)

    def other(self, sample: Sample) -> Sample | None:
        """None: another question of a picture may be about the same thing."""
        return None
