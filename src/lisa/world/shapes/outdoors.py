"""Street, beach, animals, garden and workshop."""

from __future__ import annotations

from lisa.world.palette import ALL, BRIGHT, dark, light
from lisa.world.shapes.food import burst
from lisa.world.shapes.kind import Kind
from lisa.world.shapes.pen import Pen

GLASS = "#bfe0f0"


def _wheel(p: Pen, x: float, y: float, r: float) -> None:
    p.ell(x, y, r, r, "#26262b", part="wheel")
    p.ell(x, y, r * 0.52, r * 0.52, "#b9bec6", deco=True)
    p.ell(x, y, r * 0.18, r * 0.18, "#5a5f68", deco=True)


def car(p: Pen) -> None:
    """A car from the side."""
    p.draw("M28 24 Q36 3 52 2 L84 2 Q98 3 108 24 L130 28 Q139 32 138 50 L4 50 Q0 30 8 26 Z", p.c)
    p.poly([(36, 24), (44, 8), (64, 8), (64, 24)], GLASS, part="window")
    p.poly([(70, 24), (70, 8), (86, 8), (100, 24)], GLASS, part="window")
    p.line([(67, 26), (67, 46)], 1.4, dark(p.c, 0.4), deco=True)
    p.line([(6, 38), (136, 38)], 2, light(p.c, 0.5), deco=True, alpha=0.6)
    p.ell(133, 34, 5, 4.5, "#fff2b8", part="headlight")
    p.rect(2, 32, 5, 7, "#c23030", deco=True)
    for x in (32, 106):
        _wheel(p, x, 50, 13)


def bus(p: Pen) -> None:
    """A bus from the side."""
    p.rect(2, 2, 156, 72, p.c, r=9)
    p.rect(3, 48, 154, 7, light(p.c, 0.65), deco=True)
    for i in range(5):
        p.rect(10 + 25 * i, 14, 20, 24, GLASS, r=3, part="window")
    p.rect(136, 14, 20, 34, GLASS, r=3, part="window")
    p.ell(152, 64, 4, 4, "#fff2b8", deco=True)
    for x in (36, 122):
        _wheel(p, x, 74, 13)


def bicycle(p: Pen) -> None:
    """A bicycle from the side."""
    for x in (24, 106):
        for a, b in ((22, 0), (0, 22), (15, 15), (15, -15)):
            p.line([(x - a, 60 - b), (x + a, 60 + b)], 0.9, "#8c929c", part="wheel", outline=False)
        p.path(_ring(x, 60, 21), "#2a2a30", width=4.5, part="wheel", outline=False)
    for a, b in (
        ((24, 60), (44, 28)),
        ((44, 28), (90, 26)),
        ((44, 28), (60, 62)),
        ((60, 62), (92, 28)),
        ((24, 60), (60, 62)),
        ((86, 12), (106, 60)),
        ((44, 28), (40, 16)),
    ):
        p.line([a, b], 4.2, "#c8393a")
    p.line("M28 14 L50 14", 6.5, "#38281c", part="saddle")
    p.line("M74 8 L88 10 Q98 10 96 20", 4.5, "#45474e", part="handlebar")
    p.ell(60, 62, 6, 6, "#45474e")


def _ring(x: float, y: float, r: float) -> object:
    import skia

    return skia.Path.Circle(x, y, r)


def traffic_light(p: Pen) -> None:
    """A traffic light on its pole, red or green."""
    p.rect(20, 66, 8, 72, "#5f646c", shade="h")
    p.rect(4, 1, 40, 72, "#2c2f35", r=7)
    red = p.thing.state != "green"
    for y, bright, dim, on in (
        (14, "#ff3b30", "#5a1f1c", red),
        (37, "#f5b92e", "#57461c", False),
        (60, "#35d25a", "#1c4a28", not red),
    ):
        p.ell(24, y, 10, 10, bright if on else dim, deco=True)
        if on:
            p.glow(24, y, 24, bright, 0.55)
            p.gloss(21, y - 3, 5, 5, 0.8)


