"""Where scenes take place: layout data (no drawing library needed) and the painting of each background."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from lisa.world.palette import Colour, dark, light, mix, rgb


@dataclass(frozen=True)
class Support:
    """A band on which things stand; shares of the picture, base lines between y0 (far) and y1 (near)."""

    name: str
    y0: float
    y1: float
    s0: float = 1.0
    s1: float = 1.0
    """Scale at the far and at the near end."""
    x0: float = 0.02
    x1: float = 0.98
    layer: int = 1
    """0: behind the front layer of the background (a table top, a dashboard)."""


@dataclass(frozen=True)
class Variant:
    """One background of a theme."""

    name: str
    far: str
    """Colour of wall or sky."""
    far_style: str
    near: str
    """Colour of floor, table top or ground."""
    near_style: str
    light: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Tint of the whole picture."""


WARM, COOL, DUSK = (1.04, 1.0, 0.93), (0.96, 1.0, 1.05), (1.03, 0.93, 0.9)

VARIANTS: dict[str, tuple[Variant, ...]] = {
    "kitchen": (
        Variant("kitchen-tiles", "#cfe3e6", "tiles", "#b98d5e", "planks"),
        Variant("kitchen-yellow", "#f3dfa2", "plain", "#8c6a4c", "planks", WARM),
        Variant("kitchen-green", "#bfd6b4", "window", "#d9d4c8", "stone"),
        Variant("kitchen-blue", "#a9c4de", "stripes", "#c9a274", "planks", COOL),
        Variant("kitchen-brick", "#c0785c", "bricks", "#6e6a68", "stone", WARM),
    ),
    "breakfast": (
        Variant("breakfast-check", "#f0e2c8", "window", "#cfdcec", "check"),
        Variant("breakfast-wood", "#d8e4da", "stripes", "#b07a48", "planks", WARM),
        Variant("breakfast-red", "#f5ead8", "plain", "#e3a39a", "check"),
        Variant("breakfast-white", "#b8cfdc", "window", "#ebe6dc", "plain", COOL),
        Variant("breakfast-green", "#e8d9ee", "dots", "#a8c49a", "check", WARM),
    ),
    "bathroom": (
        Variant("bathroom-blue", "#b4d6e6", "tiles", "#8fa9b8", "floor-tiles"),
        Variant("bathroom-white", "#e4e8ea", "tiles", "#6f7f8a", "floor-tiles", COOL),
        Variant("bathroom-green", "#bfe0cf", "tiles", "#cdbfa4", "floor-tiles"),
        Variant("bathroom-pink", "#efcdd0", "plain", "#b39a8e", "floor-tiles", WARM),
        Variant("bathroom-slate", "#8b98a2", "tiles", "#c8c4bc", "planks"),
    ),
    "living room": (
        Variant("living-cream", "#efe3cb", "window", "#a9764a", "planks", WARM),
        Variant("living-green", "#b7c9ad", "panel", "#8a5f3e", "planks"),
        Variant("living-blue", "#a8bfd4", "window", "#bfae98", "carpet", COOL),
        Variant("living-red", "#c98f7c", "stripes", "#6b4a36", "planks", WARM),
        Variant("living-violet", "#c9bcd8", "dots", "#9a8a80", "carpet"),
    ),
    "nursery": (
        Variant("nursery-stars", "#cfe0f2", "dots", "#d9c4a0", "carpet"),
        Variant("nursery-yellow", "#fbeebb", "stripes", "#b9d3b0", "carpet", WARM),
        Variant("nursery-mint", "#cdeade", "window", "#c99a6a", "planks"),
        Variant("nursery-pink", "#f6d5dc", "panel", "#e3d8c8", "carpet"),
        Variant("nursery-lilac", "#ddd0ee", "dots", "#a8b8cc", "planks", COOL),
    ),
    "street": (
        Variant("street-day", "#9fd0f0", "houses", "#7c8087", "asphalt"),
        Variant("street-skyline", "#bcd8ea", "skyline", "#6f7278", "asphalt", COOL),
        Variant("street-evening", "#f3b98a", "skyline", "#5f5a62", "asphalt", DUSK),
        Variant("street-trees", "#b4dcf2", "trees", "#85878c", "asphalt"),
        Variant("street-grey", "#c6ccd2", "houses", "#63676e", "asphalt", COOL),
    ),
    "car interior": (
        Variant("car-country", "#a6d4f2", "hills", "#33353b", "dash"),
        Variant("car-city", "#c2d9e8", "skyline", "#3d3632", "dash"),
        Variant("car-forest", "#cfe6ee", "trees", "#2d3640", "dash"),
        Variant("car-sunset", "#f5b98c", "mountains", "#2e2a33", "dash", DUSK),
    ),
    "photo studio": (
        Variant("studio-grey", "#b9bcc2", "spot", "#8a6a4c", "planks"),
        Variant("studio-blue", "#8fb0d0", "spot", "#d8d4cc", "plain", COOL),
        Variant("studio-cream", "#e8ddc6", "spot", "#5f5650", "planks", WARM),
        Variant("studio-dark", "#5a5c66", "spot", "#a48a6c", "planks"),
        Variant("studio-rose", "#dcb2ae", "spot", "#7a7470", "stone"),
    ),
    "garden": (
        Variant("garden-hedge", "#a9dcf5", "hedge", "#7db35c", "grass"),
        Variant("garden-house", "#c3e4f4", "houses", "#86b866", "grass"),
        Variant("garden-soil", "#bfe2f2", "trees", "#9a7048", "soil"),
        Variant("garden-evening", "#f5cfa0", "hedge", "#8fa850", "grass", DUSK),
        Variant("garden-wall", "#b4d8ee", "wall", "#74a85a", "grass"),
    ),
    "workshop": (
        Variant("workshop-board", "#c9a87a", "pegs", "#8f6a42", "planks", WARM),
        Variant("workshop-grey", "#b4babd", "bricks", "#a88458", "planks"),
        Variant("workshop-green", "#a4b8a0", "panel", "#74706a", "stone"),
        Variant("workshop-window", "#d3cab8", "window", "#6d4c30", "planks", WARM),
        Variant("workshop-blue", "#93a9bd", "pegs", "#c29a68", "planks", COOL),
    ),
    "beach": (
        Variant("beach-noon", "#8fd2f6", "sea", "#ecd49a", "sand"),
        Variant("beach-cloudy", "#c4dbe6", "sea", "#dfcba0", "sand", COOL),
        Variant("beach-sunset", "#f8c08c", "sea", "#e2b982", "sand", DUSK),
        Variant("beach-islands", "#a6dcf0", "islands", "#f2dfb0", "sand"),
        Variant("beach-cliff", "#b2e0f4", "cliff", "#e8cc94", "sand", WARM),
    ),
    "farm": (
        Variant("farm-barn", "#a9daf4", "barn", "#8dbb5a", "grass"),
        Variant("farm-hills", "#bfe0f2", "hills", "#a2c060", "grass", WARM),
        Variant("farm-field", "#b2dcf0", "hills", "#d6bf6a", "grass"),
        Variant("farm-morning", "#f6dcb4", "barn", "#7fae62", "grass", DUSK),
        Variant("farm-mountains", "#b9dcf0", "mountains", "#90b668", "grass", COOL),
    ),
    "park": (
        Variant("park-trees", "#b0def6", "trees", "#86c060", "grass"),
        Variant("park-path", "#c2e4f4", "trees", "#cdb890", "soil"),
        Variant("park-lake", "#aed8f0", "lake", "#7fb564", "grass"),
        Variant("park-autumn", "#e8d8b8", "autumn", "#b8a052", "grass", WARM),
        Variant("park-city", "#bcd6e8", "skyline", "#8cba62", "grass", COOL),
    ),
}
"""Theme → its variants; the last one of each is held out of training."""

