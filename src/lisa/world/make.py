"""Composition: from a seed to a scene. Layout, relations, set pieces; nothing is painted here."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from lisa.types import Size
from lisa.world import backgrounds as bg
from lisa.world.backgrounds import BACKGROUNDS, HELD_OUT_BACKGROUNDS
from lisa.world.palette import held_out_pair
from lisa.world.scene import Box, Relation, Scene, Thing
from lisa.world.shapes import Kind, kinds

PEOPLE = ("man", "woman", "boy", "girl")
FOOD = (
    "orange",
    "apple",
    "banana",
    "lemon",
    "carrot",
    "chilli",
    "bread",
    "cheese",
    "egg",
    "cake",
    "cherry",
    "milk",
    "chocolate",
    "fish",
)
RATIOS = ((3, 4), (4, 3), (9, 16), (1, 1))
NATIVE: dict[str, tuple[str, ...]] = {
    "kitchen": (
        *FOOD,
        "cup",
        "bowl",
        "plate",
        "knife",
        "kettle",
        "pan",
        "bottle",
        "clock",
        "man",
        "woman",
        "plant",
        "spoon",
        "fork",
        "scissors",
        "vase",
    ),
    "breakfast": (
        *FOOD,
        "cup",
        "bowl",
        "plate",
        "knife",
        "fork",
        "spoon",
        "kettle",
        "bottle",
        "candle",
        "flower",
        "vase",
        "girl",
        "boy",
        "man",
        "woman",
        "book",
    ),
    "bathroom": (
        "sink",
        "bathtub",
        "mirror",
        "towel",
        "towel",
        "toothbrush",
        "soap",
        "duck",
        "bucket",
        "stool",
        "bottle",
        "cup",
        "woman",
        "boy",
        "candle",
        "plant",
        "scissors",
    ),
    "living room": (
        "sofa",
        "chair",
        "table",
        "lamp",
        "clock",
        "book",
        "television",
        "plant",
        "vase",
        "cat",
        "candle",
        "guitar",
        "phone",
        "laptop",
        "key",
        "gift",
        "dog",
        "man",
        "woman",
        "girl",
        "boy",
        "ball",
        "mirror",
    ),
    "nursery": (
        "baby",
        "teddy",
        "ball",
        "blocks",
        "book",
        "chair",
        "lamp",
        "gift",
        "fence",
        "clock",
        "cat",
        "duck",
        "hat",
        "boy",
        "girl",
        "woman",
        "guitar",
        "box",
    ),
    "street": (
        "car",
        "car",
        "bus",
        "bicycle",
        "traffic light",
        "stop sign",
        "tree",
        "bench",
        "dog",
        "fire hydrant",
        "bin",
        "man",
        "woman",
        "boy",
        "girl",
        "bird",
        "umbrella",
        "box",
    ),
    "car interior": (
        "car",
        "bus",
        "tree",
        "traffic light",
        "man",
        "woman",
        "stop sign",
        "bicycle",
        "phone",
        "key",
        "horse",
        "cup",
        "bottle",
        "hat",
        "duck",
        "cow",
        "bird",
        "book",
    ),
    "photo studio": (
        "camera",
        "tripod",
        "short lens",
        "long lens",
        "lamp",
        "laptop",
        "phone",
        "book",
        "man",
        "woman",
        "cup",
        "clock",
        "key",
        "umbrella",
        "plant",
        "box",
    ),
    "garden": (
        "flower",
        "flower",
        "watering can",
        "shovel",
        "rake",
        "tree",
        "bucket",
        "bird",
        "umbrella",
        "chair",
        "bench",
        "ladder",
        "hat",
        "dog",
        "cat",
        "woman",
        "man",
        "girl",
        "boy",
        "fence",
        "bin",
        "carrot",
    ),
    "workshop": (
        "hammer",
        "saw",
        "screwdriver",
        "scissors",
        "paintbrush",
        "bucket",
        "box",
        "stool",
        "clock",
        "lamp",
        "bottle",
        "man",
        "woman",
        "key",
        "book",
        "cup",
        "watering can",
    ),
    "beach": (
        "boat",
        "sandcastle",
        "shell",
        "surfboard",
        "umbrella",
        "ball",
        "bucket",
        "hat",
        "bird",
        "dog",
        "duck",
        "man",
        "woman",
        "boy",
        "girl",
        "book",
        "bottle",
        "shovel",
    ),
    "farm": (
        "cow",
        "horse",
        "duck",
        "sheep",
        "bird",
        "dog",
        "cat",
        "tree",
        "fence",
        "rake",
        "shovel",
        "bucket",
        "man",
        "woman",
        "boy",
        "girl",
        "ladder",
        "box",
        "watering can",
        "flower",
    ),
    "park": (
        "tree",
        "bench",
        "dog",
        "bicycle",
        "ball",
        "bird",
        "duck",
        "flower",
        "horse",
        "bin",
        "man",
        "woman",
        "boy",
        "girl",
        "book",
        "guitar",
        "umbrella",
        "fire hydrant",
        "hat",
        "lamp",
    ),
}
THEMES: tuple[str, ...] = tuple(NATIVE)


@dataclass
class Draft:
    """A thing on its way into the scene."""

    kind: str
    box: Box
    key: tuple[float, float, int]
    words: dict[str, Any]
    scale: float
    important: bool = False
    rides: int | None = None
    """The draft it stands on, wears or belongs to."""
    look: dict[str, str] = field(default_factory=dict)


class Builder:
    """Collects drafts and relations; every choice comes from its generator."""

    def __init__(self, theme: str, size: Size, plan: bg.Layout, rng: np.random.Generator, split: str) -> None:
        self.theme, self.size, self.plan, self.rng, self.split = theme, size, plan, rng, split
        self.unit = 0.5 * (min(size) + math.sqrt(size[0] * size[1]))
        self.drafts: list[Draft] = []
        self.relations: list[tuple[int, str, int]] = []
        self.banned: set[str] = set()
        self.few = {k for k, row in kinds().items() if not row.colours}
        """Kinds whose instances look alike; they are rarely repeated."""
        self.names: set[str] = set()

    # -- choices ---------------------------------------------------------------------------------------------------
    def pick(self, options: Sequence[Any]) -> Any:
        """One of them."""
        return options[int(self.rng.integers(len(options)))]

    def chance(self, p: float) -> bool:
        """True with probability `p`."""
        return bool(self.rng.random() < p)

    def colour(self, kind: str) -> str | None:
        """A colour this kind may have in this split."""
        colours = kinds()[kind].colours
        held = [c for c in colours if held_out_pair(kind, c)]
        free = [c for c in colours if c not in held]
        if self.split == "pairs" and held and self.chance(0.5):
            return str(self.pick(held))
        return str(self.pick(free)) if free else None

    def words(self, kind: str, given: dict[str, Any]) -> dict[str, Any]:
        """Attributes of a new thing."""
        row = kinds()[kind]
        words: dict[str, Any] = {"colour": given.get("colour") or self.colour(kind), "pattern": None, "state": None}
        if row.patterns and self.chance(0.3):
            words["pattern"] = self.pick(row.patterns)
        if row.states and (len(row.states) > 1 or self.chance(0.25)):
            words["state"] = self.pick(row.states)
        if kind not in PEOPLE and self.chance(0.22):
            words["size"] = self.pick(("small", "large"))
        return words | {k: v for k, v in given.items() if k in ("colour", "pattern", "state", "size", "name")}

    def looks(self, kind: str, row: Kind, words: dict[str, Any], given: dict[str, str]) -> dict[str, str]:
        """What else the drawing needs."""
        from lisa.world.shapes.people import NAMED, random_look

        look: dict[str, str] = {}
        if kind in PEOPLE:
            look = dict(NAMED[words["name"]][1]) if words.get("name") else random_look(kind, self.rng)
            look["pose"] = str(self.pick(("standing", "standing", "waving")))
        elif kind == "baby":
            look = {
                "skin": str(self.pick(("#f6d3b3", "#d9a270", "#8a5a38"))),
                "shirt": str(self.pick(("#8ec6ea", "#f2b4c6", "#f4e08a", "#a8d8a0"))),
            }
        elif kind == "tree":
            look["leaf"] = str(self.pick(("#4a9a48", "#3f8a50", "#6aa840", "#5a9440")))
        if row.tilt and self.chance(0.7):
            look["tilt"] = str(int(self.rng.integers(-int(row.tilt), int(row.tilt) + 1)))
        if kind not in PEOPLE and kind not in _NO_FLIP and self.chance(0.5):
            look["facing"] = "left"
        return look | given

    # -- places ----------------------------------------------------------------------------------------------------
    def support(self, kind: str) -> bg.Support | None:
        """Where a thing of this kind may stand in this scene."""
        row, plan = kinds()[kind], self.plan
        if row.place == "wall":
            return plan.support("wall")
        if row.place == "sky":
            sky = plan.support("sky")
            return sky if sky and self.chance(0.6) else plan.support("table") or plan.support("floor")
        if row.place == "water":
            return plan.support("water") or plan.support("floor")
        if self.theme in bg.TABLETOP:
            if kind in PEOPLE or row.tall > 0.45:
                return plan.support("behind")
            if row.tall > 0.31 and row.place == "floor":
                return None
        shelf = plan.support("shelf")
        if shelf and row.place == "table" and row.tall < 0.25 and self.chance(0.18):
            return shelf
        if self.theme == "car interior":
            return plan.support("floor" if row.place == "floor" else "table")
        return plan.support("table") or plan.support("floor")

    def extent(self, kind: str, look: dict[str, str], scale: float) -> tuple[float, float]:
        """Width and height in pixels, tilt included."""
        row = kinds()[kind]
        w, h = row.width, row.height
        for word, box in row.alt.items():
            key, value = word.split("=")
            if look.get(key) == value:
                w, h = box
        s = row.tall * self.unit * scale / row.height
        angle = math.radians(float(look.get("tilt", "0")))
        c, n = abs(math.cos(angle)), abs(math.sin(angle))
        return s * (w * c + h * n), s * (w * n + h * c)

    def add(
        self,
        kind: str,
        *,
        support: str | None = None,
        important: bool = False,
        x: float | None = None,
        depth: float | None = None,
        scale: float = 1.0,
        look: dict[str, str] | None = None,
        **given: Any,
    ) -> int | None:
        """Find a place for a new thing; its number, or None where there was no room."""
        place = self.plan.support(support) if support else self.support(kind)
        if place is None:
            return None
        words = self.words(kind, given)
        looks = self.looks(kind, kinds()[kind], words, look or {})
        factor = {"small": 0.7, "large": 1.32}.get(words.get("size") or "", 1.0) * scale
        factor *= float(self.rng.uniform(0.93, 1.07))
        limit = 0.1 if important else float(self.pick((0.08, 0.15, 0.4)))
        best: tuple[float, Draft] | None = None
        for _ in range(14):
            draft = self._candidate(kind, place, words, looks, factor, x, depth)
            draft.important = important
            cost = self._crowding(draft)
            if best is None or cost < best[0]:
                best = (cost, draft)
            if cost <= limit:
                break
        if best is None or best[0] > (0.75 if important else 0.45):
            return None
        return self._keep(best[1])

    def state(
        self,
        kind: str,
        *,
        at: Sequence[float] | None = None,
        scale: float = 1.0,
        look: dict[str, str] | None = None,
        **given: Any,
    ) -> int:
        """A thing that has to be there: its foot `at` (x, y), shares of the picture, or where there is most room."""
        number = None if at else self.add(kind, important=True, scale=scale, look=look, **given)
        if number is not None:
            return number
        words = self.words(kind, given)
        looks = self.looks(kind, kinds()[kind], words, look or {})
        place = self.support(kind) or self.plan.supports[0]
        factor = {"small": 0.7, "large": 1.32}.get(words.get("size") or "", 1.0) * scale
        depth = None
        if at is not None:  # as large as a thing that stands there
            depth = min(max((at[1] - place.y0) / max(place.y1 - place.y0, 1e-6), 0.0), 1.0)
        draft = self._candidate(kind, place, words, looks, factor, at[0] if at else None, depth)
        if at is not None:
            x0, y0, x1, y1 = draft.box
            down = at[1] * self.size[0] - y1
            draft.box = (x0, y0 + down, x1, y1 + down)
            draft.key = (draft.key[0], draft.box[3], draft.key[2])
        return self._keep(draft)

    def _keep(self, draft: Draft) -> int:
        self.drafts.append(draft)
        if draft.words.get("name"):
            self.names.add(draft.words["name"])
        return len(self.drafts) - 1

    def _candidate(
        self,
        kind: str,
        place: bg.Support,
        words: dict[str, Any],
        looks: dict[str, str],
        factor: float,
        x: float | None,
        depth: float | None,
    ) -> Draft:
        height, width = self.size
        t = float(self.rng.random()) if depth is None else depth
        scale = (place.s0 + (place.s1 - place.s0) * t) * factor
        w, h = self.extent(kind, looks, scale)
        base = (place.y0 + (place.y1 - place.y0) * t) * height
        hanging = place.name in ("wall", "sky")
        if hanging:
            base = max(base, 0.06 * height) + h / 2
        if place.name == "shelf" and h > 0.9 * place.y1 * height:
            scale, w, h = scale * 0.7, w * 0.7, h * 0.7
        left, right = (v * width for v in self._free_wall(place))
        centre = float(self.rng.uniform(left + w / 2, right - w / 2)) if right - left > w else (left + right) / 2
        centre = centre if x is None else x * width
        looks = dict(looks)
        if place.layer == 0:
            looks["layer"] = "back"
        if hanging:
            looks["shadow"] = "none"
        key = (float(place.layer), -1.0 if hanging else base, len(self.drafts))
        return Draft(kind, (centre - w / 2, base - h, centre + w / 2, base), key, words, scale, look=looks)

    def _free_wall(self, place: bg.Support) -> tuple[float, float]:
        """The reach of a support; the wall's without the shelf."""
        shelf = self.plan.support("shelf")
        if place.name != "wall" or shelf is None:
            return place.x0, place.x1
        return (place.x0, shelf.x0 - 0.03) if shelf.x0 > 0.5 else (shelf.x1 + 0.03, place.x1)

    def _crowding(self, draft: Draft) -> float:
        """How much of the smaller of two boxes is shared, at worst."""
        worst = 0.0
        height = self.size[0]
        above = max(0.0, -draft.box[1]) / max(draft.box[3] - draft.box[1], 1)
        if above > 0.12 or draft.box[3] > 1.02 * height:
            worst = 0.3 + above
        for other in self.drafts:
            share = _shared(draft.box, other.box) * (2.0 if other.important else 1.0)
            same = draft.key[0] == other.key[0]
            worst = max(worst, share if same else 0.6 * share)
        return worst

    def put(
        self,
        kind: str,
        on: int,
        fx: float,
        fy: float,
        relation: str | None,
        *,
        scale: float = 1.0,
        after: bool = True,
        look: dict[str, str] | None = None,
        anchor: float = 1.0,
        important: bool = False,
        **given: Any,
    ) -> int:
        """A thing at a place of another one: its point (½, anchor) comes to (fx, fy) of the other's box."""
        host = self.drafts[on]
        words = self.words(kind, {"size": None} | given)
        looks = self.looks(kind, kinds()[kind], words, {"tilt": "0", "shadow": "none"} | (look or {}))
        if host.look.get("layer"):
            looks["layer"] = host.look["layer"]
        w, h = self.extent(kind, looks, host.scale * scale)
        x0, y0, x1, y1 = host.box
        cx, cy = x0 + (x1 - x0) * fx, y0 + (y1 - y0) * fy
        step = 1e-3 * (len(self.drafts) + 1) * (1 if after else -1)
        key = (host.key[0], host.key[1] + step, len(self.drafts))
        box = (cx - w / 2, cy - anchor * h, cx + w / 2, cy + (1 - anchor) * h)
        number = self._keep(Draft(kind, box, key, words, host.scale * scale, important, on, looks))
        if relation:
            self.relations.append((number, relation, on))
        return number

    def person(self, *, named: float = 0.18, kind: str | None = None, **how: Any) -> int | None:
        """A person, now and then a named one who is not there yet."""
        from lisa.world.shapes.people import NAMED

        free = [n for n in NAMED if n not in self.names and (kind is None or NAMED[n][0] == kind)]
        name = str(self.pick(free)) if free and self.chance(named) else None
        kind = NAMED[name][0] if name else kind or str(self.pick(PEOPLE))
        return self.add(kind, name=name, **how)


