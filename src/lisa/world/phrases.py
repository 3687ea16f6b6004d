"""Ways to say things: wrappers around the core of a question, held-out ones among them, and typing noise.

A question has cores, noun phrases ("the food with the most vitamin C") or questions ("which food has the most
vitamin C"), and a wrapper puts one into people's words ("Please segment {np}."). Cores and wrappers marked with a
leading "~" are held out: the split "templates" uses nothing without one of them, every other split none. Lessons are
asked in many more forms (`more_forms`), which no dataset has.
"""

from __future__ import annotations

import string
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from lisa.world.more_forms import more_forms, more_wrappers

HELD = "~"
"""Marks a held-out core or wrapper."""
LESSON = "lesson"
"""The split that is asked like "train", and in `MORE` of its cores and wrappers in one of `more_forms`."""
MORE = 0.6
FILLED = ("np", "q", "bare", "is")
"""The gaps of wrappers."""

NP_WRAPPERS: tuple[str, ...] = (
    "Segment {np}.", "Segment {np} in this image.", "Please segment {np}.", "Please segment {np} in this picture.",
    "Can you segment {np}?", "Can you segment {np} in this image?", "Could you please segment {np}?",
    "Where {is} {np}?", "Where {is} {np} in this picture?", "Show me {np}.", "Please show me {np}.", "Find {np}.",
    "Can you find {np}?", "Find {np} in the picture, please.", "Mark {np}.", "Please mark {np} in the image.",
    "Point to {np}.", "I am looking for {np}.", "Where can I find {np}?", "Give me the mask of {np}.",
    "Please output the mask of {np}.", "Where {is} {np} in this image? Please output the segmentation mask.",
    "{bare}", "{bare}?", "{np}", "{np}, please", "Select {np}.", "Highlight {np}.", "Can you see {np}?",
    "~Could you point out {np} for me?", "~I would like to see {np}.", "~Outline {np}, please.",
    "~Please help me find {np} in this photo.", "~Tell me where {np} {is}.",
)  # fmt: skip

Q_WRAPPERS: tuple[str, ...] = (
    "{q}?", "{q}?", "{q}?", "{q} in this picture?", "{q} in this image?", "{q}? Please segment it.",
    "{q}? Please output the segmentation mask.", "{q}? Show me.", "{q} here?", "Can you tell me, {q}?",
    "Please tell me: {q}?", "Look at the picture: {q}?", "{q}? Mark it, please.", "{q}? Segment it.",
    "~I wonder: {q}?", "~{q}? Point it out for me.", "~One question: {q}?",
)  # fmt: skip

