"""The first stage of the embedded model: its towers learn to see, on dense labels of drawn scenes.

Both towers share one trunk here and part afterwards. Every pixel's kind, colour and part, and the way to the middle
of its thing, are read from the mask side's pyramid; what is in each patch is read from the language side's tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad, pixel_shuffle, smooth_l1_loss

from lisa.maskers.conv import build as build_masker
from lisa.recipes.tiny import TinyRecipe
from lisa.towers import Pyramid, TokenTower
from lisa.train.loop import FitConfig, Report, fit
from lisa.train.optim import Muon, matrices, rest
from lisa.types import Image
from lisa.world.palette import COLOURS
from lisa.world.scene import Picture
from lisa.world.sets import make_picture
from lisa.world.shapes import kinds

STRIDE = 4
"""Pixels between two dense labels."""


@dataclass(frozen=True, kw_only=True)
class Classes:
    """Names that the dense labels number from 1; 0 is background, or no colour, or no part."""

    kinds: tuple[str, ...]
    colours: tuple[str, ...]
    parts: tuple[str, ...]


def classes_of_world() -> Classes:
    """What the dense labels tell apart."""
    parts = sorted({part for kind in kinds().values() for part in kind.parts})
    return Classes(kinds=tuple(kinds()), colours=tuple(COLOURS), parts=tuple(parts))


@dataclass(frozen=True, kw_only=True)
class DenseBatch:
    """Pictures and their labels at every fourth pixel."""

    pixels: Tensor
    """`[B, 3, S, S]` for the mask side."""
    kind: Tensor
    """`[B, S/4, S/4]` int64; −1 on the padding, which nothing is learned from. `colour` and `part` likewise."""
    colour: Tensor
    part: Tensor
    offset: Tensor
    """`[B, 2, S/4, S/4]` from the pixel to the middle of its thing, (dy, dx) in units of 64 pixels."""


class DenseHeads(nn.Module):
    """What is read from both towers while they learn."""

    def __init__(self, classes: Classes, pyramid: Pyramid, tower: TokenTower, width: int) -> None:
        super().__init__()
        self.pyramid, self.tower = pyramid, tower
        self.tower.trunk = pyramid.trunk
        self.sizes = [len(classes.kinds) + 1, len(classes.colours) + 1, len(classes.parts) + 1, 2]
        self.pixel = nn.Conv2d(pyramid.from8.out_channels, sum(self.sizes) * 4, 1)
        self.token = nn.Linear(width, self.sizes[0] + self.sizes[1])

    def forward(self, pixels: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Per pixel: kind, colour, part, offset maps at stride 4. Per token: kind and colour logits at stride 16."""
        maps = self.pyramid.trunk(pixels)
        fine = pixel_shuffle(self.pixel(self.pyramid.combine(*maps)), 2).split(self.sizes, dim=1)
        tokens = self.token(self.tower.attend(maps[1], maps[2]))
        return list(fine), list(tokens.split(self.sizes[:2], dim=-1))


