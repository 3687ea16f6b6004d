"""The pen of the shapes: every path goes on the picture with shading and into the id map without anti-aliasing."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import skia

from lisa.world.palette import Colour, dark, light, rgb
from lisa.world.scene import Thing

Points = Sequence[tuple[float, float]]
_TOKEN = re.compile(r"[MLCQZ]|-?\d+\.?\d*")


def argb(colour: Colour, alpha: float = 1.0) -> int:
    """Colour as the drawing library's integer."""
    r, g, b = rgb(colour)
    return int(skia.Color(int(r), int(g), int(b), int(alpha * 255)))


def curve(text: str) -> Any:
    """A path from absolute M, L, Q, C and Z commands."""
    path, numbers, verb = skia.Path(), [], ""
    need = {"M": 2, "L": 2, "Q": 4, "C": 6}
    for token in _TOKEN.findall(text):
        if token == "Z":
            path.close()
        elif token in need:
            verb, numbers = token, []
        else:
            numbers.append(float(token))
            if len(numbers) == need[verb]:
                {"M": path.moveTo, "L": path.lineTo, "Q": path.quadTo, "C": path.cubicTo}[verb](*numbers)
                numbers, verb = [], "L" if verb == "M" else verb
    return path


def polygon(points: Points, closed: bool = True) -> Any:
    """A path through these points."""
    return skia.Path.Polygon([skia.Point(x, y) for x, y in points], closed)


class Pen:
    """Draws one thing in the units of its design box; `picture` None draws the truth alone."""

    def __init__(self, picture: Any, truth: Any, thing: Thing, colour: RGBOrNone, part_index: dict[str, int]) -> None:
        self.picture, self.truth, self.thing = picture, truth, thing
        self.colour = colour
        self.c: Colour = colour or (150.0, 150.0, 150.0)
        self.parts = part_index
        self.edge = 1.0
        """Width of the outline in design units; `draw` sets it so that it is about a pixel."""

    def look(self, key: str, default: str = "") -> str:
        """One word of the thing's look."""
        return self.thing.look.get(key, default)

    def dressed(self, default: dict[str, str]) -> Pen:
        """The same pen with these words where the look says nothing."""
        thing = replace(self.thing, look=default | self.thing.look)
        pen = Pen(self.picture, self.truth, thing, self.colour, self.parts)
        pen.edge = self.edge
        return pen

    # -- shapes -------------------------------------------------------------------------------------------------
    def ell(self, x: float, y: float, rx: float, ry: float, colour: Colour, **how: Any) -> None:
        """An ellipse around (x, y)."""
        self.path(skia.Path.Oval(skia.Rect(x - rx, y - ry, x + rx, y + ry)), colour, **how)

    def rect(self, x: float, y: float, w: float, h: float, colour: Colour, r: float = 0.0, **how: Any) -> None:
        """A rectangle from its upper left corner, with corners of radius `r`."""
        box = skia.Rect(x, y, x + w, y + h)
        r = min(r, w / 2, h / 2)
        self.path(skia.Path.RRect(skia.RRect(box, r, r)) if r else skia.Path.Rect(box), colour, **how)

    def poly(self, points: Points, colour: Colour, **how: Any) -> None:
        """A polygon."""
        self.path(polygon(points), colour, **how)

    def draw(self, text: str, colour: Colour, **how: Any) -> None:
        """A shape written as path commands."""
        self.path(curve(text), colour, **how)

    def line(self, text: str | Points, width: float, colour: Colour, **how: Any) -> None:
        """A thick line with round ends."""
        path = curve(text) if isinstance(text, str) else polygon(text, closed=False)
        self.path(path, colour, width=width, **how)

    # -- the one place where things are painted ------------------------------------------------------------------
    def path(
        self,
        path: Any,
        colour: Colour,
        *,
        part: str | None = None,
        deco: bool = False,
        shade: str | None = "v",
        width: float = 0.0,
        outline: bool = True,
        pattern: bool = False,
        alpha: float = 1.0,
    ) -> None:
        """Paint a path. `deco` stays out of the truth; `shade` is "v" (linear), "r" (round), "h" (across) or None."""
        outline = outline and not deco
        if not deco:
            self._truth(path, part, width, self.edge if outline else 0.0)
        if self.picture is None:
            return
        if outline and width:
            self._stroke(path, dark(colour, 0.45), width + self.edge, alpha)
        if width:
            self._stroke(path, colour, width, alpha)
            return
        paint = skia.Paint(AntiAlias=True, Color=argb(colour, alpha))
        if shade and not deco:
            paint.setShader(_shader(path, colour, shade))
        self.picture.drawPath(path, paint)
        if pattern and self.thing.pattern:
            self._pattern(path, colour)
        if outline:
            self._stroke(path, dark(colour, 0.5), self.edge, 1.0)

    def _stroke(self, path: Any, colour: Colour, width: float, alpha: float) -> None:
        paint = skia.Paint(AntiAlias=True, Color=argb(colour, alpha), Style=skia.Paint.kStroke_Style)
        paint.setStrokeWidth(width)
        paint.setStrokeCap(skia.Paint.kRound_Cap)
        paint.setStrokeJoin(skia.Paint.kRound_Join)
        self.picture.drawPath(path, paint)

    def _truth(self, path: Any, part: str | None, width: float, edge: float) -> None:
        index = self.parts.setdefault(part, len(self.parts) + 1) if part else 0
        paint = skia.Paint(AntiAlias=False, Color=int(skia.Color(self.thing.id, index, 0, 255)))
        if width or edge:
            paint.setStyle(skia.Paint.kStroke_Style if width else skia.Paint.kStrokeAndFill_Style)
            paint.setStrokeWidth(width + edge)
            paint.setStrokeCap(skia.Paint.kRound_Cap)
            paint.setStrokeJoin(skia.Paint.kRound_Join)
        self.truth.drawPath(path, paint)

    def _pattern(self, path: Any, colour: Colour) -> None:
        bounds = path.getBounds()
        r, g, b = rgb(colour)
        bright = 0.3 * r + 0.6 * g + 0.1 * b > 150
        ink = dark(colour, 0.55) if bright else light(colour, 0.75)
        step = max(max(bounds.width(), bounds.height()) / 5.0, 4.0 * self.edge)
        self.picture.save()
        self.picture.clipPath(path, skia.ClipOp.kIntersect, True)
        paint = skia.Paint(AntiAlias=True, Color=argb(ink, 0.85))
        for shape in _pattern_shapes(self.thing.pattern or "", bounds, step):
            self.picture.drawPath(shape, paint)
        self.picture.restore()

    def gloss(self, x: float, y: float, rx: float, ry: float, alpha: float = 0.45) -> None:
        """A soft highlight."""
        if self.picture is None:
            return
        paint = skia.Paint(AntiAlias=True)
        paint.setShader(
            skia.GradientShader.MakeRadial(skia.Point(0, 0), 1.0, [argb("#ffffff", alpha), argb("#ffffff", 0.0)])
        )
        self.picture.save()
        self.picture.translate(x, y)
        self.picture.scale(rx, ry)
        self.picture.drawCircle(0, 0, 1, paint)
        self.picture.restore()

    def glow(self, x: float, y: float, radius: float, colour: Colour, alpha: float = 0.5) -> None:
        """Light around a lit thing; not part of its mask."""
        if self.picture is None:
            return
        paint = skia.Paint(AntiAlias=True)
        paint.setShader(
            skia.GradientShader.MakeRadial(skia.Point(x, y), radius, [argb(colour, alpha), argb(colour, 0.0)])
        )
        self.picture.drawCircle(x, y, radius, paint)