BACKGROUNDS: dict[str, tuple[str, ...]] = {theme: tuple(v.name for v in rows) for theme, rows in VARIANTS.items()}
HELD_OUT_BACKGROUNDS: frozenset[str] = frozenset(names[-1] for names in BACKGROUNDS.values())
TABLETOP = ("kitchen", "breakfast", "photo studio", "workshop")
ROOM = ("bathroom", "living room", "nursery")


@dataclass(frozen=True)
class Layout:
    """Horizon and supports of one scene."""

    horizon: float
    supports: tuple[Support, ...]

    def support(self, name: str) -> Support | None:
        """The support of that name, if this scene has it."""
        return next((s for s in self.supports if s.name == name), None)


def layout(theme: str, seed: int) -> Layout:
    """The same layout for making and for drawing a scene."""
    rng = np.random.default_rng([seed, 7001])
    j = float(rng.uniform(-1, 1))
    if theme == "car interior":
        h = 0.5 + 0.03 * j
        return Layout(
            h,
            (
                Support("floor", h - 0.1, h + 0.02, 0.34, 0.5, layer=0),
                Support("sky", 0.08, 0.22, layer=0),
                Support("table", h + 0.12, h + 0.15, 0.72, 0.78),
            ),
        )
    if theme in TABLETOP:
        h = (0.34 if theme == "breakfast" else 0.42) + 0.04 * j
        shelf = () if theme == "breakfast" else (Support("shelf", 0.24, 0.24, 0.6, 0.6, 0.55, 0.95, 0),)
        return Layout(
            h,
            (
                Support("table", h + 0.09, 0.95, 0.78, 1.15),
                Support("wall", 0.14, h - 0.12, 0.75, 0.75, layer=0),
                Support("behind", h + 0.3, h + 0.36, 0.86, 0.92, layer=0),
                *shelf,
            ),
        )
    if theme in ROOM:
        h = 0.58 + 0.05 * j
        return Layout(
            h,
            (
                Support("floor", h + 0.05, 0.97, 0.82, 1.15),
                Support("wall", 0.14, h - 0.24, 0.85, 0.85, layer=0),
                Support("shelf", 0.3, 0.3, 0.62, 0.62, 0.06 if j > 0 else 0.62, 0.38 if j > 0 else 0.94, 0),
            ),
        )
    h = 0.45 + 0.06 * j
    water = (Support("water", h + 0.03, h + 0.14, 0.5, 0.75),) if theme == "beach" else ()
    ground = Support("floor", h + (0.2 if water else 0.08), 0.97, 0.55, 1.12)
    return Layout(h, (ground, Support("sky", 0.07, h - 0.18, 0.9, 0.9, layer=0), *water))


