"""What a person could see in a picture: measured things, what may be asked about, and unique ways to name them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lisa.world.facts import MANY_PARTS, NAMES, Row, rows
from lisa.world.scene import Picture, Relation, Thing

OUTDOORS = ("street", "car interior", "garden", "beach", "farm", "park")
BACKDROP: dict[str, tuple[str, ...]] = {
    "tree": ("street", "car interior", "garden", "farm", "park", "kitchen", "breakfast", "living room"),
    "plant": ("garden", "farm", "park"),
    "flower": ("garden", "farm", "park"),
    "table": ("kitchen", "breakfast", "photo studio", "workshop"),
    "fence": ("garden", "farm"),
}
"""Kinds that a background may show or hint at; in these themes nothing is claimed about their number."""

STATES: dict[tuple[str, str], str] = {
    ("lamp", "lit"): "lit",
    ("lamp", "unlit"): "unlit",
    ("candle", "lit"): "lit",
    ("candle", "unlit"): "unlit",
    ("book", "open"): "open",
    ("book", "closed"): "closed",
    ("box", "open"): "open",
    ("box", "closed"): "closed",
    ("egg", "broken"): "broken",
    ("cup", "full"): "full",
    ("traffic light", "red"): "red",
    ("traffic light", "green"): "green",
    ("tap", "running"): "running",
}
"""(kind, state) → its adjective."""

STATES_ZH: dict[tuple[str, str], tuple[str, str]] = {
    ("lamp", "lit"): ("亮着", "亮着的"),
    ("lamp", "unlit"): ("没亮", "没亮的"),
    ("candle", "lit"): ("点着", "点着的"),
    ("candle", "unlit"): ("没点着", "没点着的"),
    ("book", "open"): ("打开了", "打开的"),
    ("book", "closed"): ("合上了", "合上的"),
    ("box", "open"): ("打开了", "打开的"),
    ("box", "closed"): ("盖上了", "盖上的"),
    ("egg", "broken"): ("破了", "破了的"),
    ("cup", "full"): ("装满了", "装满的"),
    ("traffic light", "red"): ("亮着红灯", "亮着红灯的"),
    ("traffic light", "green"): ("亮着绿灯", "亮着绿灯的"),
    ("tap", "running"): ("流着水", "流着水的"),
}
"""(kind, adjective) → as it is said of the thing, and before its noun."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One thing as it can be seen."""

    thing: Thing
    row: Row
    area: int
    share: float
    """Visible share of the whole thing."""
    x: float
    y: float
    """Centre of its visible pixels, as shares of width and height."""
    box: tuple[float, float, float, float]
    """Around its visible pixels, as shares."""
    able: bool
    """Whether enough of it is visible to be asked about."""

    @property
    def id(self) -> int:
        """Its id in the picture."""
        return self.thing.id

    @property
    def kind(self) -> str:
        """Its kind."""
        return self.thing.kind

    @property
    def person(self) -> bool:
        """Whether it is a person, babies included."""
        return self.row.category == "person"


