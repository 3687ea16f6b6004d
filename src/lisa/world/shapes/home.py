"""Bathroom, living room and nursery."""

from __future__ import annotations

from lisa.world.palette import ALL, BRIGHT, dark, light, mix
from lisa.world.shapes.kind import Kind
from lisa.world.shapes.pen import Pen


def sink(p: Pen) -> None:
    """A washbasin on its pedestal."""
    p.draw("M38 36 L72 36 L68 96 L76 100 L34 100 L42 96 Z", "#dfe5ea", shade="h")
    p.draw("M2 12 L108 12 C108 36 88 48 55 48 C22 48 2 36 2 12 Z", "#f2f5f7", shade="h")
    p.ell(55, 12, 53, 11, "#fbfdfe")
    p.ell(55, 14, 43, 7.5, "#b4c3cd", deco=True)
    p.ell(55, 16, 4, 1.8, "#5f6c75", deco=True)


def tap(p: Pen) -> None:
    """A bent tap with its lever."""
    p.line("M24 92 L24 40 C24 8 72 8 72 40 L72 52", 15, "#b3bec8")
    p.rect(8, 84, 34, 14, "#9aa6b2", r=4)
    p.rect(62, 48, 20, 10, "#8d99a5", r=2)
    p.line([(24, 22), (8, 6)], 9, "#9aa6b2")
    p.line("M21 80 L21 42 Q24 18 44 16", 3.5, "#ffffff", deco=True, alpha=0.8)
    if p.thing.state == "running":
        p.line([(72, 60), (72, 96)], 7, "#8fd0f2")


def toothbrush(p: Pen) -> None:
    """A toothbrush."""
    p.line([(5, 20), (112, 20)], 8, p.c)
    p.rect(86, 2, 29, 15, "#f4f7fa", r=1)
    for x in (93, 100, 107):
        p.line([(x, 3), (x, 15)], 1.6, "#7fb6e0", deco=True)
    p.line([(8, 18.5), (80, 18.5)], 2, light(p.c, 0.6), deco=True)


def soap(p: Pen) -> None:
    """A bar of soap with bubbles."""
    p.rect(2, 18, 96, 42, p.c, r=18)
    p.ell(50, 36, 30, 11, dark(p.c, 0.14), deco=True)
    p.ell(50, 37.5, 29, 10, light(p.c, 0.25), deco=True)
    for x, y, r in ((74, 16, 9), (88, 22, 6), (62, 14, 5)):
        p.ell(x, y, r, r, "#e9f5fc", shade="r")


def towel(p: Pen) -> None:
    """A towel hanging from a bar."""
    p.line([(3, 6), (87, 6)], 6, "#a8b2bc")
    p.draw("M12 5 L78 5 L80 104 Q62 108 45 104 Q28 108 10 104 Z", p.c, pattern=True)
    p.rect(11, 84, 68, 6, dark(p.c, 0.25), deco=True)
    p.rect(11, 93, 68, 3, dark(p.c, 0.25), deco=True)
    p.line([(45, 10), (45, 80)], 2, dark(p.c, 0.2), deco=True, alpha=0.6)


def mirror(p: Pen) -> None:
    """An oval mirror in a frame."""
    p.ell(40, 55, 39, 54, "#b98a4a")
    p.ell(40, 55, 32, 46.5, "#c4dfec", deco=True)
    p.poly([(20, 66), (46, 18), (56, 24), (30, 82)], "#eef8fd", deco=True, alpha=0.8)
    p.poly([(42, 84), (62, 44), (66, 50), (50, 84)], "#eef8fd", deco=True, alpha=0.6)


def bathtub(p: Pen) -> None:
    """A bathtub on feet."""
    for x in (26, 122):
        p.ell(x, 66, 8, 6, "#b08a48")
    p.draw("M6 16 L144 16 C144 50 132 64 112 64 L38 64 C18 64 6 50 6 16 Z", "#f4f7f9")
    p.rect(1, 8, 148, 12, "#ffffff", r=6)
    for x, y, r in ((40, 8, 9), (56, 6, 7), (70, 8, 8), (26, 9, 6)):
        p.ell(x, y, r, r * 0.85, "#d4ecf8", shade="r")


