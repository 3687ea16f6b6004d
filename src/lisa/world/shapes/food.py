"""Food and what it is served with."""

from __future__ import annotations

import math

from lisa.world.palette import ALL, BRIGHT, dark, light
from lisa.world.shapes.kind import Kind
from lisa.world.shapes.pen import Pen


def orange(p: Pen) -> None:
    """A round orange with dimples and a leaf."""
    p.ell(50, 54, 44, 43, "#f28c1c", shade="r")
    for x, y in ((30, 70), (50, 80), (68, 66), (60, 48), (76, 50), (40, 52)):
        p.ell(x, y, 2, 2, "#c86a10", deco=True, alpha=0.55)
    p.draw("M50 14 Q64 0 80 8 Q70 22 50 14 Z", "#3f9142")
    p.ell(50, 15, 4, 3, "#5d4a20", deco=True)
    p.gloss(35, 36, 18, 14, 0.6)


def apple(p: Pen) -> None:
    """An apple with a stem and a leaf."""
    p.line("M50 26 Q50 12 58 4", 5, "#6b4423")
    p.draw("M50 14 Q66 -2 84 6 Q74 22 52 17 Z", "#4c9a3c")
    p.draw("M50 26 C70 10 98 24 94 54 C92 84 70 102 50 92 C30 102 8 84 6 54 C2 24 30 10 50 26 Z", p.c, shade="r")
    p.draw("M36 26 Q50 38 64 26 Q50 32 36 26 Z", dark(p.c, 0.4), deco=True)
    p.gloss(30, 44, 14, 16, 0.6)


def banana(p: Pen) -> None:
    """A curved banana."""
    p.draw("M6 16 C14 50 50 70 108 44 L114 52 C70 92 8 84 0 20 Z", "#f7d43c")
    p.line("M10 30 C24 66 70 74 108 50", 2.4, "#c9a11e", deco=True)
    p.draw("M0 20 L2 6 L9 6 L7 18 Z", "#6b4f1d")
    p.poly([(106, 45), (116, 42), (118, 49), (112, 54)], "#5b431a")


def lemon(p: Pen) -> None:
    """A lemon with its pointed ends."""
    p.draw(
        "M2 40 Q10 34 16 28 C30 4 70 2 86 26 Q92 34 100 38 Q94 46 88 52 C72 76 30 78 16 52 Q10 46 2 40 Z",
        "#f8e03a",
        shade="r",
    )
    p.gloss(38, 24, 18, 9, 0.7)
    for x, y in ((30, 46), (50, 56), (66, 44), (74, 34)):
        p.ell(x, y, 1.8, 1.8, "#c9ab1c", deco=True, alpha=0.6)


def carrot(p: Pen) -> None:
    """A carrot with its leaves."""
    for x, y in ((78, 2), (92, 6), (98, 20)):
        p.line([(72, 28), (x, y)], 6, "#3f9d46")
    p.draw("M78 20 C84 26 86 34 76 40 L4 96 C0 98 0 96 2 92 L56 24 C62 14 72 14 78 20 Z", "#f07f22")
    for a, b in (((58, 28), (66, 36)), ((44, 44), (52, 50)), ((32, 60), (38, 66))):
        p.line([a, b], 2.2, "#b8560f", deco=True)


def chilli(p: Pen) -> None:
    """A bent chilli with its green stem."""
    p.line("M84 22 Q90 12 98 6", 6, "#4c8a34")
    p.draw("M90 18 C98 34 82 54 58 60 C34 66 14 60 2 46 C22 50 44 44 58 30 C66 20 80 12 90 18 Z", p.c)
    p.draw("M76 14 Q90 8 96 24 Q88 30 78 24 Z", "#4c8a34")
    p.line("M30 54 Q56 52 74 34", 3.4, light(p.c, 0.6), deco=True, alpha=0.7)


def bread(p: Pen) -> None:
    """A loaf of bread."""
    p.draw("M4 64 C0 44 2 16 26 12 C48 4 82 4 98 12 C120 18 120 44 116 64 Q60 72 4 64 Z", "#c98a44")
    for x in (30, 56, 82):
        p.line(f"M{x} 18 Q{x + 10} 28 {x + 4} 44", 7, "#f0d09a", deco=True)
    p.gloss(40, 18, 34, 8, 0.35)


