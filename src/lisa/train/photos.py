"""Photographs with label maps, from nothing: the masker learns to see and to follow a class it is told.

photograph, map ─► augmented ─► masker's features ─┬─► class of every fourth pixel
                                                   └─► prompts "class, side" ─► masks
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from lisa.data.augment import Augmentation
from lisa.data.camvid import CLASSES, IGNORED, CamVid, Labels
from lisa.data.mixture import Mixture, Part
from lisa.geometry import Geometry
from lisa.maskers.pyramid import PyramidMasker
from lisa.model.losses import mask_losses
from lisa.train.dense import STRIDE, seeing
from lisa.train.optim import Muon, matrices, rest

SIDES = 3
"""Either side, the left, the right."""


@dataclass(frozen=True, kw_only=True)
class PhotoBatch:
    """Photographs, their classes at every fourth pixel, and masks of all classes that are asked for."""

    pixels: Tensor
    """`[B, 4, S, S]` uint8."""
    labels: Tensor
    """`[B, S/4, S/4]` int64, −1 where nothing is learned."""
    image_index: Tensor
    """`[N]` int64."""
    words: Tensor
    """`[N, 2]` int64: class, side."""
    mask: Tensor
    """`[N, S/2, S/2]`, the share of each cell that is wanted."""
    ignore: Tensor
    """`[B, S/2, S/2]` bool: unlabelled, or padding."""


class PhotoHeads(nn.Module):
    """What is read from the masker while it learns, and the words it is prompted with."""

    def __init__(self, masker: PyramidMasker) -> None:
        super().__init__()
        self.masker = masker
        self.pixel = nn.Conv2d(masker.vote.in_channels, len(CLASSES), 1)
        self.word = nn.Embedding(len(CLASSES), masker.prompt_width)
        self.side = nn.Embedding(SIDES, masker.prompt_width)

    def prompts(self, words: Tensor) -> Tensor:
        """`[N, 2]` → `[N, P]`."""
        return self.word(words[:, 0]) + self.side(words[:, 1])


class PhotoObjective:
    """Classes of pixels and prompted masks; see `lisa.train.loop.Objective`."""

    def __init__(
        self, heads: PhotoHeads, data: CamVid, *, square: int, change: Augmentation, seed: int, asked: int = 8
    ) -> None:
        self.module: PhotoHeads = heads
        self.data, self.square, self.change, self.seed, self.asked = data, square, change, seed, asked
        self.rounds = Mixture([Part(data)], seed=seed, order="shuffled")
        kernels = matrices(heads.masker, without=("stem.0", "waves"))
        kernels = [k for k in kernels if k.ndim == 4]  # the decoder's attention is AdamW's
        self.optimizers: Sequence[torch.optim.Optimizer] = (
            Muon(kernels, lr=0.01, weight_decay=0.01),
            torch.optim.AdamW(rest(heads, kernels), lr=2e-3, weight_decay=0.01),
        )
        self.weights = class_weights(data)

    def batches(self, shares: Sequence[range]) -> list[PhotoBatch]:
        """One for each share."""
        return [self.batch(places) for places in shares]

    def batch(self, places: range) -> PhotoBatch:
        """Photographs in shuffled rounds, changed by (seed, place)."""
        pixels, labels, words, masks, ignored, index = [], [], [], [], [], []
        for row, place in enumerate(places):
            rng = np.random.default_rng([self.seed, place])
            _, number = self.rounds.where(place)
            image, found = self.change(*self.data.read(number), rng)
            geometry = Geometry.fit((image.shape[0], image.shape[1]), self.square)
            full = squared(found, geometry)
            pixels.append(geometry.raw(image))
            labels.append(torch.from_numpy(full[STRIDE // 2 :: STRIDE, STRIDE // 2 :: STRIDE]))
            ignored.append(halved(full < 0) > 0)
            for word, mask in wanted_of(full, geometry, rng, self.asked):
                words.append(word)
                masks.append(halved(mask))
                index.append(row)
        return PhotoBatch(
            pixels=torch.stack(pixels),
            labels=torch.stack(labels),
            image_index=torch.tensor(index),
            words=torch.tensor(words),
            mask=torch.stack(masks),
            ignore=torch.stack(ignored),
        )

    def counts(self, batch: PhotoBatch) -> dict[str, float]:
        """Nothing: a step of this stage is one batch."""
        return {}

    def losses(self, batch: PhotoBatch, counts: Mapping[str, float]) -> dict[str, Tensor]:
        """Errors of every labelled pixel's class, and of the prompted masks."""
        heads = self.module
        with seeing(batch.pixels.device):
            features = heads.masker.encode(batch.pixels)
        maps = heads.pixel(features)
        kind = cross_entropy(maps, batch.labels, weight=self.weights, ignore_index=-1)
        right = ((maps.argmax(1) == batch.labels) & (batch.labels >= 0)).sum() / (batch.labels >= 0).sum().clamp(min=1)
        logits, _ = heads.masker.decode(features, heads.prompts(batch.words), batch.image_index)
        unknown = batch.ignore[batch.image_index]
        bce, dice = mask_losses([logits.masked_fill(unknown, -30.0)], [batch.mask.masked_fill(unknown, 0.0)])
        total = kind + 2 * bce + dice
        return {"total": total, "kind": kind, "right": right, "bce": bce, "dice": dice}


def class_weights(data: CamVid, *, most: int = 100) -> Tensor:
    """1 / ln(1.1 + share of the pixels), as ENet weighs classes: `[classes]`."""
    counts = np.zeros(len(CLASSES))
    for index in range(0, len(data), max(len(data) // most, 1)):
        counts += np.bincount(data.read(index)[1].ravel(), minlength=256)[: len(CLASSES)]
    return torch.from_numpy(1 / np.log(1.1 + counts / counts.sum())).float()


def squared(labels: Labels, geometry: Geometry) -> Labels:
    """A map in the square that its picture is seen in, −1 on padding and where nothing is labelled."""
    import cv2

    h, w = geometry.resized
    full = np.full((geometry.square, geometry.square), -1, np.int64)
    full[:h, :w] = cv2.resize(labels.astype(np.int32), (w, h), interpolation=cv2.INTER_NEAREST)
    full[full == IGNORED] = -1
    return full


def wanted_of(
    full: Labels, geometry: Geometry, rng: np.random.Generator, most: int
) -> list[tuple[tuple[int, int], np.ndarray]]:
    """Prompts (class, side) and their masks `[S, S]`: most classes there are, and one that is not."""
    there = np.unique(full[full >= 0])
    missing = np.setdiff1d(np.arange(len(CLASSES)), there)
    chosen = [int(c) for c in rng.permutation(there)[: most - 1]]
    chosen += [int(c) for c in rng.permutation(missing)[:1]]
    found = []
    for number in chosen:
        mask, side = full == number, int(rng.choice(SIDES, p=(0.7, 0.15, 0.15)))
        middle = geometry.resized[1] // 2
        if side:
            mask = mask.copy()
            mask[:, middle:] &= side == 2
            mask[:, :middle] &= side == 1
        found.append(((number, side), mask))
    return found


def halved(mask: np.ndarray) -> Tensor:
    """`[S, S]` → `[S/2, S/2]`, the share of each cell."""
    side = mask.shape[0] // 2
    return torch.from_numpy(mask.reshape(side, 2, side, 2).mean((1, 3), dtype=np.float32))
