"""A small convolutional vision tower, trained from nothing: the image side of both the tiny VLM and the tiny masker."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, relu


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
    """`[B, 3, S, S]` → maps at strides 4, 8 and 16, of `widths` channels."""

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

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Strides 4, 8, 16."""
        at4 = self.stage4(self.stem(pixels))
        at8 = self.stage8(self.down8(at4))
        return at4, at8, self.stage16(self.down16(at8))


class Pyramid(nn.Module):
    """Trunk + top-down fusion → one map `[B, width, S/8, S/8]` that has seen the context and kept the detail.

    Stride-4 detail enters by a strided convolution, the picture's mean by a broadcast.
    """

    def __init__(self, widths: tuple[int, int, int], depths: tuple[int, int, int], width: int) -> None:
        super().__init__()
        self.trunk = Trunk(widths, depths)
        self.from4 = nn.Conv2d(widths[0], width, 2, stride=2)
        self.from8 = nn.Conv2d(widths[1], width, 1)
        self.from16 = nn.Conv2d(widths[2], width, 1)
        self.context = nn.Linear(widths[2], width)
        self.fuse = nn.Sequential(Residual(width), Residual(width, 2), nn.GroupNorm(1, width))

    def forward(self, pixels: Tensor) -> Tensor:
        """`[B, 3, S, S]` → `[B, width, S/8, S/8]`."""
        return self.combine(*self.trunk(pixels))

    def combine(self, at4: Tensor, at8: Tensor, at16: Tensor) -> Tensor:
        """The trunk's maps to one."""
        context = self.context(at16.mean((2, 3)))[:, :, None, None]
        top = interpolate(self.from16(at16), scale_factor=2, mode="bilinear", align_corners=False)
        return self.fuse(self.from4(at4) + self.from8(at8) + top + context)


class TokenTower(nn.Module):
    """Trunk + a few bidirectional attention layers over its stride-16 map → picture tokens `[B, (S/16)², width]`."""

    def __init__(
        self, widths: tuple[int, int, int], depths: tuple[int, int, int], width: int, *, grid: int, layers: int
    ) -> None:
        super().__init__()
        self.trunk = Trunk(widths, depths)
        self.from8 = nn.Conv2d(widths[1], width, 2, stride=2)
        self.from16 = nn.Conv2d(widths[2], width, 1)
        self.position = nn.Parameter(0.02 * torch.randn(1, grid * grid, width))
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                width, width // 64, 2 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
            )
            for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, pixels: Tensor) -> Tensor:
        """`[B, 3, S, S]` → `[B, (S/16)², width]`."""
        _, at8, at16 = self.trunk(pixels)
        return self.attend(at8, at16)

    def attend(self, at8: Tensor, at16: Tensor) -> Tensor:
        """The trunk's maps to tokens."""
        tokens = (self.from16(at16) + self.from8(at8)).flatten(2).transpose(1, 2) + self.position
        for layer in self.layers:
            tokens = layer(tokens)
        return self.norm(tokens)