_NO_FLIP = {
    "clock",
    "stop sign",
    "traffic light",
    "speedometer",
    "fuel gauge",
    "steering wheel",
    "book",
    "milk",
    "television",
}


def _shared(a: Box, b: Box) -> float:
    w = min(a[2], b[2]) - max(a[0], b[0])
    h = min(a[3], b[3]) - max(a[1], b[1])
    if w <= 0 or h <= 0:
        return 0.0
    return w * h / max(min((a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1])), 1.0)


# -- set pieces ------------------------------------------------------------------------------------------------------
def _several(b: Builder, names: Sequence[str], low: int, high: int, **how: Any) -> list[int]:
    chosen = b.rng.permutation(np.asarray(names, dtype=object))[: int(b.rng.integers(low, high + 1))]
    return [i for i in (b.add(str(n), **how) for n in chosen) if i is not None]


def _vitamin_c(b: Builder) -> bool:
    b.banned |= {"orange", "lemon", "chilli"}
    done = b.add("orange", important=True)
    foods = _several(b, ("egg", "bread", "cheese", "milk", "cake", "chocolate", "fish", "banana", "apple"), 3, 6)
    return done is not None and len(foods) >= 2


def _stand_higher(b: Builder) -> bool:
    what = str(b.pick(("ladder", "stool", "box")))
    b.banned.add(what)
    look = {"tilt": "0"}
    host = b.add(
        what,
        important=True,
        depth=float(b.rng.uniform(0.45, 0.9)),
        look=look,
        size=None,
        scale={"ladder": 0.85, "stool": 1.15, "box": 1.25}[what],
        state="closed" if what == "box" else None,
    )
    if host is None:
        return False
    climb = {"ladder": 0.5, "stool": 0.13, "box": 0.17}[what]
    on = _upon(b, host, climb)
    b.drafts[on].important = True
    b.person(named=0.1)
    _several(b, [k for k in ("stool", "chair", "table", "box", "ladder", "bench") if k not in b.banned], 0, 2)
    return True