def variant(theme: str, name: str) -> Variant:
    """The row of that name; the first one where there is none."""
    return next((v for v in VARIANTS[theme] if v.name == name), VARIANTS[theme][0])


class Painter:
    """Flat painting on the picture alone, in shares of width and height."""

    def __init__(self, canvas: Any, width: int, height: int, rng: np.random.Generator) -> None:
        import skia

        self.skia, self.canvas, self.w, self.h, self.rng = skia, canvas, width, height, rng
        self.shelf_left = False

    def _paint(self, colour: Colour, alpha: float = 1.0) -> Any:
        r, g, b = rgb(colour)
        return self.skia.Paint(AntiAlias=True, Color=int(self.skia.Color(int(r), int(g), int(b), int(alpha * 255))))

    def rect(self, x: float, y: float, w: float, h: float, colour: Colour, alpha: float = 1.0) -> None:
        """A rectangle."""
        box = self.skia.Rect.MakeXYWH(x * self.w, y * self.h, w * self.w, h * self.h)
        self.canvas.drawRect(box, self._paint(colour, alpha))

    def poly(self, points: list[tuple[float, float]], colour: Colour, alpha: float = 1.0) -> None:
        """A polygon."""
        path = self.skia.Path.Polygon([self.skia.Point(x * self.w, y * self.h) for x, y in points], True)
        self.canvas.drawPath(path, self._paint(colour, alpha))

    def ell(self, x: float, y: float, rx: float, ry: float, colour: Colour, alpha: float = 1.0) -> None:
        """An ellipse; both radii are shares of the height."""
        x, y, rx, ry = x * self.w, y * self.h, rx * self.h, ry * self.h
        self.canvas.drawOval(self.skia.Rect(x - rx, y - ry, x + rx, y + ry), self._paint(colour, alpha))

    def line(
        self, x0: float, y0: float, x1: float, y1: float, colour: Colour, width: float, alpha: float = 1.0
    ) -> None:
        """A line of a width that is a share of the height."""
        paint = self._paint(colour, alpha)
        paint.setStrokeWidth(max(width * self.h, 0.5))
        self.canvas.drawLine(x0 * self.w, y0 * self.h, x1 * self.w, y1 * self.h, paint)

    def ramp(self, y0: float, y1: float, top: Colour, bottom: Colour) -> None:
        """A band that changes from one colour to the other, downwards."""
        skia = self.skia
        paint = self._paint(top)
        ends = [skia.Point(0, y0 * self.h), skia.Point(0, y1 * self.h)]
        stops = [int(skia.Color(*(int(v) for v in rgb(c)))) for c in (top, bottom)]
        paint.setShader(skia.GradientShader.MakeLinear(ends, stops))
        self.canvas.drawRect(skia.Rect(0, y0 * self.h, self.w, y1 * self.h), paint)