def label_maps(picture: Picture, classes: Classes, square: int) -> dict[str, Tensor]:
    """Dense labels of one picture of longer side `square`, padded as the towers see it."""
    ids, parts = picture.ids[STRIDE // 2 :: STRIDE, STRIDE // 2 :: STRIDE], picture.parts
    parts = parts[STRIDE // 2 :: STRIDE, STRIDE // 2 :: STRIDE]
    tables = np.zeros((2, 256), np.int64)
    centres = np.zeros((256, 2), np.float32)
    for t in picture.scene.things:
        colour = classes.colours.index(t.colour) + 1 if t.colour in classes.colours else 0
        tables[:, t.id] = classes.kinds.index(t.kind) + 1, colour
        centres[t.id] = (t.box[1] + t.box[3]) / 2, (t.box[0] + t.box[2]) / 2
    part_table = np.zeros(256, np.int64)
    for i, name in enumerate(picture.part_names):
        part_table[i + 1] = classes.parts.index(name) + 1
    grid = np.indices(ids.shape).transpose(1, 2, 0) * STRIDE + STRIDE / 2
    offset = np.where(ids[..., None] > 0, centres[ids] - grid, 0).astype(np.float32) / 64
    side = square // STRIDE
    room = (0, side - ids.shape[1], 0, side - ids.shape[0])
    return {
        "kind": pad(torch.from_numpy(tables[0][ids]), room, value=-1),
        "colour": pad(torch.from_numpy(tables[1][ids]), room, value=-1),
        "part": pad(torch.from_numpy(part_table[parts]), room, value=-1),
        "offset": pad(torch.from_numpy(offset).permute(2, 0, 1), room),
    }


class DenseObjective:
    """Dense labels of fresh scenes for `DenseHeads`."""

    def __init__(
        self, heads: DenseHeads, prepare: Callable[[Image], Tensor], classes: Classes, *, size: int, seed: int
    ) -> None:
        self.module: DenseHeads = heads
        self._prepare, self.classes = prepare, classes
        self.size, self.seed = size, seed
        kernels = matrices(heads, without=("pixel.", "token.", "position", "stem.0"))
        self.optimizers: Sequence[torch.optim.Optimizer] = (
            Muon(kernels, lr=0.01, weight_decay=0.01),
            torch.optim.AdamW(rest(heads, kernels), lr=2e-3, weight_decay=0.01),
        )

    def batch(self, step: int) -> DenseBatch:
        """Fresh scenes, by (seed, step)."""
        pictures = [make_picture(self.seed, step * self.size + i) for i in range(self.size)]
        pixels = [self._prepare(p.image) for p in pictures]
        labels = [label_maps(p, self.classes, pixels[0].shape[-1]) for p in pictures]
        stacked = {k: torch.stack([row[k] for row in labels]) for k in labels[0]}
        return DenseBatch(pixels=torch.stack(pixels), **stacked)

    def losses(self, batch: DenseBatch) -> dict[str, Tensor]:
        """Cross-entropies of kind, colour and part, the offset's error, and the tokens' soft cross-entropy."""
        fine, tokens = self.module(batch.pixels)
        weight = torch.full((fine[0].shape[1],), 1.0)
        weight[0] = 0.2  # background is most of a picture and the easiest part of it
        kind = cross_entropy(fine[0], batch.kind, weight=weight, ignore_index=-1)
        thing = batch.kind > 0
        colour = _where(cross_entropy(fine[1], batch.colour.clamp(min=0), reduction="none"), thing)
        part = _where(cross_entropy(fine[2], batch.part.clamp(min=0), reduction="none"), thing)
        offset = _where(smooth_l1_loss(fine[3], batch.offset, reduction="none").sum(1), thing)
        patch = soft_cross_entropy(tokens[0], batch.kind) + soft_cross_entropy(tokens[1], batch.colour)
        right = _where((fine[0].argmax(1) == batch.kind).float(), thing)
        total = kind + 0.5 * colour + 0.3 * part + offset + 0.3 * patch
        return {"total": total, "kind": kind, "colour": colour, "part": part, "offset": offset, "right": right}


def soft_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Tokens `[B, N, K]` against the shares of labels `[B, g·4, g·4]` in their patches; 0 counts a fifth."""
    b, n, k = logits.shape
    grid = int(n**0.5)
    patches = labels.reshape(b, grid, labels.shape[1] // grid, grid, -1).transpose(2, 3).reshape(b, n, -1)
    shares = torch.zeros(b, n, k).scatter_add_(2, patches.clamp(min=0), (patches >= 0).float())
    shares[..., 0] *= 0.2
    return -(shares * logits.log_softmax(-1)).sum() / shares.sum().clamp(min=1)


def _where(values: Tensor, mask: Tensor) -> Tensor:
    return (values * mask).sum() / mask.sum().clamp(min=1)


def dense_objective(recipe: TinyRecipe) -> DenseObjective:
    """Both towers of a recipe with random weights, ready to be taught."""
    options, vlm = recipe.model.masker.options, recipe.model.vlm.options
    masker = build_masker(options)
    widths, depths = tuple(options["widths"]), tuple(options["depths"])
    tower = TokenTower(widths, depths, vlm["width"], grid=vlm["square"] // 16, layers=vlm["tower"]["layers"])
    heads = DenseHeads(classes_of_world(), masker.image_encoder, tower, vlm["width"])  # type: ignore[arg-type]
    heads.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return DenseObjective(
        heads,
        lambda image: masker.prepare(image)[0],
        classes_of_world(),
        size=recipe.dense_pictures,
        seed=recipe.dense_seed,
    )


def train_dense(recipe: TinyRecipe, folder: Path, report: Report) -> DenseHeads:
    """Both towers, taught to see; they share one trunk, of which each side of the segmenter takes a copy."""
    objective = dense_objective(recipe)
    fit(objective, FitConfig(steps=recipe.dense_steps), folder, report)
    return objective.module