def sofa(p: Pen) -> None:
    """A two-seat sofa."""
    for x in (14, 136):
        p.rect(x - 4, 74, 8, 12, "#4a3020")
    p.rect(10, 2, 130, 54, p.c, r=14, pattern=True)
    p.rect(18, 38, 58, 26, light(p.c, 0.12), r=7)
    p.rect(74, 38, 58, 26, light(p.c, 0.12), r=7)
    p.rect(6, 58, 138, 20, dark(p.c, 0.12), r=4)
    for x in (1, 127):
        p.rect(x, 26, 22, 52, mix(p.c, "#000000", 0.06), r=10)
    p.line([(75, 8), (75, 34)], 2, dark(p.c, 0.3), deco=True)


def chair(p: Pen) -> None:
    """A chair with a high back."""
    for x, y in ((10, 96), (52, 96), (22, 86), (62, 86)):
        p.line([(x, 58), (x, y)], 6, dark(p.c, 0.2), part="leg")
    p.rect(10, 2, 50, 54, p.c, r=6, part="backrest")
    if p.picture is not None:
        for x in (22, 35, 48):
            p.line([(x, 12), (x, 46)], 4, dark(p.c, 0.3), deco=True)
    p.poly([(4, 62), (16, 50), (68, 50), (60, 62)], light(p.c, 0.1), part="seat")
    p.rect(4, 61, 56, 6, dark(p.c, 0.1), part="seat")


def table(p: Pen) -> None:
    """A table seen from slightly above."""
    for x, y in ((28, 66), (132, 66), (10, 80), (150, 80)):
        p.rect(x - 4, 20, 8, y - 20, "#7a4c28", part="leg")
    p.poly([(24, 2), (136, 2), (159, 26), (1, 26)], "#b07a44")
    p.rect(1, 26, 158, 7, "#8a5a30")
    for y in (9, 16):
        p.line([(30, y), (134, y)], 1.2, "#97632f", deco=True)


def lamp(p: Pen) -> None:
    """A standing lamp with its shade, lit or not."""
    lit = p.thing.state == "lit"
    if lit:
        p.glow(40, 30, 78, "#ffe9a0", 0.75)
    p.ell(40, 94, 22, 6, "#6e5a46")
    p.line([(40, 44), (40, 92)], 5, "#8a7258")
    shade = mix(p.c, "#fff2a8", 0.3) if lit else p.c
    p.poly([(22, 3), (58, 3), (76, 48), (4, 48)], shade, part="shade", shade=None if lit else "h", pattern=True)
    if lit:
        p.gloss(40, 38, 26, 16, 0.8)


def clock(p: Pen) -> None:
    """A round wall clock."""
    p.ell(50, 50, 49, 49, "#8a4f2c")
    p.ell(50, 50, 40, 40, "#fbf6e6", deco=True)
    for x, y in ((50, 16), (84, 50), (50, 84), (16, 50)):
        p.ell(x, y, 3, 3, "#2b2b30", deco=True)
    p.line([(50, 50), (50, 24)], 4, "#2b2b30", deco=True)
    p.line([(50, 50), (68, 60)], 5, "#2b2b30", deco=True)
    p.ell(50, 50, 4, 4, "#c2382c", deco=True)


def book(p: Pen) -> None:
    """A book, closed or open."""
    if p.thing.state == "open":
        p.poly([(2, 12), (54, 20), (106, 12), (108, 66), (54, 74), (0, 66)], p.c)
        p.draw("M6 10 Q32 4 54 18 L54 68 Q30 56 4 62 Z", "#fbf7ea")
        p.draw("M102 10 Q76 4 54 18 L54 68 Q78 56 104 62 Z", "#f3eddc")
        for y in (22, 32, 42, 52):
            p.line([(14, y - 2), (46, y + 2)], 2, "#9a958a", deco=True)
            p.line([(62, y + 2), (94, y - 2)], 2, "#9a958a", deco=True)
        return
    p.poly([(6, 56), (16, 46), (106, 46), (104, 68), (8, 70)], "#f4efe0")
    p.poly([(4, 56), (28, 8), (106, 8), (90, 56)], p.c)
    p.rect(4, 56, 86, 5, dark(p.c, 0.2))
    p.rect(4, 70, 88, 4, dark(p.c, 0.2))
    p.poly([(38, 20), (84, 20), (78, 32), (32, 32)], light(p.c, 0.7), deco=True)


def television(p: Pen) -> None:
    """A flat television on its foot."""
    p.rect(44, 74, 42, 8, "#33353a", r=2)
    p.rect(58, 66, 14, 12, "#26282c")
    p.rect(1, 1, 128, 70, "#1d1f24", r=5)
    on = p.thing.state == "on"
    p.rect(8, 8, 114, 54, "#6fb4dc" if on else "#39414d", deco=True)
    if on:
        p.draw("M8 62 Q36 30 62 50 Q90 22 122 62 Z", "#58a05c", deco=True)
        p.ell(100, 22, 8, 8, "#f8de6a", deco=True)
    p.poly([(18, 8), (44, 8), (22, 62), (8, 62), (8, 40)], "#ffffff", deco=True, alpha=0.13)