def paint_back(p: Painter, theme: str, v: Variant, plan: Layout) -> None:
    """Everything behind the things."""
    h = plan.horizon
    outdoors = theme not in TABLETOP and theme not in ROOM
    shelf = plan.support("shelf")
    p.shelf_left = shelf is not None and shelf.x0 < 0.5
    ends = (v.far, light(v.far, 0.45)) if outdoors else (light(v.far, 0.12), dark(v.far, 0.08))
    p.ramp(0, h + 0.02, *ends)
    _FAR[v.far_style](p, v, h)
    if theme == "car interior":
        p.ramp(h - 0.16, 1, "#8fb36a", "#7fa45c")
        p.poly([(0.44, h - 0.16), (0.56, h - 0.16), (1.1, 1), (-0.1, 1)], "#6d7076")
        return
    if theme in TABLETOP:
        p.ramp(h, 1, dark(v.far, 0.25), dark(v.far, 0.35))
    else:
        paint_ground(p, v, h, theme)
    if shelf:
        y, x0, wide = shelf.y1, shelf.x0 - 0.02, shelf.x1 - shelf.x0 + 0.04
        p.rect(x0, y, wide, 0.022, "#8a5f3a")
        p.rect(x0, y + 0.022, wide, 0.02, "#000000", 0.16)


def paint_ground(p: Painter, v: Variant, h: float, theme: str) -> None:
    """Floor, lawn, road or sand below the horizon."""
    p.ramp(h, 1, light(v.near, 0.14), dark(v.near, 0.14))
    _NEAR[v.near_style](p, v, h)
    if theme in ROOM:
        p.rect(0, h - 0.022, 1, 0.026, mix(v.far, "#ffffff", 0.5))
        p.rect(0, h + 0.004, 1, 0.012, "#000000", 0.15)


def paint_front(p: Painter, theme: str, v: Variant, plan: Layout) -> None:
    """The layer that hides the feet of those behind it: a table top or a dashboard."""
    h = plan.horizon
    if theme == "car interior":
        p.poly(front_edge(theme, plan), v.near)
        p.ramp(h + 0.16, 1, light(v.near, 0.1), dark(v.near, 0.4))
        p.line(0, h + 0.17, 1, h + 0.17, light(v.near, 0.3), 0.008, 0.6)
        p.rect(0.62, h + 0.24, 0.3, 0.15, dark(v.near, 0.4))
        p.rect(0.635, h + 0.255, 0.27, 0.12, "#2d4a5e")
        return
    paint_ground(p, v, h, theme)
    p.rect(0, h, 1, 0.008, light(v.near, 0.5), 0.7)
    p.rect(0, 0.975, 1, 0.025, dark(v.near, 0.4))