def cheese(p: Pen) -> None:
    """A wedge of cheese with holes."""
    p.poly([(4, 40), (70, 4), (112, 34), (112, 40)], "#fbe08a")
    p.poly([(4, 40), (112, 40), (112, 78), (4, 78)], "#f4c63a")
    for x, y, r in ((28, 58, 8), (58, 66, 6), (82, 54, 9), (100, 70, 5), (46, 46, 4)):
        p.ell(x, y, r, r * 0.9, "#cf9a1c", deco=True)
        p.ell(x + r * 0.15, y + r * 0.2, r * 0.75, r * 0.65, "#e0ae2a", deco=True)


def egg(p: Pen) -> None:
    """An egg, whole or broken open."""
    if p.thing.state == "broken":
        p.draw("M2 78 C6 60 30 58 44 62 C62 54 84 66 78 82 C74 96 10 98 2 78 Z", "#fbf8ee")
        p.ell(42, 74, 17, 12, "#f7b322", shade="r")
        p.draw("M10 44 L20 34 L30 46 L42 32 L54 46 L64 34 L72 42 C72 66 54 70 40 70 C24 70 10 62 10 44 Z", "#f0dcc0")
        p.ell(42, 78, 15, 10, "#f7b322", shade="r", deco=True)
        return
    p.draw("M40 4 C60 4 76 40 76 62 C76 84 60 96 40 96 C20 96 4 84 4 62 C4 40 20 4 40 4 Z", "#f3dcc0", shade="r")
    p.gloss(28, 36, 12, 18, 0.7)


def cake(p: Pen) -> None:
    """A slice-topped round cake with icing and a cherry on it."""
    p.ell(55, 84, 55, 12, "#e8e8ee")
    p.rect(10, 38, 90, 46, "#c98f56", r=6)
    p.rect(10, 56, 90, 7, "#fff2dc", deco=True)
    p.draw(
        "M10 40 C10 22 100 22 100 40 L100 50 Q92 62 86 50 Q78 64 70 52 Q62 66 54 52 Q46 64 38 52 Q28 64 22 50 "
        "Q12 60 10 48 Z",
        "#fbd5e0",
    )
    for x, y in ((28, 34), (44, 40), (70, 38), (84, 35)):
        p.ell(x, y, 2.4, 2.4, "#d8487c", deco=True)
    p.ell(55, 22, 10, 10, "#cf2440", shade="r")
    p.line("M56 12 Q60 4 66 3", 2.5, "#4a7a32")


def cherry(p: Pen) -> None:
    """Two cherries on one stem."""
    p.line("M26 66 Q34 26 66 6 Q64 36 72 62", 4, "#4f8a34")
    p.draw("M66 6 Q82 -4 96 8 Q82 18 66 6 Z", "#4f9a3c")
    for x in (25, 74):
        p.ell(x, 76, 22, 21, "#b8142e", shade="r")
        p.gloss(x - 8, 68, 8, 7, 0.7)


def milk(p: Pen) -> None:
    """A carton of milk."""
    p.poly([(6, 34), (20, 12), (52, 12), (66, 34)], "#dfe9f4")
    p.rect(18, 2, 36, 12, "#c7d8ea")
    p.rect(6, 34, 60, 72, "#f4f8fc", shade="h")
    p.draw("M6 70 Q22 58 36 70 Q52 82 66 68 L66 106 L6 106 Z", "#3f86d4", deco=True)
    p.ell(36, 52, 10, 9, "#3f86d4", deco=True)
    p.ell(32, 50, 4, 3.4, "#ffffff", deco=True)
    p.ell(40, 55, 3, 3, "#ffffff", deco=True)


