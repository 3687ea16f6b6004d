"""What people ask for without naming it: about 205 questions a kind in each language, as they come to mind.

"My hands are dirty, what should I use?" ─► the soap, where there is one and nothing else that would do

`assets/world/own_words.json` has them, each with the other kinds that somebody could take it to mean. They were written
from the list of kinds, without sight of the templates and of the held-out questions in people's own words.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files

import numpy as np

from lisa.types import SEG
from lisa.world.chinese import noise as noise_zh
from lisa.world.chinese.answers import answer
from lisa.world.phrases import Say, noise
from lisa.world.questions.asked import Asked
from lisa.world.questions.nothing import ABSENT_THING, missing
from lisa.world.questions.view import View

NOTHING = 0.1
"""How often they are asked where nothing is what they mean."""


@dataclass(frozen=True)
class OwnWords:
    """One question."""

    text: str
    also: frozenset[str]
    """Kinds that could be meant as well."""


@lru_cache(maxsize=1)
def own_words() -> Mapping[str, Mapping[str, tuple[OwnWords, ...]]]:
    """Language → kind → questions."""
    listed = json.loads((files("lisa") / "assets" / "world" / "own_words.json").read_text(encoding="utf-8"))
    return {
        code: {
            kind: tuple(OwnWords(text, frozenset(also)) for text, also in asked[code]) for kind, asked in listed.items()
        }
        for code in ("en", "zh")
    }


def in_own_words(view: View, rng: np.random.Generator, language: str = "en") -> Asked | None:
    """A question for one thing of the picture, or for what is not there; None where chance found none."""
    say = Say(rng)
    alone = [s for s in view.able if view.alone(s)]
    if say.chance(NOTHING) or not alone:
        kind = missing(view, say).name
        text = _picked(view, kind, say, language)
        asked = Asked(kind="absent", instruction=text or "", answer=ABSENT_THING, template="own")
    else:
        s = say.pick(alone)
        text, title = _picked(view, s.kind, say, language), view.title(s)
        verb = "They are" if s.row.number == "plural" else "It is"
        asked = Asked(
            kind="function",
            instruction=text or "",
            answer=f"{verb} {title} {SEG}.",
            targets=((s.id,),),
            parts=(None,),
            phrases=(title,),
            template="own",
        )
    if text is None:
        return None
    if language == "en":
        return replace(asked, instruction=noise(asked.instruction, rng))
    told = answer(asked)
    if told is None:
        return None
    instruction = noise_zh(asked.instruction, rng)
    return replace(asked, instruction=instruction, answer=told[0], phrases=told[1], language="zh")


def _picked(view: View, kind: str, say: Say, language: str) -> str | None:
    """A question that means this kind, and nothing else that is seen."""
    fits = [asked.text for asked in own_words().get(language, {}).get(kind, ()) if all(map(view.absent, asked.also))]
    return say.pick(fits) if fits else None
