"""Scenes as JSON: exact ones, which are drawn again as they were, and stated ones, which are composed.

    {"theme": "kitchen", "things": [{"kind": "table"}, {"kind": "cup", "colour": "red", "on": 0}, {"kind": "dog",
     "at": [0.3, 0.9]}]}

A line of `scenes.jsonl`, as `lisa world` writes it, is exact: its things have numbers, boxes and looks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from lisa.errors import BadInput, nearest, shown
from lisa.world import backgrounds as bg
from lisa.world.make import Builder, compose_stated
from lisa.world.scene import Relation, Scene, Thing
from lisa.world.shapes import kinds
from lisa.world.shapes.people import NAMED

SIDES = (64, 2048)
MOST = 60
"""Things of a stated scene."""
SEATS = {"sofa": 0.68, "chair": 0.57, "bench": 0.64, "table": 0.2, "plate": 0.6, "stool": 0.13, "box": 0.17}
"""How far below its top edge a thing stands on this kind, as a share of its height; 0.06 on others."""
_WORDS = ("colour", "size", "pattern", "state", "name")
_KEYS = (*_WORDS, "kind", "at", "on", "scale", "look", "id", "box", "material")
_TRUTH = ("visible", "rle", "parts")
"""What a written scene also says of its things; it follows from the rest."""


def record_of(scene: Scene) -> dict[str, Any]:
    """A scene for JSON, without what is as ever; `scene_of` gives the same scene again."""
    things = [
        {f.name: value for f in fields(t) if (value := getattr(t, f.name)) not in (None, {})} for t in scene.things
    ]
    relations = [[r.subject, r.name, r.object] for r in scene.relations]
    head = {k: getattr(scene, k) for k in ("seed", "theme", "background", "set_piece") if getattr(scene, k) is not None}
    return {**head, "size": list(scene.size), "things": things, "relations": relations}


def scene_of(record: Any) -> Scene:
    """A scene from JSON. Raises BadInput, naming the thing and what it may be, where it cannot be drawn."""
    if not isinstance(record, dict) or not isinstance(record.get("things"), list):
        raise BadInput('a scene is {"theme": …, "things": [{"kind": …}, …]}')
    theme = _one_of("theme", record.get("theme"), tuple(bg.BACKGROUNDS))
    rooms = bg.BACKGROUNDS[theme]
    background = _one_of("background", record.get("background", rooms[0]), rooms)
    size = tuple(_number(f"size {shown(record.get('size'))}", v, *SIDES) for v in _pair(record.get("size", (192, 256))))
    seed = int(_number("seed", record.get("seed", 0), 0, 2**63 - 1))
    things = record["things"]
    if len(things) > MOST:
        raise BadInput(f"a scene of {len(things)} things is too crowded: state at most {MOST}")
    for number, thing in enumerate(things):
        _check(number, thing)
    height, width = int(size[0]), int(size[1])
    if things and all("box" in t and "id" in t for t in things):
        exact = tuple(_exact(t) for t in things)
        ids = {t.id for t in exact}
        relations = tuple(_relation(row, ids) for row in record.get("relations", ()))
        return Scene(
            seed=seed,
            theme=theme,
            background=background,
            size=(height, width),
            things=exact,
            relations=relations,
            set_piece=record.get("set_piece"),
        )
    return compose_stated(
        seed, theme, background, (height, width), lambda builder: [_state(builder, i, t) for i, t in enumerate(things)]
    )


def _exact(thing: Mapping[str, Any]) -> Thing:
    words = {k: thing.get(k) for k in (*_WORDS, "material")}
    box = tuple(_number("a box", v, -1e4, 1e4) for v in thing["box"])
    return Thing(id=int(thing["id"]), kind=thing["kind"], box=box, look=dict(thing.get("look", {})), **words)  # type: ignore[arg-type]


def _relation(row: Any, ids: set[int]) -> Relation:
    if not (isinstance(row, list | tuple) and len(row) == 3 and row[0] in ids and row[2] in ids):
        raise BadInput(f'a relation is [id, "on", id] of two things that are there, not {shown(row)}')
    return Relation(subject=row[0], name=str(row[1]), object=row[2])


def _state(builder: Builder, number: int, thing: Mapping[str, Any]) -> None:
    kind, look = thing["kind"], dict(thing.get("look", {}))
    scale = float(thing.get("scale", 0.8 if "on" in thing else 1.0))
    words: dict[str, Any] = {"size": None, "pattern": None} | {k: thing[k] for k in _WORDS if k in thing}
    if "on" in thing:
        host = builder.drafts[thing["on"]]
        builder.put(kind, thing["on"], 0.5, SEATS.get(host.kind, 0.06), "on", scale=scale, look=look, **words)
    else:
        builder.state(kind, at=thing.get("at"), scale=scale, look=look, **words)


def _check(number: int, thing: Any) -> None:
    """Raises BadInput where a thing cannot be what it is said to be."""
    if not isinstance(thing, dict):
        raise BadInput(f'thing {number} is {shown(thing)}, not {{"kind": …}}')
    if unknown := [k for k in thing if k not in (*_KEYS, *_TRUTH)]:
        raise BadInput(f"thing {number} has {shown(unknown[0])}: known are {', '.join(_KEYS)}")
    kind = _one_of(f"kind of thing {number}", thing.get("kind"), tuple(kinds()))
    row = kinds()[kind]
    for word, known in (("colour", row.colours), ("pattern", row.patterns), ("state", row.states)):
        if thing.get(word) is not None:
            _one_of(f"{word} of thing {number}, a {kind},", thing[word], known)
    if thing.get("size") is not None:
        _one_of(f"size of thing {number}", thing["size"], ("small", "large"))
    if thing.get("name") is not None:
        _one_of(f"name of thing {number}, a {kind},", thing["name"], tuple(n for n in NAMED if NAMED[n][0] == kind))
    if "at" in thing:
        for v in _pair(thing["at"]):
            _number(f"place of thing {number}", v, -0.5, 1.5)
    _number(f"scale of thing {number}", thing.get("scale", 1.0), 0.05, 20)
    look = thing.get("look", {})
    if not isinstance(look, dict) or not all(isinstance(v, str) for v in look.values()):
        raise BadInput(f"the look of thing {number} is a table of words")
    if "on" in thing and thing["on"] not in range(number):
        raise BadInput(f"thing {number} is on {shown(thing['on'])}: give the place of an earlier thing, from 0")
    if "box" in thing and not (isinstance(thing["box"], list | tuple) and len(thing["box"]) == 4):
        raise BadInput(f"the box of thing {number} is [x0, y0, x1, y1]")
    if "id" in thing:
        _number(f"id of thing {number}", thing["id"], 1, 255)


def _one_of(what: str, value: Any, known: Sequence[str]) -> str:
    if value in known:
        return str(value)
    raise BadInput(f"the {what} cannot be {shown(value)}; {nearest(value, known)}")


def _pair(value: Any) -> tuple[Any, Any]:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise BadInput(f"{shown(value)} is no pair of numbers")
    return value[0], value[1]


def _number(what: str, value: Any, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise BadInput(f"the {what} is {shown(value)}, no number")
    if not low <= value <= high:
        raise BadInput(f"the {what} is {value}: give one from {low} to {high}")
    return value
