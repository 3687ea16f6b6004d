"""People: four kinds, many looks, and the named characters."""

from __future__ import annotations

import numpy as np

from lisa.world.palette import Colour, dark, light, rgb
from lisa.world.shapes.kind import Kind
from lisa.world.shapes.pen import Pen

Look = dict[str, str]

NAMED: dict[str, tuple[str, Look]] = {
    "Lisa": (
        "girl",
        {
            "hair": "curly",
            "hair colour": "purple",
            "skin": "#f0c8a0",
            "shirt": "yellow",
            "lower": "yellow",
            "clothes": "dress",
            "glasses": "round",
            "scarf": "green",
        },
    ),
    "Tom": (
        "boy",
        {
            "hair": "spiky",
            "hair colour": "orange",
            "skin": "#f6d3b3",
            "shirt": "blue",
            "shirt pattern": "striped",
            "lower": "grey",
            "clothes": "trousers",
        },
    ),
    "Mia": (
        "girl",
        {
            "hair": "twin buns",
            "hair colour": "black",
            "skin": "#d9a270",
            "shirt": "white",
            "lower": "red",
            "clothes": "dungarees",
        },
    ),
    "Omar": (
        "man",
        {
            "hair": "cap",
            "hair colour": "black",
            "skin": "#b57b4c",
            "shirt": "grey",
            "lower": "brown",
            "clothes": "jacket",
            "beard": "black",
            "cap": "teal",
        },
    ),
    "Rosa": (
        "woman",
        {
            "hair": "bun",
            "hair colour": "grey",
            "skin": "#e8b992",
            "shirt": "pink",
            "lower": "purple",
            "clothes": "skirt",
            "earrings": "round",
        },
    ),
    "Ken": (
        "man",
        {
            "hair": "bald",
            "hair colour": "black",
            "skin": "#f0c39a",
            "shirt": "white",
            "lower": "black",
            "clothes": "apron",
            "moustache": "black",
        },
    ),
}
"""Name → kind and fixed look."""

HAIR: dict[str, Colour] = {
    "black": "#2a2226",
    "brown": "#6b4226",
    "blond": "#e8c468",
    "red": "#a8482a",
    "grey": "#a8a8ac",
    "purple": "#8a3fc0",
    "orange": "#f08a24",
}
SKIN = ("#f6d3b3", "#f0c39a", "#d9a270", "#b57b4c", "#8a5a38", "#6a4228")
TEAL = "#1fa39a"
SHIRTS = ("red", "orange", "green", "blue", "purple", "black", "white", "yellow", "pink")
LOWER = ("blue", "black", "brown", "grey", "green", "red", "purple")


DEFAULT: dict[str, Look] = {
    "man": {"hair": "short", "shirt": "blue", "lower": "grey"},
    "boy": {"hair": "bowl", "shirt": "green", "lower": "blue"},
    "woman": {"hair": "long", "shirt": "red", "lower": "black", "clothes": "skirt"},
    "girl": {"hair": "ponytail", "shirt": "pink", "lower": "pink", "clothes": "dress"},
}
"""What people wear of whom nothing is said."""


def random_look(kind: str, rng: np.random.Generator) -> Look:
    """A look that no named character has."""
    grown = kind in ("man", "woman")
    styles = {
        "man": ("short", "short", "side"),
        "boy": ("short", "bowl"),
        "woman": ("long", "bob", "ponytail"),
        "girl": ("long", "pigtails", "ponytail", "bob"),
    }[kind]
    hair = str(rng.choice(("black", "brown", "blond", "red")))
    style = str(rng.choice(styles))
    if style == "pigtails" and hair == "black":
        hair = "blond"
    skirts = kind in ("woman", "girl")
    look = {
        "hair": style,
        "hair colour": hair,
        "skin": str(rng.choice(SKIN)),
        "shirt": str(rng.choice(SHIRTS)),
        "lower": str(rng.choice(LOWER)),
        "clothes": str(rng.choice(("skirt", "trousers", "dress"))) if skirts else "trousers",
    }
    if look["clothes"] == "dress":
        look["lower"] = look["shirt"] = str(rng.choice(("red", "blue", "pink", "green")))
    if kind == "man" and rng.random() < 0.25:
        look["beard"] = hair
    if rng.random() < (0.2 if grown else 0.1):
        look["glasses"] = "round"
    return look


