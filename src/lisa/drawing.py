"""Masks over a picture: tinted, with an outline that shows on any ground, in colours for colour-blind eyes too."""

from __future__ import annotations

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFilter
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


def draw_masks(
    image: Image, masks: NDArray[np.bool_], *, alpha: float = 0.5, labels: list[str] | None = None
) -> PIL.Image.Image:
    """The picture with every mask tinted and outlined.

    Args:
        image: `[H, W, 3]` uint8.
        masks: `[N, H, W]` bool; later masks lie above earlier ones.
        alpha: share of the colour inside a mask, 0 to 1.
        labels: a short text per mask, written at its middle; None writes none.
    """
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha is {alpha}: give a share from 0 (outline only) to 1 (opaque)")
    canvas = image.astype(np.float32)
    for index, mask in enumerate(masks):
        canvas[mask] = canvas[mask] * (1 - alpha) + np.array(color_of(index), np.float32) * alpha
    pixels = canvas.round().astype(np.uint8)
    width = max(1, round(max(image.shape[:2]) / 400))
    for index, mask in enumerate(masks):
        _outline(pixels, mask, color_of(index), width)
    picture = PIL.Image.fromarray(pixels)
    for index, label in enumerate(labels or []):
        _label(picture, masks[index], label)
    return picture


def _outline(pixels: Image, mask: Mask, color: Color, width: int) -> None:
    """A bright line just inside the edge and a black one around it, so that one of both stands out anywhere."""
    if not mask.any():
        return
    pixels[_grow(mask, width) & ~mask] = (0, 0, 0)
    bright = np.array(color, np.float32) * 0.35 + 255 * 0.65
    pixels[mask & _grow(~mask, width)] = bright.astype(np.uint8)


def _grow(mask: Mask, by: int) -> Mask:
    """The mask with a border of `by` pixels, in steps of one so that any picture size works."""
    picture = PIL.Image.fromarray(mask.astype(np.uint8) * 255)
    for _ in range(by):
        picture = picture.filter(PIL.ImageFilter.MaxFilter(3))
    return np.asarray(picture) > 127


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