def front_edge(theme: str, plan: Layout) -> list[tuple[float, float]]:
    """Outline of the front layer; empty where there is none."""
    h = plan.horizon
    if theme == "car interior":
        arch = [(x / 10, h + 0.03 + 0.05 * (x / 5 - 1) ** 2) for x in range(11)]
        return [*arch, (1.0, 1.0), (0.0, 1.0)]
    return [(0.0, h), (1.0, h), (1.0, 1.0), (0.0, 1.0)] if theme in TABLETOP else []


# -- far styles ---------------------------------------------------------------------------------------------------
def _plain(p: Painter, v: Variant, h: float) -> None:
    p.ell(0.3, 0.1, 0.5, 0.3, "#ffffff", 0.08)


def _tiles(p: Painter, v: Variant, h: float) -> None:
    step = float(p.rng.uniform(0.07, 0.11))
    for i in range(int(h / step) + 1):
        p.line(0, i * step, 1, i * step, light(v.far, 0.55), 0.007)
    for i in range(int(p.w / p.h / step) + 1):
        x = i * step * p.h / p.w
        p.line(x, 0, x, h, light(v.far, 0.55), 0.007)


def _bricks(p: Painter, v: Variant, h: float) -> None:
    step = 0.06
    for i in range(int(h / step) + 1):
        p.line(0, i * step, 1, i * step, light(v.far, 0.4), 0.006, 0.7)
        for k in range(int(p.w / p.h / 0.14) + 1):
            x = (k + 0.5 * (i % 2)) * 0.14 * p.h / p.w
            p.line(x, i * step, x, min((i + 1) * step, h), light(v.far, 0.4), 0.006, 0.7)


def _stripes(p: Painter, v: Variant, h: float) -> None:
    n = int(p.rng.integers(7, 13))
    for i in range(n):
        p.rect(i / n, 0, 0.5 / n, h, light(v.far, 0.3), 0.6)


def _dots(p: Painter, v: Variant, h: float) -> None:
    for i in range(int(h / 0.1) + 1):
        for k in range(9):
            p.ell((k + 0.5 * (i % 2)) / 8, 0.05 + i * 0.1, 0.013, 0.013, light(v.far, 0.65), 0.8)


def _panel(p: Painter, v: Variant, h: float) -> None:
    p.rect(0, h * 0.6, 1, h * 0.4, mix(v.far, "#ffffff", 0.45), 0.8)
    p.rect(0, h * 0.6, 1, 0.014, dark(v.far, 0.25))
    for i in range(12):
        p.line(i / 12, h * 0.62, i / 12, h, dark(v.far, 0.15), 0.005, 0.6)


def _window(p: Painter, v: Variant, h: float) -> None:
    x, y, w, t = float(p.rng.uniform(0.04, 0.16)) + (0.5 if p.shelf_left else 0.0), 0.05, 0.3, h * 0.55
    p.rect(x - 0.015, y - 0.02, w + 0.03, t + 0.04, "#fbfaf4")
    p.rect(x, y, w, t, "#b4dcf2")
    p.ell(x + w * 0.3, y + t * 0.4, 0.05, 0.025, "#ffffff", 0.8)
    p.rect(x, y + t * 0.72, w, t * 0.28, "#a6cf8e")
    p.rect(x + w / 2 - 0.006, y, 0.012, t, "#fbfaf4")
    p.rect(x, y + t / 2 - 0.008, w, 0.016, "#fbfaf4")
    p.rect(x - 0.025, y + t + 0.02, w + 0.05, 0.02, dark(v.far, 0.25))


def _spot(p: Painter, v: Variant, h: float) -> None:
    x = float(p.rng.uniform(0.3, 0.7))
    for r in (0.55, 0.42, 0.3, 0.18):
        p.ell(x, h * 0.5, r, r * 0.8, "#ffffff", 0.09)


def _pegs(p: Painter, v: Variant, h: float) -> None:
    p.rect(0.03, 0.03, 0.94, h - 0.1, light(v.far, 0.15))
    for i in range(int((h - 0.12) / 0.06)):
        for k in range(16):
            p.ell(0.06 + k * 0.058, 0.07 + i * 0.06, 0.006, 0.006, dark(v.far, 0.4), 0.7)