def person(p: Pen) -> None:
    """A person facing us, standing or reaching up."""
    grown = p.thing.kind in ("man", "woman")
    if not p.look("hair"):
        p = p.dressed(DEFAULT[p.thing.kind])
    up = 20.0 if p.look("pose") == "reaching up" else 0.0
    r = 12.5 if grown else 14.5
    head = (30.0, 20.0 + up)
    neck = head[1] + r - 1
    hips = neck + (34.0 if grown else 25.0)
    feet = 118.0 + up if grown else 96.0 + up
    _back_hair(p, *head, r)
    _legs(p, hips, feet)
    _body(p, neck, hips, feet)
    _arms(p, neck, hips, up)
    _head(p, *head, r)
    _front_hair(p, *head, r)
    _extras(p, *head, r, neck, hips)


def _legs(p: Pen, hips: float, feet: float) -> None:
    skirt = p.look("clothes") in ("skirt", "dress")
    colour: Colour = p.look("skin", "#f0c39a") if skirt else p.look("lower", "blue")
    for s in (-1, 1):
        x = 30 + 6.2 * s
        p.rect(x - 5.4, hips - 6, 10.8, feet - hips + 2, colour, r=3, part="leg")
        p.draw(
            f"M{x - 6} {feet - 1} Q{x - 5} {feet - 8} {x} {feet - 7} Q{x + 7} {feet - 7} {x + 8} {feet - 1} Z",
            "#3a2c2a",
            part="leg",
        )


def _body(p: Pen, neck: float, hips: float, feet: float) -> None:
    shirt, lower, clothes = p.look("shirt", "red"), p.look("lower", "blue"), p.look("clothes")
    p.rect(26, neck - 4, 8, 10, dark(p.look("skin", "#f0c39a"), 0.12))
    torso = f"M18 {neck + 4} Q30 {neck} 42 {neck + 4} L43 {hips} L17 {hips} Z"
    p.draw(torso, shirt, shade="h")
    if p.look("shirt pattern") == "striped":
        y = neck + 7
        while y < hips - 2:
            p.rect(17.8, y, 24.4, 4, "#ffffff", deco=True)
            y += 8
    if clothes in ("skirt", "dress"):
        end = hips + (feet - hips) * 0.5
        p.poly([(17, hips - 7), (43, hips - 7), (50, end), (10, end)], lower)
    elif clothes == "dungarees":
        p.rect(20, neck + 12, 20, hips - neck - 8, lower, r=2)
        for x in (22, 38):
            p.line([(x, neck + 3), (x, neck + 14)], 4, lower)
            p.ell(x, neck + 14, 1.8, 1.8, "#f7d84a", deco=True)
    elif clothes == "apron":
        p.poly([(21, neck + 8), (39, neck + 8), (44, hips + 22), (16, hips + 22)], "#8a5630")
        p.rect(23, hips, 14, 9, dark("#8a5630", 0.25), deco=True)
    elif clothes == "jacket":
        p.poly([(27, neck + 2), (33, neck + 2), (31, hips - 8), (29, hips - 8)], "#f4f0e8", deco=True)
        p.line([(30, hips - 8), (30, hips)], 1.5, "#3a3a40", deco=True)


