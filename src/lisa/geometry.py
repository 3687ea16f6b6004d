"""Where a picture lies inside a model's square, and how a mask gets back out of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import PIL.Image

from lisa.types import Image, Size

if TYPE_CHECKING:
    import torch
    from torch import Tensor


PIXEL_MEAN = (123.675, 116.28, 103.53)
"""ImageNet's mean colour on 0–255, which SAM subtracts."""
PIXEL_STD = (58.395, 57.12, 57.375)


def wide(x: Tensor) -> Tensor:
    """A tensor in float32, or in float64 where it is that already."""
    return x if x.element_size() == 8 else x.float()


def normalised(raw: Tensor, dtype: torch.dtype) -> Tensor:
    """What `Geometry.raw` gives, `[B, 4, S, S]`, as `[B, 3, S, S]` of a floating type: padding is 0 after normalising.

    It is computed in float32 and rounded then.
    """
    import torch

    rgb = raw[:, :3].to(torch.promote_types(dtype, torch.float32))
    centre, spread = (rgb.new_tensor(v)[:, None, None] for v in (PIXEL_MEAN, PIXEL_STD))
    return ((rgb - centre) / spread * raw[:, 3:]).to(dtype)


@dataclass(frozen=True, kw_only=True)
class Geometry:
    """A picture scaled so that its long side fills a square, put in the top left corner, padding right and below.

    Heights come first. The rule is SAM's `ResizeLongestSide`.
    """

    original: Size
    resized: Size
    square: int

    @classmethod
    def fit(cls, original: Size, square: int) -> Geometry:
        """The geometry of a picture of `original` (H, W) in a square of `square` pixels; no side becomes 0."""
        scale = square / max(original)
        h, w = (max(int(side * scale + 0.5), 1) for side in original)
        return cls(original=original, resized=(h, w), square=square)

    def resize(self, image: Image) -> Image:
        """The picture at its size inside the square, `[h, w, 3]` uint8 (Pillow's antialiased bilinear)."""
        if image.shape[:2] == self.resized:
            return image
        h, w = self.resized
        return np.asarray(PIL.Image.fromarray(image).resize((w, h), PIL.Image.Resampling.BILINEAR))

    def pixels(self, image: Image) -> Tensor:
        """The picture resized and normalised, `[3, square, square]` float32; the padding is 0 *after* normalising."""
        import torch

        return normalised(self.raw(image)[None], torch.float32)[0]

    def raw(self, image: Image) -> Tensor:
        """The picture resized, `[4, square, square]` uint8: red, green, blue, and 1 where it is not padding.

        A quarter of the bytes of `pixels`; `normalised` makes the same of it where the model computes.
        """
        import torch

        h, w = self.resized
        pixels = torch.zeros(4, self.square, self.square, dtype=torch.uint8)
        pixels[:3, :h, :w] = torch.from_numpy(self.resize(image).copy()).permute(2, 0, 1)
        pixels[3, :h, :w] = 1
        return pixels

    def restore(self, low_res_logits: Tensor) -> Tensor:
        """Decoder logits `[N, h, w]` of the square → mask logits `[N, H, W]` of the original picture, float32.

        Up to the square, crop the padding away, then to the original size; bilinear both times, as the
        reference does.
        """
        from torch.nn.functional import interpolate

        if low_res_logits.shape[0] == 0:
            return low_res_logits.new_zeros((0, *self.original))
        square = (self.square, self.square)
        full = interpolate(wide(low_res_logits)[:, None], square, mode="bilinear", align_corners=False)
        h, w = self.resized
        return interpolate(full[..., :h, :w], self.original, mode="bilinear", align_corners=False)[:, 0]

    def lower(self, masks: Tensor, size: Size) -> Tensor:
        """Masks `[N, H, W]` of the original picture → `[N, h, w]` of the square at `size`: the share each cell has."""
        import torch
        from torch.nn.functional import adaptive_avg_pool2d, interpolate

        if masks.shape[0] == 0:
            return masks.new_zeros((0, *size), dtype=torch.float32)
        whole = interpolate(masks.to(torch.float32)[:, None], self.resized, mode="area")
        h, w = self.resized
        square = whole.new_zeros(len(masks), 1, self.square, self.square)
        square[..., :h, :w] = whole
        return adaptive_avg_pool2d(square, size)[:, 0]
