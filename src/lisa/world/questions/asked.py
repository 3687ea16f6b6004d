"""One turn about a picture, and the few forms an answer takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from lisa.types import SEG
from lisa.world.phrases import Said, Say
from lisa.world.questions.view import Seen, View

Ids = tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One turn about a picture."""

    kind: str
    """One of `QUESTION_KINDS`."""
    instruction: str
    answer: str
    """With one [SEG] per target, such as "It is the orange [SEG]."."""
    targets: tuple[Ids, ...] = ()
    """Per [SEG] the things whose visible pixels together are its mask."""
    parts: tuple[str | None, ...] = ()
    """Per [SEG] the name of a part, or None for the whole."""
    phrases: tuple[str, ...] = ()
    """Per [SEG] the words of the answer that name it."""
    template: str
    """For held-out splits."""
    language: str = "en"
    about: Ids = ()
    """The things that it goes out from, such as the dog of "what is left of the dog"; none where that is the target."""
    said: Said | None = field(default=None, compare=False, repr=False)
    """What the instruction was made of."""


Maker = Callable[[View, Say], "list[Asked] | None"]
"""Makes a dialogue of one kind, or None where this picture does not allow it (or chance did not find one)."""


def one(
    kind: str,
    said: Said,
    phrase: str,
    things: Sequence[Seen],
    *,
    part: str | None = None,
    plural: bool = False,
    why: str = "",
    verb: str = "",
    about: Ids = (),
) -> Asked:
    """A single mask: "It is the orange [SEG]." and, where asked for, why."""
    many = plural or len(things) > 1 or (things[0].row.number == "plural" and not part)
    verb = verb or ("They are" if many else "It is")
    answer = f"{verb} {phrase} {SEG}." + (f" {why}" if why else "")
    return Asked(
        kind=kind,
        instruction=said.text,
        answer=answer,
        targets=(tuple(s.id for s in things),),
        parts=(part,),
        phrases=(phrase,),
        template=said.template,
        about=about,
        said=said,
    )


def each(kind: str, said: Said, found: Sequence[tuple[str, Sequence[Seen]]]) -> Asked:
    """Several masks with a phrase each: "The dog [SEG] and the cat [SEG]."."""
    names = [f"{phrase} {SEG}" for phrase, _ in found]
    text = ", ".join(names[:-1]) + " and " + names[-1] + "."
    phrases = tuple(phrase for phrase, _ in found)
    first = phrases[0][0].upper() + phrases[0][1:]
    return Asked(
        kind=kind,
        instruction=said.text,
        answer=text[0].upper() + text[1:],
        targets=tuple(tuple(s.id for s in things) for _, things in found),
        parts=(None,) * len(found),
        phrases=(first, *phrases[1:]),
        template=said.template,
        said=said,
    )


def text(kind: str, said: Said, answer: str, *, about: Ids = ()) -> Asked:
    """An answer without a mask."""
    return Asked(kind=kind, instruction=said.text, answer=answer, template=said.template, about=about, said=said)


def is_plural(s: Seen) -> bool:
    """Whether one says "where are" of this single thing."""
    return s.row.number == "plural"