def _arms(p: Pen, neck: float, hips: float, up: float) -> None:
    shirt, skin = p.look("shirt", "red"), p.look("skin", "#f0c39a")
    y = neck + 8
    for s in (-1, 1):
        x = 30 + 14.5 * s
        pose = p.look("pose")
        if up:
            elbow, hand = (30 + 19 * s, y - 16), (30 + 15 * s, y - 47)
        elif pose == "holding" and s == 1:
            elbow, hand = (30 + 20 * s, y + 13), (30 + 23 * s, y + 1)
        elif pose == "waving" and s == 1:
            elbow, hand = (30 + 22 * s, y + 4), (30 + 25 * s, y - 14)
        else:
            elbow, hand = (30 + 18 * s, y + 12), (30 + 20 * s, hips + 2)
        p.line([(x, y), elbow], 8.5, shirt, part="arm")
        p.line([elbow, hand], 7, shirt if p.look("clothes") == "jacket" else skin, part="arm")
        p.ell(hand[0], hand[1], 4.6, 4.6, skin, part="arm")


def _hair_colour(p: Pen) -> Colour:
    return HAIR.get(p.look("hair colour", "brown"), "#6b4226")


def _back_hair(p: Pen, x: float, y: float, r: float) -> None:
    c, style = _hair_colour(p), p.look("hair")
    if style == "long":
        p.rect(x - r - 3, y - r - 1, 2 * r + 6, 2.9 * r, c, r=r, part="hair")
    elif style == "bob":
        p.rect(x - r - 3, y - r - 1, 2 * r + 6, 2.15 * r, c, r=9, part="hair")
    elif style == "ponytail":
        p.draw(
            f"M{x + 4} {y - r} Q{x + r + 16} {y - 6} {x + r + 6} {y + 1.7 * r} Q{x + r - 3} {y + r} {x + r - 3} {y} Z",
            c,
            part="hair",
        )
    elif style == "pigtails":
        for s in (-1, 1):
            p.ell(x + s * (r + 5), y + 7, 6, 10, c, part="hair")
    elif style == "curly":
        for a, b in ((-15, 14), (15, 14), (-18, 3), (18, 3), (-15, -8), (15, -8), (-6, -13), (6, -13)):
            p.ell(x + a, y + b, 9, 9, c, part="hair", shade="r")
    elif style == "twin buns":
        for s in (-1, 1):
            p.ell(x + s * 12, y - r - 1, 8, 8, c, part="hair", shade="r")
    elif style == "bun":
        p.ell(x, y - r - 2, 8.5, 7.5, c, part="hair", shade="r")


def _head(p: Pen, x: float, y: float, r: float) -> None:
    skin = p.look("skin", "#f0c39a")
    if p.look("hair") in ("short", "side", "bald", "spiky", "cap", "bun", "twin buns", "bowl"):
        for s in (-1, 1):
            p.ell(x + s * r, y + 2, 3, 4, skin, part="face")
    p.ell(x, y, r, r * 1.06, skin, part="face", shade="r")
    for s in (-1, 1):
        p.ell(x + s * r * 0.38, y + 1, 1.7, 2.1, "#241c22", deco=True)
        p.ell(x + s * r * 0.58, y + 6, 2.4, 1.7, "#e8807a", deco=True, alpha=0.45)
    p.line(f"M{x - 3.5} {y + 7} Q{x} {y + 10} {x + 3.5} {y + 7}", 1.5, "#9c3a30", deco=True)
    p.line([(x, y + 2), (x + 1, y + 4)], 1.2, dark(skin, 0.25), deco=True)


