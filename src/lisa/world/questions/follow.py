"""Dialogues: later turns speak of "it", the thing that was segmented before."""

from __future__ import annotations

from collections.abc import Callable

from lisa.world.facts import MANY_PARTS
from lisa.world.phrases import Said, Say
from lisa.world.questions import reason, simple
from lisa.world.questions.asked import Asked, Maker, one, text
from lisa.world.questions.nothing import colour_of, missing, none_of, used_for
from lisa.world.questions.pieces import named_person
from lisa.world.questions.related import objects, subjects
from lisa.world.questions.view import Seen, View, part_phrase

SIDE = (
    "What is to {its} {side}?",
    "And to {its} {side}?",
    "What is on the {side} of {it}?",
    "{Its} {side} neighbour",
    "Segment {its} {side} neighbour.",
    "Now what is to {its} {side}.",
    "And the thing to {its} {side}?",
    "Which thing is {side} of {it}?",
    "~And what do you see on {its} {side} side?",
)
NEXT = (
    "What is next to {it}?",
    "And the thing next to {it}?",
    "What is closest to {it}?",
    "Now the thing closest to {it}.",
    "Segment what is next to {it}.",
    "~What is {its} nearest neighbour?",
)
OTHER = (
    "The other one",
    "And the other one?",
    "Where is the other one?",
    "Now the other {x}.",
    "Segment the other one.",
    "Now segment the other {x}, please.",
    "What about the other {x}?",
    "~Not this one, the other one.",
)
BOTH = ("Both of them", "Now both of them.", "Segment both.", "And both {xs}?", "~Now take both together.")
AND = (
    "And {np}?",
    "Now {np}.",
    "What about {np}?",
    "And where {is} {np}?",
    "Now segment {np}.",
    "Also {np}, please.",
    "{np} too",
    "~Next, {np}.",
)
PART = (
    "Its {ps}",
    "Now its {ps}.",
    "Segment its {ps}.",
    "And its {ps}?",
    "Where {is} its {ps}?",
    "Only its {ps}, please.",
    "~And what about its {ps}?",
)
USED = (
    "What {is} {it} used for?",
    "What can I do with {it}?",
    "What do people use {it} for?",
    "And what {is} {it} for?",
    "~What {is} {it} good for?",
)
COLOUR = (
    "What colour {is} {it}?",
    "And what colour {is} {it}?",
    "Which colour {is} {it}?",
    "Its colour?",
    "~Can you tell me what colour {it} {is}?",
)
WHY = ("Why?", "Why is that?", "Explain why.", "Can you explain why?", "Tell me why.", "And why?", "~How do you know?")
HOLDING = (
    "What {is} {it} holding?",
    "And what {is} {it} holding?",
    "Segment what {it} {is} holding.",
    "~What does {it} have in the hand?",
)
HELD_BY = (
    "Who is holding it?",
    "And who is holding it?",
    "Who holds it?",
    "Segment the person who is holding it.",
    "~Whose hand is it in?",
)
WEARING = ("What {is} {it} wearing on the head?", "And what is on {its} head?", "~What does {it} have on the head?")
STANDING = ("What {is} {it} standing on?", "And what is under {its} feet?", "~What does {it} stand on?")
ON = ("What is it on?", "And what is it on?", "Segment what it is on.", "And the thing under it?", "~What is below it?")
UPON = ("What is on it?", "And what is on it?", "Segment what is on it.", "~What do you see on it?")
IN = ("What is it in?", "And what is it in?", "Segment what it is in.", "~What is around it?")
INSIDE = ("What is in it?", "And what is in it?", "Segment what is in it.", "~What does it have inside?")

LINKS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("object", "holding", HOLDING),
    ("subject", "holding", HELD_BY),
    ("object", "wearing", WEARING),
    ("object", "standing on", STANDING),
    ("object", "on", ON),
    ("subject", "on", UPON),
    ("object", "in", IN),
    ("subject", "in", INSIDE),
)
"""Which end of which relation is asked for, and the words."""

Step = tuple[Asked, Seen | None]
"""A turn, and what "it" means after it."""


def follow_up(v: View, say: Say) -> list[Asked] | None:
    """Two or three turns; only the later ones are of the kind "follow_up"."""
    for _ in range(4):
        start = _start(v, say)
        if start is None:
            continue
        turn, s, why = start
        turns = [turn]
        count = 3 if say.chance(0.5) else 2
        done: set[tuple[object, ...]] = {turn.targets}
        while len(turns) < count:
            step = _next(v, say, s, why if len(turns) == 1 else "", last=len(turns) == count - 1)
            if step is None or (step[0].targets and (step[0].targets, *step[0].parts) in done):
                break
            turns.append(step[0])
            done.add((step[0].targets, *step[0].parts))
            s = step[1] or s
        if len(turns) > 1:
            return turns
    return None