def cup(p: Pen) -> None:
    """A cup with its handle."""
    p.line("M76 26 C106 18 106 66 70 62", 9, p.c, part="handle")
    p.draw("M8 12 L80 12 C80 44 78 72 64 86 L24 86 C10 72 8 44 8 12 Z", p.c, shade="h", pattern=True)
    p.ell(44, 12, 36, 9, light(p.c, 0.35))
    p.ell(44, 13, 30, 6, "#6a4426" if p.thing.state == "full" else dark(p.c, 0.45), deco=True)


def bowl(p: Pen) -> None:
    """A bowl."""
    p.rect(36, 56, 38, 10, dark(p.c, 0.2), r=3)
    p.draw("M4 12 L106 12 C104 44 84 62 55 62 C26 62 6 44 4 12 Z", p.c, shade="h", pattern=True)
    p.ell(55, 12, 51, 10, light(p.c, 0.35))
    p.ell(55, 13, 44, 7, dark(p.c, 0.35), deco=True)


def plate(p: Pen) -> None:
    """A plate seen from slightly above."""
    p.ell(60, 22, 59, 20, p.c, pattern=True)
    p.ell(60, 21, 40, 12, dark(p.c, 0.18), deco=True)
    p.ell(60, 22.5, 38.5, 11, light(p.c, 0.2), deco=True)
    p.gloss(36, 14, 20, 5, 0.5)


def knife(p: Pen) -> None:
    """A table knife."""
    p.draw("M44 4 L104 3 Q118 6 119 15 Q80 20 44 17 Z", "#c9d2da", part="blade")
    p.line("M48 7 L106 6", 1.6, "#ffffff", deco=True)
    p.rect(1, 3, 46, 15, "#4a3226", r=6, part="handle")
    for x in (12, 34):
        p.ell(x, 10, 2.2, 2.2, "#d9c9a0", deco=True)


def fork(p: Pen) -> None:
    """A fork."""
    p.line([(4, 13), (82, 13)], 7, "#b4bec8")
    p.draw("M76 10 Q84 0 92 1 L92 25 Q84 26 76 16 Z", "#b4bec8")
    for y in (3, 9.5, 16.5, 23):
        p.line([(90, y), (117, y)], 3.2, "#b4bec8")
    p.line("M8 12 L76 12", 1.6, "#ffffff", deco=True, alpha=0.8)


def spoon(p: Pen) -> None:
    """A spoon."""
    p.line([(4, 15), (84, 15)], 7, "#b9c2cb")
    p.ell(99, 15, 20, 13, "#b9c2cb", shade="r")
    p.ell(101, 16, 14, 8.5, "#8d98a4", deco=True)
    p.gloss(96, 12, 9, 5, 0.8)


def kettle(p: Pen) -> None:
    """A kettle with a handle above and a spout."""
    p.draw("M86 62 Q100 52 104 34 L118 38 Q114 70 90 84 Z", dark(p.c, 0.06), part="spout")
    p.line("M28 36 C22 2 82 2 78 36", 8, "#3a3a40", part="handle")
    p.draw("M26 38 Q52 26 80 38 C96 56 98 84 92 98 L14 98 C8 84 10 56 26 38 Z", p.c, shade="h")
    p.ell(53, 37, 25, 7, light(p.c, 0.25))
    p.ell(53, 30, 6, 5, "#3a3a40")
    p.gloss(34, 62, 10, 22, 0.5)


def pan(p: Pen) -> None:
    """A frying pan with a long handle."""
    p.line([(88, 26), (146, 15)], 10, "#2e2c30", part="handle")
    p.draw("M4 24 C8 48 24 54 48 54 C72 54 88 48 92 24 Z", "#4b4d54", shade="h")
    p.ell(48, 24, 45, 15, "#6a6d75")
    p.ell(48, 25, 39, 11.5, "#2b2c31", deco=True)
    p.gloss(34, 21, 18, 5, 0.4)


def bottle(p: Pen) -> None:
    """A bottle with a label."""
    p.rect(13, 1, 14, 11, "#d9c08a", r=2)
    p.draw(
        "M14 11 L26 11 L26 34 C38 40 39 46 39 56 L39 112 Q39 118 33 118 L7 118 Q1 118 1 112 L1 56 C1 46 2 40 14 34 Z",
        p.c,
        shade="h",
    )
    p.rect(2, 66, 36, 28, "#f6efdc", deco=True)
    p.rect(8, 74, 24, 3, p.c, deco=True)
    p.rect(8, 81, 16, 3, p.c, deco=True)
    p.gloss(11, 52, 5, 16, 0.7)


