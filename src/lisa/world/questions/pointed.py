"""Questions about what a person points at: a box or a point stands in the words, as shares of the picture.

"[0.12, 0.30, 0.45, 0.62]" is a box (x0, y0, x1, y1), "[0.30, 0.52]" a point (x, y).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from lisa.types import Mask
from lisa.world.facts import MANY_PARTS
from lisa.world.phrases import Say
from lisa.world.questions.asked import Asked, one, text
from lisa.world.questions.nothing import colour_of, used_for
from lisa.world.questions.view import Seen, View, part_phrase

THIS = (
    "What is this? {r}",
    "What is this thing? {r}",
    "What is at {r}?",
    "What do you see at {r}?",
    "Name this: {r}",
    "Segment this. {r}",
    "Segment this: {r}",
    "Please segment the thing at {r}.",
    "Cut this out, please. {r}",
    "Mark this one: {r}",
    "The thing at {r}",
    "this {r}",
    "~Which object is here? {r}",
    "~Outline what is at {r}.",
)
USED = (
    "What is this for? {r}",
    "What is this used for? {r}",
    "What can I do with this? {r}",
    "What do people use the thing at {r} for?",
    "~What is this good for? {r}",
)
COLOUR = (
    "What colour is this? {r}",
    "Which colour is this? {r}",
    "Tell me the colour of the thing at {r}.",
    "~What colour does this have? {r}",
)
SIDE = (
    "What is to the {side} of this? {r}",
    "Segment what is {side} of this. {r}",
    "Which thing is {side} of this? {r}",
    "The thing to the {side} of {r}",
    "~What do you see on the {side} side of this? {r}",
)
SAME = (
    "Segment everything of this kind. {r}",
    "Segment all things like this: {r}",
    "Mark every one of these. {r}",
    "~Find all that are like this. {r}",
)
PART = (
    "Segment the {ps} of this. {r}",
    "Where {is} the {ps} of this? {r}",
    "The {ps} of the thing at {r}",
    "~Show me the {ps} of this. {r}",
)


_POINTS = 8
"""Points that are tried in a thing so thin that their rounded numbers may lie beside it."""


def pointed(v: View, say: Say) -> list[Asked] | None:
    """What a thing at a place is, is for, is beside, and the like."""
    if not v.able:
        return None
    s = say.pick(v.able)
    ways: list[Callable[[View, Say, Seen, str], Asked | None]] = [
        _this,
        _this,
        _this,
        _used,
        _colour,
        _beside,
        _beside,
        _same,
        _part,
    ]
    r = region(s.box, v.picture.mask(s.id), say.rng)
    for way in say.shuffled(ways):
        if found := way(v, say, s, r):
            return [found]
    return None


def region(box: Sequence[float], mask: Mask, rng: np.random.Generator) -> str:
    """A box around a thing as people draw it, a little too large or too small, or a point well inside of it.

    `box`: what is seen of it, as shares of the picture; `mask`: the same, `[H, W]` bool.
    """
    if rng.random() < 0.5:
        x0, y0, x1, y1 = box
        slack = np.array([x1 - x0, y1 - y0, x1 - x0, y1 - y0]) * rng.normal(0, 0.04, 4)
        return said(np.clip(np.array(box) + slack, 0, 1).tolist())
    rows, columns = np.nonzero(_deep(mask))
    height, width = mask.shape
    for _ in range(_POINTS):
        i = int(rng.integers(len(rows)))
        x, y = (round((at + 0.5) / size, 2) for at, size in ((columns[i], width), (rows[i], height)))
        if mask[min(int(y * height), height - 1), min(int(x * width), width - 1)]:  # what is said is rounded
            return said([x, y])
    return said(box)


def said(numbers: Sequence[float]) -> str:
    """Shares of the picture as they stand in an instruction."""
    return f"[{', '.join(f'{x:.2f}' for x in numbers)}]"


def _deep(mask: np.ndarray) -> np.ndarray:
    """The inner pixels of a mask: it without its rim, an 80th of the picture if it stays."""
    for _ in range(max(max(mask.shape) // 80, 1)):
        padded = np.pad(mask, 1)
        inner = mask & padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
        if not inner.any():
            break
        mask = inner
    return mask


def _this(v: View, say: Say, s: Seen, r: str) -> Asked:
    return one("pointed", say.one("this", THIS, r=r), v.title(s), [s], about=(s.id,))


def _used(v: View, say: Say, s: Seen, r: str) -> Asked | None:
    if not s.row.uses or s.person or s.row.category in ("animal", "food"):
        return None
    return text("pointed", say.one("this used", USED, r=r), used_for(s.row), about=(s.id,))


def _colour(v: View, say: Say, s: Seen, r: str) -> Asked | None:
    colour = colour_of(s)
    if colour is None or s.person:
        return None
    they = "They are" if s.row.number == "plural" else "It is"
    return text("pointed", say.one("this colour", COLOUR, r=r), f"{they} {colour}.", about=(s.id,))


def _beside(v: View, say: Say, s: Seen, r: str) -> Asked | None:
    side = say.pick(("left", "right"))
    other = v.beside(s, side)
    if other is None:
        return None
    return one("pointed", say.one(f"this {side}", SIDE, side=side, r=r), v.title(other), [other], about=(s.id,))


def _same(v: View, say: Say, s: Seen, r: str) -> Asked | None:
    """All of its kind, where there are several."""
    things = v.of(s.kind)
    if len(things) < 2 or not v.countable(s.kind) or s.row.plural is None or not all(t.able for t in things):
        return None
    return one("pointed", say.one("this kind", SAME, r=r), f"the {s.row.plural}", things, about=(s.id,))


def _part(v: View, say: Say, s: Seen, r: str) -> Asked | None:
    ways = v.ways(s)[:1]
    if s.person or not v.parts[s.id] or not ways or s.row.number == "plural":
        return None
    p = say.pick(v.parts[s.id])
    many = p in MANY_PARTS or p in ("petals", "antlers")
    asked = say.one("this part", PART, r=r, ps=MANY_PARTS.get(p, p), o=ways[0], **{"is": "are" if many else "is"})
    return one("pointed", asked, part_phrase(s, p, ways[0]), [s], part=p, plural=many, about=(s.id,))