def stop_sign(p: Pen) -> None:
    """An octagonal stop sign."""
    p.rect(36, 60, 8, 68, "#8b9099", shade="h")
    octagon = [(24, 1), (56, 1), (79, 24), (79, 56), (56, 79), (24, 79), (1, 56), (1, 24)]
    p.poly(octagon, "#cf2a2a")
    p.poly([(40 + (x - 40) * 0.87, 40 + (y - 40) * 0.87) for x, y in octagon], "#ffffff", deco=True)
    p.poly([(40 + (x - 40) * 0.8, 40 + (y - 40) * 0.8) for x, y in octagon], "#cf2a2a", deco=True)
    for stroke in (
        "M24 33 Q13 30 13 36 Q13 40 18 40 Q24 41 24 45 Q24 50 13 47",
        "M27 33 L38 33",
        "M32.5 33 L32.5 48",
        "M42 40 Q42 33 47 33 Q52 33 52 40 Q52 48 47 48 Q42 48 42 40",
        "M57 48 L57 33 Q67 33 67 37 Q67 41 57 41",
    ):
        p.line(stroke, 3.2, "#ffffff", deco=True)


def tree(p: Pen) -> None:
    """A leafy tree."""
    p.draw("M42 72 L58 72 Q57 116 66 128 L34 128 Q43 116 42 72 Z", "#7a5230", shade="h", part="trunk")
    green = p.look("leaf", "#4a9a48")
    for x, y, r in ((26, 58, 25), (74, 58, 25), (30, 32, 26), (70, 32, 26), (50, 24, 23), (50, 56, 30)):
        p.ell(x, y, r, r * 0.92, green, part="crown", shade="r")
    for x, y, r in ((50, 46, 30), (34, 36, 18), (64, 34, 18)):
        p.ell(x, y, r, r * 0.85, light(green, 0.13), deco=True, alpha=0.75)
    for x, y in ((30, 60), (62, 62), (48, 28), (72, 44), (24, 42)):
        p.line(f"M{x - 6} {y} Q{x} {y - 7} {x + 6} {y}", 2.2, dark(green, 0.3), deco=True, alpha=0.7)


def bench(p: Pen) -> None:
    """A park bench."""
    for x in (18, 118):
        p.line([(x, 10), (x, 70)], 6, "#4a4d54")
        p.line([(x, 44), (x + (-8 if x < 60 else 8), 70)], 6, "#4a4d54")
    for y in (4, 17, 30):
        p.rect(4, y, 128, 9, "#a8693a", r=3)
    p.rect(1, 43, 134, 10, "#b87a48", r=3)


def dog(p: Pen) -> None:
    """A standing dog; with antlers when its look says so."""
    c, y = p.c, 24.0 if p.look("antlers") == "yes" else 0.0
    if y:
        for s in (-1, 1):
            x = 88 + 7 * s
            p.line([(x, 34), (x + 9 * s, 5)], 4.5, "#9a6a34", part="antlers")
            p.line([(x + 3 * s, 22), (x + 14 * s, 18)], 4, "#9a6a34", part="antlers")
            p.line([(x + 6 * s, 12), (x - 2 * s, 5)], 4, "#9a6a34", part="antlers")
    p.line(f"M14 {y + 38} Q2 {y + 28} 6 {y + 12}", 8, c, part="tail")
    for x in (20, 34, 66, 78):
        p.rect(x - 5, y + 52, 10, 32, dark(c, 0.08), r=4)
    p.rect(10, y + 30, 76, 32, c, r=15)
    p.draw(f"M66 {y + 46} L74 {y + 14} L96 {y + 24} L86 {y + 50} Z", c)
    p.ell(88, y + 20, 16, 15, c, shade="r", part="head")
    p.rect(92, y + 18, 23, 14, c, r=6, part="head")
    p.ell(112, y + 21, 4.5, 3.5, "#17141a", deco=True)
    p.draw(f"M78 {y + 8} Q66 {y + 12} 70 {y + 34} Q80 {y + 36} 84 {y + 14} Z", dark(c, 0.35), part="head")
    p.ell(94, y + 15, 3, 3.2, "#17141a" if p.thing.colour != "black" else "#f0e8d8", deco=True)
    p.rect(70, y + 36, 20, 4.5, "#d8433c", deco=True)


def fire_hydrant(p: Pen) -> None:
    """A fire hydrant."""
    red = "#d63a2c"
    p.rect(8, 88, 54, 11, dark(red, 0.2), r=3)
    p.rect(2, 44, 66, 16, red, r=5)
    p.rect(16, 26, 38, 64, red, r=4, shade="h")
    p.draw("M14 28 Q16 4 35 3 Q54 4 56 28 Z", red)
    p.rect(11, 24, 48, 7, dark(red, 0.1), r=3)
    p.ell(35, 52, 11, 11, "#e9c04a")
    p.rect(30, 0.5, 10, 5, dark(red, 0.2))


