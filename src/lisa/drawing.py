"""Masks over a picture: what is meant keeps its own colours, the rest is paled; outlines for colour-blind eyes too."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont
from numpy.typing import NDArray

from lisa.types import Image, Mask

Color = tuple[int, int, int]

COLORS: tuple[Color, ...] = (
    (0, 114, 178),
    (230, 159, 0),
    (0, 158, 115),
    (204, 121, 167),
    (240, 228, 66),
    (213, 94, 0),
    (86, 180, 233),
)
"""Okabe and Ito's palette without black. Masks beyond it take the colours again, lighter."""


def color_of(index: int) -> Color:
    """The colour of mask `index` (0-based)."""
    red, green, blue = COLORS[index % len(COLORS)]
    lighter = 1 - 0.6 ** (index // len(COLORS))
    return (
        round(red + (255 - red) * lighter),
        round(green + (255 - green) * lighter),
        round(blue + (255 - blue) * lighter),
    )


PALE = (235, 238, 242)
"""What the rest of a picture fades to."""


def draw_masks(
    image: Image,
    masks: NDArray[np.bool_],
    *,
    alpha: float = 0.15,
    pale: float = 0.55,
    labels: list[str] | None = None,
) -> PIL.Image.Image:
    """The picture with every mask outlined in its colour, and what no mask holds paled.

    Args:
        image: `[H, W, 3]` uint8.
        masks: `[N, H, W]` bool; later masks lie above earlier ones.
        alpha: share of the mask's colour inside it, 0 to 1.
        pale: how far the rest fades, 0 (not at all) to 1; without any mask nothing does.
        labels: a short text per mask, written at its middle; None writes none.
    """
    for name, share in (("alpha", alpha), ("pale", pale)):
        if not 0 <= share <= 1:
            raise ValueError(f"{name} is {share}: give a share from 0 to 1")
    canvas = image.astype(np.float32)
    if len(masks) and masks.any():
        rest = ~masks.any(0)
        canvas[rest] = canvas[rest] * (1 - pale) + np.array(PALE, np.float32) * pale
    for index, mask in enumerate(masks):
        canvas[mask] = canvas[mask] * (1 - alpha) + np.array(color_of(index), np.float32) * alpha
    pixels = canvas.round().astype(np.uint8)
    width = max(1, round(max(image.shape[:2]) / 300))
    for index, mask in enumerate(masks):
        _outline(pixels, mask, color_of(index), width)
    picture = PIL.Image.fromarray(pixels)
    for index, label in enumerate(labels or []):
        _label(picture, masks[index], label)
    return picture


def captioned(pictures: Sequence[PIL.Image.Image], said: Sequence[str], *, side: int = 220) -> PIL.Image.Image:
    """Pictures beside each other, each at most `side` pixels long, above lines of text; Latin letters alone show."""
    line, gap, width = 15, 8, len(pictures) * (side + 8)
    tile = PIL.Image.new("RGB", (width + gap, side + line * len(said) + 2 * gap), "white")
    for i, picture in enumerate(pictures):
        small = picture.copy()
        small.thumbnail((side, side))
        tile.paste(small, (gap + i * (side + gap), gap))
    draw = PIL.ImageDraw.Draw(tile)
    for i, text in enumerate(said):
        latin = text.encode("latin-1", "replace").decode("latin-1")
        draw.text((gap, side + gap + i * line), latin[: width // 6], fill="black")
    return tile


def sheet_of(tiles: Sequence[PIL.Image.Image], *, columns: int = 2) -> PIL.Image.Image:
    """Tiles in rows, all as large as the largest; one white pixel in each place where there are none."""
    width, height = (max((t.size[side] for t in tiles), default=1) for side in (0, 1))
    rows = max(-(-len(tiles) // columns), 1)
    sheet = PIL.Image.new("RGB", (columns * width, rows * height), "white")
    for i, tile in enumerate(tiles):
        sheet.paste(tile, (i % columns * width, i // columns * height))
    return sheet


def _outline(pixels: Image, mask: Mask, color: Color, width: int) -> None:
    """A line in the mask's colour around it, between a white and a black one: one of them stands out anywhere."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return
    room = width + 1  # that the lines take around the mask
    near = tuple(slice(max(int(along[0]) - room, 0), int(along[-1]) + room + 1) for along in (rows, columns))
    pixels, mask = pixels[near], mask[near]
    edge = _grow(mask, width)
    pixels[_grow(edge, 1) & ~edge] = (0, 0, 0)
    pixels[edge & ~mask] = color
    pixels[mask & _grow(~mask, 1)] = (255, 255, 255)


def _grow(mask: Mask, by: int) -> Mask:
    """The mask with a border of `by` pixels."""
    import cv2

    side = 2 * by + 1
    return cv2.dilate(mask.astype(np.uint8), np.ones((side, side), np.uint8)) > 0


def _label(picture: PIL.Image.Image, mask: Mask, text: str) -> None:
    if not mask.any():
        return
    ys, xs = np.nonzero(mask)
    # the mask's own pixel nearest to its middle, so that the label of a ring lies on the ring
    nearest = int(np.argmin((ys - ys.mean()) ** 2 + (xs - xs.mean()) ** 2))
    size = max(11, round(max(picture.size) / 40))
    PIL.ImageDraw.Draw(picture).text(
        (int(xs[nearest]), int(ys[nearest])),
        text,
        fill=(255, 255, 255),
        stroke_width=max(1, size // 6),
        stroke_fill=(0, 0, 0),
        font=PIL.ImageFont.load_default(size),
        anchor="mm",
    )