def _clouds(p: Painter, n: int, h: float) -> None:
    for _ in range(n):
        x, y, s = float(p.rng.uniform(0, 1)), float(p.rng.uniform(0.04, h * 0.45)), float(p.rng.uniform(0.025, 0.05))
        for dx, k in ((-1.3, 0.7), (0, 1.0), (1.3, 0.75)):
            p.ell(x + dx * s * p.h / p.w, y, s * 1.5 * k, s * k, "#ffffff", 0.62)


def _wave(p: Painter, y: float, height: float, colour: Colour, k: float) -> None:
    phase = float(p.rng.uniform(0, 6.28))
    top = [(i / 24, y - height * (0.5 + 0.5 * math.sin(phase + k * i / 24))) for i in range(25)]
    p.poly([*top, (1.0, y + 0.14), (0.0, y + 0.14)], colour)


def _hills(p: Painter, v: Variant, h: float) -> None:
    _clouds(p, 3, h)
    _wave(p, h - 0.05, 0.12, "#9cc0a0", 6)
    _wave(p, h - 0.01, 0.08, "#86b474", 9)


def _mountains(p: Painter, v: Variant, h: float) -> None:
    _clouds(p, 2, h)
    for _ in range(5):
        x, t = float(p.rng.uniform(0, 1)), float(p.rng.uniform(0.14, 0.28))
        p.poly([(x - t * 0.9, h), (x, h - t), (x + t * 0.9, h)], mix("#8796ac", v.far, 0.3))
        p.poly([(x - t * 0.24, h - t * 0.73), (x, h - t), (x + t * 0.24, h - t * 0.73)], "#f2f6fa")


def _skyline(p: Painter, v: Variant, h: float) -> None:
    _clouds(p, 2, h)
    x = -0.02
    while x < 1:
        w, t = float(p.rng.uniform(0.07, 0.13)), float(p.rng.uniform(0.12, 0.33))
        c = mix(mix("#7d8796", v.far, 0.35), "#000000", float(p.rng.uniform(0, 0.12)))
        p.rect(x, h - t, w, t + 0.02, c)
        for i in range(int(t / 0.06)):
            for k in range(2):
                p.rect(x + w * (0.2 + 0.4 * k), h - t + 0.02 + i * 0.06, w * 0.2, 0.025, "#f6e6a8", 0.65)
        x += w


def _houses(p: Painter, v: Variant, h: float) -> None:
    _clouds(p, 3, h)
    x = float(p.rng.uniform(-0.1, 0))
    while x < 1:
        w, t = float(p.rng.uniform(0.16, 0.24)), float(p.rng.uniform(0.17, 0.26))
        wall = str(p.rng.choice(["#e6d2b4", "#d8b8a0", "#cdd4d8", "#e4c7c0", "#c9d3b8"]))
        p.rect(x, h - t, w, t + 0.02, wall)
        p.poly([(x - 0.015, h - t), (x + w / 2, h - t - 0.1), (x + w + 0.015, h - t)], "#a8614c")
        for k in (0.16, 0.62):
            p.rect(x + w * k, h - t + 0.045, w * 0.22, 0.06, "#9cc4dc")
        p.rect(x + w * 0.42, h - 0.09, w * 0.16, 0.1, "#7c5a40")
        x += w + float(p.rng.uniform(0.0, 0.04))


def _treeline(p: Painter, h: float, colours: tuple[str, ...]) -> None:
    _clouds(p, 3, h)
    for i in range(16):
        x, r = (i + float(p.rng.uniform(-0.3, 0.3))) / 15, float(p.rng.uniform(0.05, 0.1))
        p.ell(x, h - 0.03 - r * 0.5, r, r * 1.1, mix(colours[i % len(colours)], "#ffffff", 0.22))


def _trees(p: Painter, v: Variant, h: float) -> None:
    _treeline(p, h, ("#5f9a5c", "#6fa866", "#578f58"))


def _autumn(p: Painter, v: Variant, h: float) -> None:
    _treeline(p, h, ("#cf8a3c", "#d8a848", "#b8643c", "#9a9a4c"))