def bin_(p: Pen) -> None:
    """A bin with a lid."""
    p.poly([(8, 24), (66, 24), (60, 99), (14, 99)], p.c, shade="h")
    for x in (24, 37, 50):
        p.line([(x, 34), (37 + (x - 37) * 0.8, 90)], 2.6, dark(p.c, 0.3), deco=True)
    p.rect(3, 12, 68, 14, dark(p.c, 0.12), r=5)
    p.rect(27, 3, 20, 9, dark(p.c, 0.25), r=3)


def boat(p: Pen) -> None:
    """A sailing boat."""
    p.line([(54, 4), (54, 84)], 4, "#7a5230")
    p.draw("M58 8 Q98 40 102 74 L58 74 Z", "#fbf8f0", part="sail")
    p.draw("M50 16 Q26 44 12 74 L50 74 Z", "#efe8da", part="sail")
    p.draw("M2 82 L116 82 Q108 108 92 108 L26 108 Q8 108 2 82 Z", p.c, part="hull")
    p.line([(8, 89), (110, 89)], 3, light(p.c, 0.7), deco=True)


def sandcastle(p: Pen) -> None:
    """A castle of sand."""
    sand = "#e2bd7a"
    p.line([(60, 28), (60, 3)], 2.4, "#6b4a2c")
    p.poly([(61, 3), (78, 8), (61, 14)], "#d8433c")
    for x, y in ((6, 44), (84, 44), (42, 24)):
        p.poly(
            [
                (x, y),
                (x, y - 8),
                (x + 8, y - 8),
                (x + 8, y - 3),
                (x + 14, y - 3),
                (x + 14, y - 8),
                (x + 22, y - 8),
                (x + 22, y - 3),
                (x + 28, y - 3),
                (x + 28, y - 8),
                (x + 36, y - 8),
                (x + 36, y + 50),
                (x, y + 50),
            ],
            sand,
        )
    p.draw("M1 98 Q8 62 24 62 L98 62 Q116 62 121 98 Z", "#d8b06a")
    p.draw("M48 98 L48 84 Q60 70 72 84 L72 98 Z", "#7d5c30", deco=True)
    for x in (22, 100, 60):
        p.rect(x - 4, 50 if x != 60 else 34, 8, 11, "#8a6636", r=4, deco=True)


def shell(p: Pen) -> None:
    """A scallop shell."""
    p.rect(36, 68, 24, 12, "#e8a890", r=3)
    p.draw(
        "M48 76 C20 70 -4 40 4 24 Q12 12 22 14 Q30 2 40 6 Q48 -2 56 6 Q66 2 74 14 Q84 12 92 24 C100 40 76 70 48 76 Z",
        "#f4c2ae",
    )
    for x in (12, 30, 48, 66, 84):
        p.line([(48, 72), (x, 16 + abs(x - 48) * 0.3)], 2.2, "#d98a74", deco=True)


def surfboard(p: Pen) -> None:
    """A surfboard standing upright."""
    p.draw("M20 1 C36 20 40 60 38 92 Q34 124 20 129 Q6 124 2 92 C0 60 4 20 20 1 Z", p.c, shade="h")
    p.line([(20, 8), (20, 124)], 3, light(p.c, 0.75), deco=True)
    p.draw("M3 84 Q20 72 38 84 L38 94 Q20 82 3 94 Z", light(p.c, 0.6), deco=True)


