"""English answers in Chinese: the few forms that an answer takes, and every sentence of the facts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from lisa.types import SEG
from lisa.world.chinese.words import group_of, kind_of, phrase, use_of
from lisa.world.facts import COLOURS_ZH, SUPERLATIVES, SUPERLATIVES_ZH, rows
from lisa.world.questions.asked import Asked
from lisa.world.questions.nothing import ABSENT_THING, NUMBERS, NUMBERS_ZH
from lisa.world.questions.reason import PLACES_ZH
from lisa.world.questions.view import STATES_ZH

FIXED: dict[str, str] = {
    ABSENT_THING: "这里没有这样的东西。",
    "Hello! Ask me about the picture.": "你好！你可以问我这张图片里的东西。",
    "You are welcome.": "不客气。",
    "I find things in pictures and mark them.": "我在图片里找东西，并把它们标出来。",
    "A dog has no antlers in real life.": "现实生活中的狗没有鹿角。",
}
"""Sentences that are always the same, beside those of the facts."""


def answer(turn: Asked) -> tuple[str, tuple[str, ...]] | None:
    """The answer of a turn in Chinese, and per [SEG] the words that name it; None where it is not understood."""
    words = turn.said.words if turn.said else {}
    if not turn.targets:
        told = sentence(turn.answer, words)
        return (told, ()) if told else None
    found = [phrase(p) for p in turn.phrases]
    why = turn.answer.rpartition(f"{SEG}.")[2].strip()
    told = sentence(why, words) if why else ""
    names = tuple(noun.text for noun in found if noun)
    if told is None or len(names) < len(found):
        return None
    *first, last = [f"{name}{SEG}" for name in names]
    text = f"{'、'.join(first)}和{last}" if first else f"是{last}"
    return f"{text}。{told}", names


def sentence(text: str, words: Mapping[str, str]) -> str | None:
    """One sentence without a mask; `words` are what was filled into its question."""
    if text in FIXED or text in _facts():
        return FIXED.get(text) or _facts()[text]
    for pattern, make in PATTERNS:
        if (found := re.fullmatch(pattern, text)) and (told := make(found, words)):
            return told
    return None


@lru_cache(maxsize=1)
def _facts() -> dict[str, str]:
    """Every sentence that the facts say of a kind."""
    found: dict[str, str] = {}
    for row in rows().values():
        pairs = list(zip(row.sentences, row.sentences_zh))
        for name, (_, _, _, says) in SUPERLATIVES.items():
            pairs.append((f"{row.general} {says}.", f"{row.zh}{SUPERLATIVES_ZH[name][1]}。"))
        found.update(pairs)
    return found


Make = Callable[[re.Match[str], Mapping[str, str]], "str | None"]


def _thing(text: str) -> str | None:
    """ "an orange", "some bread", "red cup"."""
    noun = phrase(re.sub("^(an?|some|any) ", "", text))
    return noun.text if noun else None


def _place(text: str) -> str | None:
    return PLACES_ZH[text][0] if text in PLACES_ZH else None


def _filled(form: str, read: Callable[[str], str | None] = _thing) -> Make:
    """A form with one gap, for what `read` makes of the English word there."""

    def make(found: re.Match[str], words: Mapping[str, str]) -> str | None:
        name = read(found[1])
        return form.format(name) if name else None

    return make


def _counted(form: str) -> Make:
    """ "three cups" → 三个杯子."""

    def make(found: re.Match[str], words: Mapping[str, str]) -> str | None:
        noun = kind_of(found[2]) or group_of(found[2])
        return form.format(f"{NUMBERS_ZH[NUMBERS.index(found[1])]}{noun.measure}{noun.text}") if noun else None

    return make


def _state(found: re.Match[str], words: Mapping[str, str]) -> str | None:
    noun = phrase(words.get("o", ""))
    state = STATES_ZH.get((noun.kind, found[2])) if noun else None
    return f"{'是的' if found[1] == 'Yes' else '不是'}，{state[0]}。" if state else None


NUMBER = f"({'|'.join(NUMBERS[1:])})"
PATTERNS: tuple[tuple[str, Make], ...] = (
    (r"There (?:is|are) no (.+) here\.", _filled("这里没有{}。")),
    (r"There are no (.+)\.", _filled("没有{}。")),
    (rf"There (?:is|are) {NUMBER} (.+)\.", _counted("有{}。")),
    (rf"Yes, there are {NUMBER} (.+)\.", _counted("有，有{}。")),
    (r"Yes, there (?:is|are) (.+)\.", _filled("有，有{}。")),
    (r"No, there (?:is|are) no (.+)\.", _filled("没有，这里没有{}。")),
    (r"(Yes|No), it is (.+)\.", _state),
    (r"(\w+) is not here\.", _filled("{}不在这里。")),
    (r"(?:It is|They are) used to (.+)\.", _filled("是用来{}的。", use_of)),
    (r"(?:It is|They are) (\w+)\.", _filled("是{}的。", COLOURS_ZH.get)),
    (r"It is a (.+)\.", _filled("是{}。", _place)),
    (r"Standing on (.+) makes a person higher\.", _filled("站在{}上，人就会变高。")),
)
"""An answer, and how it is made in Chinese."""

__all__ = ["answer", "sentence"]
