"""Other words for things, as people say them: what is learned from is asked in them, too, and answered as ever.

`assets/world/synonyms.json` has them, written without sight of the questions in people's own words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import lru_cache
from importlib.resources import files

import numpy as np

from lisa.world.facts import rows

OFTEN = 0.4
"""How often a noun is exchanged."""
_ENDS = r"(?=$|[\s.,!?，。！？、；：]|[的在吗是和呢吧里上下左右旁前后])"


@lru_cache(maxsize=1)
def synonyms() -> dict[str, dict[str, list[str]]]:
    """Language → noun, one or many of a kind → other nouns for it."""
    listed = json.loads((files("lisa") / "assets" / "world" / "synonyms.json").read_text(encoding="utf-8"))
    found: dict[str, dict[str, list[str]]] = {"en": {}, "zh": {}}
    for kind, words in listed.items():
        row = rows()[kind]
        found["en"][kind] = [one for one, _ in words["en"]]
        if row.plural:
            found["en"][row.plural] = [many for _, many in words["en"] if many]
        found["zh"][row.zh] = words["zh"]
    return found


@lru_cache(maxsize=2)
def _nouns(language: str) -> re.Pattern[str]:
    """Any noun of a language; in English with the article before it."""
    if language == "zh":
        return re.compile(whole_words(synonyms()["zh"], "zh"))
    return re.compile(rf"\b(an? )?{whole_words(synonyms()['en'], 'en')}", re.IGNORECASE)


def whole_words(words: Iterable[str], language: str) -> str:
    """A pattern for any of these words, the longest that fits, in one group if they are English.

    A Chinese noun of one character counts only where no other word goes on with it, as 花瓣 and the name 奥马尔 do.
    """
    longest = sorted(map(re.escape, words), key=len, reverse=True)
    if language == "zh":
        return "|".join(noun if len(noun) > 1 else f"{noun}{_ENDS}" for noun in longest)
    return rf"\b({'|'.join(longest)})\b"


def reworded(text: str, rng: np.random.Generator, language: str) -> str:
    """An instruction with some of its nouns exchanged."""
    return _nouns(language).sub(lambda found: _other(found, rng, language), text)


def _other(found: re.Match[str], rng: np.random.Generator, language: str) -> str:
    article, noun = ("", found.group()) if language == "zh" else (found.group(1) or "", found.group(2))
    known = synonyms()[language][noun.lower()]
    if not known or rng.random() >= OFTEN:
        return found.group()
    said = known[int(rng.integers(len(known)))]
    if noun[0].isupper():
        said = said[0].upper() + said[1:]
    if article:
        article = f"{article[0]}n " if said[0].lower() in "aeiou" else f"{article[0]} "
    return article + said