def _front_hair(p: Pen, x: float, y: float, r: float) -> None:
    c, style = _hair_colour(p), p.look("hair")
    if style == "bald":
        p.gloss(x - 3, y - r * 0.6, 5, 4, 0.7)
        return
    if style == "cap":
        p.draw(
            f"M{x - r - 1.5} {y - 4} Q{x - r} {y - r - 9} {x} {y - r - 8} Q{x + r} {y - r - 9} {x + r + 1.5} {y - 4} Z",
            TEAL,
        )
        p.line([(x - r, y - 6), (x + r, y - 6)], 2, dark(TEAL, 0.35), deco=True)
        return
    if style == "spiky":
        tips = [
            (x - r - 2, y),
            (x - r - 5, y - 9),
            (x - r + 2, y - 8),
            (x - 9, y - r - 9),
            (x - 4, y - r + 0),
            (x + 1, y - r - 11),
            (x + 5, y - r),
            (x + 11, y - r - 8),
            (x + r - 2, y - 8),
            (x + r + 5, y - 8),
            (x + r + 2, y),
            (x + r - 3, y - 5),
            (x, y - 7),
            (x - r + 3, y - 5),
        ]
        p.poly(tips, c, part="hair")
        return
    low = {"bowl": -1.0, "side": -4.0}.get(style, -4.5)
    p.draw(
        f"M{x - r - 1.5} {y + 3} Q{x - r - 2} {y - r - 4} {x} {y - r - 4} "
        f"Q{x + r + 2} {y - r - 4} {x + r + 1.5} {y + 3} "
        f"Q{x + r - 2} {y + low - 2} {x + (6 if style == 'side' else 2)} {y + low - 2} "
        f"Q{x - r + 2} {y + low} {x - r - 1.5} {y + 3} Z",
        c,
        part="hair",
    )
    if style == "curly":
        for a, b in ((-9, -9), (0, -12), (9, -9)):
            p.ell(x + a, y + b, 6.5, 5.5, c, part="hair", shade="r")


def _extras(p: Pen, x: float, y: float, r: float, neck: float, hips: float) -> None:
    if p.look("beard"):
        c = HAIR.get(p.look("beard"), "#2a2226")
        p.draw(
            f"M{x - r} {y + 2} Q{x - 5} {y + 6} {x} {y + 4} Q{x + 5} {y + 6} {x + r} {y + 2} "
            f"Q{x + r} {y + r + 7} {x} {y + r + 7} Q{x - r} {y + r + 7} {x - r} {y + 2} Z",
            c,
            part="hair",
        )
        p.line([(x - 3, y + 8.5), (x + 3, y + 8.5)], 1.6, "#b85a50", deco=True)
    if p.look("moustache"):
        p.line(
            f"M{x - 8} {y + 7} Q{x - 4} {y + 3} {x} {y + 5.5} Q{x + 4} {y + 3} {x + 8} {y + 7}",
            3.4,
            "#221c20",
            deco=True,
        )
    if p.look("glasses"):
        for s in (-1, 1):
            _round(p, x + s * 5.4, y + 1, 4.4)
        p.line([(x - 1.2, y + 1), (x + 1.2, y + 1)], 1.4, "#20202a", deco=True)
    if p.look("earrings"):
        for s in (-1, 1):
            p.ell(x + s * (r + 1), y + 9, 3.2, 3.2, "#f6c52e")
    if p.look("scarf"):
        green = light(rgb("green"), 0.02)
        p.rect(x + 3, neck + 3, 9, hips - neck + 12, green, r=2)
        p.rect(x - 12, neck - 1, 24, 9, green, r=4)
        for i in (10, 20, 30):
            p.rect(x + 3.5, neck + i, 8, 2.4, light(green, 0.5), deco=True)


def _round(p: Pen, x: float, y: float, r: float) -> None:
    import skia

    p.path(skia.Path.Circle(x, y, r), "#ffffff", deco=True, alpha=0.35)
    p.path(skia.Path.Circle(x, y, r), "#20202a", deco=True, width=1.4)


PARTS = ("hair", "face", "arm", "leg")
ROWS = (
    Kind("man", person, 60, 120, 0.66, "floor", parts=PARTS, alt={"pose=reaching up": (60, 140)}),
    Kind("woman", person, 60, 120, 0.63, "floor", parts=PARTS, alt={"pose=reaching up": (60, 140)}),
    Kind("boy", person, 60, 98, 0.46, "floor", parts=PARTS, alt={"pose=reaching up": (60, 118)}),
    Kind("girl", person, 60, 98, 0.46, "floor", parts=PARTS, alt={"pose=reaching up": (60, 118)}),
)
