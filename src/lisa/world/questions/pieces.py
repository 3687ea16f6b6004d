"""The examples the field knows best, asked in the words of their paper: vitamin C, standing higher, the near lens …"""

from __future__ import annotations

from lisa.world.facts import CLEAR, NAMES
from lisa.world.phrases import Say
from lisa.world.questions.asked import Asked, one
from lisa.world.questions.view import Seen, View
from lisa.world.questions.words import (
    ANTLERS,
    CHILLI,
    DASHBOARD,
    FENCE,
    HAT,
    HIGHER,
    NEAR,
    SINK,
    SUN,
    VITAMIN_C,
    WHO,
    Words,
)


def _single(v: View, kind: str) -> Seen | None:
    """The only one of its kind, if it can be asked about."""
    return next((s for s in v.able if s.kind == kind and v.alone(s)), None)


def _ask(say: Say, kind: str, words: Words, s: Seen, phrase: str, why: str, *, o: str = "", d: str = "") -> list[Asked]:
    """The question, with or without the wish for an explanation."""
    explain = say.chance(0.4)
    said = say.ask(kind, np=words[0], q=words[1], why=explain, o=o, d=d, x=s.kind)
    return [one(kind, said, phrase, [s], why=why if explain else "")]


def vitamin_c(v: View, say: Say) -> list[Asked] | None:
    """The orange among food with less vitamin C."""
    s = _single(v, "orange")
    if s is None or v.best("vitamin_c", "food", CLEAR) is not s:
        return None
    return _ask(say, "vitamin_c", VITAMIN_C, s, "the orange", "An orange is rich in vitamin C.")


def stand_higher(v: View, say: Say) -> list[Asked] | None:
    """What somebody stands on."""
    for r in say.shuffled(v.relations):
        if r.name == "standing on":
            who, s = v.by_id[r.subject], v.by_id[r.object]
            ways = v.ways(who)[:2]
            only = sum(x.name == "standing on" for x in v.relations) == 1
            o = say.pick(ways) if ways else ("the person" if only else None)
            if o is None:
                continue
            title = v.title(s) if v.counts[s.kind] == 1 or s.thing.colour else f"the {s.kind}"
            why = f"Standing on {s.row.a} makes a person higher."
            return _ask(say, "stand_higher", HIGHER, s, title, why, o=o)
    return None


def near_lens(v: View, say: Say) -> list[Asked] | None:
    """The short lens for near objects, the long one for far objects."""
    short, long = _single(v, "short lens"), _single(v, "long lens")
    if short is None or long is None:
        return None
    near = say.chance(0.6)
    s, d = (short if near else long), say.pick(("near", "nearby", "close") if near else ("far", "far", "distant"))
    return _ask(say, "near_lens", NEAR, s, f"the {s.kind}", s.row.uses[0][1], d=d)


def baby_fence(v: View, say: Say) -> list[Asked] | None:
    """The fence in front of the baby."""
    s = _single(v, "fence")
    if s is None or not any(r.object == s.id and v.by_id[r.subject].kind == "baby" for r in v.relations):
        return None
    return _ask(say, "baby_fence", FENCE, s, "the fence", s.row.uses[0][1])


def dog_antlers(v: View, say: Say) -> list[Asked] | None:
    """The dog with antlers, or the antlers themselves."""
    dogs = v.of("dog")
    odd = [s for s in dogs if s.thing.look.get("antlers") == "yes"]
    if len(odd) != 1 or not odd[0].able or "antlers" not in v.parts[odd[0].id]:
        return None
    if len(dogs) == 1 or say.chance(0.3):
        said = say.ask(
            "antlers",
            np=("the antlers", "the antlers of the dog", "the unusual thing about the dog"),
            q=("what is unusual about the dog", "what does the dog have on its head"),
            plural=True,
        )
        return [one("dog_antlers", said, "the antlers of the dog", odd, part="antlers", plural=True)]
    return _ask(say, "dog_antlers", ANTLERS, odd[0], "the dog with antlers", "A dog has no antlers in real life.")


def sink_tap(v: View, say: Say) -> list[Asked] | None:
    """The tap the water comes from, the sink it falls into."""
    found = {k: s for k in SINK if (s := _single(v, k))}
    if len(found) < 2:
        return None
    kind = say.pick(sorted(found))
    return _ask(say, "sink_tap", SINK[kind], found[kind], f"the {kind}", found[kind].row.uses[0][1])


def dashboard(v: View, say: Say) -> list[Asked] | None:
    """What a driver reads and turns."""
    found = {k: s for k in DASHBOARD if (s := _single(v, k))}
    if len(found) < 2:
        return None
    kind = say.pick(sorted(found))
    return _ask(say, "dashboard", DASHBOARD[kind], found[kind], f"the {kind}", found[kind].row.uses[0][1])


def chilli(v: View, say: Say) -> list[Asked] | None:
    """The spicy one among food."""
    s = _single(v, "chilli")
    if s is None or sum(o.row.category == "food" for o in v.seen) < 2:
        return None
    return _ask(say, "chilli", CHILLI, s, "the chilli", "A chilli burns in the mouth.")


def cold_sun(v: View, say: Say) -> list[Asked] | None:
    """Shade on a beach."""
    s = _single(v, "umbrella")
    people = [p for p in v.able if p.person and v.ways(p)]
    if s is None or v.theme != "beach" or not people or v.counts["tree"] or v.counts["hat"] or v.hinted("hat"):
        return None
    o = v.ways(say.pick(people))[0]
    return _ask(say, "cold_sun", SUN, s, "the umbrella", "An umbrella gives shade in the sun.", o=o)


def hat(v: View, say: Say) -> list[Asked] | None:
    """What is worn on a head."""
    for r in say.shuffled([r for r in v.relations if r.name == "wearing"]):
        who, s = v.by_id[r.subject], v.by_id[r.object]
        ways = v.ways(who)[:2]
        if s.kind == "hat" and ways:
            return _ask(say, "hat", HAT, s, v.title(s), s.row.uses[0][1], o=say.pick(ways))
    return None


def named_person(v: View, say: Say) -> list[Asked] | None:
    """ "Who is Lisa?" among other people."""
    people = [s for s in v.seen if s.kind in NAMES.values()]
    found = [s for s in v.able if s.thing.name]
    if len(people) < 2 or not found:
        return None
    lisa = [s for s in found if s.thing.name == "Lisa"]
    s = say.pick(lisa if lisa and say.chance(0.5) else found)
    said = say.ask("who", np=WHO[0], q=WHO[1], n=s.thing.name)
    return [one("named_person", said, s.thing.name or "", [s])]