def _upon(b: Builder, host: int, climb: float) -> int:
    """Put a reaching person on the host; both shrink where the picture is too low for them."""
    kind = str(b.pick(PEOPLE))
    draft = b.drafts[host]
    x0, y0, x1, y1 = draft.box
    row = kinds()[kind]
    tall = row.tall * b.unit * draft.scale * row.alt["pose=reaching up"][1] / row.height * 0.95
    total = (y1 - y0) * (1 - climb) + tall
    fit = min(1.0, 0.96 * y1 / total)
    cx = (x0 + x1) / 2
    draft.box = (cx - (x1 - x0) / 2 * fit, y1 - (y1 - y0) * fit, cx + (x1 - x0) / 2 * fit, y1)
    draft.scale *= fit
    return b.put(kind, host, 0.5, climb, "standing on", scale=0.95, look={"pose": "reaching up"})


def _near_lens(b: Builder) -> bool:
    b.banned |= {"camera", "short lens", "long lens"}
    placed = [b.add(k, important=True, support="table", size=None) for k in ("camera", "long lens", "short lens")]
    return all(i is not None for i in placed)


def _baby_fence(b: Builder) -> bool:
    b.banned |= {"baby", "fence"}
    fence = b.add("fence", important=True, depth=float(b.rng.uniform(0.45, 0.9)), size=None, scale=1.15)
    if fence is None:
        return False
    x = float(b.rng.uniform(0.3, 0.7))
    b.put("baby", fence, x, 0.88, "behind", scale=1.1, after=False, important=True, look={"shadow": "soft"})
    toy = str(b.pick(("teddy", "ball", "blocks")))
    b.put(toy, fence, 1 - x, 0.86, "behind", scale=0.8, after=False, look={"shadow": "soft"})
    _several(b, ("teddy", "ball", "blocks", "duck"), 1, 3)
    return True