def cow(p: Pen) -> None:
    """A spotted cow."""
    white = "#f4efe8"
    p.line("M12 34 Q2 44 6 68", 4, white)
    p.ell(6, 70, 4.5, 6, "#3a2c28")
    for x in (22, 38, 82, 96):
        p.rect(x - 6, 62, 12, 36, white, r=3)
        p.rect(x - 5.5, 91, 11, 7, "#3a2c28", deco=True)
    p.ell(52, 70, 9, 7, "#f0b0a8")
    p.rect(12, 24, 94, 46, white, r=18)
    for x, y, a, b in ((34, 38, 14, 11), (66, 54, 15, 10), (78, 34, 11, 8)):
        p.ell(x, y, a, b, "#33282a", deco=True)
    for s in (-1, 1):
        p.line(f"M{114 + 9 * s} 16 Q{114 + 18 * s} 12 {114 + 15 * s} 4", 4.5, "#d8c7a0")
    p.ell(98, 24, 9, 5, "#33282a")
    p.ell(130, 24, 9, 5, "#33282a")
    p.draw("M100 14 Q114 6 128 14 L125 46 Q114 56 103 46 Z", white)
    p.ell(114, 46, 13, 9, "#f0b4ac")
    for x in (108, 120):
        p.ell(x, 28, 2.8, 3.2, "#17141a", deco=True)
        p.ell(x, 46, 2.2, 2, "#a8605c", deco=True)


def horse(p: Pen) -> None:
    """A brown horse with a dark mane."""
    c, mane = "#9a5e32", "#3c2416"
    p.line("M12 48 Q0 58 6 88", 9, mane, part="tail")
    for x in (24, 36, 78, 90):
        p.line([(x, 66), (x, 112)], 9, dark(c, 0.08))
        p.line([(x, 111), (x, 113)], 9, "#2b2020", deco=True)
    p.ell(56, 58, 46, 20, c)
    p.draw("M76 60 C80 34 90 18 100 12 L116 24 C104 36 104 56 96 68 Z", c)
    p.draw("M98 14 L104 1 L110 12 L130 34 Q130 44 120 42 L102 32 Z", c, part="head")
    p.line("M102 8 Q88 18 80 46", 8, mane)
    p.ell(110, 20, 2.6, 2.8, "#17141a", deco=True)
    p.ell(125, 37, 1.8, 1.8, "#2b1a12", deco=True)


def duck(p: Pen) -> None:
    """A yellow duck."""
    p.draw("M76 28 L99 32 Q90 42 74 40 Z", "#ee8a24")
    p.draw("M4 48 Q20 52 36 50 L60 44 Q92 52 88 72 Q80 88 44 86 Q10 84 4 48 Z", "#f6d23c", shade="r")
    p.ell(64, 26, 22, 22, "#f8d840", shade="r")
    p.draw("M24 58 Q46 50 62 60 Q48 78 28 72 Z", "#e2b022", deco=True)
    p.ell(71, 22, 3.4, 3.8, "#17141a", deco=True)


def bird(p: Pen) -> None:
    """A small bird."""
    p.poly([(2, 46), (30, 40), (28, 56)], dark(p.c, 0.2))
    p.draw("M18 48 C26 20 52 22 60 22 C74 20 84 30 80 46 C76 70 38 74 18 48 Z", p.c)
    p.ell(72, 24, 18, 16, p.c, shade="r")
    p.poly([(88, 20), (105, 26), (87, 31)], "#f0a22c", part="beak")
    p.draw("M28 38 Q52 30 62 40 Q52 62 20 58 Z", dark(p.c, 0.3), part="wing")
    p.ell(77, 20, 3, 3.2, "#17141a" if p.thing.colour != "black" else "#f4f0e8", deco=True)
    for x in (46, 56):
        p.line([(x, 64), (x + 2, 76)], 2.6, "#c07a24")


def sheep(p: Pen) -> None:
    """A woolly sheep."""
    for x in (28, 42, 66, 80):
        p.rect(x - 5, 58, 9, 28, "#3a3438", r=2)
    for x, y, r in ((24, 36, 20), (40, 24, 20), (62, 23, 20), (80, 34, 19), (30, 52, 18), (54, 54, 20), (76, 52, 17)):
        p.ell(x, y, r, r * 0.9, "#f4f0e8")
    p.ell(53, 39, 36, 22, "#f4f0e8", deco=True)
    for x, y in ((36, 34), (54, 46), (68, 32), (46, 26)):
        p.line(f"M{x - 6} {y} Q{x} {y + 8} {x + 6} {y}", 2, "#c9c2b8", deco=True)
    p.ell(98, 34, 13, 18, "#3a3438", shade="r")
    p.ell(86, 26, 8, 4.5, "#3a3438")
    p.ell(96, 18, 11, 7, "#f4f0e8")
    p.ell(102, 30, 2.4, 2.6, "#ffffff", deco=True)


