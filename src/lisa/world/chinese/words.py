"""English slots and noun phrases in Chinese: "the red cup" → 红色的杯子. What is not understood gives None."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from lisa.world.facts import (
    CATEGORIES,
    COLOURS_ZH,
    GROUPS_ZH,
    HAIR_ZH,
    MANY_PARTS,
    NAMES,
    NAMES_ZH,
    PART_USES_ZH,
    PARTS_ZH,
    PARTS_ZH_OF,
    PATTERNS_ZH,
    SUPERLATIVES_ZH,
    rows,
)
from lisa.world.phrases import Said
from lisa.world.questions.reason import PLACES_ZH
from lisa.world.questions.view import STATES_ZH


@dataclass(frozen=True, kw_only=True)
class Noun:
    """A noun or noun phrase in Chinese."""

    text: str
    measure: str = "个"
    kind: str = ""
    """The kind of thing it names; "" for a group or for anything."""

    @property
    def on(self) -> str:
        """ "On it": 杯子上; "" for what lives, where Chinese would say it in another way."""
        alive = self.kind and rows()[self.kind].category in ("animal", "person")
        return "" if alive else f"{self.text}上"


Read = Noun | str | None


def kind_of(text: str) -> Noun | None:
    """A kind, singular or plural."""
    kind = _kinds().get(text)
    return Noun(text=rows()[kind].zh, measure=rows()[kind].measure, kind=kind) if kind else None


def group_of(text: str) -> Noun | None:
    """A category or a narrower group, singular or plural."""
    text = re.sub("^an? ", "", text)
    group = _groups().get(text)
    if group is None:
        return None
    zh = CATEGORIES[group][1] if group in CATEGORIES else GROUPS_ZH[group]
    return Noun(text=zh, measure="个" if group in ("thing", "person", "child", "adult", "lens") else "种")


@lru_cache(maxsize=1)
def _kinds() -> dict[str, str]:
    """Kind, singular or plural → kind."""
    return {word: row.name for row in rows().values() for word in (row.plural, row.name) if word}


@lru_cache(maxsize=1)
def _groups() -> dict[str, str]:
    """Group, singular or plural → group."""
    plurals = {plural: group for group, (plural, _) in CATEGORIES.items()} | {"things": "thing"}
    return plurals | {group: group for group in (*CATEGORIES, *GROUPS_ZH)}


@lru_cache(maxsize=1)
def _uses() -> dict[str, str]:
    return {do: zh for row in rows().values() for (do, _), (zh, _) in zip(row.uses, row.uses_zh)}


@lru_cache(maxsize=1)
def _traits() -> dict[str, str]:
    return {t: zh for row in rows().values() for t, zh in zip(row.traits, row.traits_zh)}


def use_of(text: str) -> str | None:
    """What one does with a thing: "cut bread" → 切面包."""
    return _uses().get(re.sub(r"\b(his|her) own\b", "one's own", text))


def before_noun(trait: str) -> str:
    """A Chinese trait in front of its noun: 会飞的, 猴子爱吃的."""
    return trait[1:] if trait.startswith("是") and trait.endswith("的") else f"{trait}的"


# -- noun phrases ----------------------------------------------------------------------------------------------------
LOOKS: tuple[tuple[str, str, str], ...] = (
    (r"in the (\w+) shirt", "穿{}上衣的", "穿着{}的上衣"),
    (r"in the (\w+) dress", "穿{}连衣裙的", "穿着{}的连衣裙"),
    (r"with (\w+) hair", "{}头发的", "长着{}的头发"),
    ("with glasses", "戴眼镜的", "戴着眼镜"),
    ("with a beard", "留大胡子的", "留着大胡子"),
    ("with a moustache", "留小胡子的", "留着小胡子"),
    ("with antlers", "长着鹿角的", "长着鹿角"),
)
"""A look, in front of its noun, and as it is said of somebody."""


def look_of(text: str, *, said: bool = False) -> str | None:
    """ "with glasses" → 戴眼镜的, or 戴着眼镜 if it is said of somebody."""
    for pattern, before, of in LOOKS:
        if found := re.fullmatch(pattern, text):
            colours = [HAIR_ZH[c] for c in found.groups() if c in HAIR_ZH]
            return (of if said else before).format(*colours) if len(colours) == len(found.groups()) else None
    return None


@lru_cache(maxsize=8192)
def phrase(text: str) -> Noun | None:
    """A noun phrase as the makers write it: "Lisa", "the red cup", "the handle of the cup", "the animal that barks"."""
    if text in NAMES:
        return Noun(text=NAMES_ZH[text], kind=NAMES[text])
    if text == "the person":
        return Noun(text="那个人")
    core = re.sub("^[Tt]he ", "", text)
    return _riddle(core) or _part(core) or _thing(core)


def _riddle(core: str) -> Noun | None:
    found = re.fullmatch(r"(\w+) (that|used to) (.+)", core)
    noun = group_of(found[1]) if found else None
    if found is None or noun is None:
        return None
    trait, do = _traits().get(found[3]), use_of(found[3])
    if found[2] == "that":
        return replace(noun, text=before_noun(trait) + noun.text) if trait else None
    return replace(noun, text=f"可以{do}的{noun.text}") if do else None


def _part(core: str) -> Noun | None:
    part, _, owner = core.partition(" of ")
    whole = phrase(owner) if owner else None
    name = part_of(part, whole.kind) if whole else None
    return Noun(text=f"{whole.text}的{name}", measure="个") if whole and name else None


def part_of(part: str, kind: str) -> str | None:
    """A part of a kind, singular or plural: "wheels" → 轮子."""
    part = next((one for one, many in MANY_PARTS.items() if many == part), part)
    return PARTS_ZH_OF.get((kind, part)) or PARTS_ZH.get(part)


def _thing(core: str) -> Noun | None:
    head, looks = core, ""
    if found := re.fullmatch(r"(.+?) ((?:with|in) .+)", core):
        head, look = found[1], look_of(found[2])
        if look is None:
            return None
        looks = look
    words = head.split()
    for i in range(len(words)):
        if noun := kind_of(" ".join(words[i:])) or group_of(" ".join(words[i:])):
            before = [_modifier(word, noun) for word in words[:i]]
            return None if None in before else replace(noun, text="".join([*map(str, before), looks, noun.text]))
    return None


ENDS: dict[str, str] = {
    "leftmost": "最左边的",
    "rightmost": "最右边的",
    "largest": "最大的",
    "biggest": "最大的",
    "smallest": "最小的",
}


def _modifier(word: str, noun: Noun) -> str | None:
    if word == "other":
        return f"另一{noun.measure}"
    if word in COLOURS_ZH and (noun.kind, word) not in STATES_ZH:
        return f"{COLOURS_ZH[word]}的"
    return ENDS.get(word) or adjective_of(word, noun.kind)


def adjective_of(word: str, kind: str) -> str | None:
    """A pattern or state in front of its noun: 带条纹的, 亮着的."""
    if word in PATTERNS_ZH:
        return f"带{PATTERNS_ZH[word]}的"
    state = STATES_ZH.get((kind, word))
    return state[1] if state else None


# -- slots -----------------------------------------------------------------------------------------------------------
SIDES = {"left": "左", "right": "右"}
SIZES = {"largest": "大", "biggest": "大", "larger": "大", "smallest": "小", "smaller": "小"}
FAR = {"on the far left": "最左边", "on the far right": "最右边", "at the top": "最上面", "at the bottom": "最下面"}
DISTANCES = {"near": "近处的", "nearby": "近处的", "close": "近处的", "far": "远处的", "distant": "远处的"}
PRONOUNS = {"she": "她", "her": "她", "he": "他", "him": "他", "it": "它", "they": "它", "them": "它"}
SHORT = {"红色", "黄色", "绿色", "蓝色", "白色", "黑色"}
"""Colours that are said before a noun without 色 too: 红杯子."""

Reader = Callable[[str, Mapping[str, str]], Read]
"""Text of a slot, and all slots of its form → what it is in Chinese; "" where Chinese does without."""


def _of(words: Mapping[str, str]) -> str:
    """The kind that a form speaks of."""
    found = phrase(words["o"]) if "o" in words else kind_of(words.get("x", ""))
    return found.kind if found else ""


def _without(text: str, words: Mapping[str, str]) -> Read:
    return ""


def _kind(text: str, words: Mapping[str, str]) -> Read:
    return kind_of(re.sub("^(an?|some|any) ", "", text)) or group_of(text)


def _state(text: str, words: Mapping[str, str]) -> Read:
    state = STATES_ZH.get((_of(words), text))
    return state[0] if state else None


def _place(text: str, words: Mapping[str, str]) -> Read:
    place = PLACES_ZH.get(re.sub("^(in|on) a ", "", text))
    return place[1] if place else None


READERS: dict[str, Reader] = {
    "x": _kind,
    "xs": _kind,
    "n": _kind,
    "as_": _kind,
    "there a": _kind,
    "used a": _kind,
    "g": lambda text, _: group_of(text),
    "a": lambda text, _: group_of(text),
    "gs": _without,
    "that": _without,
    "does": _without,
    "o": lambda text, _: phrase(text),
    "np": lambda text, _: phrase(text),
    "who n": lambda text, _: phrase(text),
    "pair a": lambda text, _: phrase(text),
    "pair b": lambda text, _: phrase(text),
    "three a": lambda text, _: phrase(text),
    "three b": lambda text, _: phrase(text),
    "three c": lambda text, _: phrase(text),
    "c": lambda text, _: COLOURS_ZH.get(text),
    "p": lambda text, _: PATTERNS_ZH.get(text) or PRONOUNS.get(text),
    "w": lambda text, words: adjective_of(text, _of(words)),
    "size w": lambda text, _: SIZES.get(text),
    "far w": lambda text, _: FAR.get(text),
    "state w": _state,
    "m": lambda text, _: SIZES.get(text),
    "d": lambda text, _: DISTANCES.get(text),
    "side": lambda text, _: SIDES.get(text),
    "look": lambda text, _: look_of(text),
    "do": lambda text, _: use_of(text),
    "t": lambda text, _: _traits().get(text),
    "use": lambda text, _: PART_USES_ZH.get(text),
    "ps": lambda text, words: part_of(text, _of(words)),
    "at": _place,
    "it": lambda text, _: PRONOUNS.get(text),
    "its": _without,
    "Its": _without,
    "is": _without,
    "Is": _without,
    "r": lambda text, _: text,
}
"""Slot, where needed with its form before it → its reader."""


def slots(said: Said) -> dict[str, str] | None:
    """What is known for the gaps of the Chinese forms; None where a word is not understood."""
    found: dict[str, str] = {}
    for slot, text in said.words.items():
        reader = READERS.get(f"{said.name} {slot}") or READERS.get(slot)
        read = reader(text, said.words) if reader and text else ""
        if read is None:
            return None
        if isinstance(read, Noun):
            found |= {f"m{slot}": read.measure, f"{slot}_on": read.on}
            read = read.text
        found[slot] = read
    return {slot: text for slot, text in (found | _besides(said, found)).items() if text}


def _besides(said: Said, found: Mapping[str, str]) -> dict[str, str]:
    """What Chinese forms say of a slot in another way."""
    more: dict[str, str] = {}
    if "look" in found:
        more["does"] = look_of(said.words["look"], said=True) or ""
    if said.name.startswith("most "):
        more["does"] = SUPERLATIVES_ZH[said.name.removeprefix("most ")][0]
    if "t" in found:
        more["that_t"] = before_noun(found["t"])
    if found.get("c") in SHORT:
        more["short"] = found["c"][0]
    return more


__all__ = ["Noun", "before_noun", "group_of", "kind_of", "phrase", "slots", "use_of"]
