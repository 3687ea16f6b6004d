"""What the words and places of a text speak of in a picture, and where: for those who teach to look at what is read.

"the red cup left of Lisa" ─► "red": what is red · "cup": red cups · "Lisa": her, or nothing where she is not there
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from lisa.boxes import boxes_of, overlaps
from lisa.instructions import places_in
from lisa.types import Mask
from lisa.world.facts import CATEGORIES, COLOURS_ZH, GROUPS_ZH, MANY_PARTS, NAMES, NAMES_ZH, PARTS_ZH, PARTS_ZH_OF, rows
from lisa.world.palette import COLOURS
from lisa.world.questions.pointed import region
from lisa.world.scene import Picture, Thing
from lisa.world.shapes import kinds
from lisa.world.synonyms import synonyms, whole_words

SEVERAL = 4
"""Phrases in a text that lists some."""
POINTED = 0.3
"""How often one of them is a place where something is seen."""
_JOINED = ("", " ", "的")
"""What may stand between a colour and the noun that it belongs to."""


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """What a word means; all that is said of it has to fit."""

    kinds: frozenset[str] | None = None
    colour: str | None = None
    name: str | None = None
    part: str | None = None

    place: tuple[float, ...] = ()
    """A point (x, y) or a box (x0, y0, x1, y1), as shares of the picture."""

    def mask(self, picture: Picture) -> Mask:
        """Where in a picture that is, `[H, W]` bool; nowhere if it is not there."""
        if self.part is not None:
            known = self.part in picture.part_names
            return picture.parts == (picture.part_names.index(self.part) + 1 if known else 255)
        return picture.mask(*self.things(picture))

    def things(self, picture: Picture) -> list[int]:
        """All things that it may mean, seen or not; none for a part."""
        if self.place:
            return _things_at(picture, self.place)
        return [t.id for t in picture.scene.things if self._fits(t)]

    def _fits(self, thing: Thing) -> bool:
        if self.part is not None:
            return False
        colours = (thing.colour,) if thing.colour else rows()[thing.kind].colours
        return (
            (self.kinds is None or thing.kind in self.kinds)
            and (self.colour is None or self.colour in colours)
            and (self.name is None or thing.name == self.name)
        )


@dataclass(frozen=True, kw_only=True)
class Mention:
    """A word of a text."""

    start: int
    end: int
    """Characters."""
    meaning: Meaning


def mentions(text: str, language: str) -> list[Mention]:
    """The words of a text that mean something in a picture, in order; a colour before a noun narrows it."""
    known, text = meanings(language), text.lower()
    found: list[Mention] = []
    for match in _pattern(language).finditer(text):
        word = match.group()
        meaning = known[word]
        if found and text[found[-1].end : match.start()] in _JOINED and meaning.kinds is not None:
            before = found[-1]
            if text[before.start : before.end] == "orange":  # before a noun it is the colour
                found[-1] = before = replace(before, meaning=Meaning(colour="orange"))
            if before.meaning.kinds is None and before.meaning.colour is not None:
                meaning = replace(meaning, colour=before.meaning.colour)
        found.append(Mention(start=match.start(), end=match.end(), meaning=meaning))
    found += [Mention(start=start, end=end, meaning=Meaning(place=place)) for start, end, place in places_in(text)]
    return sorted(found, key=lambda mention: mention.end)


def _things_at(picture: Picture, place: tuple[float, ...]) -> list[int]:
    """The thing at a point, or the one that a box is drawn around: whose seen part has the box most like it."""
    height, width = picture.ids.shape
    if len(place) == 2:
        x, y = (min(int(share * side), side - 1) for share, side in zip(place, (width, height)))
        return [int(picture.ids[y, x])] if picture.ids[y, x] else []
    ids = [int(id) for id in np.unique(picture.ids) if id]
    alike = overlaps(
        np.array(place) * (width, height, width, height), boxes_of(picture.ids == np.array(ids)[:, None, None])
    )
    return [ids[int(alike.argmax())]] if alike.any() else []


@lru_cache(maxsize=2)
def meanings(language: str) -> dict[str, Meaning]:
    """Word → its meaning: of kinds and groups all that are called so; words with another one beside it are left out."""
    once: dict[str, Meaning] = {}
    twice: set[str] = set()
    for word, meaning in (*_kinds(language), *_groups(language), *_others(language)):
        before = once.setdefault(word := word.lower(), meaning)
        if before.kinds is not None and meaning.kinds is not None:
            once[word] = Meaning(kinds=before.kinds | meaning.kinds)
        elif before != meaning:
            twice.add(word)
    return {word: meaning for word, meaning in once.items() if word not in twice}


def _kinds(language: str) -> list[tuple[str, Meaning]]:
    found = []
    for kind, row in rows().items():
        names = [row.name, row.plural] if language == "en" else [row.zh]
        for name in filter(None, names):
            found += [(word, Meaning(kinds=frozenset({kind}))) for word in (name, *synonyms()[language].get(name, ()))]
    return found


def _groups(language: str) -> list[tuple[str, Meaning]]:
    found = []
    for group in sorted({g for row in rows().values() for g in (row.category, *row.groups)} - {"other"}):
        means = Meaning(kinds=frozenset(kind for kind, row in rows().items() if row.is_a(group)))
        plural, zh = CATEGORIES.get(group, (f"{group}s", GROUPS_ZH.get(group)))
        found += [(word, means) for word in ((group, plural) if language == "en" else (zh,)) if word]
    return found


def _others(language: str) -> list[tuple[str, Meaning]]:
    english = language == "en"
    parts = [(part, part) for part in PARTS_ZH] + [(many, part) for part, many in MANY_PARTS.items()]
    chinese = [(zh, part) for part, zh in PARTS_ZH.items()] + [(zh, part) for (_, part), zh in PARTS_ZH_OF.items()]
    colours = [(c if english else COLOURS_ZH[c], c) for c in COLOURS if not (english and c == "orange")]
    return [
        *((name if english else NAMES_ZH[name], Meaning(name=name)) for name in NAMES),
        *((word, Meaning(colour=colour)) for word, colour in colours),
        *((word, Meaning(part=part)) for word, part in (parts if english else chinese)),
    ]


@lru_cache(maxsize=2)
def _pattern(language: str) -> re.Pattern[str]:
    return re.compile(whole_words(meanings(language), language))


def listed(picture: Picture, rng: np.random.Generator, language: str) -> str:
    """A few things, colours, parts and people by some of their words, half of them to be seen in the picture."""
    return ("、" if language == "zh" else ", ").join(_phrase(picture, rng, language) for _ in range(SEVERAL))


def _phrase(picture: Picture, rng: np.random.Generator, language: str) -> str:
    things = picture.scene.things
    thing = things[int(rng.integers(len(things)))] if things and rng.random() < 0.6 else None
    if thing is not None and rng.random() < POINTED and (mask := picture.mask(thing.id)).any():
        height, width = mask.shape
        return region((boxes_of(mask[None])[0] / (width, height, width, height)).tolist(), mask, rng)
    words, point = _words(language), rng.random()
    if point < 0.62:
        kind = thing.kind if thing is not None and thing.kind in words["kinds"] else _any(rng, sorted(words["kinds"]))
        noun = words["kinds"][kind][0] if rng.random() < 0.4 else _any(rng, words["kinds"][kind])
        if rng.random() < 0.75:
            return noun
        colour = thing.colour if thing is not None and thing.colour in words["colours"] and rng.random() < 0.5 else None
        colour = _any(rng, words["colours"][colour or _any(rng, sorted(words["colours"]))])
        return f"{colour} {noun}" if language == "en" else f"{colour}的{noun}"
    if point < 0.72 and thing is not None and thing.name:
        return _any(rng, words["names"][thing.name])
    if point < 0.86 and thing is not None and (own := [p for p in kinds()[thing.kind].parts if p in words["parts"]]):
        return _any(rng, words["parts"][_any(rng, own)])
    some = words[("groups", "names", "parts", "colours")[int(rng.integers(4))]]
    return _any(rng, some[_any(rng, sorted(some))])


@lru_cache(maxsize=2)
def _words(language: str) -> dict[str, dict[str, list[str]]]:
    """Sort of meaning → which → its words."""
    found: dict[str, dict[str, list[str]]] = {"kinds": {}, "groups": {}, "names": {}, "parts": {}, "colours": {}}
    for word, means in meanings(language).items():
        if means.kinds is not None:
            sort, which = ("kinds", min(means.kinds)) if len(means.kinds) == 1 else ("groups", word)
        else:
            sort, which = next((f"{s}s", w) for s in ("name", "part", "colour") if (w := getattr(means, s)))
        found[sort].setdefault(which, []).append(word)
    return found


def _any(rng: np.random.Generator, some: Sequence[str]) -> str:
    return some[int(rng.integers(len(some)))]
