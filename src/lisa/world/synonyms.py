"""Other words for things, as people say them: what is learned from is asked in them, too, and answered as ever.

`assets/world/synonyms.json` has them, written without sight of the questions in people's own words.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from importlib.resources import files

import numpy as np

from lisa.world.facts import rows

OFTEN = 0.4
"""How often a noun is exchanged."""


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
    """Any noun of a language, the longest that fits; in English with the article before it."""
    longest = sorted(synonyms()[language], key=len, reverse=True)
    some = "|".join(map(re.escape, longest))
    return re.compile(some if language == "zh" else rf"\b(an? )?({some})\b", re.IGNORECASE)


def reworded(text: str, rng: np.random.Generator, language: str) -> str:
    """An instruction with some of its nouns exchanged."""

    def other(match: re.Match[str]) -> str:
        whole = match.group(0)
        noun = whole if language == "zh" else match.group(2)
        known = synonyms()[language].get(noun) or synonyms()[language].get(noun.lower())
        if not known or rng.random() >= OFTEN:
            return whole
        said = known[int(rng.integers(len(known)))]
        if language == "zh":
            return said
        said = said[0].upper() + said[1:] if noun[0].isupper() else said
        article = match.group(1) or ""
        return (
            f"{article[0]}n {said}"
            if article and said[0].lower() in "aeiou"
            else f"{article[:1]} {said}"
            if article
            else said
        )

    return _nouns(language).sub(other, text)