def _named(b: Builder) -> bool:
    first = b.person(named=1.0, important=True)
    others = [b.person(named=0.35) for _ in range(int(b.rng.integers(2, 5)))]
    return first is not None and sum(o is not None for o in others) >= 2


def _dog_antlers(b: Builder) -> bool:
    b.banned.add("dog")
    first = b.add("dog", important=True, look={"antlers": "yes"}, size=None)
    others = [b.add("dog", look={"antlers": "no"}) for _ in range(int(b.rng.integers(2, 4)))]
    return first is not None and any(o is not None for o in others)


def _sink_tap(b: Builder) -> bool:
    b.banned |= {"sink", "tap"}
    sink = b.add("sink", important=True, size=None, look={"facing": "right"})
    if sink is None:
        return False
    b.put("tap", sink, float(b.rng.uniform(0.4, 0.6)), 0.13, "on", scale=1.0, important=True)
    return True


def _dashboard(b: Builder) -> bool:
    b.banned |= {"steering wheel", "speedometer", "fuel gauge"}
    height, width = b.size
    cx = float(b.rng.uniform(0.28, 0.36)) * width
    inside = b.chance(0.6)
    d = min(0.62 * height, 0.5 * width)
    wheel = (cx - d / 2, 0.93 * height - d / 2, cx + d / 2, 0.93 * height + d / 2)
    top = wheel[1] + 0.13 * d
    spots = ((cx - 0.15 * d, 0.27 * d), (cx + 0.15 * d, 0.25 * d))
    if not inside:
        top = (b.plan.horizon + 0.2) * height
        spots = ((cx + 0.68 * d, 0.3 * d), (cx + 1.05 * d, 0.3 * d))
    if b.chance(0.5):
        spots = (spots[1], spots[0])
    for order, (kind, (x, w)) in enumerate(zip(("speedometer", "fuel gauge"), spots)):
        h = w if kind == "speedometer" else w * 70 / 110
        look = {"shadow": "none"}
        b._keep(
            Draft(
                kind,
                (x - w / 2, top + (w - h) / 2, x + w / 2, top + (w + h) / 2),
                (1.0, 1e4 + order, order),
                b.words(kind, {"size": None}),
                1.0,
                True,
                look=look,
            )
        )
    b._keep(
        Draft(
            "steering wheel",
            wheel,
            (1.0, 1e4 + 5, 5),
            b.words("steering wheel", {"size": None}),
            1.0,
            True,
            look={"shadow": "none"},
        )
    )
    return True