def flower(p: Pen) -> None:
    """A flower with its stem and leaves."""
    p.line("M30 40 Q28 72 30 98", 5, "#3c8c3c", part="stem")
    p.draw("M29 78 Q10 76 6 60 Q24 60 30 76 Z", "#46a046", part="stem")
    p.draw("M30 70 Q48 68 54 52 Q36 52 30 68 Z", "#46a046", part="stem")
    for x, y in burst(6, 30, 28, 17):
        p.ell(x, y, 11.5, 11.5, p.c, part="petals")
    centre = "#f6c52e" if p.thing.colour not in ("yellow", "orange") else "#7a4a20"
    p.ell(30, 28, 9, 9, centre, part="petals")


def watering_can(p: Pen) -> None:
    """A watering can."""
    p.line([(84, 66), (110, 26)], 9, p.c, part="spout")
    p.poly([(100, 24), (114, 12), (124, 24), (114, 34)], dark(p.c, 0.1), part="spout")
    p.line("M34 40 C30 4 4 20 22 74", 7, dark(p.c, 0.2), part="handle")
    p.draw("M24 34 L86 34 L90 92 L20 92 Z", p.c, shade="h")
    p.ell(55, 34, 31, 7, dark(p.c, 0.3))
    p.gloss(38, 60, 7, 22, 0.5)


def shovel(p: Pen) -> None:
    """A shovel."""
    p.line([(25, 14), (25, 84)], 7, "#b07a44")
    p.line("M12 6 L38 6", 7, "#b07a44")
    p.line([(25, 6), (25, 20)], 7, "#b07a44")
    p.draw("M8 80 L42 80 L42 104 Q40 122 25 129 Q10 122 8 104 Z", "#8f98a3", shade="h")


def rake(p: Pen) -> None:
    """A rake."""
    p.line([(30, 4), (30, 104)], 6.5, "#b88448")
    p.line([(5, 106), (55, 106)], 7, "#5f656e")
    for x in (5, 15, 25, 35, 45, 55):
        p.line([(x, 106), (x, 124)], 4, "#5f656e")


def umbrella(p: Pen) -> None:
    """An open umbrella, or a sunshade."""
    p.line("M60 30 L60 104 Q60 114 50 112 Q44 110 46 102", 5, "#6b4a2c", part="handle")
    p.draw(
        "M2 56 C6 18 32 4 60 4 C88 4 114 18 118 56 Q108 46 98 54 Q88 46 79 54 Q70 46 60 54 Q50 46 41 54 "
        "Q32 46 22 54 Q12 46 2 56 Z",
        p.c,
        part="canopy",
        pattern=True,
    )
    if not p.thing.pattern:
        for x in (22, 41, 79, 98):
            p.line(f"M60 6 Q{60 + (x - 60) * 0.8} 24 {x} 52", 2, dark(p.c, 0.3), deco=True)
        p.draw("M60 6 Q46 24 41 53 Q50 46 60 53 Q70 46 79 53 Q74 24 60 6 Z", light(p.c, 0.45), deco=True, alpha=0.5)
    p.line([(60, 1.5), (60, 5)], 3, "#6b4a2c", part="canopy")


def hat(p: Pen) -> None:
    """A hat with a brim and a band."""
    p.draw("M22 46 Q22 4 55 4 Q88 4 88 46 Z", p.c, pattern=True)
    p.rect(21, 34, 68, 11, dark(p.c, 0.45) if p.thing.colour != "black" else "#d0a040", deco=True)
    p.ell(55, 48, 54, 9, p.c)


def hammer(p: Pen) -> None:
    """A hammer."""
    p.rect(40, 20, 12, 80, "#c08a4c", r=4, part="handle", shade="h")
    p.draw("M18 4 L68 4 Q86 6 90 22 Q76 18 66 26 L18 26 Z", "#6d757f", part="head")
    p.rect(2, 2, 18, 26, "#868e98", r=3, part="head")


def saw(p: Pen) -> None:
    """A hand saw."""
    teeth = [(122 - i * 5.0, 44 - (2 if i % 2 else -4)) for i in range(17)]
    p.poly([(38, 12), (122, 30), *teeth, (38, 46)], "#c3cbd3", part="blade")
    p.draw("M2 20 Q4 4 22 4 L42 8 L42 50 Q20 58 6 50 Z", "#b46a34", part="handle")
    p.ell(21, 29, 9, 12, "#5a3218", deco=True)


