"""A masker trained from nothing: a small convolutional pyramid and a light decoder.

    pixels ─► Pyramid ─► features [B, C, S/4, S/4] ─┬─► keys at stride 8 ◄── prompt asks, three times over
                                                    └─► embedding of each cell · what the prompt became

Every pixel also votes for the middle of its thing, and its embedding knows the vote: that tells twins apart.
The decoder never changes the features, so its cost does not grow with the number of prompts as SAM's does.
Logits are doubled along the edges it sees. `lisa train camvid` has this decoder; `maskers/match.py` is another one over
the same pyramid.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention, unfold

from lisa.geometry import Geometry, normalised
from lisa.towers import Pyramid
from lisa.types import Image

VOTE_UNIT = 0.25
"""A vote of 1 points this share of the square's side away."""


class Waves(nn.Module):
    """Random Fourier features of places: near places have like features (Tancik et al., 2020).

    `scales`: how much the place counts in the longest and the shortest waves. With both, what is known of a place only
    roughly is still said by the long ones.
    """

    frequencies: Tensor

    def __init__(self, width: int, scales: tuple[float, float] = (1.5, 1.5)) -> None:
        super().__init__()
        longest, shortest = scales
        rising = longest * (shortest / longest) ** (torch.arange(width // 2) / (width // 2 - 1))
        self.register_buffer("frequencies", torch.randn(2, width // 2) * rising)

    def forward(self, places: Tensor) -> Tensor:
        """(y, x) in 0 … 1 of the square, `[..., 2]` → `[..., width]`."""
        angles = (2 * places - 1) @ self.frequencies * (2 * math.pi)
        return torch.cat([angles.sin(), angles.cos()], dim=-1)


class Ask(nn.Module):
    """One layer of the decoder: each prompt looks at its picture, then thinks.

    A `silent` one passes prompts nearly as they are until it has learned something.
    """

    def __init__(self, width: int, heads: int, *, silent: bool = False) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.key, self.value = nn.Linear(width, width), nn.Linear(width, width), nn.Linear(width, width)
        self.out = nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        if silent:
            for last in (self.out, self.mlp[2]):
                nn.init.normal_(last.weight, std=1e-4)  # type: ignore[arg-type]
                nn.init.zeros_(last.bias)  # type: ignore[arg-type]

    def forward(self, prompts: Tensor, cells: Tensor, places: Tensor) -> Tensor:
        """Prompts `[I, M, P]` of pictures whose cells are `[I, N, P]`, at `places [N, P]` → `[I, M, P]`."""
        q, k, v = (
            x.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for x in (self.query(self.norm1(prompts)), self.key(cells + places), self.value(cells))
        )
        seen = scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        prompts = prompts + self.out(seen)
        return prompts + self.mlp(self.norm2(prompts))


class PyramidBase(nn.Module):
    """What maskers over a pyramid have in common: they see, every pixel votes, and prompts look at the picture."""

    own_precision = True
    """Draws masks in the type of its weights, also under autocast."""

    def __init__(
        self,
        pyramid: Pyramid,
        *,
        square: int,
        prompt: int,
        layers: int,
        silent: bool = False,
        scales: tuple[float, float] = (1.5, 1.5),
    ) -> None:
        super().__init__()
        self.square, self.prompt_width, self.scores_trained = square, prompt, True
        self.image_encoder = pyramid
        self.vote = nn.Conv2d(pyramid.channels, 2, 1)
        self.cells = nn.Conv2d(pyramid.channels, prompt, 2, stride=2)
        self.waves = Waves(prompt, scales)
        self.layers = nn.ModuleList(Ask(prompt, prompt // 32, silent=silent) for _ in range(layers))
        self.norm = nn.LayerNorm(prompt)

    def prepare(self, image: Image) -> tuple[Tensor, Geometry]:
        """See `Masker`; the picture's long side fills the square."""
        geometry = Geometry.fit((image.shape[0], image.shape[1]), self.square)
        return geometry.raw(image), geometry

    def encode(self, pixels: Tensor) -> Tensor:
        """`[B, 4, S, S]` → features `[B, C, S/4, S/4]`, in the type of the weights."""
        dtype = self.vote.weight.dtype
        return self.image_encoder(normalised(pixels, dtype)).to(dtype)

    def votes(self, features: Tensor) -> Tensor:
        """Where each pixel thinks the middle of its thing is: (y, x) in 0 … 1 of the square, `[I, h, w, 2]`."""
        h, w = features.shape[-2:]
        rows, columns = (torch.arange(n, device=features.device, dtype=features.dtype) for n in (h, w))
        own = torch.stack(torch.meshgrid((rows + 0.5) / h, (columns + 0.5) / w, indexing="ij"), dim=-1)
        return own + VOTE_UNIT * self.vote(features).permute(0, 2, 3, 1)

    def vote_waves(self, features: Tensor) -> Tensor:
        """The votes as waves, `[I, P, h, w]`; what is learned from masks leaves the votes alone."""
        return self.waves(self.votes(features).detach()).permute(0, 3, 1, 2)

    def ask(self, cells: Tensor, prompts: Tensor, image_index: Tensor) -> tuple[Tensor, Tensor]:
        """Cells `[I, P, h/2, w/2]`, prompts `[S, P]` → what they became `[I, M, P]`, and each one's row there `[S]`."""
        row = _place_among(image_index, len(cells))
        asked = prompts.new_zeros(len(cells), int(row.max()) + 1 if len(row) else 1, self.prompt_width)
        asked = asked.index_put((image_index, row), prompts)
        places = self.waves(_centres(cells.shape[-1], cells))
        cells = cells.flatten(2).transpose(1, 2)
        for layer in self.layers:
            asked = layer(asked, cells, places)
        return self.norm(asked), row


class PyramidMasker(PyramidBase):
    """See the module's drawing. Masks come at half the square's side."""

    def __init__(self, pyramid: Pyramid, *, square: int, prompt: int, embedding: int, layers: int) -> None:
        super().__init__(pyramid, square=square, prompt=prompt, layers=layers)
        features = pyramid.channels
        self.to_embedding = mlp(prompt, prompt, embedding + 1)
        self.to_score = mlp(prompt, prompt, 1)
        self.pixel = nn.Sequential(nn.Conv2d(features + prompt, prompt, 1), nn.ReLU(), nn.Conv2d(prompt, embedding, 1))
        self.edges = nn.Sequential(nn.Conv2d(features, 64, 3, padding=1), nn.ReLU(), nn.Conv2d(64, 4 * 9, 1))

    def decode(self, features: Tensor, prompts: Tensor, image_index: Tensor) -> tuple[Tensor, Tensor]:
        """Prompts `[S, P]` on images `image_index [S]` → low-res logits `[S, S/2, S/2]`, predicted IoU `[S]`."""
        with torch.autocast(features.device.type, enabled=False):
            pixels = self.pixel(torch.cat([features, self.vote_waves(features)], dim=1))
            cells = self.cells(features)
        asked, row = self.ask(cells, prompts, image_index)
        weight, bias = self.to_embedding(asked).split([pixels.shape[1], 1], dim=-1)
        with torch.autocast(features.device.type, enabled=False):
            weight, bias = weight.to(pixels.dtype), bias.to(pixels.dtype)
            logits = weight @ pixels.flatten(2) / math.sqrt(pixels.shape[1]) + bias
            edges = self.edges(features).unflatten(1, (4, 9)).softmax(2).flatten(3)  # [I, 4, 9, h·w]
            low_res = _double_along(logits.unflatten(-1, tuple(pixels.shape[-2:])), edges)
        return low_res[image_index, row], self.to_score(asked)[image_index, row, 0]


def mlp(width: int, inner: int, out: int) -> nn.Sequential:
    """Two linear layers: `[..., width]` → `[..., out]`."""
    return nn.Sequential(nn.Linear(width, inner), nn.GELU(), nn.Linear(inner, out))


def _place_among(index: Tensor, count: int) -> Tensor:
    """How many equal entries stand before each: `[S]` → `[S]`."""
    same = (index[:, None] == torch.arange(count, device=index.device)).long()
    return (same.cumsum(0) - 1).gather(1, index[:, None])[:, 0]


def _centres(grid: int, like: Tensor) -> Tensor:
    """(y, x) of a map's cells in 0 … 1, `[grid², 2]`."""
    line = (torch.arange(grid, device=like.device, dtype=like.dtype) + 0.5) / grid
    return torch.cartesian_prod(line, line)


def _double_along(logits: Tensor, edges: Tensor) -> Tensor:
    """Logits `[I, M, h, w]` at twice the side: each new pixel is a mean of the nine around it (RAFT's upsampling)."""
    i, m, h, w = logits.shape
    around = unfold(torch.nn.functional.pad(logits.flatten(0, 1)[:, None], (1, 1, 1, 1), mode="replicate"), 3)
    fine = torch.einsum("imkp,iqkp->imqp", around.unflatten(0, (i, m)), edges)
    return fine.reshape(i, m, 2, 2, h, w).permute(0, 1, 4, 2, 5, 3).reshape(i, m, 2 * h, 2 * w)


def pyramid_of(options: dict[str, Any]) -> Pyramid:
    """Options: widths, depths, middle, features."""
    return Pyramid(tuple(options["widths"]), tuple(options["depths"]), options["middle"], options["features"])


def build(options: dict[str, Any]) -> PyramidMasker:
    """Options: square, widths, depths, middle, features, prompt, embedding, layers."""
    own = {name: options[name] for name in ("square", "prompt", "embedding", "layers")}
    return PyramidMasker(pyramid_of(options), **own)