def chocolate(p: Pen) -> None:
    """A bar of chocolate, half unwrapped."""
    p.poly([(20, 4), (116, 4), (98, 52), (2, 52)], "#5a321c")
    for t in (0.25, 0.5, 0.75):
        x = 96 * t
        p.line([(20 + x, 4), (2 + x, 52)], 2.4, "#341a0c", deco=True)
    p.line([(11, 28), (107, 28)], 2.4, "#341a0c", deco=True)
    p.poly([(62, 4), (116, 4), (98, 52), (46, 52), (58, 40), (50, 30), (62, 18)], "#c23348")
    p.poly([(80, 14), (106, 14), (96, 40), (70, 40)], "#f3d9a0", deco=True)


def fish(p: Pen) -> None:
    """A fish lying on its side."""
    p.poly([(88, 30), (118, 8), (112, 32), (118, 56)], "#5f8fb0")
    p.draw("M48 8 Q64 -4 76 10 Z", "#5f8fb0")
    p.draw("M2 32 C18 2 70 2 98 32 C70 62 18 62 2 32 Z", "#8fb7cf")
    p.line("M28 12 Q38 32 28 52", 2.5, "#4f7d9c", deco=True)
    for x in (46, 60, 74):
        p.line(f"M{x} 22 Q{x + 8} 32 {x} 42", 2, "#5f8fb0", deco=True)
    p.ell(17, 26, 4.5, 4.5, "#ffffff", deco=True)
    p.ell(16, 26, 2.4, 2.4, "#16222c", deco=True)


def burst(n: int, x: float, y: float, r: float) -> list[tuple[float, float]]:
    """Points on a circle."""
    return [(x + r * math.cos(2 * math.pi * i / n), y + r * math.sin(2 * math.pi * i / n)) for i in range(n)]


DISH = ("striped", "dotted", "checked")
ROWS = (
    Kind("orange", orange, 100, 98, 0.15),
    Kind("apple", apple, 100, 98, 0.15, colours=("red", "green", "yellow"), tilt=10),
    Kind("banana", banana, 119, 84, 0.14, tilt=15),
    Kind("lemon", lemon, 102, 78, 0.115, tilt=25),
    Kind("carrot", carrot, 102, 99, 0.18, tilt=25),
    Kind("chilli", chilli, 101, 66, 0.125, colours=("red", "green"), tilt=25),
    Kind("bread", bread, 120, 70, 0.17),
    Kind("cheese", cheese, 116, 82, 0.15),
    Kind("egg", egg, 80, 98, 0.12, states=("broken",), tilt=8),
    Kind("cake", cake, 110, 98, 0.22),
    Kind("cherry", cherry, 98, 98, 0.13),
    Kind("milk", milk, 72, 108, 0.29),
    Kind("cup", cup, 102, 88, 0.17, colours=BRIGHT, patterns=DISH, states=("full",), parts=("handle",)),
    Kind("bowl", bowl, 110, 67, 0.15, colours=BRIGHT, patterns=DISH),
    Kind("plate", plate, 120, 43, 0.125, colours=BRIGHT, patterns=("dotted",)),
    Kind("knife", knife, 120, 21, 0.058, parts=("blade", "handle"), tilt=40),
    Kind("fork", fork, 120, 26, 0.07, tilt=40),
    Kind("spoon", spoon, 120, 30, 0.08, tilt=40),
    Kind("kettle", kettle, 119, 100, 0.27, colours=ALL, parts=("handle", "spout")),
    Kind("pan", pan, 152, 55, 0.15, parts=("handle",)),
    Kind("bottle", bottle, 40, 119, 0.34, colours=("green", "brown", "blue", "white", "pink", "purple")),
    Kind("chocolate", chocolate, 118, 55, 0.125, tilt=12),
    Kind("fish", fish, 119, 62, 0.15, tilt=10),
)