def screwdriver(p: Pen) -> None:
    """A screwdriver."""
    p.rect(48, 8, 58, 7, "#b7c0ca")
    p.poly([(104, 8), (118, 6), (118, 17), (104, 15)], "#9aa4af")
    p.rect(1, 1, 50, 21, p.c, r=8)
    for y in (6, 11.5, 17):
        p.line([(8, y), (42, y)], 1.8, dark(p.c, 0.35), deco=True)


def scissors(p: Pen) -> None:
    """Open scissors."""
    p.poly([(44, 46), (110, 10), (116, 14), (54, 56)], "#bcc5cd")
    p.poly([(44, 44), (110, 78), (116, 74), (54, 34)], "#ccd4db")
    for y in (22, 68):
        p.path(_ring(20, y, 14), p.c, width=9)
        p.line([(32, 30 if y < 40 else 60), (52, 48 if y < 40 else 42)], 8, p.c)
    p.ell(56, 45, 3.5, 3.5, "#5a626c", deco=True)


def paintbrush(p: Pen) -> None:
    """A paintbrush with paint on it."""
    p.draw("M2 12 Q30 2 70 8 L70 20 Q30 26 2 16 Z", "#b5793c")
    p.rect(68, 5, 17, 18, "#b8c0c8")
    p.draw("M85 5 L106 2 Q118 14 106 26 L85 23 Z", "#e8d6b0")
    p.draw("M97 3 L106 2 Q118 14 106 26 L97 25 Q102 14 97 3 Z", "#d8433c", deco=True)


def bucket(p: Pen) -> None:
    """A bucket with its handle."""
    p.line("M6 26 C14 -8 70 -8 78 26", 4, "#6f757d")
    p.poly([(4, 24), (80, 24), (68, 92), (16, 92)], p.c, shade="h")
    p.ell(42, 24, 38, 9, light(p.c, 0.3))
    p.ell(42, 25, 32, 6, dark(p.c, 0.45), deco=True)


def camera(p: Pen) -> None:
    """A camera from the front."""
    p.rect(36, 1, 36, 20, "#33363c", r=4)
    p.rect(12, 10, 16, 9, "#55585f", r=2)
    p.rect(2, 16, 104, 66, "#2b2d33", r=8)
    p.rect(4, 34, 100, 26, "#4d4a4a", deco=True)
    p.ell(54, 50, 28, 28, "#1c1d21", part="lens")
    p.ell(54, 50, 20, 20, "#2f5f8a", deco=True)
    p.ell(54, 50, 11, 11, "#14263a", deco=True)
    p.gloss(47, 42, 9, 8, 0.85)
    p.ell(94, 26, 4, 4, "#e04838", deco=True)


def short_lens(p: Pen) -> None:
    """A short, wide lens standing upright."""
    p.rect(4, 14, 82, 40, "#2c2e34", r=4, shade="h")
    p.rect(4, 30, 82, 10, "#54575e", deco=True)
    for x in range(10, 84, 8):
        p.line([(x, 31), (x, 39)], 2, "#2c2e34", deco=True)
    p.ell(45, 14, 43, 13, "#3a3d44")
    p.ell(45, 14, 33, 9, "#4a86b4", deco=True)
    p.gloss(36, 11, 13, 4, 0.9)


def long_lens(p: Pen) -> None:
    """A long lens standing upright."""
    p.rect(8, 84, 54, 48, "#2c2e34", r=4, shade="h")
    p.rect(2, 12, 66, 76, "#e9e6de", r=4, shade="h")
    for y in (30, 62):
        p.rect(3, y, 64, 9, "#3a3d44", deco=True)
    p.rect(9, 104, 52, 7, "#c23a34", deco=True)
    p.ell(35, 12, 33, 10, "#3a3d44")
    p.ell(35, 12, 25, 6.8, "#4a86b4", deco=True)
    p.gloss(28, 10, 10, 3, 0.9)


def tripod(p: Pen) -> None:
    """A tripod."""
    for x in (6, 74, 44):
        p.line([(40, 30), (x, 126)], 6, "#3a3d44")
    p.line([(22, 84), (60, 84)], 3, "#5a5e66")
    p.rect(33, 12, 14, 34, "#4a4d55", r=3)
    p.rect(20, 3, 40, 11, "#2a2c31", r=3)
    p.line([(46, 22), (70, 32)], 4.5, "#2a2c31")


