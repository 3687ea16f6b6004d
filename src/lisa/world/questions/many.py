"""Questions with several targets: all of a kind as one mask, or two things with a phrase each."""

from __future__ import annotations

from collections.abc import Callable

from lisa.world.facts import CATEGORIES, rows
from lisa.world.phrases import Say
from lisa.world.questions.asked import Asked, each, one
from lisa.world.questions.related import objects
from lisa.world.questions.view import Seen, View

ALL_NP = ("all the {xs}", "all {xs}", "every {x}", "the {xs}", "each {x}", "~all of the {xs}")
GROUP_NP = ("all the {xs}", "all {xs}", "the {xs}", "~all of the {xs}")
PAIR_NP = ("{a} and {b}", "{a} and {b}", "both {a} and {b}", "{a} and also {b}", "~{a} together with {b}")


def several(v: View, say: Say) -> list[Asked] | None:
    """All instances of a kind, or of a category, as one mask."""
    ways: list[Callable[[View, Say], list[Asked] | None]] = [_all_of_kind, _all_of_kind, _all_of_group, _all_coloured]
    for way in say.shuffled(ways):
        if found := way(v, say):
            return found
    return None


def _all_of_kind(v: View, say: Say) -> list[Asked] | None:
    many = [k for k, n in v.counts.items() if n > 1 and v.countable(k)]
    if not many:
        return None
    kind = say.pick(many)
    things = v.of(kind)
    plural = things[0].row.plural or kind
    said = say.ask("all", np=ALL_NP if plural != kind else GROUP_NP[:2], plural=True, x=kind, xs=plural)
    return [one("several", said, f"the {plural}", things)]


def _all_of_group(v: View, say: Say) -> list[Asked] | None:
    for group in say.shuffled(["food", "person", "animal", "vehicle", "toy"]):
        things = [s for s in v.seen if s.row.category == group]
        if len(things) < 2 or not all(s.able for s in things) or any(v.hinted(s.kind) for s in things):
            continue
        if (group == "animal" and v.counts["fish"]) or any(rows()[k].category == group for k in v.unseen):
            continue
        if group == "toy" and any(v.counts[k] for k in ("duck", "bucket", "boat")):
            continue
        plural = CATEGORIES[group][0]
        said = say.ask("all of group", np=GROUP_NP, plural=group != "food", xs=plural)
        return [one("several", said, f"the {plural}", things, verb="It is" if group == "food" else "They are")]
    return None


def _all_coloured(v: View, say: Say) -> list[Asked] | None:
    """All the red cups among cups of several colours."""
    for kind in say.shuffled([k for k, n in v.counts.items() if n > 2 and v.countable(k)]):
        things = v.of(kind)
        for c in say.shuffled(sorted({s.thing.colour for s in things if s.thing.colour})):
            same = [s for s in things if s.thing.colour == c]
            if 1 < len(same) < len(things):
                plural = same[0].row.plural or kind
                said = say.ask(
                    "all coloured",
                    np=("all the {c} {xs}", "the {c} {xs}", "every {c} {x}"),
                    plural=True,
                    c=c,
                    x=kind,
                    xs=plural,
                )
                return [one("several", said, f"the {c} {plural}", same)]
    return None


def two(v: View, say: Say) -> list[Asked] | None:
    """Two (now and then three) things with a phrase each."""
    if say.chance(0.2) and (found := _who_and_what(v, say)):
        return [found]
    named = [(say.pick(v.ways(s)[:2]), [s]) for s in v.able if v.ways(s)]
    named += [
        (f"the {s.row.plural}", v.of(s.kind))
        for s in v.able
        if v.counts[s.kind] > 1 and v.countable(s.kind) and s is v.of(s.kind)[0] and s.row.plural != s.kind
    ]
    chosen: list[tuple[str, list[Seen]]] = []
    for phrase, things in say.shuffled(named):
        others = [(s, t) for _, t in chosen for s in t]
        if all(s.kind != things[0].kind or (s.id != things[0].id and len(t) == len(things) == 1) for s, t in others):
            chosen.append((phrase, things))
    count = 3 if say.chance(0.12) else 2
    if len(chosen) < count:
        return None
    chosen = chosen[:count]
    if count == 3:
        said = say.ask("three", np=("{a}, {b} and {c}",), plural=True, a=chosen[0][0], b=chosen[1][0], c=chosen[2][0])
    else:
        said = say.ask("pair", np=PAIR_NP, plural=True, a=chosen[0][0], b=chosen[1][0])
    return [each("two", said, chosen)]


def _who_and_what(v: View, say: Say) -> Asked | None:
    """A person and what they hold or wear."""
    for s in say.shuffled([s for s in v.able if s.person and v.ways(s)]):
        for name, does in (("holding", "what {o} is holding"), ("wearing", "what {o} is wearing on the head")):
            held = objects(v, s, name)
            if held and len(held) == 1:
                o = v.ways(s)[0]
                said = say.ask(f"and {name}", np=("{o} and " + does,), plural=True, o=o)
                return each("two", said, [(o, [s]), (v.title(held[0]), held)])
    return None
