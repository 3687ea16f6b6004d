"""A small convolutional vision tower, trained from nothing: the image side of both the tiny VLM and the tiny masker."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pixel_shuffle, relu


class Residual(nn.Module):
    """x + conv(relu(norm(conv(relu(norm x))))), 3 × 3, the second one dilated on deep maps."""

    def __init__(self, width: int, dilation: int = 1) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(8, width)
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm2 = nn.GroupNorm(8, width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=dilation, dilation=dilation, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """`[B, C, h, w]` → the same."""
        inner = self.conv1(relu(self.norm1(x)))
        return x + self.conv2(relu(self.norm2(inner)))


class Trunk(nn.Module):
    """`[B, 3, S, S]` → maps at strides 2, 4, 8 and 16; the first has half of `widths[0]` channels, then `widths`."""

    def __init__(self, widths: tuple[int, int, int], depths: tuple[int, int, int]) -> None:
        super().__init__()
        first, second, third = widths
        self.stem = nn.Sequential(
            nn.Conv2d(3, first // 2, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(first // 2, first, 3, 2, 1)
        )
        self.stage4 = nn.Sequential(*(Residual(first) for _ in range(depths[0])))
        self.down8 = nn.Conv2d(first, second, 2, stride=2)
        self.stage8 = nn.Sequential(*(Residual(second, 1 + i % 2) for i in range(depths[1])))
        self.down16 = nn.Conv2d(second, third, 2, stride=2)
        self.stage16 = nn.Sequential(*(Residual(third, 1 + i % 2) for i in range(depths[2])))

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Strides 2, 4, 8, 16."""
        at2 = self.stem[:2](pixels)
        at4 = self.stage4(self.stem[2](at2))
        at8 = self.stage8(self.down8(at4))
        return at2, at4, at8, self.stage16(self.down16(at8))


class Pyramid(nn.Module):
    """Trunk + top-down fusion → one map at stride 4 that has seen the context and kept the detail.

    Its first `width` channels are fused from strides 16, 8 and 4, with the picture's mean broadcast; the others are
    the edges at stride 2, four of them folded into each cell.
    """

    def __init__(self, widths: tuple[int, int, int], depths: tuple[int, int, int], middle: int, width: int) -> None:
        super().__init__()
        self.trunk = Trunk(widths, depths)
        self.from16 = nn.Conv2d(widths[2], middle, 1)
        self.context = nn.Linear(widths[2], middle)
        self.from8 = nn.Conv2d(widths[1], middle, 1)
        self.fuse8 = nn.Sequential(Residual(middle), Residual(middle, 2), nn.GroupNorm(8, middle), nn.ReLU())
        self.up = nn.Conv2d(middle, width, 1)
        self.from4 = nn.Conv2d(widths[0], width, 1)
        self.fuse4 = nn.Sequential(Residual(width), nn.GroupNorm(1, width))
        half = widths[0] // 2
        self.fine = nn.Sequential(
            nn.Conv2d(half, half, 3, padding=1), nn.ReLU(), nn.Conv2d(half, half, 3, padding=1), nn.PixelUnshuffle(2)
        )
        self.channels, self.edges, self._width = width + 4 * half, half, width

    def forward(self, pixels: Tensor) -> Tensor:
        """`[B, 3, S, S]` → `[B, channels, S/4, S/4]`."""
        return self.combine(*self.trunk(pixels))

    def combine(self, at2: Tensor, at4: Tensor, at8: Tensor, at16: Tensor) -> Tensor:
        """The trunk's maps to one."""
        context = self.context(at16.mean((2, 3)))[:, :, None, None]
        middle = self.fuse8(self.from8(at8) + double(self.from16(at16)) + context)
        fused = self.fuse4(self.from4(at4) + double(self.up(middle)))
        return torch.cat([fused, self.fine(at2)], dim=1)

    def edges_of(self, features: Tensor) -> Tensor:
        """The part of the features that is the edges, unfolded again: `[B, edges, S/2, S/2]`."""
        return pixel_shuffle(features[:, self._width :], 2)


class Outline(nn.Module):
    """What is known of every fourth pixel, and the edges at every second one → what the outline is drawn by."""

    def __init__(self, coarse: int, edges: int, width: int) -> None:
        super().__init__()
        self.coarse, self.edges = nn.Conv2d(coarse, width, 1), nn.Conv2d(edges, width, 3, padding=1)
        self.mix = nn.Conv2d(width, width, 3, padding=1)
        self.out = nn.Conv2d(width, width, 1)

    def forward(self, coarse: Tensor, edges: Tensor) -> Tensor:
        """`[B, coarse, h, w]` and `[B, edges, 2h, 2w]` → `[B, width, 2h, 2w]`."""
        seen = relu(double(self.coarse(coarse)) + self.edges(edges))
        return self.out(seen + relu(self.mix(seen)))


def double(x: Tensor) -> Tensor:
    """A map at twice its side, bilinear."""
    return interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def waves(grid: int, width: int, amplitude: float = 0.3) -> Tensor:
    """Sines and cosines of rows and columns, from half a wave over the map to one over two cells: `[grid², width]`."""
    places = (torch.arange(grid) + 0.5) / grid
    # transformers' loading can leave torch.linspace deaf to `with torch.device(…)`
    turns = torch.linspace(0, 1, width // 4, device=places.device)
    angles = places[:, None] * math.pi * grid**turns
    line = torch.cat([angles.sin(), angles.cos()], dim=-1)
    rows, columns = line[:, None].expand(-1, grid, -1), line[None].expand(grid, -1, -1)
    return amplitude * torch.cat([rows, columns], dim=-1).reshape(grid * grid, width)


class TokenTower(nn.Module):
    """Trunk + a few bidirectional attention layers over its stride-16 map → picture tokens `[B, (S/16)², width]`."""

    def __init__(
        self, widths: tuple[int, int, int], depths: tuple[int, int, int], width: int, *, grid: int, layers: int
    ) -> None:
        super().__init__()
        self.trunk = Trunk(widths, depths)
        self.from8 = nn.Conv2d(widths[1], width, 2, stride=2)
        self.from16 = nn.Conv2d(widths[2], width, 1)
        self.position = nn.Parameter(waves(grid, width)[None])
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                width, width // 64, 2 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
            )
            for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, pixels: Tensor) -> Tensor:
        """`[B, 3, S, S]` → `[B, (S/16)², width]`."""
        _, _, at8, at16 = self.trunk(pixels)
        return self.attend(at8, at16)

    def attend(self, at8: Tensor, at16: Tensor) -> Tensor:
        """The trunk's maps to tokens."""
        tokens = (self.from16(at16) + self.from8(at8)).flatten(2).transpose(1, 2) + self.position
        for layer in self.layers:
            tokens = layer(tokens)
        return self.norm(tokens)