RGBOrNone = tuple[float, float, float] | None


def _shader(path: Any, colour: Colour, shade: str) -> Any:
    b = path.getBounds()
    if shade == "r":
        radius = 0.85 * max(b.width(), b.height(), 0.1)
        centre = skia.Point(b.left() + 0.36 * b.width(), b.top() + 0.3 * b.height())
        stops = [argb(light(colour, 0.32)), argb(colour), argb(dark(colour, 0.3))]
        return skia.GradientShader.MakeRadial(centre, radius, stops, [0.0, 0.45, 1.0])
    ends = [skia.Point(b.left(), b.top()), skia.Point(b.left() + 0.3 * b.width(), b.bottom())]
    if shade == "h":
        ends = [skia.Point(b.left(), b.top()), skia.Point(b.right(), b.top())]
        stops = [argb(dark(colour, 0.1)), argb(light(colour, 0.28)), argb(colour), argb(dark(colour, 0.25))]
        return skia.GradientShader.MakeLinear(ends, stops, [0.0, 0.3, 0.6, 1.0])
    stops = [argb(light(colour, 0.2)), argb(colour), argb(dark(colour, 0.2))]
    return skia.GradientShader.MakeLinear(ends, stops, [0.0, 0.45, 1.0])


def _pattern_shapes(name: str, b: Any, step: float) -> list[Any]:
    path = skia.Path()
    columns, rows = math.ceil(b.width() / step) + 1, math.ceil(b.height() / step) + 1
    if name == "striped":
        for i in range(columns):
            path.addRect(skia.Rect.MakeXYWH(b.left() + (i + 0.15) * step, b.top(), step * 0.45, b.height()))
    for i in range(columns if name in ("dotted", "checked") else 0):
        for j in range(rows):
            x, y = b.left() + i * step, b.top() + j * step
            if name == "dotted":
                path.addCircle(x + (0.5 if j % 2 else 0.1) * step, y + 0.4 * step, step * 0.22)
            elif (i + j) % 2:
                path.addRect(skia.Rect.MakeXYWH(x, y, step, step))
    return [path]