def _chilli(b: Builder) -> bool:
    b.banned |= {"chilli", "candle"}
    done = b.add("chilli", important=True)
    foods = _several(b, ("egg", "bread", "cheese", "milk", "cake", "carrot", "fish", "banana", "apple", "lemon"), 3, 6)
    return done is not None and len(foods) >= 2


def _cold_sun(b: Builder) -> bool:
    b.banned.add("umbrella")
    shade = b.add("umbrella", important=True, size=None, scale=1.25, look={"tilt": "0"})
    man = b.person(important=True)
    return shade is not None and man is not None


def _hat(b: Builder) -> bool:
    b.banned.add("hat")
    who = b.person(named=0.0, important=True)
    if who is None:
        return False
    _wear_hat(b, who, important=True)
    b.person(named=0.2)
    return True


def _wear_hat(b: Builder, who: int, important: bool = False) -> None:
    child = b.drafts[who].kind in ("boy", "girl")
    tall = kinds()[b.drafts[who].kind].tall
    share = 15 / (98 if child else 120)
    size = tall * (40 if child else 36) * 58 / 110 / (98 if child else 120) / kinds()["hat"].tall
    b.put("hat", who, 0.5, share, "wearing_", scale=size, important=important)


def _odd_colour(b: Builder) -> bool:
    """Three to five of a kind, one of which has another colour."""
    kind = str(b.pick([k for k in NATIVE[b.theme] if k not in PEOPLE and len(_free_colours(k)) > 1]))
    one, other = b.rng.permutation(np.asarray(_free_colours(kind), dtype=object))[:2]
    b.banned.add(kind)
    odd = b.add(kind, important=True, colour=str(one))
    alike = [b.add(kind, important=True, colour=str(other)) for _ in range(int(b.rng.integers(2, 5)))]
    return odd is not None and sum(i is not None for i in alike) >= 2


def _free_colours(kind: str) -> list[str]:
    return [c for c in kinds()[kind].colours if not held_out_pair(kind, c)]


