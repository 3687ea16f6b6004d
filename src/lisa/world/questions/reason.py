"""Questions that need knowledge: uses, traits, rankings, several steps, and what does not belong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from lisa.world.facts import CATEGORIES, CLEAR, SUPERLATIVES, why
from lisa.world.phrases import Said, Say
from lisa.world.questions.asked import Asked, one
from lisa.world.questions.related import SIDES, SUBJECT, subjects
from lisa.world.questions.view import OUTDOORS, Seen, View


@dataclass(frozen=True)
class Reasoned:
    """A question whose answer has a reason: the words, the things that answer it, and the sentence why."""

    said: Said
    things: list[Seen]
    why: str


USE_NP = (
    "something to {do}",
    "the thing I can use to {do}",
    "something I need to {do}",
    "the thing used to {do}",
    "~the thing that helps to {do}",
)
USE_Q = (
    "what can I use to {do}",
    "what is used to {do}",
    "which thing can be used to {do}",
    "what do I need to {do}",
    "what helps me to {do}",
    "I want to {do}. What do I need",
    "which object would you use to {do}",
    "~what would be useful to {do}",
    "~how can I {do}",
)
TRAIT_NP = ("the thing that {t}", "something that {t}", "the one that {t}", "~the object that {t}")
TRAIT_Q = ("what {t}", "which thing {t}", "which of these things {t}", "do you know what {t}", "~which object {t}")
GROUP_NP = ("the {g} that {t}", "the {g} that {t}")
GROUP_Q = ("which {g} {t}", "which {g} {t}", "what is the {g} that {t}")
BEST_NP = ("the {g} {that}", "the {g} {that}", "~out of all {gs}, the one {that}")
BEST_Q = ("which {g} {does}", "what {g} {does}", "which of the {gs} {does}", "~of all {gs} here, which {does}")
SITUATIONS = (
    "{o} wants to {do}. What does {p} need",
    "what can {o} use to {do}",
    "what would help {o} to {do}",
    "what does {o} need to {do}",
    "~what should {o} take to {do}",
)


def use(v: View, say: Say, *, explain: bool = False, do: str | None = None) -> Reasoned | None:
    """What one can do with a thing in the picture that nothing else there could do."""
    options = [d for s in v.able for d, _ in s.row.uses] if do is None else [do]
    for one_use in say.shuffled(options)[:6]:
        things = v.who_can(one_use)
        if things:
            said = say.ask("use", np=USE_NP, q=USE_Q, why=explain, do=one_use)
            return Reasoned(said, things, why(things[0].kind, one_use))
    return None


def trait(v: View, say: Say, *, explain: bool = False) -> Reasoned | None:
    """What is known of a thing and of nothing else in the picture."""
    options = [t for s in v.able for t in s.row.traits]
    for t in say.shuffled(options)[:6]:
        things = v.who_can(t)
        if things:
            row = things[0].row
            groups = [g for g in (row.category, *row.groups) if g not in ("other", "person", "plant", "seat")]
            if groups and say.chance(0.5):
                said = say.ask("group trait", np=GROUP_NP, q=GROUP_Q, why=explain, t=t, g=say.pick(groups))
            else:
                said = say.ask("trait", np=TRAIT_NP, q=TRAIT_Q, why=explain, t=t)
            return Reasoned(said, things, row.says(t))
    return None


def ranked(v: View, say: Say, *, explain: bool = False, only: str | None = None) -> Reasoned | None:
    """The one with the most vitamin C, the heaviest animal, what costs the most."""
    for name in say.shuffled(list(SUPERLATIVES)) if only is None else [only]:
        group, does, that, says = SUPERLATIVES[name]
        value = name.split()[-1]
        if value == "price" and not _priced(v):
            continue
        s = v.best(value, group, 3.0 if value == "price" else CLEAR)
        if s and v.counts[s.kind] == 1 and not v.hinted(s.kind):
            plural = CATEGORIES[group][0] if group in CATEGORIES else "things"
            said = say.ask(
                f"most {name}",
                np=BEST_NP if group != "food" else BEST_NP[:2],
                q=BEST_Q if group != "food" else BEST_Q[:2],
                why=explain,
                g=group,
                gs=plural,
                does=does,
                that=that,
            )
            return Reasoned(said, [s], f"{s.row.general} {says}.")
    return None


def _priced(v: View) -> bool:
    """Whether everything in the picture has a price worth comparing."""
    return all("price" in s.row.values for s in v.seen)


def function(v: View, say: Say) -> list[Asked] | None:
    """ "What can I use to cut bread?"."""
    found = use(v, say)
    return [one("function", found.said, v.titles(found.things), found.things)] if found else None


def knowledge(v: View, say: Say) -> list[Asked] | None:
    """ "Which animal gives milk?", "Which food has the most sugar?"."""
    first, second = (ranked, trait) if say.chance(0.35) else (trait, ranked)
    if say.chance(0.2) and (turn := _hypernym(v, say)):
        return [turn]
    found = first(v, say) or second(v, say)
    return [one("knowledge", found.said, v.titles(found.things), found.things)] if found else None


HYPERNYMS: tuple[tuple[str, str], ...] = (
    ("animal", "an animal"),
    ("vehicle", "a vehicle"),
    ("tool", "a tool"),
    ("toy", "a toy"),
    ("fruit", "a fruit"),
    ("vegetable", "a vegetable"),
    ("pet", "a pet"),
    ("child", "a child"),
    ("drink", "a drink"),
    ("farm animal", "a farm animal"),
)
DISPUTED = {
    "tool": ("knife", "paintbrush", "key", "ladder"),
    "animal": ("fish", "teddy"),
    "pet": ("fish", "bird"),
    "toy": ("duck", "bucket"),
    "drink": ("bottle", "cup"),
    "farm animal": ("duck", "dog", "cat"),
}
"""Group → kinds that some would count in; nothing is asked of the group where one is seen."""


def _hypernym(v: View, say: Say) -> Asked | None:
    """ "The animal", "which of these is a fruit"."""
    for group, a in say.shuffled(HYPERNYMS):
        things = [s for s in v.seen if s.row.is_a(group)]
        if len(things) == 1 and things[0].able and not any(v.counts[k] for k in DISPUTED.get(group, ())):
            said = say.ask(
                "is a",
                np=("the {g}", "the only {g}", "something that is {a}"),
                q=("which of these is {a}", "~which thing would you call {a}"),
                g=group,
                a=a,
            )
            return one("knowledge", said, v.title(things[0]), things)
    return None


def explanation(v: View, say: Say) -> list[Asked] | None:
    """A question of use or knowledge, and the reason."""
    for make in say.shuffled([use, trait, ranked]):
        if found := make(v, say, explain=True):
            return [one("explanation", found.said, v.titles(found.things), found.things, why=found.why)]
    return None


# -- several steps ---------------------------------------------------------------------------------------------------
def multi_step(v: View, say: Say) -> list[Asked] | None:
    """Knowledge through a relation: "what is on the thing people sit on?", or a use for somebody in the picture."""
    ways: list[Callable[[View, Say], list[Asked] | None]] = [_through, _through, _for_somebody, _same_colour]
    for way in say.shuffled(ways):
        if found := way(v, say):
            return found
    return None


def riddle(v: View, say: Say, s: Seen) -> str | None:
    """A thing named by its use or trait alone: "the thing used to cut bread"."""
    options = [(t, "trait") for t in s.row.traits] + [(d, "use") for d, _ in s.row.uses]
    for what, how in say.shuffled(options):
        things = v.who_can(what)
        if things and len(things) == 1:
            noun = s.row.category if s.row.category in ("animal", "food", "vehicle", "tool", "toy") else "thing"
            return f"the {noun} that {what}" if how == "trait" else f"the {noun} used to {what}"
    return None


def _through(v: View, say: Say) -> list[Asked] | None:
    links = [(r.subject, r.name, r.object) for r in v.relations]
    steps = [(host, name, True) for _, name, host in links]
    steps += [(s.id, side, False) for s in v.able for side in SIDES]
    for given, name, linked in say.shuffled(steps)[:8]:
        s = v.by_id[given]
        o = None if s.row.category == "person" else riddle(v, say, s)
        if o is None:
            continue
        other = None if linked else v.beside(s, name)
        found = subjects(v, s, name) if linked else [other] if other else None
        nps, qs = (SUBJECT if linked else SIDES)[name]
        if found:
            said = say.ask(f"through {name or 'next'}", np=nps, q=qs, o=o)
            return [one("multi_step", said, v.titles(found), found, about=(given,))]
    return None


def _for_somebody(v: View, say: Say) -> list[Asked] | None:
    """Somebody in the picture wants to do something."""
    people = [s for s in v.able if s.person and s.kind != "baby"]
    options = [d for s in v.able for d, _ in s.row.uses if not d.startswith(("make a dish", "keep a baby"))]
    for do in say.shuffled(options)[:6]:
        things = v.who_can(do)
        if not things or not people:
            continue
        s = say.pick(people)
        ways = v.ways(s)[:2]
        if ways:
            pronoun = "she" if s.kind in ("woman", "girl") else "he"
            his = "her" if pronoun == "she" else "his"
            said = say.ask("for somebody", q=SITUATIONS, o=say.pick(ways), p=pronoun, do=do.replace("one's", his))
            return [one("multi_step", said, v.titles(things), things)]
    return None


def _same_colour(v: View, say: Say) -> list[Asked] | None:
    """The one other thing that has the colour of this one."""
    coloured = [s for s in v.able if s.thing.colour and not s.thing.pattern]
    for s in say.shuffled(coloured)[:4]:
        same = [o for o in v.seen if o.id != s.id and s.thing.colour in ({o.thing.colour} | set(o.row.colours))]
        worn = any(s.thing.colour in (o.thing.look.get("shirt"), o.thing.look.get("lower")) for o in v.seen)
        ways = v.ways(s)[:1]
        if len(same) == 1 and not worn and same[0].able and same[0].thing.colour and ways and s.kind != same[0].kind:
            said = say.ask(
                "same colour",
                np=("the thing that has the same colour as {o}",),
                q=("what has the same colour as {o}", "which thing has the same colour as {o}"),
                o=ways[0],
            )
            return [one("multi_step", said, v.title(same[0]), same, about=(s.id,))]
    return None


# -- odd one out -----------------------------------------------------------------------------------------------------
PLACES = {
    "kitchen": "kitchen",
    "breakfast": "kitchen",
    "bathroom": "bathroom",
    "living room": "living room",
    "nursery": "child's room",
    "street": "street",
    "garden": "garden",
    "workshop": "workshop",
    "beach": "beach",
    "farm": "farm",
    "park": "park",
}
"""Theme → what people call the place."""
PLACES_ZH: dict[str, tuple[str, str]] = {
    "kitchen": ("厨房", "厨房里"),
    "bathroom": ("浴室", "浴室里"),
    "living room": ("客厅", "客厅里"),
    "child's room": ("儿童房", "儿童房里"),
    "street": ("街道", "街上"),
    "garden": ("花园", "花园里"),
    "workshop": ("工作间", "工作间里"),
    "beach": ("海滩", "海滩上"),
    "farm": ("农场", "农场里"),
    "park": ("公园", "公园里"),
}
"""Place → its Chinese name, and "in it"."""

ODD_Q = (
    "which thing does not belong with the others",
    "which one is the odd one out",
    "which thing is different from all the others",
    "what does not fit with the rest",
    "~what is out of place",
)
ODD_NP = ("the odd one out", "the thing that does not belong with the others", "~the one that does not fit")


def odd_one_out(v: View, say: Say) -> list[Asked] | None:
    """The one thing of another category, or the one that has no business in this place."""
    for way in say.shuffled([_other_category, _out_of_place, _other_group, _other_colour]):
        if found := way(v, say):
            return found
    return None


GROUPS: tuple[tuple[str, str, str, str], ...] = (
    ("food", "food", "fruit", "a fruit"),
    ("animal", "animal", "bird", "a bird"),
    ("animal", "animal", "farm animal", "a farm animal"),
    ("person", "person", "child", "a child"),
    ("person", "person", "adult", "an adult"),
    ("animal", "animal", "pet", "a pet"),
)
"""Category, its noun, a group inside it, and how the group is said."""


def _other_group(v: View, say: Say) -> list[Asked] | None:
    """The one food that is no fruit, the one person who is no child."""
    for category, noun, group, a in say.shuffled(GROUPS):
        things = [s for s in v.seen if s.row.category == category]
        odd = [s for s in things if not s.row.is_a(group)]
        if len(things) > 2 and len(odd) == 1 and odd[0].able and not any(v.counts[k] for k in DISPUTED.get(group, ())):
            that = "who" if noun == "person" else "that"
            said = say.ask(
                "other group",
                np=("the {n} {that} is not {a}", "the only {n} {that} is not {a}"),
                q=("which {n} is not {a}", "~which {n} here is something else than {a}"),
                n=noun,
                a=a,
                that=that,
            )
            return [one("odd_one_out", said, v.title(odd[0]), odd)]
    return None


def _other_colour(v: View, say: Say) -> list[Asked] | None:
    """Among several of a kind, the one of another colour."""
    for kind in say.shuffled([k for k, n in v.counts.items() if n > 2 and v.countable(k)]):
        odd = v.other_colour(kind)
        if odd is not None:
            nps = ("the {x} that is different from the other {xs}", "the {x} that has another colour than the others")
            said = say.ask(
                "other colour",
                np=nps,
                q=(
                    "which {x} is different from the others",
                    "which {x} does not look like the other {xs}",
                    "~which {x} does not fit",
                ),
                x=kind,
                xs=odd.row.plural or kind,
            )
            return [one("odd_one_out", said, v.title(odd), [odd])]
    return None


def _other_category(v: View, say: Say) -> list[Asked] | None:
    counts = Counter(s.row.category for s in v.seen)
    most, n = counts.most_common(1)[0] if counts else ("other", 0)
    odd = [s for s in v.seen if s.row.category != most]
    disputed = most in ("other", "furniture") or (most == "animal" and v.counts["fish"])
    if disputed or n < 3 or len(odd) != 1 or not odd[0].able:
        return None
    np, q, word = ODD_NP, ODD_Q, ""
    if say.chance(0.4) and most in ("food", "animal", "person"):
        word = {"food": "food", "animal": "an animal", "person": "a person"}[most]
        np, q = ("the thing that is not {a}",), ("what is not {a}", "which thing is not {a}")
    return [one("odd_one_out", say.ask("odd", np=np, q=q, a=word), v.title(odd[0]), odd)]


def _out_of_place(v: View, say: Say) -> list[Asked] | None:
    place = PLACES.get(v.theme)
    if place is None:
        return None
    wrong = "in" if v.theme in OUTDOORS else "out"
    odd = [s for s in v.seen if s.row.home == wrong or (wrong == "out" and s.row.category == "vehicle")]
    if len(odd) != 1 or not odd[0].able or not all(_at_home(s, v.theme) == (s is not odd[0]) for s in v.seen):
        return None
    at = f"on a {place}" if place in ("beach", "farm", "street") else f"in a {place}"
    said = say.ask(
        "place",
        np=("the thing that does not belong {at}", "the thing that is odd {at}"),
        q=(
            "what does not belong {at}",
            "which thing does not belong {at}",
            "which thing would you not expect {at}",
            "~what is strange to see {at}",
        ),
        at=at,
    )
    return [one("odd_one_out", said, v.title(odd[0]), odd)]


def _at_home(s: Seen, theme: str) -> bool:
    """Whether scenes of this theme have it by nature."""
    from lisa.world.make import NATIVE

    return s.kind in NATIVE.get(theme, ())