class View:
    """A picture, measured once for all questions about it."""

    def __init__(self, picture: Picture) -> None:
        self.picture = picture
        self.scene = picture.scene
        self.theme = picture.scene.theme
        self.seen: tuple[Seen, ...] = _measure(picture)
        self.able: tuple[Seen, ...] = tuple(s for s in self.seen if s.able)
        self.by_id: dict[int, Seen] = {s.id: s for s in self.seen}
        self.counts: Counter[str] = Counter(s.kind for s in self.seen)
        self.unseen = {t.kind for t in self.scene.things} - set(self.counts)
        """Kinds of which something is there but hidden: nothing is claimed about them."""

    def of(self, kind: str) -> list[Seen]:
        """All visible things of a kind."""
        return [s for s in self.seen if s.kind == kind]

    def alone(self, s: Seen) -> bool:
        """Whether nothing else in the picture is called by its noun."""
        return self.counts[s.kind] == 1 and not self.hinted(s.kind)

    def hinted(self, kind: str) -> bool:
        """Whether something hidden, or a detail of another thing, could be called so too."""
        if kind in self.unseen or any(kind in s.row.contains for s in self.seen):
            return True
        return kind == "hat" and any("cap" in (s.thing.look.get("hair"), s.thing.look.get("hat")) for s in self.seen)

    def absent(self, kind: str) -> bool:
        """Whether it is certain that nothing of this kind can be seen."""
        return not self.counts[kind] and not self.hinted(kind) and self.theme not in BACKDROP.get(kind, ())

    def countable(self, kind: str) -> bool:
        """Whether the number of this kind is beyond doubt."""
        if self.hinted(kind) or self.theme in BACKDROP.get(kind, ()) or rows()[kind].plural is None:
            return False
        return all(s.able for s in self.of(kind))

    @cached_property
    def relations(self) -> list[Relation]:
        """Relations of which both sides can be asked about."""
        ids = {s.id for s in self.able}
        return [r for r in self.scene.relations if r.subject in ids and r.object in ids]

    @cached_property
    def tied(self) -> set[frozenset[int]]:
        """Pairs that touch by a relation."""
        return {frozenset((r.subject, r.object)) for r in self.scene.relations}

    @cached_property
    def carried(self) -> set[int]:
        """Things worn or held."""
        return {r.object for r in self.scene.relations if r.name in ("holding", "wearing")}

    # -- parts -----------------------------------------------------------------------------------------------------
    @cached_property
    def parts(self) -> dict[int, tuple[str, ...]]:
        """Thing id → its parts that are well visible."""
        p = self.picture
        n = len(p.part_names) + 1
        counts = np.bincount(p.ids.astype(np.intp).ravel() * n + p.parts.ravel(), minlength=256 * n).reshape(-1, n)
        least = _least(p) * 0.6
        return {
            s.id: tuple(name for i, name in enumerate(p.part_names) if least <= counts[s.id, i + 1] < 0.9 * s.area)
            for s in self.able
        }

    # -- names -----------------------------------------------------------------------------------------------------
    def title(self, s: Seen) -> str:
        """How an answer names it: "Lisa", "the red cup" where there are several, else "the cup"."""
        if s.thing.name:
            return s.thing.name
        if self.counts[s.kind] > 1 and s.thing.colour:
            return f"the {s.thing.colour} {s.kind}"
        return f"the {s.kind}"

    def titles(self, group: Iterable[Seen]) -> str:
        """How an answer names several at once: "the cups", or the title of a single one."""
        group = list(group)
        if len(group) == 1:
            return self.title(group[0])
        return f"the {group[0].row.plural or group[0].kind}"

    def ways(self, s: Seen) -> list[str]:
        """Every way to name it that fits nothing else in the picture, plainest first."""
        found = [s.thing.name] if s.thing.name else []
        if self.alone(s):
            found.append(f"the {s.kind}")
        if not self.hinted(s.kind):
            found += self._described(s)
        return found

    def _described(self, s: Seen) -> list[str]:
        found = []
        others = [o for o in self.of(s.kind) if o.id != s.id]
        colour, pattern, state = s.thing.colour, s.thing.pattern, STATES.get((s.kind, s.thing.state or ""))
        if colour and not any(o.thing.colour == colour for o in others):
            found.append(f"the {colour} {s.kind}")
        if pattern and not any(o.thing.pattern == pattern for o in others):
            found.append(f"the {pattern} {s.kind}")
        if state and not any(o.thing.state == s.thing.state for o in others):
            found.append(f"the {state} {s.kind}")
        for text in self.looks(s):
            if not any(text in self.looks(o) for o in others):
                found.append(f"the {s.kind} {text}")
        if others:
            found += [f"the {word} {s.kind}" for word in self.extremes(s, others)]
        return found

    def looks(self, s: Seen) -> list[str]:
        """What can be said of a person's look: "in the red shirt", "with glasses"."""
        look = s.thing.look
        if s.kind not in NAMES.values() or "hair" not in look:
            return []
        hidden = {"hair"} if any(r.subject == s.id and r.name == "wearing" for r in self.scene.relations) else set()
        found = []
        clothes = look.get("clothes", "")
        if clothes in ("dress", "trousers", "skirt", "dungarees"):
            found.append(f"in the {look.get('shirt')} {'dress' if clothes == 'dress' else 'shirt'}")
        if look.get("glasses"):
            found.append("with glasses")
        if look.get("beard"):
            found.append("with a beard")
        if look.get("moustache"):
            found.append("with a moustache")
        if "hair" not in hidden and look["hair"] not in ("bald", "cap"):
            found.append(f"with {look.get('hair colour')} hair")
        return found

    def extremes(self, s: Seen, others: list[Seen], margin: float = 0.07) -> list[str]:
        """ "leftmost" or "rightmost" where it is clearly so."""
        if all(s.x < o.x - margin and s.box[0] < o.box[0] for o in others):
            return ["leftmost"]
        if all(s.x > o.x + margin and s.box[2] > o.box[2] for o in others):
            return ["rightmost"]
        return []

    def other_colour(self, kind: str) -> Seen | None:
        """Among at least three of a kind that come in two colours, the one that has its colour to itself."""
        things = self.of(kind)
        colours = Counter(s.thing.colour for s in things)
        alone = [s for s in things if colours[s.thing.colour] == 1]
        return alone[0] if len(things) > 2 and len(colours) == 2 and len(alone) == 1 else None

    # -- places ----------------------------------------------------------------------------------------------------
    def beside(self, s: Seen, side: str) -> Seen | None:
        """Its next neighbour to the "left" or "right", or on either side (""), where that is clear."""
        height, width = self.picture.ids.shape
        sign = {"left": -1.0, "right": 1.0, "": 0.0}[side]
        found: list[tuple[float, Seen]] = []
        for o in self.seen:
            dx, dy = (o.x - s.x) * width, (o.y - s.y) * height
            if o.id == s.id or frozenset((o.id, s.id)) in self.tied or o.id in self.carried:
                continue
            if sign and (dx * sign < 0.05 * width or abs(dy) > 0.9 * abs(dx) + 0.04 * height):
                continue
            found.append((float(np.hypot(dx, dy)), o))
        found.sort(key=lambda f: f[0])
        if not found or not found[0][1].able or found[0][0] > 0.6 * width:
            return None
        return found[0][1] if len(found) == 1 or found[1][0] > 1.35 * found[0][0] else None

    def outermost(self, side: str) -> Seen | None:
        """What stands furthest to the "left", "right", "top" or "bottom" of all, where that is clear."""
        sign = -1.0 if side in ("right", "bottom") else 1.0
        upright = side in ("top", "bottom")
        edge = {"left": 0, "top": 1, "right": 2, "bottom": 3}[side]
        order = sorted(self.seen, key=lambda s: sign * (s.y if upright else s.x))
        if len(order) < 2 or not order[0].able or min(self.seen, key=lambda s: sign * s.box[edge]).id != order[0].id:
            return None
        first, second = (sign * (s.y if upright else s.x) for s in order[:2])
        return order[0] if second - first > 0.08 and order[0].id not in self.carried else None

    # -- facts -----------------------------------------------------------------------------------------------------
    def who_can(self, what: str) -> list[Seen] | None:
        """All things made for a use or having a trait; None where another thing could arguably do it too."""
        own: list[Seen] = []
        for s in self.seen:
            if what in s.row.also:
                return None
            if s.row.could(what):
                own.append(s)
        if self.theme in ("bathroom", "nursery") and any(s.kind == "duck" for s in own):
            return None  # it may be a toy
        if len({s.kind for s in own}) > 1 or not own or not all(s.able for s in own):
            return None
        return own

    def nobody_can(self, what: str) -> bool:
        """Whether nothing in the picture could do that, even arguably."""
        if any(s.row.could(what) for s in self.seen):
            return False
        return all(
            self.absent(kind)
            for kind, row in rows().items()
            if any(do == what for do, _ in row.uses) or what in row.traits
        )

    def best(self, value: str, group: str, clear: float) -> Seen | None:
        """The thing of a group with by far the highest value; None where it is close, unknown or not alone."""
        found = [s for s in self.seen if group == "thing" or s.row.is_a(group)]
        if len({s.kind for s in found}) < 2 or any(value not in s.row.values for s in found):
            return None
        found.sort(key=lambda s: -s.row.values[value])
        first, second = found[0].row.values[value], found[1].row.values[value]
        return found[0] if found[0].able and first > 0 and first >= clear * second else None