def steering_wheel(p: Pen) -> None:
    """A steering wheel."""
    for a, b in (((60, 60), (12, 56)), ((60, 60), (108, 56)), ((60, 62), (60, 108))):
        p.line([a, b], 11, "#5b5f69")
    p.path(_ring(60, 60, 52), "#5e4836", width=14)
    p.path(_ring(60, 60, 54), "#a08468", width=2.5, deco=True)
    p.ell(60, 61, 20, 18, "#666b76", shade="r")
    p.ell(60, 60, 7, 6, "#c8ccd4", deco=True)


def _dial(p: Pen, angle: tuple[float, float], red: bool) -> None:
    p.ell(50, 50, 49, 49, "#8b9098")
    p.ell(50, 50, 43, 43, "#15171c", deco=True)
    marks = [m for m in burst(16, 50, 50, 37) if m[1] < 70]
    for x, y in marks:
        p.ell(x, y, 2.4, 2.4, "#f2f2f2", deco=True)
    if red:
        p.line([(20, 72), (30, 66)], 5, "#ff4030", deco=True)
    p.line([(50, 50), angle], 4.5, "#ff5a36", deco=True)
    p.ell(50, 50, 6, 6, "#c8ccd4", deco=True)


def speedometer(p: Pen) -> None:
    """A speedometer with its needle and figures."""
    _dial(p, (76, 30), False)
    for x, y in ((28, 62), (28, 40), (50, 28), (72, 62)):
        p.rect(x - 4, y - 3, 8, 5, "#9fd8f4", deco=True)
    p.rect(36, 68, 28, 11, "#2f5f4a", deco=True)


def fuel_gauge(p: Pen) -> None:
    """A fuel gauge: a half dial with a pump."""
    p.draw("M2 62 C2 -18 108 -18 108 62 L108 68 L2 68 Z", "#8b9098")
    p.draw("M9 60 C9 -8 101 -8 101 60 Z", "#15171c", deco=True)
    p.line("M16 52 Q20 26 40 14", 5, "#ff4030", deco=True)
    p.line("M48 11 Q84 12 94 52", 5, "#e8e8e8", deco=True)
    p.line([(55, 58), (34, 26)], 4.5, "#ffb030", deco=True)
    p.rect(62, 34, 13, 20, "#ffb030", r=2, deco=True)
    p.rect(64, 36, 9, 6, "#15171c", deco=True)
    p.line("M76 38 L81 42 L81 52", 2.4, "#ffb030", deco=True)


def ladder(p: Pen) -> None:
    """A step ladder."""
    for x0, x1 in ((18, 4), (52, 66)):
        p.line([(x0, 4), (x1, 126)], 6.5, "#c9943f")
    for i in range(6):
        y = 12 + i * 20
        d = (y - 4) / 122 * 14
        p.line([(18 - d, y), (52 + d, y)], 6, "#dba850")


def stool(p: Pen) -> None:
    """A stool."""
    for x0, x1 in ((18, 6), (62, 74), (34, 30), (46, 50)):
        p.line([(x0, 14), (x1, 82)], 6.5, dark(p.c, 0.2))
    p.line([(12, 54), (68, 54)], 4.5, dark(p.c, 0.3))
    p.ell(40, 11, 38, 9, p.c)
    p.gloss(28, 8, 16, 4, 0.5)


def box(p: Pen) -> None:
    """A cardboard box, closed or open."""
    c = "#c8995c"
    if p.thing.state == "open":
        p.poly([(4, 26), (20, 12), (80, 12), (96, 26)], "#7a5830")
        p.poly([(4, 26), (20, 12), (14, 1), (0.5, 14)], light(c, 0.15))
        p.poly([(96, 26), (80, 12), (86, 1), (99.5, 14)], light(c, 0.15))
    else:
        p.poly([(4, 26), (20, 8), (80, 8), (96, 26)], light(c, 0.2))
    p.rect(4, 26, 92, 64, c)
    if p.thing.state != "open":
        p.poly([(44, 26), (46, 8), (56, 8), (58, 26)], "#e6cf9c", deco=True)
        p.rect(44, 26, 14, 18, "#e6cf9c", deco=True)
    p.rect(14, 66, 22, 14, "#8a6434", deco=True, alpha=0.6)