def plant(p: Pen) -> None:
    """A pot plant."""
    leaves = (
        "M40 64 Q4 50 2 18 Q34 26 42 62 Z",
        "M40 64 Q76 50 78 20 Q46 28 38 62 Z",
        "M40 66 Q14 26 40 1 Q66 26 40 66 Z",
        "M40 66 Q8 66 4 48 Q28 44 42 64 Z",
        "M40 66 Q72 66 76 48 Q52 44 38 64 Z",
    )
    for i, leaf in enumerate(leaves):
        p.draw(leaf, "#3f9a4a" if i != 2 else "#52b05a")
    p.line([(40, 10), (40, 60)], 1.6, "#2c7036", deco=True)
    p.poly([(16, 68), (64, 68), (57, 99), (23, 99)], "#b9603a", shade="h")
    p.rect(13, 62, 54, 9, "#c97048", r=2)


def vase(p: Pen) -> None:
    """A vase."""
    p.draw(
        "M18 4 L46 4 C40 22 62 36 62 62 C62 84 52 96 44 98 L20 98 C12 96 2 84 2 62 C2 36 24 22 18 4 Z",
        p.c,
        shade="h",
        pattern=True,
    )
    p.ell(32, 5, 15, 4.5, dark(p.c, 0.35))
    p.gloss(17, 56, 7, 20, 0.6)


def cat(p: Pen) -> None:
    """A sitting cat."""
    c = p.c
    p.line("M66 84 C96 90 94 58 84 46", 9, c, part="tail")
    p.draw("M24 96 C18 66 26 42 44 42 C66 42 80 70 74 96 Z", c)
    p.ell(36, 92, 9, 6, light(c, 0.12))
    p.ell(56, 92, 9, 6, light(c, 0.12))
    p.poly([(14, 26), (16, 2), (32, 14)], c, part="head")
    p.poly([(46, 14), (62, 2), (64, 26)], c, part="head")
    p.ell(39, 30, 27, 22, c, part="head", shade="r")
    for x in (29, 49):
        p.ell(x, 28, 4.5, 5, "#d8e86a", deco=True)
        p.ell(x, 28, 1.8, 4.4, "#15151a", deco=True)
    p.poly([(35, 37), (43, 37), (39, 41)], "#e58a94", deco=True)
    for y in (38, 43):
        p.line([(12, y + 2), (28, y)], 1.2, mix(c, "#808080", 0.7), deco=True)
        p.line([(50, y), (66, y + 2)], 1.2, mix(c, "#808080", 0.7), deco=True)


def candle(p: Pen) -> None:
    """A candle on a saucer, lit or not."""
    if p.thing.state == "lit":
        p.glow(25, 14, 46, "#ffd76a", 0.8)
        p.draw("M25 1 C36 14 34 26 25 27 C16 26 14 14 25 1 Z", "#fbb52a", shade=None)
        p.ell(25, 20, 4, 6, "#fff6c8", deco=True)
    p.line([(25, 26), (25, 36)], 2.4, "#33302c")
    p.rect(13, 34, 24, 56, "#f6ecd2", r=3, shade="h")
    p.ell(25, 92, 24, 7, "#b0813c")


def guitar(p: Pen) -> None:
    """A guitar, upright."""
    p.rect(24, 16, 9, 56, "#5d3a20", part="neck")
    p.rect(20, 1, 17, 18, "#3c2414", r=3, part="neck")
    p.draw(
        "M28 60 C46 54 50 70 45 80 C42 86 56 92 56 108 C56 124 42 129 28 129 C14 129 1 124 1 108 C1 92 15 86 12 80 "
        "C7 70 10 54 28 60 Z",
        "#c8803a",
        shade="r",
        part="body",
    )
    p.ell(28, 86, 9, 9, "#3a2010", deco=True)
    p.rect(18, 108, 21, 5, "#3a2010", deco=True)
    for x in (26, 28.5, 31):
        p.line([(x, 16), (x, 110)], 0.8, "#f0e8d8", deco=True)