def _start(v: View, say: Say) -> tuple[Asked, Seen, str] | None:
    """A first turn with one whole thing as its target, and the reason for it where there is one."""
    makers: list[Maker] = [simple.name, simple.name, simple.colour, simple.attribute, simple.location, named_person]
    if say.chance(0.3):
        found = say.pick((reason.use, reason.trait))(v, say)
        if found is None or len(found.things) != 1:
            return None
        kind = "function" if found.said.name == "use" else "knowledge"
        turn = one(kind, found.said, v.titles(found.things), found.things)
        return turn, found.things[0], found.why
    turns = say.pick(makers)(v, say)
    if not turns or turns[0].parts != (None,) or len(turns[0].targets[0]) != 1:
        return None
    return turns[0], v.by_id[turns[0].targets[0][0]], ""


def _next(v: View, say: Say, s: Seen, why: str, *, last: bool) -> Step | None:
    ways: list[Callable[[View, Say, Seen], Step | None]] = [_side, _side, _other, _other, _and, _part, _link, _link]
    if not last or say.chance(0.3):
        ways += [_used, _colour, _colour]
    if why and say.chance(0.4):
        return text("follow_up", say.one("why", WHY), why), None
    for way in say.shuffled(ways):
        if found := way(v, say, s):
            return found
    return None


def _pronouns(s: Seen) -> dict[str, str]:
    """How to speak of it again."""
    if s.kind in ("woman", "girl"):
        return {"it": "she", "its": "her", "Its": "Her", "is": "is"}
    if s.kind in ("man", "boy"):
        return {"it": "he", "its": "his", "Its": "His", "is": "is"}
    if s.row.number == "plural":
        return {"it": "they", "its": "their", "Its": "Their", "is": "are"}
    return {"it": "it", "its": "its", "Its": "Its", "is": "is"}


def _object_form(words: dict[str, str]) -> dict[str, str]:
    return words | {"it": {"she": "her", "he": "him", "they": "them"}.get(words["it"], words["it"])}


def _reply(v: View, said: Said, s: Seen, things: list[Seen]) -> Step:
    after = things[0] if len(things) == 1 else None
    return one("follow_up", said, v.titles(things), things, about=(s.id,)), after


def _side(v: View, say: Say, s: Seen) -> Step | None:
    side = say.pick(("left", "right", ""))
    other = v.beside(s, side)
    if other is None:
        return None
    said = say.one(f"its {side or 'next'}", SIDE if side else NEXT, side=side, **_object_form(_pronouns(s)))
    return _reply(v, said, s, [other])


def _other(v: View, say: Say, s: Seen) -> Step | None:
    """The other of two, or both."""
    both = v.of(s.kind)
    if len(both) != 2 or not v.countable(s.kind) or s.row.number == "plural":
        return None
    if say.chance(0.2):
        return _reply(v, say.one("both", BOTH, xs=s.row.plural or s.kind), s, both)
    other = both[0] if both[1] is s else both[1]
    said = say.one("other", OTHER, x=s.kind)
    return one("follow_up", said, f"the other {s.kind}", [other], about=(s.id,)), other


def _and(v: View, say: Say, s: Seen) -> Step | None:
    if say.chance(0.15):
        row = missing(v, say)
        said = say.one("and", AND, np=f"the {row.name}", **{"is": "are" if row.number == "plural" else "is"})
        return text("follow_up", said, none_of(row)), None
    found = [(o, w) for o in v.able if o is not s for w in v.ways(o)[:1]]
    if not found:
        return None
    o, w = say.pick(found)
    said = say.one("and", AND, np=w, **{"is": "are" if o.row.number == "plural" else "is"})
    return one("follow_up", said, w, [o]), o


def _part(v: View, say: Say, s: Seen) -> Step | None:
    ways = v.ways(s)[:1]
    if s.person or not v.parts[s.id] or not ways or s.row.number == "plural":
        return None
    p = say.pick(v.parts[s.id])
    many = p in MANY_PARTS or p in ("petals", "antlers")
    said = say.one("its part", PART, ps=MANY_PARTS.get(p, p), o=ways[0], **{"is": "are" if many else "is"})
    return one("follow_up", said, part_phrase(s, p, ways[0]), [s], part=p, plural=many, about=(s.id,)), s


def _link(v: View, say: Say, s: Seen) -> Step | None:
    for end, name, forms in say.shuffled(LINKS):
        things = (objects if end == "object" else subjects)(v, s, name)
        if things:
            words = _pronouns(s)
            return _reply(v, say.one(f"its {name} {end}", forms, **words), s, things)
    return None


def _used(v: View, say: Say, s: Seen) -> Step | None:
    if not s.row.uses or s.person or s.row.category in ("animal", "food"):
        return None
    words = _pronouns(s)
    said = say.one("used for", USED if words["it"] == "it" else USED[:1], **words)
    return text("follow_up", said, used_for(s.row), about=(s.id,)), None


def _colour(v: View, say: Say, s: Seen) -> Step | None:
    colour = colour_of(s)
    if colour is None or s.person:
        return None
    words = _pronouns(s)
    said = say.one("its colour", COLOUR if words["it"] == "it" else (*COLOUR[:3], COLOUR[-1]), **words)
    return text("follow_up", said, f"{'They are' if words['it'] == 'they' else 'It is'} {colour}.", about=(s.id,)), None


__all__ = ["follow_up"]