def _hedge(p: Painter, v: Variant, h: float) -> None:
    _clouds(p, 3, h)
    p.rect(0, h - 0.13, 1, 0.15, "#5a8f50")
    for i in range(26):
        p.ell(i / 25, h - 0.13 + 0.02 * math.sin(i * 2.1), 0.035, 0.03, "#649a58")


def _wall(p: Painter, v: Variant, h: float) -> None:
    _clouds(p, 3, h)
    p.rect(0, h - 0.17, 1, 0.18, "#b08a70")
    for i in range(4):
        p.line(0, h - 0.17 + i * 0.045, 1, h - 0.17 + i * 0.045, "#d4b8a0", 0.005)


def _sea(p: Painter, v: Variant, h: float) -> None:
    _clouds(p, 3, h)
    sun = float(p.rng.uniform(0.1, 0.9))
    p.ell(sun, h * 0.3, 0.06, 0.06, "#fff3c0", 0.95)


def _islands(p: Painter, v: Variant, h: float) -> None:
    _sea(p, v, h)
    for _ in range(3):
        p.ell(float(p.rng.uniform(0, 1)), h + 0.01, float(p.rng.uniform(0.08, 0.16)), 0.06, "#7fae78")


def _cliff(p: Painter, v: Variant, h: float) -> None:
    _sea(p, v, h)
    p.poly([(0, h - 0.26), (0.13, h - 0.22), (0.2, h - 0.08), (0.3, h + 0.03), (0, h + 0.03)], "#c0b49c")
    p.poly([(0, h - 0.26), (0.13, h - 0.22), (0.15, h - 0.18), (0, h - 0.2)], "#86b068")


def _barn(p: Painter, v: Variant, h: float) -> None:
    _hills(p, v, h)
    x = float(p.rng.uniform(0.1, 0.65))
    p.rect(x, h - 0.17, 0.22, 0.19, "#b4493c")
    p.poly([(x - 0.02, h - 0.16), (x + 0.04, h - 0.25), (x + 0.18, h - 0.25), (x + 0.24, h - 0.16)], "#6b4038")
    p.rect(x + 0.07, h - 0.1, 0.08, 0.11, "#f0e6d8")


def _lake(p: Painter, v: Variant, h: float) -> None:
    _trees(p, v, h)
    p.rect(0, h - 0.02, 1, 0.06, "#8cc0dc")


# -- near styles ---------------------------------------------------------------------------------------------------
def _planks(p: Painter, v: Variant, h: float) -> None:
    y, step = h, 0.05
    while y < 1:
        p.line(0, y, 1, y, dark(v.near, 0.25), 0.005, 0.7)
        for x in p.rng.uniform(0, 1, 2):
            p.line(float(x), y, float(x), min(y + step, 1), dark(v.near, 0.25), 0.005, 0.6)
        y, step = y + step, step * 1.18


def _floor_tiles(p: Painter, v: Variant, h: float) -> None:
    y, step = h, 0.05
    while y < 1:
        p.line(0, y, 1, y, light(v.near, 0.4), 0.006, 0.8)
        y, step = y + step, step * 1.25
    for i in range(-8, 20):
        x = i / 11
        p.line(0.5 + (x - 0.5) * 0.75, h, 0.5 + (x - 0.5) * 1.7, 1, light(v.near, 0.4), 0.006, 0.8)


def _check(p: Painter, v: Variant, h: float) -> None:
    pale = light(v.near, 0.75)
    for i in range(-6, 18, 2):
        a, b = i / 12, (i + 1) / 12
        p.poly(
            [
                (0.5 + (a - 0.5) * 0.85, h),
                (0.5 + (b - 0.5) * 0.85, h),
                (0.5 + (b - 0.5) * 1.6, 1),
                (0.5 + (a - 0.5) * 1.6, 1),
            ],
            pale,
            0.6,
        )
    y, step = h, 0.035
    while y < 1:
        p.rect(0, y, 1, step, pale, 0.5)
        y, step = y + 2.15 * step, step * 1.18


