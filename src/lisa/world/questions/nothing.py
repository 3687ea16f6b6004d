"""Questions without a mask: what is not there, and plain questions that are answered in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from lisa.world.facts import MANY_PARTS, NAMES, SUPERLATIVES, Row, rows, traits, uses, with_article
from lisa.world.phrases import Say
from lisa.world.questions import words
from lisa.world.questions.asked import Asked, text
from lisa.world.questions.many import ALL_NP
from lisa.world.questions.reason import PLACES, TRAIT_NP, TRAIT_Q, USE_NP, USE_Q
from lisa.world.questions.related import OBJECT
from lisa.world.questions.view import STATES, Seen, View

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
NUMBERS_ZH = ("零", "一", "两", "三", "四", "五", "六", "七", "八", "九", "十")
"""As one counts things: 两个."""
ABSENT_NAME = "There is no {x} here."
ABSENT_NAMES = "There are no {x} here."
ABSENT_THING = "There is nothing like that here."


def absent(v: View, say: Say) -> list[Asked] | None:
    """In the words of name, colour, several, part, function, knowledge and person, of what is not there."""
    ways: list[Callable[[View, Say], Asked | None]] = [
        _no_kind,
        _no_kind,
        _no_kind,
        _no_colour,
        _no_use,
        _no_use,
        _no_trait,
        _no_name,
        _no_several,
        _no_part,
        _no_group,
        _no_piece,
        _no_piece,
        _not_held,
    ]
    for way in say.shuffled(ways):
        if found := way(v, say):
            return [found]
    return None


def none_of(row: Row, words: str = "") -> str:
    """ "There is no red cup here."."""
    form = ABSENT_NAMES if row.number == "plural" else ABSENT_NAME
    return form.format(x=f"{words} {row.name}".strip())


def missing(v: View, say: Say) -> Row:
    """A kind that is not there; mostly what was taken away, else half of the time of a category that is there."""
    taken = v.scene.taken
    if taken is not None and v.absent(taken.kind) and say.chance(0.8):
        return rows()[taken.kind]
    there = {s.row.category for s in v.able}
    found = [r for k, r in rows().items() if v.absent(k)]
    alike = [r for r in found if r.category in there]
    return say.pick(alike if alike and say.chance(0.5) else found)


def _no_kind(v: View, say: Say) -> Asked | None:
    row = missing(v, say)
    said = say.ask("name", np=("the {x}",), plural=row.number == "plural", x=row.name)
    return text("absent", said, none_of(row))


def _no_colour(v: View, say: Say) -> Asked | None:
    """A colour that none of these has."""
    for s in say.shuffled([s for s in v.able if s.thing.colour and not v.hinted(s.kind)]):
        there = {o.thing.colour for o in v.of(s.kind)}
        near = {"orange", "yellow", "red", "pink", "brown"} if there & {"orange", "red", "brown"} else set()
        near |= {"white", "grey"} if there & {"white", "grey"} else set()
        near |= {"black", "grey"} if there & {"black", "grey"} else set()
        free = sorted({"red", "yellow", "green", "blue", "purple", "white", "black", "pink", "orange"} - there - near)
        if free:
            c = say.pick(free)
            nps = ("the {c} {x}", "the {x} that is {c}", "the {c} {x}") if s.row.number == "one" else ("the {c} {x}",)
            said = say.ask("colour", np=nps, plural=s.row.number == "plural", c=c, x=s.kind)
            return text("absent", said, none_of(s.row, c))
    return None


def _no_use(v: View, say: Say) -> Asked | None:
    for do in _first(v, say, uses(), lambda row: [use for use, _ in row.uses]):
        if v.nobody_can(do):
            return text("absent", say.ask("use", np=USE_NP, q=USE_Q, do=do), ABSENT_THING)
    return None


def _first(v: View, say: Say, known: Iterable[str], own: Callable[[Row], list[str]]) -> list[str]:
    """A few uses or traits in random order, those of what was taken away first."""
    taken = v.scene.taken
    gone = say.shuffled(own(rows()[taken.kind])) if taken is not None and say.chance(0.8) else []
    return [*gone, *say.shuffled(list(known))[:5]]


def _no_trait(v: View, say: Say) -> Asked | None:
    for t in _first(v, say, traits(), lambda row: list(row.traits)):
        if v.nobody_can(t):
            return text("absent", say.ask("trait", np=TRAIT_NP, q=TRAIT_Q, t=t), ABSENT_THING)
    return None


def _no_name(v: View, say: Say) -> Asked | None:
    if not any(s.person for s in v.seen):
        return None
    there = {t.name for t in v.scene.things}
    taken = v.scene.taken.name if v.scene.taken is not None else None
    free = [n for n in NAMES if n not in there]
    if taken is None and not free:
        return None
    name = taken or say.pick(free)
    return text("absent", say.ask("who", np=words.WHO[0], q=words.WHO[1], n=name), f"{name} is not here.")


def _no_several(v: View, say: Say) -> Asked | None:
    row = missing(v, say)
    if row.plural is None or row.plural == row.name:
        return None
    said = say.ask("all", np=ALL_NP, plural=True, x=row.name, xs=row.plural)
    return text("absent", said, f"There are no {row.plural} here.")


def _no_part(v: View, say: Say) -> Asked | None:
    """The part of a thing that is not there."""
    from lisa.world.shapes import kinds

    rest = [r for r in rows().values() if v.absent(r.name) and kinds()[r.name].parts and r.category != "person"]
    if not rest:
        return None
    taken = v.scene.taken.kind if v.scene.taken is not None else ""
    row = next((r for r in rest if r.name == taken), None) or say.pick(rest)
    p = say.pick([p for p in kinds()[row.name].parts if p != "antlers"])
    said = say.ask(
        "part",
        np=("the {ps} of {o}", "the {ps} of {o}", "{o}'s {ps}"),
        plural=p in MANY_PARTS or p == "petals",
        ps=MANY_PARTS.get(p, p),
        o=f"the {row.name}",
    )
    return text("absent", said, none_of(row))


def _no_group(v: View, say: Say) -> Asked | None:
    """An animal, a vehicle or food where there is none, by the word or by what would be the most so."""
    free = [g for g in ("food", "animal", "vehicle") if all(v.absent(r.name) for r in rows().values() if r.is_a(g))]
    if v.counts["fish"] or v.counts["teddy"]:
        free = [g for g in free if g != "animal"]
    if not free:
        return None
    group = say.pick(free)
    if group == "food" or say.chance(0.4):
        name = say.pick([k for k, row in SUPERLATIVES.items() if row[0] == group])
        _, does, that, _ = SUPERLATIVES[name]
        said = say.ask(
            f"most {name}",
            np=("the {g} {that}",),
            q=("which {g} {does}", "what {g} {does}"),
            g=group,
            that=that,
            does=does,
        )
        return text("absent", said, f"There is no {group} here.")
    said = say.ask(
        "is a", np=("the {g}", "something that is {a}"), q=("which of these is {a}",), g=group, a=with_article(group)
    )
    return text("absent", said, f"There is no {group} here.")


def _no_piece(v: View, say: Say) -> Asked | None:
    """The best-known questions where their answer is missing."""
    name, (nps, qs) = say.pick(sorted(words.ALL.items()))
    person = next((w for s in say.shuffled(v.able) if s.kind in NAMES.values() for w in v.ways(s)[:2]), None)
    stands = any(r.name in ("standing on", "sitting on") for r in v.scene.relations)
    missing_here = {
        "near_lens": all(v.absent(k) for k in ("short lens", "long lens", "camera")),
        "baby_fence": v.absent("fence") and v.absent("baby"),
        "stand_higher": person is not None and not stands and v.nobody_can("stand higher"),
        "vitamin_c": all(v.absent(r.name) for r in rows().values() if r.category == "food"),
        "chilli": v.absent("chilli"),
        "dog_antlers": v.counts["dog"] > 1
        and not any(s.thing.look.get("antlers") == "yes" for s in v.of("dog"))
        and "dog" not in v.unseen,
    }
    if not missing_here[name]:
        return None
    if name == "dog_antlers":
        nps, qs = nps[:2], qs[:1]
    said = say.ask(name, np=nps, q=qs, o=person or "", d=say.pick(("near", "nearby", "far")))
    return text("absent", said, "There is no food here." if name == "vitamin_c" else ABSENT_THING)


def _not_held(v: View, say: Say) -> Asked | None:
    """What somebody holds whose hands are empty."""
    busy = {r.subject for r in v.scene.relations if r.name == "holding"}
    people = [s for s in v.able if s.kind in NAMES.values() and s.id not in busy and v.ways(s)]
    if not people:
        return None
    nps, qs = OBJECT["holding"]
    said = say.ask("holding object", np=nps, q=qs, o=say.pick(v.ways(say.pick(people))[:3]))
    return text("absent", said, ABSENT_THING)


# -- plain -----------------------------------------------------------------------------------------------------------
COUNT = (
    "How many {xs} are there?",
    "How many {xs} are in this picture?",
    "How many {xs} can you see?",
    "Count the {xs}.",
    "Please count the {xs}.",
    "How many {xs} do you see?",
    "Number of {xs}?",
    "how many {xs}",
    "Can you count the {xs}?",
    "~What is the number of {xs} here?",
    "~Tell me how many {xs} there are.",
)
COLOUR = (
    "What colour {is} {o}?",
    "Which colour {is} {o}?",
    "What is the colour of {o}?",
    "What colour does {o} have?",
    "Tell me the colour of {o}.",
    "colour of {o}?",
    "Please name the colour of {o}.",
    "~Can you say what colour {o} {is}?",
)
THERE = (
    "{Is} there {a}?",
    "{Is} there {a} in this picture?",
    "{Is} there {a} in the image?",
    "{Is} there {a} here?",
    "Is {a} in the picture?",
    "Do you see {a}?",
    "Does the picture show {a}?",
    "~Does this image have {a} in it?",
)
USED = (
    "What {is} {a} used for?",
    "What can you do with {a}?",
    "What do people use {a} for?",
    "What {is} {a} good for?",
    "~Why do people have {a}?",
)
TOLD = (
    "Tell me something about {as_}.",
    "What do you know about {as_}?",
    "Tell me a fact about {as_}.",
    "~What can you say about {as_}?",
)
PLACE = (
    "What place is this?",
    "What kind of place is this?",
    "Where was this picture made?",
    "Which place does this picture show?",
    "What place do you see?",
    "~What sort of place is it?",
)
STATE = ("Is {o} {w}?", "Is {o} {w} in this picture?", "~Would you say that {o} is {w}?")


def plain(v: View, say: Say) -> list[Asked] | None:
    """Counting, colours, yes or no, uses and facts in words."""
    ways: list[Callable[[View, Say], Asked | None]] = [
        count,
        count,
        count,
        _colour,
        _colour,
        _there,
        _there,
        _used,
        _told,
        _place,
        _state,
        _talk,
    ]
    for way in say.shuffled(ways):
        if found := way(v, say):
            return [found]
    return None


def count(v: View, say: Say) -> Asked | None:
    """ "How many cups are there?" — also of what is there once or not at all."""
    there = [k for k in v.counts if v.countable(k)]
    many = [k for k in there if v.counts[k] > 1]
    none = [k for k, r in rows().items() if v.absent(k) and r.plural]
    kinds = many if many and say.chance(0.6) else there if there and say.chance(0.75) else none
    row, n = rows()[kind := say.pick(kinds)], v.counts[kind]
    if n >= len(NUMBERS):
        return None
    if say.chance(0.2):
        people = [s for s in v.seen if s.person]
        if (
            0 < len(people) < len(NUMBERS)
            and all(s.able for s in people)
            and not any(rows()[k].category == "person" for k in v.unseen)
        ):
            said = say.one("count", COUNT, xs="people")
            n = len(people)
            told = "is one person" if n == 1 else f"are {NUMBERS[n]} people"
            return text("plain", said, f"There {told}.", about=tuple(s.id for s in people))
    said = say.one("count", COUNT, xs=row.plural or row.name)
    answer = f"There is one {row.name}." if n == 1 else f"There are {NUMBERS[n]} {row.plural}."
    return text("plain", said, answer, about=tuple(s.id for s in v.of(kind)))


def colour_of(s: Seen) -> str | None:
    """Its one colour, where there is no doubt."""
    if s.thing.pattern:
        return None
    return s.thing.colour or (s.row.colours[0] if len(s.row.colours) == 1 else None)


def _colour(v: View, say: Say) -> Asked | None:
    found = [s for s in v.able if colour_of(s) and v.alone(s)]
    if not found:
        return None
    coloured = [s for s in found if s.thing.colour]
    s = say.pick(coloured if coloured and say.chance(0.8) else found)
    plural = s.row.number == "plural"
    forms = COLOUR if not plural else (*COLOUR[:3], COLOUR[-1])
    said = say.one("colour of", forms, o=f"the {s.kind}", **{"is": "are" if plural else "is"})
    return text("plain", said, f"{'They are' if plural else 'It is'} {colour_of(s)}.", about=(s.id,))


def _there(v: View, say: Say) -> Asked | None:
    yes = say.chance(0.5) and bool(v.able)
    row = say.pick(v.able).row if yes else missing(v, say)
    many = v.counts[row.name] > 1 and row.plural
    plural = row.number == "plural"
    a = row.a if not plural else f"any {row.name}"
    forms = THERE if not plural else (*THERE[:4], THERE[5], THERE[-1])
    said = say.one("there", forms, a=a, Is="Are" if plural else "Is")
    be = "are" if plural or many else "is"
    if yes:
        told = many and v.countable(row.name) and v.counts[row.name] < len(NUMBERS)
        what = f"{NUMBERS[v.counts[row.name]]} {row.plural}" if told else row.a
        be = "are" if plural or (many and what != row.a) else "is"
        return text("plain", said, f"Yes, there {be} {what}.", about=tuple(s.id for s in v.of(row.name)))
    return text("plain", said, f"No, there {'are' if plural else 'is'} no {row.name}.")


def _used(v: View, say: Say) -> Asked | None:
    found = sorted({s.kind for s in v.able if s.row.uses and s.row.category not in ("animal", "food")})
    if not found:
        return None
    row = rows()[say.pick(found)]
    plural = row.number == "plural"
    said = say.one("used", USED, a=row.a.removeprefix("some "), **{"is": "are" if plural else "is"})
    return text("plain", said, used_for(row))


def used_for(row: Row) -> str:
    """ "It is used to boil water."."""
    return f"{'They are' if row.number == 'plural' else 'It is'} used to {row.uses[0][0]}."


def _told(v: View, say: Say) -> Asked | None:
    found = sorted({s.kind for s in v.able if s.row.facts})
    if not found:
        return None
    row = rows()[say.pick(found)]
    said = say.one("told", TOLD, as_=row.a.removeprefix("some "))
    return text("plain", said, row.facts[0])


def _place(v: View, say: Say) -> Asked | None:
    if v.theme not in PLACES:
        return None
    return text("plain", say.one("place", PLACE), f"It is a {PLACES[v.theme]}.")


def _state(v: View, say: Say) -> Asked | None:
    found = [
        (s, STATES[s.kind, s.thing.state or ""])
        for s in v.able
        if v.alone(s) and (s.kind, s.thing.state) in STATES and s.kind not in ("egg", "cup", "tap")
    ]
    if not found:
        return None
    s, word = say.pick(found)
    words = sorted({w for (k, _), w in STATES.items() if k == s.kind})
    asked = say.pick(words)
    said = say.one("state", STATE, o=f"the {s.kind}", w=asked)
    return text("plain", said, f"{'Yes' if asked == word else 'No'}, it is {word}.", about=(s.id,))


TALK: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("hello", ("Hello", "Hi", "Hello!", "Hi there", "Good morning", "~Hey!"), "Hello! Ask me about the picture."),
    ("thanks", ("Thank you", "Thanks", "Thank you!", "Thanks a lot", "~Many thanks"), "You are welcome."),
    (
        "who are you",
        ("Who are you?", "What are you?", "What can you do?", "~What is your job?"),
        "I find things in pictures and mark them.",
    ),
)


def _talk(v: View, say: Say) -> Asked | None:
    if not say.chance(0.25):
        return None
    name, forms, answer = say.pick(TALK)
    return text("plain", say.one(name, forms), answer)
