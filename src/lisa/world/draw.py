"""From a scene to its picture, with the exact visible mask of every thing and part."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lisa.errors import Missing
from lisa.types import Size
from lisa.world import backgrounds as bg
from lisa.world.palette import RGB, vary
from lisa.world.scene import Picture, Scene, Thing
from lisa.world.shapes import kinds


def design_box(thing: Thing) -> tuple[float, float]:
    """Width and height of the thing's design box, which its look may change."""
    kind = kinds()[thing.kind]
    for word, box in kind.alt.items():
        key, value = word.split("=")
        if thing.look.get(key) == value:
            return box
    return kind.width, kind.height


def draw(scene: Scene) -> Picture:
    """Draw a scene and its truth."""
    height, width = scene.size
    art = np.zeros((height, width, 4), np.uint8)
    ids, parts, names, areas = _render(scene, art)
    tint = np.asarray(bg.variant(scene.theme, scene.background).light, np.float32)
    tint = tint * np.random.default_rng([scene.seed, 7003]).uniform(0.94, 1.05)
    image = art[..., :3] * tint + bg.noise(height, width)
    return Picture(
        scene=scene,
        image=np.clip(image, 0, 255).astype(np.uint8),
        ids=ids,
        parts=parts,
        part_names=names,
        whole_area=areas,
    )


def truth(scene: Scene) -> tuple[NDArray[np.uint8], dict[int, int]]:
    """Only the id map and the whole areas, for those who lay out scenes."""
    ids, _, _, areas = _render(scene, None)
    return ids, areas


Truth = tuple[NDArray[np.uint8], NDArray[np.uint8], tuple[str, ...], dict[int, int]]


def _render(scene: Scene, art: NDArray[np.uint8] | None) -> Truth:
    try:
        import skia
    except ImportError as error:
        raise Missing('drawn scenes need skia: pip install "lisa-seg[world]"') from error

    height, width = scene.size
    flat = np.zeros((height, width, 4), np.uint8)
    surface = skia.Surface(flat, colorType=skia.kRGBA_8888_ColorType)
    picture = None if art is None else skia.Surface(art, colorType=skia.kRGBA_8888_ColorType)
    plan = bg.layout(scene.theme, scene.seed)
    variant = bg.variant(scene.theme, scene.background)
    painter = None
    if picture is not None:
        painter = bg.Painter(picture.getCanvas(), width, height, np.random.default_rng([scene.seed, 7002]))
        bg.paint_back(painter, scene.theme, variant, plan)
    part_index: dict[str, int] = {}
    areas: dict[int, int] = {}
    edge = bg.front_edge(scene.theme, plan)
    canvases = (picture.getCanvas() if picture else None, surface.getCanvas())
    for thing in scene.things:
        if edge and thing.look.get("layer") != "back":
            _front(painter, canvases[1], scene, variant, plan, edge)
            edge = []
        _thing(thing, scene, canvases, part_index)
        areas[thing.id] = _count(flat, thing)
    if edge:
        _front(painter, canvases[1], scene, variant, plan, edge)
    return flat[..., 0].copy(), flat[..., 1].copy(), tuple(part_index), areas


def _count(flat: NDArray[np.uint8], thing: Thing) -> int:
    height, width = flat.shape[:2]
    x0, y0, x1, y1 = thing.box
    pad = 0.15 * max(x1 - x0, y1 - y0) + 3
    rows = slice(max(int(y0 - pad), 0), min(int(y1 + pad), height))
    columns = slice(max(int(x0 - pad), 0), min(int(x1 + pad), width))
    return int(np.count_nonzero(flat[rows, columns, 0] == thing.id))


def _front(painter: Any, ids: Any, scene: Scene, variant: Any, plan: Any, edge: list[tuple[float, float]]) -> None:
    import skia

    height, width = scene.size
    path = skia.Path.Polygon([skia.Point(x * width, y * height) for x, y in edge], True)
    ids.drawPath(path, skia.Paint(AntiAlias=False, Color=int(skia.Color(0, 0, 0, 255))))
    if painter is not None:
        painter.canvas.save()
        painter.canvas.clipPath(path, skia.ClipOp.kIntersect, True)
        bg.paint_front(painter, scene.theme, variant, plan)
        painter.canvas.restore()


def _thing(thing: Thing, scene: Scene, canvases: tuple[Any, Any], part_index: dict[str, int]) -> None:
    from lisa.world.shapes.pen import Pen

    w, h = design_box(thing)
    x0, y0, x1, y1 = thing.box
    tilt = float(thing.look.get("tilt", "0"))
    sx, sy = _scales(x1 - x0, y1 - y0, w, h, tilt)
    art, ids = canvases
    if art is not None and thing.look.get("layer") != "sky":
        _shadow(art, thing, scene.size)
    for canvas in (c for c in (art, ids) if c is not None):
        canvas.save()
        canvas.translate((x0 + x1) / 2, (y0 + y1) / 2)
        canvas.rotate(tilt)
        canvas.scale(-sx if thing.look.get("facing") == "left" else sx, sy)
        canvas.translate(-w / 2, -h / 2)
    pen = Pen(art, ids, thing, _colour(thing, scene.seed), part_index)
    pen.edge = _edge(scene.size) / math.sqrt(sx * sy)
    kinds()[thing.kind].draw(pen)
    for canvas in (c for c in (art, ids) if c is not None):
        canvas.restore()


def _edge(size: Size) -> float:
    return max(max(size) / 256.0, 0.4)


def _scales(width: float, height: float, w: float, h: float, tilt: float) -> tuple[float, float]:
    if not tilt:
        return width / w, height / h
    c, s = abs(math.cos(math.radians(tilt))), abs(math.sin(math.radians(tilt)))
    scale = min(width / (w * c + h * s), height / (w * s + h * c))
    return scale, scale


def _colour(thing: Thing, seed: int) -> RGB | None:
    return vary(thing.colour, np.random.default_rng([seed, thing.id, 7004])) if thing.colour else None


def _shadow(canvas: Any, thing: Thing, size: Size) -> None:
    """A soft contact shadow under what stands; a faint one beside what hangs on a wall."""
    import skia

    if thing.look.get("shadow") == "none":
        return
    x0, _, x1, y1 = thing.box
    rx = (x1 - x0) * 0.56
    ry = min(rx * 0.22, 0.035 * size[0])
    paint = skia.Paint(AntiAlias=True)
    paint.setShader(
        skia.GradientShader.MakeRadial(
            skia.Point(0, 0),
            1.0,
            [int(skia.Color(20, 14, 30, 110)), int(skia.Color(20, 14, 30, 70)), int(skia.Color(20, 14, 30, 0))],
            [0.0, 0.55, 1.0],
        )
    )
    canvas.save()
    canvas.translate((x0 + x1) / 2 + 0.04 * rx, y1 - 0.3 * ry)
    canvas.scale(rx, ry)
    canvas.drawCircle(0, 0, 1, paint)
    canvas.restore()