WHY: tuple[str, ...] = (
    "{it} Explain why.", "{it} Please explain why.", "{it} And explain why.", "{it} Tell me why.",
    "{it} Please explain your answer.", "{it} Why?", "~{it} Give a reason.", "~{it} Please say why.",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Said:
    """A text, and what it was made of, so that it can be said again in another language."""

    text: str
    template: str
    """The id of its template, with a "~" where something in it is held out."""
    name: str
    """Of the forms it was chosen from."""
    words: Mapping[str, str]
    """What was filled in."""
    core: str = ""
    """"n" for a noun phrase in a wrapper, "q" for a question in one, "" for a form that is a whole sentence."""
    inner: str = ""
    """That noun phrase or question, without its wrapper."""
    why: bool = False
    """Whether it asks for an explanation too."""


class Say:
    """Chooses words for one dialogue: its generator, and the templates its split may use."""

    def __init__(self, rng: np.random.Generator, split: str = "train") -> None:
        self.rng, self.held = rng, split == "templates"
        self.more = split == LESSON
        self.noisy = split == "train" or self.more

    def chance(self, p: float) -> bool:
        """True with probability `p`."""
        return bool(self.rng.random() < p)

    def pick(self, options: Sequence):
        """One of them."""
        return options[int(self.rng.integers(len(options)))]

    def shuffled(self, options: Sequence) -> list:
        """All of them in random order."""
        return [options[i] for i in self.rng.permutation(len(options))]

    def choose(
        self, forms: Sequence[str], *, held: bool = False, known: Collection[str] | None = None
    ) -> tuple[str, str]:
        """One of the forms, with its place among them, such as "3" or, held out, "~3".

        With `known` one of those that have no other gaps than these.
        """
        mark = HELD if held else ""
        fits = [
            (f"{mark}{i}", f.lstrip(HELD))
            for i, f in enumerate(forms)
            if f.startswith(HELD) == held and (known is None or gaps(f) <= set(known))
        ]
        return self.pick(fits)

    def again(self, chosen: tuple[str, str], others: Sequence[str], known: Collection[str]) -> tuple[str, str]:
        """In a lesson often another form with the gaps of the chosen one, all `known`, and its place, such as "+3"."""
        if not self.more or not self.chance(MORE):
            return chosen
        wanted = _asked(chosen[1])
        fits = [(f"+{i}", f) for i, f in enumerate(others) if _asked(f) == wanted and gaps(f) <= set(known)]
        return self.pick(fits) if fits else chosen

    def one(self, name: str, forms: Sequence[str], **words: str) -> Said:
        """One template, filled in."""
        chosen = self.choose(forms, held=self.held and any(f.startswith(HELD) for f in forms))
        i, form = self.again(chosen, more_forms("en", name, ""), words)
        return Said(text=capital(form.format(**words)), template=f"{name}/{i}", name=name, words=words)

    def ask(
        self,
        name: str,
        *,
        np: Sequence[str] = (),
        q: Sequence[str] = (),
        plural: bool = False,
        why: bool = False,
        **words: str,
    ) -> Said:
        """A core in a wrapper, with a request for an explanation behind it if `why`."""
        use_np = bool(np) and (not q or self.chance(0.45))
        cores, wrappers = (np, NP_WRAPPERS) if use_np else (q, Q_WRAPPERS)
        core_held = self.held and any(c.startswith(HELD) for c in cores) and self.chance(0.5)
        shape = "n" if use_np else "q"
        others = more_forms("en", name, shape, words.get("x", ""))
        others = [form for form in others if not (plural and singular(form))]
        i, core = self.again(self.choose(cores, held=core_held), others, words)
        free = list(wrappers), more_wrappers("en", shape)
        if ". " in core:
            free = tuple([w if w.lstrip(HELD).startswith("{q}") else "{q}?" for w in some] for some in free)
        j, wrapper = self.again(self.choose(free[0], held=self.held and not core_held), free[1], FILLED)
        core = core.format(**words)
        plural = plural and not core.startswith(("every ", "each "))
        text = wrapper.format(np=core, q=core, bare=core.removeprefix("the "), **{"is": "are" if plural else "is"})
        id = f"{name}/{shape}{i}/{j}"
        text = capital(text)
        if why:
            k, form = self.choose(WHY, held=False)
            if text[-1] not in ".?!":
                text += "."
            text, id = form.format(it=text), f"{id}/{k}"
        return Said(text=text, template=id, name=name, words=words, core=shape, inner=core, why=why)


@lru_cache(maxsize=4096)
def gaps(form: str) -> frozenset[str]:
    """What is to be filled into a form."""
    return frozenset(gap for _, gap, _, _ in string.Formatter().parse(form) if gap)


def _asked(form: str) -> frozenset[str]:
    """Its gaps, as far as another form has to have them: one or many of a kind, and whether they "are" or it "is"."""
    return frozenset("x" if gap == "xs" else "np" if gap == "bare" else gap for gap in gaps(form) if gap != "is")


def singular(form: str) -> bool:
    """Whether a form speaks of one thing."""
    return any(word in form for word in (" is ", "'s ", " has ", " was ", " does", "n't "))


def capital(text: str) -> str:
    """With a capital letter in front, after a colon left as it is."""
    return text[:1].upper() + text[1:]


def noise(text: str, rng: np.random.Generator) -> str:
    """As people type: now and then without capitals or final mark, rarely with two letters swapped or one lost."""
    if rng.random() < 0.25:
        text = text.lower()
    if rng.random() < 0.25:
        text = text.rstrip(".?!")
    if rng.random() < 0.05:
        text = _slip(text, rng)
    return text


def _slip(text: str, rng: np.random.Generator) -> str:
    places = [i for i in range(1, len(text) - 2) if text[i - 1 : i + 2].isalpha()]
    if not places:
        return text
    i = places[int(rng.integers(len(places)))]
    if rng.random() < 0.5:
        return text[:i] + text[i + 1] + text[i] + text[i + 2 :]
    return text[:i] + text[i + 1 :]