def _least(picture: Picture) -> float:
    """The fewest visible pixels of a thing that is asked about."""
    height, width = picture.ids.shape
    return max(40 * (max(height, width) / 256) ** 2, 0.0015 * height * width)


def _measure(picture: Picture) -> tuple[Seen, ...]:
    height, width = picture.ids.shape
    by_row, by_column = picture.pixels
    area = by_row.sum(0)
    least = _least(picture)
    found = []
    for thing in picture.scene.things:
        n = int(area[thing.id])
        if not n:
            continue
        r, c = by_row[:, thing.id], by_column[:, thing.id]
        ys, xs = np.flatnonzero(r), np.flatnonzero(c)
        share = n / max(picture.whole_area.get(thing.id, n), 1)
        found.append(
            Seen(
                thing=thing, row=rows()[thing.kind], area=n, share=share,
                x=float(c @ np.arange(width)) / n / width, y=float(r @ np.arange(height)) / n / height,
                box=(xs[0] / width, ys[0] / height, (xs[-1] + 1) / width, (ys[-1] + 1) / height),
                able=n >= least and share >= 0.4,
            )
        )  # fmt: skip
    return tuple(found)


def part_phrase(s: Seen, part: str, owner: str) -> str:
    """ "the handle of the cup", "the wheels of the car"."""
    return f"the {MANY_PARTS.get(part, part)} of {owner}"