SetPiece = Callable[[Builder], bool]
_PIECES: dict[str, tuple[tuple[str, ...], SetPiece]] = {
    "vitamin_c": (("breakfast", "kitchen"), _vitamin_c),
    "stand_higher": (("living room", "garden", "nursery", "street", "farm", "park", "bathroom"), _stand_higher),
    "near_lens": (("photo studio",), _near_lens),
    "baby_fence": (("nursery", "living room", "garden"), _baby_fence),
    "named": (("living room", "street", "park", "beach", "garden", "nursery", "farm"), _named),
    "dog_antlers": (("street", "park", "garden", "farm", "living room", "beach"), _dog_antlers),
    "sink_tap": (("bathroom",), _sink_tap),
    "dashboard": (("car interior",), _dashboard),
    "chilli": (("kitchen", "breakfast"), _chilli),
    "cold_sun": (("beach",), _cold_sun),
    "hat": (("street", "park", "beach", "garden", "farm", "living room"), _hat),
    "odd_colour": (
        ("kitchen", "breakfast", "bathroom", "living room", "nursery", "street", "garden", "workshop", "park"),
        _odd_colour,
    ),
}
_FOR_LESSONS = ("odd_colour",)
"""Those that are arranged where a lesson asks for them, and never by chance."""
SET_PIECES: dict[str, tuple[str, ...]] = {name: themes for name, (themes, _) in _PIECES.items()}
"""Set piece → the themes it can stand in."""


# -- ordinary groups -------------------------------------------------------------------------------------------------
def _laid_table(b: Builder) -> None:
    table = b.add("table", size=None, scale=1.1)
    if table is None:
        return
    things = b.rng.permutation(
        np.asarray(
            ("lamp", "book", "cup", "vase", "laptop", "phone", "candle", "cake", "plant", "bowl", "apple", "orange"),
            dtype=object,
        )
    )
    for i, kind in enumerate(things[: int(b.rng.integers(1, 4))]):
        if str(kind) not in b.banned:
            fx, fy = 0.22 + 0.28 * i + float(b.rng.uniform(-0.04, 0.04)), float(b.rng.uniform(0.14, 0.28))
            b.put(str(kind), table, fx, fy, "on", scale=0.8)


def _full_plate(b: Builder) -> None:
    plate = b.add("plate", scale=1.25, size=None)
    if plate is not None:
        foods = [f for f in ("bread", "cheese", "egg", "cake", "fish", "apple", "cherry") if f not in b.banned]
        b.put(str(b.pick(foods)), plate, 0.5, 0.6, "on", scale=0.75)


def _flower_vase(b: Builder) -> None:
    vase = b.add("vase", size=None)
    if vase is not None:
        for fx in (0.36, 0.64)[: int(b.rng.integers(1, 3))]:
            b.put("flower", vase, fx, 0.3, "in", after=False, scale=float(b.rng.uniform(0.85, 1.05)))


def _on_seat(b: Builder) -> None:
    seat = str(b.pick(("sofa", "sofa", "chair"))) if b.theme not in ("park", "street", "garden") else "bench"
    host = b.add(seat, size=None)
    if host is not None:
        kind = str(b.pick(("cat", "teddy", "book", "ball", "hat", "gift")))
        fx, fy = {"sofa": (float(b.pick((0.32, 0.68))), 0.68), "chair": (0.5, 0.57), "bench": (0.35, 0.64)}[seat]
        if kind not in b.banned:
            b.put(kind, host, fx, fy, "on", scale=0.8)


def _equipped(b: Builder) -> None:
    look = {"pose": "holding"}
    who = b.person(named=0.25, look=look)
    if who is None:
        return
    child = b.drafts[who].kind in ("boy", "girl")
    fy = 42.5 / 98 if child else 40.5 / 120
    kind = str(b.pick(("umbrella", "flower", "book", "phone", "ball", "cup", "gift", "paintbrush")))
    if kind in b.banned:
        kind = "flower"
    if kind == "umbrella":
        b.put(kind, who, 53 / 60, fy, "holding_", scale=0.85, after=False, anchor=0.88)
    else:
        tall = kind in ("flower", "paintbrush")
        look = {"tilt": "-60"} if kind == "paintbrush" else {}
        b.put(kind, who, 55 / 60, fy + 0.02, "holding_", scale=0.7, anchor=0.75 if tall else 0.6, look=look)
    if not b.drafts[who].words.get("name") and "hat" not in b.banned and b.chance(0.3):
        _wear_hat(b, who)


def _washing(b: Builder) -> None:
    if "sink" not in b.banned:
        _sink_tap(b)


def _wheels(b: Builder) -> None:
    for _ in range(int(b.rng.integers(1, 3))):
        b.add("car")


_GROUPS: dict[str, tuple[Callable[[Builder], None], ...]] = {
    "kitchen": (_full_plate, _flower_vase),
    "breakfast": (_full_plate, _full_plate, _flower_vase),
    "bathroom": (_washing, _equipped),
    "living room": (_laid_table, _on_seat, _flower_vase, _equipped),
    "nursery": (_on_seat, _laid_table, _equipped),
    "street": (_wheels, _equipped, _on_seat),
    "car interior": (_wheels,),
    "photo studio": (_flower_vase,),
    "garden": (_equipped, _on_seat, _laid_table),
    "workshop": (),
    "beach": (_equipped,),
    "farm": (_equipped,),
    "park": (_equipped, _on_seat),
}


