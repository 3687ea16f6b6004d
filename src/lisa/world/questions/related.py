"""Questions through how things stand to each other."""

from __future__ import annotations

from collections.abc import Callable

from lisa.world.phrases import Say
from lisa.world.questions.asked import Asked, one
from lisa.world.questions.view import Seen, View

OBJECT: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "holding": (
        ("the thing that {o} is holding", "what {o} is holding", "the thing in the hand of {o}"),
        ("what is {o} holding", "what does {o} hold", "~what is in the hand of {o}"),
    ),
    "wearing": (
        ("what {o} is wearing on the head", "the thing on the head of {o}"),
        ("what is {o} wearing on the head", "what is on the head of {o}", "~what does {o} wear"),
    ),
    "standing on": (
        ("the thing that {o} is standing on", "what {o} is standing on"),
        ("what is {o} standing on", "what does {o} stand on", "~what is under the feet of {o}"),
    ),
    "sitting on": (("the thing that {o} is sitting on",), ("what is {o} sitting on",)),
    "on": (
        ("the thing that {o} is on", "what {o} is on", "the thing under {o}"),
        ("what is {o} on", "what is under {o}", "~what does {o} rest on"),
    ),
    "in": (("the thing that {o} is in", "what {o} is in"), ("what is {o} in", "~what holds {o}")),
    "behind": (("the thing in front of {o}", "what {o} is behind"), ("what is {o} behind", "what is in front of {o}")),
}
"""Relation → cores that name its subject `o` and ask for its object."""

SUBJECT: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "holding": (
        ("the person who is holding {o}", "the person with {o}"),
        ("who is holding {o}", "who has {o} in the hand", "~who holds {o}"),
    ),
    "wearing": (("the person who is wearing {o}", "the person with {o} on"), ("who is wearing {o}", "who wears {o}")),
    "standing on": (
        ("the person who is standing on {o}", "the person on {o}"),
        ("who is standing on {o}", "~who stands on {o}"),
    ),
    "sitting on": (("the one sitting on {o}",), ("who is sitting on {o}",)),
    "on": (
        ("the thing on {o}", "what is on {o}", "what lies on {o}"),
        ("what is on {o}", "which thing is on {o}", "~what is on top of {o}"),
    ),
    "in": (("the thing in {o}", "what is in {o}"), ("what is in {o}", "~what is inside {o}")),
    "behind": (("what is behind {o}", "the one behind {o}"), ("what is behind {o}",)),
}
"""Relation → cores that name its object `o` and ask for its subject."""

SIDES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "left": (
        ("the thing to the left of {o}", "the thing left of {o}", "the left neighbour of {o}"),
        ("what is to the left of {o}", "what is left of {o}", "~which thing do you see on the left of {o}"),
    ),
    "right": (
        ("the thing to the right of {o}", "the thing right of {o}", "the right neighbour of {o}"),
        ("what is to the right of {o}", "what is right of {o}", "~which thing do you see on the right of {o}"),
    ),
    "": (
        ("the thing next to {o}", "the thing closest to {o}"),
        ("what is next to {o}", "what is closest to {o}", "~what is the nearest thing to {o}"),
    ),
}
"""Side → cores that ask for the neighbour of `o`."""


def relation(v: View, say: Say) -> list[Asked] | None:
    """By a relation in the scene, or by the side on which it stands."""
    ways: list[Callable[[View, Say], list[Asked] | None]] = [_related, _related, _neighbour, _kind_beside]
    for way in say.shuffled(ways):
        if found := way(v, say):
            return found
    return None


def plain_name(v: View, say: Say, s: Seen) -> str | None:
    """One of the plainest unique ways to name it."""
    ways = v.ways(s)[:3]
    return say.pick(ways) if ways else None


def objects(v: View, s: Seen, name: str) -> list[Seen] | None:
    """What it is holding, wearing, on …; None where a part of the answer is hidden."""
    ids = [r.object for r in v.scene.relations if r.subject == s.id and r.name == name]
    return _all(v, ids)


def subjects(v: View, s: Seen, name: str) -> list[Seen] | None:
    """Who holds or wears it, or what is on or in it; None where a part of the answer is hidden."""
    ids = [r.subject for r in v.scene.relations if r.object == s.id and r.name == name]
    return _all(v, ids)


def _all(v: View, ids: list[int]) -> list[Seen] | None:
    found = [v.by_id[i] for i in ids if i in v.by_id]
    if not found or len(found) < len(ids) or not all(s.able for s in found) or len({s.kind for s in found}) > 1:
        return None
    return found


def _related(v: View, say: Say) -> list[Asked] | None:
    for r in say.shuffled(v.relations):
        forward = say.chance(0.5)
        given, table = (r.subject, OBJECT) if forward else (r.object, SUBJECT)
        found = (objects if forward else subjects)(v, v.by_id[given], r.name)
        name = plain_name(v, say, v.by_id[given])
        if found is None or name is None or (not forward and not _fully_told(v, r.object, r.name)):
            continue
        nps, qs = table[r.name]
        said = say.ask(f"{r.name} {'object' if forward else 'subject'}", np=nps, q=qs, o=name)
        return [one("relation", said, v.titles(found), found, about=(given,))]
    return None


def _fully_told(v: View, host: int, name: str) -> bool:
    """Whether nothing else seems to be on the host: what stands before it overlaps its upper half."""
    if name != "on":
        return True
    told = {r.subject for r in v.scene.relations if r.object == host}
    x0, y0, x1, y1 = v.by_id[host].box
    for s in v.seen:
        if s.id == host or s.id in told or s.id in v.carried:
            continue
        if x0 < s.x < x1 and y0 - 0.1 < s.box[3] < y1 - 0.1 * (y1 - y0):
            return False
    return True


def _neighbour(v: View, say: Say) -> list[Asked] | None:
    for s in say.shuffled(v.able)[:4]:
        side = say.pick(("left", "right", ""))
        other, name = v.beside(s, side), plain_name(v, say, s)
        if other and name:
            nps, qs = SIDES[side]
            said = say.ask(f"beside {side}", np=nps, q=qs, o=name)
            return [one("relation", said, v.title(other), [other], about=(s.id,))]
    return None


def _kind_beside(v: View, say: Say) -> list[Asked] | None:
    """ "The cup left of the kettle" where exactly one cup is there."""
    many = [k for k, n in v.counts.items() if n > 1 and not v.hinted(k)]
    for kind in say.shuffled(many):
        for ref in say.shuffled([s for s in v.able if s.kind != kind])[:3]:
            side = say.pick(("left", "right"))
            gap = (lambda s: ref.x - s.x) if side == "left" else (lambda s: s.x - ref.x)  # noqa: B023
            there = [s for s in v.of(kind) if gap(s) > -0.04]
            name = plain_name(v, say, ref)
            if name and len(there) == 1 and there[0].able and gap(there[0]) > 0.1:
                said = say.ask(
                    "kind beside",
                    np=("the {x} to the {side} of {o}", "the {x} {side} of {o}"),
                    q=("which {x} is to the {side} of {o}",),
                    x=kind,
                    side=side,
                    o=name,
                )
                return [one("relation", said, v.title(there[0]), there, about=(ref.id,))]
    return None
