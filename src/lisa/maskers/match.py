"""A mask decoder: every pixel says what it is and where its thing is, and prompts are matched with both.

    features ─┬─► what each pixel is ──────────── · what is wanted ◄──┐
              ├─► its vote for a middle, as waves · where it is ◄─────┼── prompt, after it has looked at the picture
              └─► edges at stride 2 ───────────── · the outline ◄─────┘
                                                  + how much there has to be
A word is matched with pixels in the same way as a prompt made of it, so that labels of all pixels teach the words:
without them a decoder learned little from some masks a step (docs/log.md).
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from lisa.maskers.pyramid import PyramidBase, mlp, pyramid_of
from lisa.towers import Outline, Pyramid, double

SCALES = (0.2, 1.5)
"""Of the waves: from one that changes sign once over the picture to ones that tell neighbours apart."""


class MatchMasker(PyramidBase):
    """See the module's drawing. Masks come at half the square's side."""

    def __init__(
        self, pyramid: Pyramid, *, square: int, prompt: int, embedding: int, outline: int, layers: int
    ) -> None:
        super().__init__(pyramid, square=square, prompt=prompt, layers=layers, silent=True, scales=SCALES)
        features = pyramid.channels
        self.pixel = nn.Sequential(
            nn.Conv2d(features, 2 * embedding, 1), nn.ReLU(), nn.Conv2d(2 * embedding, embedding, 1)
        )
        self.outline = Outline(features, pyramid.edges, outline)
        self.to_what = mlp(prompt, 2 * prompt, embedding)
        self.to_where = mlp(prompt, 2 * prompt, prompt)
        self.to_outline = mlp(prompt, 2 * prompt, outline + 1)
        self.to_score = mlp(prompt, prompt, 1)

    def embed(self, features: Tensor) -> Tensor:
        """What each pixel is, `[I, E, h, w]`."""
        with torch.autocast(features.device.type, enabled=False):
            return self.pixel(features)

    def meant(self, embedded: Tensor, words: Tensor) -> Tensor:
        """How much each pixel is what words stand for: `[I, E, h, w]` and `[N, P]` → logits `[I, N, h, w]`."""
        return _matched(self.to_what(self.norm(words)), embedded)

    def decode(self, features: Tensor, prompts: Tensor, image_index: Tensor) -> tuple[Tensor, Tensor]:
        """Prompts `[S, P]` on images `image_index [S]` → low-res logits `[S, S/2, S/2]`, predicted IoU `[S]`."""
        low_res, score, _ = self.decode_embedded(features, self.embed(features), prompts, image_index)
        return low_res, score

    def decode_embedded(
        self, features: Tensor, embedded: Tensor, prompts: Tensor, image_index: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """As `decode`, with what each pixel is, and last where each prompt is taken to mean, as waves `[S, P]`."""
        with torch.autocast(features.device.type, enabled=False):
            cells, votes = self.cells(features), self.vote_waves(features)
            edges = self.outline(features, self.image_encoder.edges_of(features))
        asked, row = self.ask(cells, prompts, image_index)
        what, where = self.to_what(asked).to(embedded.dtype), self.to_where(asked).to(embedded.dtype)
        outline, much = self.to_outline(asked).to(embedded.dtype).split([edges.shape[1], 1], dim=-1)
        with torch.autocast(features.device.type, enabled=False):
            there = _matched(where, votes) * math.sqrt(2.0)  # at its very place, waves as they are add √(P / 2)
            logits = double(_matched(what, embedded) + there) + _matched(outline, edges) + much[..., None]
        return logits[image_index, row], self.to_score(asked)[image_index, row, 0], where[image_index, row]


def _matched(wanted: Tensor, maps: Tensor) -> Tensor:
    """`[…, M, E]` · `[I, E, h, w]` / √E → `[I, M, h, w]`."""
    return (wanted @ maps.flatten(2) / math.sqrt(maps.shape[1])).unflatten(-1, tuple(maps.shape[-2:]))


def build(options: dict[str, Any]) -> MatchMasker:
    """Options: square, widths, depths, middle, features, prompt, embedding, outline, layers."""
    own = {name: options[name] for name in ("square", "prompt", "embedding", "outline", "layers")}
    return MatchMasker(pyramid_of(options), **own)