PATTERNS = ("striped", "dotted", "checked")
ROWS = (
    Kind("car", car, 140, 65, 0.27, "floor", colours=ALL, parts=("wheel", "window", "headlight")),
    Kind("bus", bus, 160, 88, 0.42, "floor", colours=BRIGHT, parts=("wheel", "window")),
    Kind("bicycle", bicycle, 130, 84, 0.3, "floor", parts=("wheel", "handlebar", "saddle")),
    Kind("traffic light", traffic_light, 48, 139, 0.55, "floor", states=("red", "green")),
    Kind("stop sign", stop_sign, 80, 129, 0.5, "floor"),
    Kind("tree", tree, 100, 129, 0.72, "floor", parts=("trunk", "crown")),
    Kind("bench", bench, 136, 74, 0.26, "floor"),
    Kind(
        "dog",
        dog,
        118,
        86,
        0.27,
        "floor",
        colours=("brown", "black", "white"),
        parts=("antlers", "tail", "head"),
        alt={"antlers=yes": (118, 110)},
    ),
    Kind("fire hydrant", fire_hydrant, 70, 100, 0.24, "floor"),
    Kind("bin", bin_, 74, 100, 0.28, "floor", colours=("red", "yellow", "green", "blue", "black", "grey", "orange")),
    Kind("boat", boat, 118, 109, 0.36, "water", colours=BRIGHT, parts=("sail", "hull")),
    Kind("sandcastle", sandcastle, 122, 99, 0.26, "floor"),
    Kind("shell", shell, 96, 81, 0.13, tilt=20),
    Kind("surfboard", surfboard, 40, 130, 0.56, "floor", colours=BRIGHT, tilt=10),
    Kind("cow", cow, 140, 99, 0.36, "floor"),
    Kind("horse", horse, 132, 118, 0.42, "floor", parts=("tail", "head")),
    Kind("duck", duck, 100, 88, 0.18, "floor"),
    Kind(
        "bird",
        bird,
        106,
        78,
        0.13,
        "sky",
        colours=("red", "yellow", "blue", "green", "black", "white", "orange"),
        parts=("wing", "beak"),
    ),
    Kind("sheep", sheep, 112, 87, 0.28, "floor"),
    Kind(
        "flower",
        flower,
        60,
        100,
        0.24,
        colours=("red", "orange", "yellow", "blue", "purple", "pink", "white"),
        parts=("petals", "stem"),
    ),
    Kind("watering can", watering_can, 126, 94, 0.24, "floor", colours=BRIGHT, parts=("spout", "handle")),
    Kind("shovel", shovel, 50, 130, 0.42, "floor", tilt=14),
    Kind("rake", rake, 60, 127, 0.44, "floor", tilt=14),
    Kind("umbrella", umbrella, 120, 115, 0.4, "floor", colours=ALL, patterns=PATTERNS, parts=("canopy", "handle")),
    Kind("hat", hat, 110, 58, 0.12, colours=ALL, patterns=("striped", "dotted")),
    Kind("hammer", hammer, 92, 101, 0.2, tilt=40, parts=("handle", "head")),
    Kind("saw", saw, 124, 58, 0.15, tilt=20, parts=("blade", "handle")),
    Kind("screwdriver", screwdriver, 119, 23, 0.068, colours=BRIGHT, tilt=40),
    Kind("scissors", scissors, 117, 90, 0.17, colours=ALL, tilt=40),
    Kind("paintbrush", paintbrush, 117, 28, 0.075, tilt=40),
    Kind("bucket", bucket, 84, 94, 0.2, "floor", colours=ALL),
    Kind("camera", camera, 108, 84, 0.21, parts=("lens",)),
    Kind("short lens", short_lens, 90, 56, 0.13),
    Kind("long lens", long_lens, 70, 134, 0.3),
    Kind("tripod", tripod, 80, 130, 0.5, "floor"),
    Kind("steering wheel", steering_wheel, 120, 120, 0.5),
    Kind("speedometer", speedometer, 100, 100, 0.22),
    Kind("fuel gauge", fuel_gauge, 110, 70, 0.15),
    Kind("ladder", ladder, 70, 130, 0.6, "floor"),
    Kind("stool", stool, 80, 86, 0.24, "floor", colours=ALL),
    Kind("box", box, 100, 91, 0.22, "floor", states=("open", "closed")),
)