def _specks(p: Painter, h: float, colour: Colour, n: int, size: float, alpha: float) -> None:
    for x, y, r in p.rng.uniform(0, 1, (n, 3)):
        depth = 0.4 + 0.6 * float(y)
        p.ell(float(x), h + (1 - h) * float(y), size * depth * (1 + float(r)), size * depth * 0.5, colour, alpha)


def _stone(p: Painter, v: Variant, h: float) -> None:
    _specks(p, h, dark(v.near, 0.3), 40, 0.006, 0.4)
    _specks(p, h, light(v.near, 0.6), 40, 0.006, 0.5)


def _soil(p: Painter, v: Variant, h: float) -> None:
    _specks(p, h, dark(v.near, 0.35), 60, 0.009, 0.35)


def _carpet(p: Painter, v: Variant, h: float) -> None:
    x = float(p.rng.uniform(0.4, 0.6))
    colour = str(p.rng.choice(["#b05a54", "#5f7fa8", "#c0a05a", "#7a9a78"]))
    p.ell(x, h + (1 - h) * 0.6, 0.5, (1 - h) * 0.33, mix(colour, v.near, 0.35))
    p.ell(x, h + (1 - h) * 0.6, 0.43, (1 - h) * 0.27, mix(colour, v.near, 0.6))


def _grass(p: Painter, v: Variant, h: float) -> None:
    _specks(p, h, light(v.near, 0.35), 25, 0.03, 0.25)
    for x, y in p.rng.uniform(0, 1, (45, 2)):
        y = h + (1 - h) * float(y)
        p.line(float(x), y, float(x) + 0.004, y - 0.02 * (0.3 + y), dark(v.near, 0.3), 0.005, 0.5)


def _sand(p: Painter, v: Variant, h: float) -> None:
    p.ramp(h, h + 0.17, "#3f9ac4", "#7fd0dc")
    for y in (0.03, 0.07, 0.12):
        p.line(0, h + y, 1, h + y, "#ffffff", 0.006, 0.35)
    p.rect(0, h + 0.165, 1, 0.015, "#ffffff", 0.7)
    _specks(p, h + 0.19, dark(v.near, 0.3), 50, 0.006, 0.35)


def _asphalt(p: Painter, v: Variant, h: float) -> None:
    p.ramp(h, h + 0.13, "#c9c4ba", "#b8b2a8")
    p.rect(0, h + 0.13, 1, 0.018, "#8f8a82")
    y = h + 0.13 + (1 - h) * 0.38
    for i in range(7):
        x = i / 6 + float(p.rng.uniform(-0.01, 0.01))
        p.poly([(x - 0.05, y), (x + 0.04, y), (x + 0.045, y + 0.022), (x - 0.055, y + 0.022)], "#f4f0e0", 0.85)
    _specks(p, h + 0.16, dark(v.near, 0.4), 40, 0.005, 0.4)


def _dash(p: Painter, v: Variant, h: float) -> None:
    return


_FAR = {
    "plain": _plain,
    "tiles": _tiles,
    "bricks": _bricks,
    "stripes": _stripes,
    "dots": _dots,
    "panel": _panel,
    "window": _window,
    "spot": _spot,
    "pegs": _pegs,
    "hills": _hills,
    "mountains": _mountains,
    "skyline": _skyline,
    "houses": _houses,
    "trees": _trees,
    "autumn": _autumn,
    "hedge": _hedge,
    "wall": _wall,
    "sea": _sea,
    "islands": _islands,
    "cliff": _cliff,
    "barn": _barn,
    "lake": _lake,
}
_NEAR = {
    "planks": _planks,
    "floor-tiles": _floor_tiles,
    "check": _check,
    "stone": _stone,
    "soil": _soil,
    "carpet": _carpet,
    "grass": _grass,
    "sand": _sand,
    "asphalt": _asphalt,
    "plain": _dash,
    "dash": _dash,
}


@lru_cache(maxsize=8)
def noise(height: int, width: int) -> np.ndarray:
    """A fixed fine grain, `[H, W, 1]` int16."""
    grain = np.random.default_rng(5).normal(0, 2.2, (height, width, 1))
    return np.round(grain).astype(np.int16)