# -- whole scenes ----------------------------------------------------------------------------------------------------
def make_scene(
    seed: int, *, theme: str | None = None, set_piece: str | None = None, size: Size | None = None, split: str = "train"
) -> Scene:
    """Compose the scene of a seed.

    `split` "backgrounds" takes only held-out backgrounds, "pairs" has held-out kind × colour pairs; every other split
    has neither.
    """
    code = zlib.crc32(split.encode())
    scene: Scene | None = None
    for attempt in range(8):
        rng = np.random.default_rng([seed, code, attempt])
        builder, background, piece, fine = _compose(seed, rng, theme, set_piece, size, split)
        scene = _finish(seed, builder, background, piece)
        if fine and _good(scene, piece, split):
            return scene
    assert scene is not None
    return replace(scene, set_piece=None)


def compose_stated(seed: int, theme: str, background: str, size: Size, state: Callable[[Builder], object]) -> Scene:
    """A scene of what `state` puts into it, all of it."""
    builder = Builder(theme, size, bg.layout(theme, seed), np.random.default_rng([seed, 7004]), "test")
    state(builder)
    return _scene(seed, builder, background, None, list(range(len(builder.drafts))))


def _compose(
    seed: int, rng: np.random.Generator, theme: str | None, piece: str | None, size: Size | None, split: str
) -> tuple[Builder, str, str | None, bool]:
    if piece is None and rng.random() < 0.25:
        by_chance = {p: themes for p, themes in SET_PIECES.items() if p not in _FOR_LESSONS}
        options = [p for p, themes in by_chance.items() if theme is None or theme in themes]
        weights = np.asarray([2.0 if p in ("named", "stand_higher") else 1.0 for p in options])
        piece = str(rng.choice(options, p=weights / weights.sum())) if options else None
    if theme is None:
        theme = str(rng.choice(_PIECES[piece][0] if piece else THEMES))
    if size is None:
        a, b = RATIOS[int(rng.integers(len(RATIOS)))]
        size = (256 * a // max(a, b), 256 * b // max(a, b))
    rooms = [n for n in BACKGROUNDS[theme] if (n in HELD_OUT_BACKGROUNDS) == (split == "backgrounds")]
    background = str(rng.choice(rooms))
    b = Builder(theme, size, bg.layout(theme, seed), rng, split)
    n = int(rng.integers(2, 4)) if rng.random() < 0.07 and not piece else int(rng.integers(6, 14))
    fine = _PIECES[piece][1](b) if piece else True
    if theme == "car interior" and piece is None:
        _dashboard(b)
        piece = "dashboard"
    _fill(b, n)
    return b, background, piece, fine


def _fill(b: Builder, n: int) -> None:
    """Ordinary things until there are about `n`."""
    if b.split == "pairs":
        _held_pair(b)
    groups = _GROUPS[b.theme]
    if n > 4:
        _anchors(b)
    if groups and n > 4:
        for _ in range(int(b.rng.integers(1, 3))):
            if len(b.drafts) + 2 <= n:
                b.pick(groups)(b)
    tries = 0
    while len(b.drafts) < n and tries < 3 * n:
        tries += 1
        kind = str(b.pick(NATIVE[b.theme])) if b.chance(0.76) else _foreign(b)
        count = sum(d.kind == kind for d in b.drafts)
        if kind in b.banned or count >= 3 or (count and b.chance(0.7 if kind in b.few else 0.4)):
            continue
        if kind in PEOPLE:
            b.person(kind=kind)
            continue
        first = b.add(kind, **_only(b, kind))
        if first is not None and b.chance(0.05 if kind in b.few else 0.2):
            for _ in range(int(b.rng.integers(1, 3))):
                if len(b.drafts) < 14:
                    b.add(kind, **_only(b, kind))


def _only(b: Builder, kind: str) -> dict[str, Any]:
    return {"look": {"antlers": "no"}} if kind == "dog" else {}


def _held_pair(b: Builder) -> None:
    pairs = [(k, c) for k, row in kinds().items() for c in row.colours if held_out_pair(k, c) and k not in b.banned]
    for i in b.rng.permutation(len(pairs)):
        kind, colour = pairs[int(i)]
        if _fits(b, kind) and b.add(kind, colour=colour, important=True, **_only(b, kind)) is not None:
            return


_AT_HOME = {"steering wheel", "speedometer", "fuel gauge", "tap", "fence", "boat", "bus", "sandcastle"}
_RARE = {
    "pan",
    "spoon",
    "television",
    "bus",
    "horse",
    "tripod",
    "bathtub",
    "cow",
    "sheep",
    "surfboard",
    "sandcastle",
    "boat",
    "stop sign",
    "traffic light",
    "rake",
    "hammer",
    "saw",
    "sofa",
    "shell",
    "ladder",
    "guitar",
    "mirror",
    "shovel",
    "blocks",
    "toothbrush",
    "tree",
    "camera",
    "long lens",
    "short lens",
    "bench",
    "bicycle",
    "kettle",
    "soap",
    "towel",
}
"""Kinds that would seldom come by chance; they get a turn of their own."""


def _anchors(b: Builder) -> None:
    """First of all the large and the rare, while there is room."""
    large = [k for k in dict.fromkeys(NATIVE[b.theme]) if k in _RARE and k not in b.banned]
    for _ in range(int(b.rng.integers(1, 4)) if large else 0):
        kind = str(b.pick(large))
        if not any(d.kind == kind for d in b.drafts):
            b.add(kind)


def _fits(b: Builder, kind: str) -> bool:
    row = kinds()[kind]
    native = kind in NATIVE[b.theme]
    if not native and kind in _AT_HOME:
        return False
    if kind in ("car", "bicycle", "bench") and (b.theme in bg.TABLETOP or b.theme in bg.ROOM):
        return False
    if b.theme in bg.TABLETOP:
        return row.place in ("table", "wall") or row.tall <= 0.3 or kind in PEOPLE
    if b.theme == "car interior":
        return row.tall < 0.25 or row.place == "floor"
    if not native and row.tall > 0.31:
        return kind in PEOPLE
    return row.place != "wall" or b.theme in bg.ROOM


def _foreign(b: Builder) -> str:
    for _ in range(20):
        kind = str(b.pick(tuple(kinds())))
        if _fits(b, kind):
            return kind
    return "ball"


def _finish(seed: int, b: Builder, background: str, piece: str | None) -> Scene:
    """Painter's order, numbers, and nothing left that can hardly be seen."""
    from lisa.world.draw import truth

    kept = list(range(len(b.drafts)))
    scene = _scene(seed, b, background, piece, kept)
    ids, areas = truth(scene)
    seen = np.bincount(ids.ravel(), minlength=256)
    order = sorted(kept, key=lambda i: b.drafts[i].key)
    floor = 55 * (max(b.size) / 256.0) ** 2
    need = {i: 0.45 if b.drafts[i].important else 0.25 for i in kept}
    least = {i: max(need[i] * areas.get(k + 1, 0), floor) for k, i in enumerate(order)}
    gone = {i for k, i in enumerate(order) if seen[k + 1] < least[i]}
    kept = [i for i in kept if i not in gone and b.drafts[i].rides not in gone]
    return _scene(seed, b, background, piece, kept)


def _scene(seed: int, b: Builder, background: str, piece: str | None, kept: list[int]) -> Scene:
    order = sorted(kept, key=lambda i: b.drafts[i].key)
    number = {i: k + 1 for k, i in enumerate(order)}
    things = tuple(_thing(b.drafts[i], number[i]) for i in order)
    both = [(s, name, o) for s, name, o in b.relations if s in number and o in number]
    relations = tuple(_relation(number[s], name, number[o]) for s, name, o in both)
    return Scene(
        seed=seed,
        theme=b.theme,
        background=background,
        size=b.size,
        things=things,
        relations=relations,
        set_piece=piece,
    )


def _thing(d: Draft, id: int) -> Thing:
    w = d.words
    x0, y0, x1, y1 = (round(v, 2) for v in d.box)
    return Thing(
        id=id,
        kind=d.kind,
        box=(x0, y0, x1, y1),
        colour=w.get("colour"),
        size=w.get("size"),
        pattern=w.get("pattern"),
        state=w.get("state"),
        name=w.get("name"),
        look=dict(d.look),
    )


def _relation(subject: int, name: str, object: int) -> Relation:
    """A name that ends in "_" was said from the other side: the person (object) is wearing the hat (subject)."""
    if name.endswith("_"):
        return Relation(subject=object, name=name[:-1], object=subject)
    return Relation(subject=subject, name=name, object=object)


_NEEDS: dict[str, tuple[str, ...]] = {
    "vitamin_c": ("orange",),
    "near_lens": ("camera", "short lens", "long lens"),
    "baby_fence": ("baby", "fence"),
    "sink_tap": ("sink", "tap"),
    "dashboard": ("speedometer", "fuel gauge", "steering wheel"),
    "chilli": ("chilli",),
    "cold_sun": ("umbrella",),
    "hat": ("hat",),
    "dog_antlers": ("dog",),
}


def _good(scene: Scene, piece: str | None, split: str) -> bool:
    """Whether the scene still holds what it promises."""
    names = [t.kind for t in scene.things]
    if len(names) < 2 or (split == "pairs" and not any(held_out_pair(t.kind, t.colour) for t in scene.things)):
        return False
    if piece and not all(k in names for k in _NEEDS.get(piece, ())):
        return False
    people = sum(t.kind in PEOPLE for t in scene.things)
    checks = {
        "stand_higher": lambda: any(r.name == "standing on" for r in scene.relations),
        "named": lambda: people >= 3 and any(t.name for t in scene.things),
        "dog_antlers": lambda: names.count("dog") >= 2 and any(t.look.get("antlers") == "yes" for t in scene.things),
        "cold_sun": lambda: people >= 1,
        "hat": lambda: any(r.name == "wearing" for r in scene.relations),
        "baby_fence": lambda: any(r.name == "behind" for r in scene.relations),
        "odd_colour": lambda: max(names.count(name) for name in names) > 2,
    }
    return checks[piece]() if piece in checks else True


__all__ = ["BACKGROUNDS", "HELD_OUT_BACKGROUNDS", "SET_PIECES", "THEMES", "held_out_pair", "make_scene"]
