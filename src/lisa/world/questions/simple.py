"""Questions by name, colour, attribute, place and part."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from lisa.world.facts import MANY_PARTS, PART_USES
from lisa.world.phrases import Say
from lisa.world.questions.asked import Asked, is_plural, one
from lisa.world.questions.view import STATES, Seen, View, part_phrase


def name(v: View, say: Say) -> list[Asked] | None:
    """ "Segment the kettle": the only one of its kind."""
    found = [s for s in v.able if v.alone(s)]
    if not found:
        return None
    s = say.pick(found)
    said = say.ask("name", np=("the {x}",), plural=is_plural(s), x=s.kind)
    return [one("name", said, f"the {s.kind}", [s])]


def colour(v: View, say: Say) -> list[Asked] | None:
    """ "The red car" among cars, or the only purple thing."""
    if say.chance(0.2):
        return _only_colour(v, say)
    found = [s for s in v.able if s.thing.colour and f"the {s.thing.colour} {s.kind}" in v.ways(s)]
    several = [s for s in found if v.counts[s.kind] > 1]
    if not found:
        return None
    s = say.pick(several if several and say.chance(0.8) else found)
    phrase = f"the {s.thing.colour} {s.kind}"
    said = say.ask(
        "colour",
        np=("the {c} {x}", "the {x} that is {c}", "the {c} {x}", "~the {x} of {c} colour")
        if not is_plural(s)
        else ("the {c} {x}",),
        q=("which {x} is {c}",) if v.counts[s.kind] > 1 and not is_plural(s) else (),
        plural=is_plural(s),
        c=s.thing.colour,
        x=s.kind,
    )
    return [one("colour", said, phrase, [s])]


def colours_of(s: Seen) -> set[str]:
    """Every colour that could be said of it; for people also of what they wear."""
    found = {s.thing.colour} if s.thing.colour else set(s.row.colours)
    found |= {s.thing.look[k] for k in ("shirt", "lower", "hair colour", "scarf") if k in s.thing.look}
    return {c for c in found if c}


def _only_colour(v: View, say: Say) -> list[Asked] | None:
    """The only thing of a bright colour."""
    unsure = {
        "cake",
        "gift",
        "blocks",
        "bicycle",
        "sandcastle",
        "plant",
        "baby",
        "chocolate",
        "milk",
        "fuel gauge",
        "speedometer",
        "teddy",
        "television",
        "fish",
        "tree",
        "flower",
    }
    if any(s.kind in unsure for s in v.seen):
        return None
    for s in say.shuffled(v.able):
        c = s.thing.colour or (s.row.colours[0] if len(s.row.colours) == 1 else None)
        if (
            c in ("red", "yellow", "blue", "purple", "pink", "orange")
            and not s.thing.pattern
            and not any(c in colours_of(o) for o in v.seen if o.id != s.id)
        ):
            said = say.ask(
                "only colour",
                np=("the {c} thing", "the only thing that is {c}", "something {c}"),
                q=("what is {c}", "which thing is {c}"),
                c=c,
            )
            return [one("colour", said, v.title(s), [s])]
    return None


def attribute(v: View, say: Say) -> list[Asked] | None:
    """Pattern, state, size or look: "the striped cup", "the lit lamp", "the largest ball", "the man with a beard"."""
    ways: list[Callable[[View, Say], list[Asked] | None]] = [_described, _largest, _looks, _pattern]
    for way in say.shuffled(ways):
        if found := way(v, say):
            return found
    return None


def _described(v: View, say: Say) -> list[Asked] | None:
    for s in say.shuffled(v.able):
        state = STATES.get((s.kind, s.thing.state or ""))
        words = [w for w in (s.thing.pattern, state) if w and f"the {w} {s.kind}" in v.ways(s)]
        if words:
            word = say.pick(words)
            said = say.ask(
                "attribute",
                np=("the {w} {x}", "the {x} that is {w}"),
                q=("which {x} is {w}",) if v.counts[s.kind] > 1 else (),
                w=word,
                x=s.kind,
            )
            return [one("attribute", said, f"the {word} {s.kind}", [s])]
    return None


def _pattern(v: View, say: Say) -> list[Asked] | None:
    """The only thing with a pattern."""
    if any("shirt pattern" in s.thing.look for s in v.seen):
        return None
    for s in say.shuffled(v.able):
        p = s.thing.pattern
        if p and not any(o.thing.pattern == p for o in v.seen if o.id != s.id):
            said = say.ask(
                "pattern",
                np=("the {p} thing", "the thing that is {p}", "something {p}"),
                q=("what is {p}", "which thing is {p}", "~which thing has a {p} pattern"),
                p=p,
            )
            return [one("attribute", said, v.title(s), [s])]
    return None


def _largest(v: View, say: Say) -> list[Asked] | None:
    """The largest or smallest of a kind, as it is seen."""
    many = [k for k, n in v.counts.items() if n > 1 and all(s.share > 0.7 for s in v.of(k)) and not v.hinted(k)]
    for kind in say.shuffled(many):
        found = sorted(v.of(kind), key=lambda s: s.area)
        ends = []
        if found[-1].able and found[-1].area > 1.4 * found[-2].area:
            ends.append((found[-1], ("largest", "biggest"), "larger"))
        if found[0].able and found[1].area > 1.4 * found[0].area:
            ends.append((found[0], ("smallest",), "smaller"))
        if ends:
            s, words, more = say.pick(ends)
            word, two = say.pick(words), len(found) == 2
            nps = ("the {w} {x}", "the {m} {x}") if two else ("the {w} {x}", "the {w} of the {xs}")
            said = say.ask(
                "size",
                np=nps,
                q=("which {x} is the {w}", "~which of the {xs} is the {w}"),
                w=word,
                x=kind,
                xs=s.row.plural or kind,
                m=more if two else "",
            )
            return [one("attribute", said, f"the {words[0]} {kind}", [s])]
    return None


def _looks(v: View, say: Say) -> list[Asked] | None:
    """A person by their look, among all people."""
    people = [s for s in v.seen if s.person]
    for s in say.shuffled([s for s in people if s.able]):
        looks = [t for t in v.looks(s) if not any(t in v.looks(o) for o in people if o.id != s.id)]
        if looks:
            look = say.pick(looks)
            verb = {"in": "wears", "with": "has"}[look.split()[0]]
            does = f"{verb} {look.split(' ', 1)[1]}"
            noun = s.kind if v.counts[s.kind] > 1 or say.chance(0.5) else "person"
            if verb == "wears" and say.chance(0.5):
                does = does.replace("the", "a")
            said = say.ask(
                "look",
                np=("the {n} {look}", "the {n} who {does}"),
                q=("who {does}", "who {does}"),
                n=noun,
                look=look,
                does=does,
            )
            return [one("attribute", said, v.title(s), [s])]
    return None


def location(v: View, say: Say) -> list[Asked] | None:
    """By place: the leftmost dog, the thing on the far left, the second cup from the left, what is in the middle."""
    ways: list[Callable[[View, Say], list[Asked] | None]] = [_end_of_kind, _end_of_kind, _far, _nth, _middle]
    for way in say.shuffled(ways):
        if found := way(v, say):
            return found
    return None


def _end_of_kind(v: View, say: Say) -> list[Asked] | None:
    for s in say.shuffled([s for s in v.able if v.counts[s.kind] > 1 and not v.hinted(s.kind)]):
        others = [o for o in v.of(s.kind) if o.id != s.id]
        if words := v.extremes(s, others):
            side = words[0].removesuffix("most")
            nps = (
                "the {side}most {x}",
                "the {x} on the {side}",
                "the {x} on the {side} side",
                "the {x} on the far {side}",
                "~the {x} that is furthest to the {side}",
            )
            said = say.ask("end", np=nps, q=("which {x} is on the {side}",), side=side, x=s.kind, plural=is_plural(s))
            return [one("location", said, f"the {side}most {s.kind}", [s])]
    return None


def _far(v: View, say: Say) -> list[Asked] | None:
    """The outermost thing of all on one side."""
    sides = {"on the far left": "left", "on the far right": "right", "at the top": "top", "at the bottom": "bottom"}
    for where in say.shuffled(list(sides)):
        if s := v.outermost(sides[where]):
            said = say.ask(
                "far",
                np=("the thing {w}", "what is {w}", "the object {w}"),
                q=("what is {w}", "which thing is {w}", "~which object do you see {w}"),
                w=where,
            )
            return [one("location", said, v.title(s), [s])]
    return None


def _nth(v: View, say: Say) -> list[Asked] | None:
    """The second of at least three from one side."""
    many = [k for k, n in v.counts.items() if n > 2 and not v.hinted(k) and all(s.able for s in v.of(k))]
    for kind in say.shuffled(many):
        order = sorted(v.of(kind), key=lambda s: s.x)
        if min(b.x - a.x for a, b in itertools.pairwise(order)) > 0.06:
            side = say.pick(("left", "right"))
            s = order[1] if side == "left" else order[-2]
            said = say.ask(
                "nth",
                np=("the second {x} from the {side}",),
                q=("which {x} is the second from the {side}",),
                side=side,
                x=kind,
            )
            return [one("location", said, v.title(s), [s])]
    return None


def _middle(v: View, say: Say) -> list[Asked] | None:
    """What is at the centre of the picture, or the middle one of three."""
    order = sorted(v.seen, key=lambda s: (s.x - 0.5) ** 2 + (s.y - 0.5) ** 2)
    if len(order) < 2:
        return None
    first, second = ((s.x - 0.5) ** 2 + (s.y - 0.5) ** 2 for s in order[:2])
    if first**0.5 > 0.1 or second**0.5 < 0.22 or not order[0].able:
        return None
    said = say.ask(
        "middle",
        np=("the thing in the middle", "what is in the middle", "the thing in the centre"),
        q=("what is in the middle", "which thing is in the middle"),
    )
    return [one("location", said, v.title(order[0]), [order[0]])]


def part(v: View, say: Say) -> list[Asked] | None:
    """ "The handle of the cup", or "the part of the knife that cuts"."""
    found = [(s, p, w) for s in v.able for p in v.parts[s.id] for w in v.ways(s)[:3]]
    if not found:
        return None
    s, p, owner = say.pick(found)
    return [ask_part(v, say, s, p, owner, "part")]


def ask_part(v: View, say: Say, s: Seen, p: str, owner: str, kind: str) -> Asked:
    """The question for one part of one thing."""
    phrase = part_phrase(s, p, owner)
    many = p in MANY_PARTS or p == "petals" or p == "antlers"
    use = PART_USES.get((s.kind, p))
    if use and say.chance(0.3):
        nps = ("the part of {o} {use}", "the part {use} of {o}")
        said = say.ask(
            "part use",
            np=nps[:1],
            q=("what is the part of {o} {use}", "which is the part of {o} {use}"),
            o=owner,
            use=use,
        )
        return one(kind, said, phrase, [s], part=p, plural=many, about=(s.id,))
    nps = ["the {ps} of {o}", "the {ps} of {o}"]
    if not s.person and " with " not in owner and " in " not in owner and not s.thing.name:
        nps.append("{o}'s {ps}")
    said = say.ask("part", np=tuple(nps), plural=many, ps=MANY_PARTS.get(p, p), o=owner)
    return one(kind, said, phrase, [s], part=p, plural=many, about=(s.id,))