def phone(p: Pen) -> None:
    """A phone."""
    p.rect(1, 1, 48, 94, "#24262c", r=8)
    p.rect(5, 10, 40, 74, "#5fa8e0", deco=True)
    for i in range(6):
        colour = ("#f4c64a", "#e8604c", "#6ac46a")[i % 3]
        p.rect(9 + 12 * (i % 3), 16 + 14 * (i // 3), 8, 8, colour, r=2, deco=True)
    p.poly([(5, 84), (5, 52), (30, 84)], "#ffffff", deco=True, alpha=0.25)
    p.ell(25, 90, 3, 2.4, "#8a8e96", deco=True)


def laptop(p: Pen) -> None:
    """An open laptop."""
    p.rect(16, 1, 88, 58, "#34373d", r=4)
    p.rect(21, 6, 78, 47, "#7cc0e8", deco=True)
    p.rect(28, 14, 36, 5, "#ffffff", deco=True)
    p.rect(28, 24, 52, 4, "#d8ecf8", deco=True)
    p.rect(28, 32, 44, 4, "#d8ecf8", deco=True)
    p.poly([(16, 59), (104, 59), (119, 78), (1, 78)], "#aab0b8")
    p.poly([(22, 62), (98, 62), (105, 71), (15, 71)], "#54585f", deco=True)
    p.rect(1, 78, 118, 4, "#8a9098")


def key(p: Pen) -> None:
    """A key."""
    p.line([(36, 24), (98, 24)], 8, "#d8aa3a")
    p.rect(76, 24, 7, 18, "#d8aa3a")
    p.rect(90, 24, 7, 13, "#d8aa3a")
    p.ell(23, 24, 22, 22, "#d8aa3a", shade="r")
    p.ell(20, 24, 9, 9, "#6e5520", deco=True)


def gift(p: Pen) -> None:
    """A wrapped present with a bow."""
    ribbon = "#f7d84a" if p.thing.colour not in ("yellow", "orange", "white") else "#d03a5a"
    p.rect(6, 38, 84, 58, p.c, r=2, pattern=True)
    p.rect(2, 26, 92, 16, light(p.c, 0.12), r=2)
    p.rect(41, 26, 14, 70, ribbon, deco=True)
    p.draw("M48 26 C20 30 12 2 28 2 C42 2 48 18 48 26 Z", ribbon)
    p.draw("M48 26 C76 30 84 2 68 2 C54 2 48 18 48 26 Z", ribbon)
    p.ell(48, 24, 7, 6, dark(ribbon, 0.12))


def baby(p: Pen) -> None:
    """A sitting baby in a romper."""
    skin, suit = p.look("skin", "#f2c9a4"), p.look("shirt", "#8ec6ea")
    for x in (20, 64):
        p.ell(x, 86, 19, 9, suit, part="leg")
        p.ell(x + (-16 if x < 40 else 16), 85, 8, 7, skin, part="leg")
    p.draw("M24 88 C18 62 26 48 42 48 C58 48 66 62 60 88 Q42 96 24 88 Z", suit)
    p.line([(26, 58), (10, 70)], 11, suit, part="arm")
    p.line([(58, 58), (74, 68)], 11, suit, part="arm")
    p.ell(7, 73, 6, 6, skin, part="arm")
    p.ell(77, 71, 6, 6, skin, part="arm")
    p.ell(42, 28, 27, 25, skin, shade="r", part="face")
    p.line("M42 3 Q52 -1 50 8 Q46 12 42 8", 4, p.look("hair", "#8a5a30"), part="hair")
    _face(p, 42, 31, 10, 3.2)
    for x in (26, 58):
        p.ell(x, 37, 5, 3.5, "#f09a94", deco=True, alpha=0.7)


def _face(p: Pen, x: float, y: float, gap: float, r: float) -> None:
    for dx in (-gap, gap):
        p.ell(x + dx, y - 3, r, r * 1.15, "#2a2026", deco=True)
    p.line(f"M{x - 6} {y + 9} Q{x} {y + 15} {x + 6} {y + 9}", 2.4, "#a8402e", deco=True)


def fence(p: Pen) -> None:
    """A low gate with bars."""
    for y in (14, 66):
        p.rect(2, y, 176, 8, dark(p.c, 0.14), r=3)
    for i in range(9):
        x = 6 + i * 19.6
        p.rect(x, 4, 9, 84, p.c, r=4)


def teddy(p: Pen) -> None:
    """A teddy bear."""
    fur, pale = "#a86f3c", "#e6c394"
    for x in (20, 60):
        p.ell(x, 88, 15, 12, fur)
        p.ell(x, 89, 8, 6.5, pale, deco=True)
    for x in (12, 68):
        p.ell(x, 60, 11, 15, fur)
    p.ell(40, 68, 25, 26, fur, shade="r")
    p.ell(40, 70, 14, 16, pale, deco=True)
    for x in (18, 62):
        p.ell(x, 13, 12, 12, fur)
        p.ell(x, 13, 6, 6, pale, deco=True)
    p.ell(40, 29, 28, 25, fur, shade="r")
    p.ell(40, 37, 12, 9.5, pale, deco=True)
    p.ell(40, 33, 4.5, 3.5, "#2a1a12", deco=True)
    for x in (29, 51):
        p.ell(x, 24, 3.4, 3.6, "#1f1410", deco=True)


def ball(p: Pen) -> None:
    """A ball."""
    p.ell(50, 50, 49, 49, p.c, shade="r", pattern=True)
    if not p.thing.pattern:
        p.line("M2 44 Q50 76 98 44", 6, light(p.c, 0.7), deco=True, alpha=0.85)
    p.gloss(33, 28, 18, 14, 0.75)


def blocks(p: Pen) -> None:
    """A small pile of toy blocks."""
    for x, y, c in ((2, 50, "#d8433c"), (52, 50, "#3f78cc"), (27, 2, "#f0c23a")):
        p.rect(x, y, 46, 46, c, r=3)
        p.rect(x + 8, y + 8, 30, 30, light(c, 0.5), r=2, deco=True)
        p.ell(x + 23, y + 23, 9, 9, dark(c, 0.1), deco=True)


PATTERNS = ("striped", "dotted", "checked")
ROWS = (
    Kind("sink", sink, 110, 101, 0.44, "floor"),
    Kind("tap", tap, 84, 99, 0.19, states=("running",)),
    Kind("toothbrush", toothbrush, 118, 26, 0.07, colours=BRIGHT, tilt=45),
    Kind("soap", soap, 100, 62, 0.11, colours=("white", "pink", "yellow", "green", "blue", "purple", "orange")),
    Kind("towel", towel, 90, 107, 0.34, "wall", colours=BRIGHT, patterns=("striped", "dotted")),
    Kind("mirror", mirror, 80, 110, 0.42, "wall"),
    Kind("bathtub", bathtub, 150, 73, 0.36, "floor"),
    Kind("sofa", sofa, 150, 88, 0.42, "floor", colours=ALL, patterns=PATTERNS),
    Kind("chair", chair, 72, 100, 0.42, "floor", colours=ALL, parts=("leg", "seat", "backrest")),
    Kind("table", table, 160, 82, 0.36, "floor", parts=("leg",)),
    Kind(
        "lamp",
        lamp,
        80,
        101,
        0.3,
        colours=BRIGHT,
        patterns=("striped", "dotted"),
        states=("lit", "unlit"),
        parts=("shade",),
    ),
    Kind("clock", clock, 100, 100, 0.22, "wall"),
    Kind("book", book, 110, 76, 0.14, colours=ALL, states=("open", "closed")),
    Kind("television", television, 130, 83, 0.33, "floor", states=("on", "off")),
    Kind("plant", plant, 80, 100, 0.3),
    Kind("vase", vase, 64, 100, 0.22, colours=ALL, patterns=PATTERNS),
    Kind("cat", cat, 96, 99, 0.27, "floor", colours=("black", "orange", "grey", "white"), parts=("tail", "head")),
    Kind("candle", candle, 50, 100, 0.2, states=("lit", "unlit")),
    Kind("guitar", guitar, 57, 130, 0.42, "floor", parts=("neck", "body"), tilt=14),
    Kind("phone", phone, 50, 96, 0.16, tilt=30),
    Kind("laptop", laptop, 120, 83, 0.24),
    Kind("key", key, 100, 47, 0.085, tilt=40),
    Kind("gift", gift, 96, 98, 0.22, colours=ALL, patterns=PATTERNS),
    Kind("baby", baby, 84, 97, 0.3, "floor", parts=("hair", "face", "arm", "leg")),
    Kind("fence", fence, 180, 90, 0.26, "floor", colours=("white", "brown", "blue", "green", "pink", "yellow")),
    Kind("teddy", teddy, 80, 101, 0.22, "floor", tilt=8),
    Kind("ball", ball, 100, 100, 0.16, "floor", colours=ALL, patterns=PATTERNS),
    Kind("blocks", blocks, 100, 98, 0.19, "floor"),
)
