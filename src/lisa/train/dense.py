"""The first stage of the embedded model: it learns to see, and to cut out what it is told, from drawn scenes' truth.

Both towers share one trunk here and part afterwards. Every pixel's kind, colour and part, and the way to the middle
of its thing, are read from the masker's features. What is in each patch, how it stands to what else (stood on by a
woman, holding a cup), what is beside it, where among all it stands, which of its kind has another colour and where its
middle is, is read from the language side's tokens.

The mask decoder learns to follow prompts that say what is known of the target: its kind, its colour, its part, its
place, each left out by chance. So the [SEG] stage finds a masker that can be prompted, as LISA finds SAM. What a pixel
is gets read by the words of those prompts: each pixel teaches all words, where a mask teaches one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, cross_entropy, pad, smooth_l1_loss

from lisa.devices import casts_small
from lisa.geometry import Geometry
from lisa.maskers.match import MatchMasker
from lisa.maskers.match import build as build_masker
from lisa.maskers.pyramid import VOTE_UNIT
from lisa.model.losses import mask_losses, score_loss, true_iou
from lisa.recipes.tiny import TinyRecipe
from lisa.towers import TokenTower
from lisa.train.loop import FitConfig, Objective, Report, fit, shared, workers_beside
from lisa.train.optim import NO_MATRICES, Muon, matrices, muon_beside_adamw, rest
from lisa.train.ranks import Ranks
from lisa.train.seg import computed
from lisa.train.watch import logged
from lisa.types import Image, Mask
from lisa.world.palette import COLOURS
from lisa.world.questions.view import Seen, View
from lisa.world.scene import Picture
from lisa.world.sets import make_picture
from lisa.world.shapes import kinds

STRIDE = 4
"""Pixels between two dense labels."""
PROMPTS = 8
"""Masks asked for in each picture."""


RELATIONS = ("standing on", "sitting on", "holding", "wearing", "behind", "in", "under", "on", "next to")
"""The first one of them that a thing stands in is its label; it is another one for its object than for its subject."""
SIDES = {"left": "left", "right": "right", "near": ""}
"""Name of a label → the side on which the thing beside is looked for, see `View.beside`."""
ENDS = {"across": ("left", "right"), "upright": ("top", "bottom")}
"""Name of a label → the ends at which a thing may be of all; 0 where it is at neither, or not clearly."""
ORDERS = ("alone", "leftmost", "rightmost", "between")
"""Where it stands among those of its kind."""
ODDS = ("of the other colour", "as the rest")
"""What it is among three or more of its kind of which one has another colour than the others; 0 elsewhere."""
PIXEL = {"kind": 1.0, "colour": 0.5, "part": 0.3, "offset": 2.0}
"""Weights of what is said of each pixel."""
CLEAR = 0.07
"""By which share of the width one stands clearly to the left of another."""


@dataclass(frozen=True, kw_only=True)
class Classes:
    """Names that the dense labels number from 1; 0 is background, or no colour, or no part."""

    kinds: tuple[str, ...]
    colours: tuple[str, ...]
    parts: tuple[str, ...]

    @property
    def token_sizes(self) -> dict[str, int]:
        """What is read from a token → of how many classes; 0 is none."""
        kinds = len(self.kinds) + 1
        sizes = {"kind": kinds, "colour": len(self.colours) + 1, "role": 2 * len(RELATIONS) + 1, "partner": kinds}
        beside = dict.fromkeys(SIDES, kinds)
        ends = {name: len(sides) + 1 for name, sides in ENDS.items()}
        return sizes | beside | ends | {"order": len(ORDERS) + 1, "odd": len(ODDS) + 1}


def classes_of_world() -> Classes:
    """What the dense labels tell apart."""
    parts = sorted({part for kind in kinds().values() for part in kind.parts})
    return Classes(kinds=tuple(kinds()), colours=tuple(COLOURS), parts=tuple(parts))


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is asked for, and its masks; 0 where kind, colour or part is left unsaid."""

    image_index: Tensor
    """`[N]` int64."""
    words: Tensor
    """`[N, 3]` int64: kind, colour, part."""
    place: Tensor
    """`[N, 3]`: 1 where a place is said, then the place, (y, x) in 0 … 1 of the square."""
    mask: Tensor
    """`[N, S/2, S/2]`, the share of each pixel that is wanted."""


@dataclass(frozen=True, kw_only=True)
class DenseBatch:
    """Pictures, their labels at every fourth pixel, and what is asked for in them."""

    pixels: Tensor
    """`[B, 3, S, S]` for the mask side."""
    kind: Tensor
    """`[B, S/4, S/4]` int64; −1 on the padding, which nothing is learned from. `colour` and `part` likewise."""
    colour: Tensor
    part: Tensor
    offset: Tensor
    """`[B, 2, S/4, S/4]` from the pixel to the middle of its thing, (dy, dx) in the masker's `VOTE_UNIT`."""
    token: dict[str, Tensor]
    """What is to be read from tokens: name, as in `Classes.token_sizes` → `[B, S/4, S/4]` int64, −1 on the padding."""
    wanted: Wanted


class TokenHeads(nn.Module):
    """What is read from the tokens of the language side, by name."""

    def __init__(self, sizes: Mapping[str, int], width: int) -> None:
        super().__init__()
        self.sizes = dict(sizes)
        self.read = nn.Linear(width, sum(self.sizes.values()))

    def errors(self, tokens: Tensor, labels: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Tokens `[B, N, D]` against label maps by name, each `[B, h, w]`: their errors, scalars."""
        parts = self.read(tokens).split(list(self.sizes.values()), dim=-1)
        return {name: soft_cross_entropy(p, labels[name]) for name, p in zip(self.sizes, parts)}

    def forward(self, tokens: Tensor, labels: Mapping[str, Tensor]) -> Tensor:
        """The sum of the errors."""
        return torch.stack(list(self.errors(tokens, labels).values())).sum()


class DenseHeads(nn.Module):
    """What is read from both towers while they learn, and the words that the masker is prompted with.

    The first word of each table stands for none of the others; in a prompt it says nothing.
    """

    def __init__(self, classes: Classes, masker: MatchMasker, tower: TokenTower, width: int) -> None:
        super().__init__()
        self.masker, self.tower = masker, tower
        self.tower.trunk = masker.image_encoder.trunk
        sizes = [len(classes.kinds) + 1, len(classes.colours) + 1, len(classes.parts) + 1]
        self.token = TokenHeads(classes.token_sizes, width)
        self.word = nn.ModuleList(nn.Embedding(n, masker.prompt_width) for n in sizes)
        self.word_bias = nn.ParameterList(nn.Parameter(torch.zeros(n)) for n in sizes)
        self.place = nn.Linear(masker.prompt_width, masker.prompt_width)
        self.middle = nn.Linear(width, masker.prompt_width)

    def forward(self, pixels: Tensor) -> TowerMaps:
        """Pictures `[B, 3, S, S]`."""
        with seeing(pixels.device):
            maps = self.masker.image_encoder.trunk(pixels)
            features = self.masker.image_encoder.combine(*maps).float()
            tokens = self.tower.attend(maps[2], maps[3]).float()
        embedded = self.masker.embed(features)
        return TowerMaps(features=features, embedded=embedded, named=self.named(self.masker, embedded), tokens=tokens)

    def named(self, masker: MatchMasker, embedded: Tensor) -> list[Tensor]:
        """What a masker makes of each pixel `[B, E, h, w]`: logits of kind, colour and part, `[B, classes, h, w]`."""
        tables = [(table.weight, bias) for table, bias in zip(self.word, self.word_bias)]
        return [masker.meant(embedded, words) + bias[:, None, None] for words, bias in tables]  # type: ignore[arg-type]

    def prompts(self, words: Tensor, place: Tensor) -> Tensor:
        """As in `Wanted` → `[N, P]`."""
        said = [table(column) * (column > 0)[:, None] for table, column in zip(self.word, words.T)]
        there = self.place(self.waves(place)) * place[:, :1]
        return torch.stack([*said, there]).sum(0)

    def waves(self, place: Tensor) -> Tensor:
        """As in `Wanted` → `[N, P]`, 0 where no place is said."""
        return self.masker.waves(place[:, 1:]) * place[:, :1]


@dataclass(frozen=True, kw_only=True)
class TowerMaps:
    """What both towers make of pictures."""

    features: Tensor
    """`[B, C, S/4, S/4]`."""
    embedded: Tensor
    """`[B, E, S/4, S/4]`: what each pixel is."""
    named: list[Tensor]
    """Logits of kind, colour and part, each `[B, classes, S/4, S/4]`."""
    tokens: Tensor
    """`[B, (S/16)², D]` of the language side."""


def label_maps(picture: Picture, classes: Classes, square: int) -> dict[str, Tensor]:
    """Dense labels of one picture of longer side `square`, padded as the towers see it."""
    ids, parts = (of[STRIDE // 2 :: STRIDE, STRIDE // 2 :: STRIDE] for of in (picture.ids, picture.parts))
    part_table = np.zeros(256, np.int64)
    for i, name in enumerate(picture.part_names):
        part_table[i + 1] = classes.parts.index(name) + 1
    centres = np.zeros((256, 2), np.float32)
    for t in picture.scene.things:
        centres[t.id] = (t.box[1] + t.box[3]) / 2, (t.box[0] + t.box[2]) / 2
    grid = np.indices(ids.shape).transpose(1, 2, 0) * STRIDE + STRIDE / 2
    offset = np.where(ids[..., None] > 0, centres[ids] - grid, 0).astype(np.float32) / (VOTE_UNIT * square)
    part = {"part": pad(torch.from_numpy(part_table[parts]), _room(ids, square), value=-1)}
    way = {"offset": pad(torch.from_numpy(offset).permute(2, 0, 1), _room(ids, square))}
    return token_labels(picture, classes, square) | part | way


def token_labels(picture: Picture, classes: Classes, square: int) -> dict[str, Tensor]:
    """Of these what is read from tokens, by its name in `Classes.token_sizes`."""
    ids = picture.ids[STRIDE // 2 :: STRIDE, STRIDE // 2 :: STRIDE]
    room = _room(ids, square)
    return {n: pad(torch.from_numpy(table[ids]), room, value=-1) for n, table in tables_of(picture, classes).items()}


def _room(ids: NDArray[np.uint8], square: int) -> tuple[int, int, int, int]:
    """What is padded at the right and below."""
    side = square // STRIDE
    return 0, side - ids.shape[1], 0, side - ids.shape[0]


def tables_of(picture: Picture, classes: Classes) -> dict[str, NDArray[np.int64]]:
    """Name of a token's label → thing id → number, each `[256]`."""
    tables = {name: np.zeros(256, np.int64) for name in classes.token_sizes}
    kind = tables["kind"]
    for t in picture.scene.things:
        kind[t.id] = classes.kinds.index(t.kind) + 1
        tables["colour"][t.id] = classes.colours.index(t.colour) + 1 if t.colour in classes.colours else 0
    for r in sorted(picture.scene.relations, key=lambda r: -RELATIONS.index(r.name)):  # the first of them stays
        place = RELATIONS.index(r.name) + 1
        tables["role"][r.object], tables["partner"][r.object] = place, kind[r.subject]
        tables["role"][r.subject], tables["partner"][r.subject] = place + len(RELATIONS), kind[r.object]
    view = View(picture)
    for s in view.seen:
        for name, side in SIDES.items():
            other = view.beside(s, side)
            tables[name][s.id] = kind[other.id] if other else 0
        tables["order"][s.id] = _order(view, s)
        if odd := view.other_colour(s.kind):
            tables["odd"][s.id] = 1 if odd.id == s.id else 2
    for name, sides in ENDS.items():
        for number, side in enumerate(sides):
            if s := view.outermost(side):
                tables[name][s.id] = number + 1
    return tables


def _order(view: View, s: Seen) -> int:
    """Among those of its kind, from 1; −1 where that is not clear, and nothing is learned."""
    others = [o for o in view.of(s.kind) if o.id != s.id]
    if not others:
        return 1
    if words := view.extremes(s, others, CLEAR):
        return ORDERS.index(words[0]) + 1
    between = any(o.x < s.x - CLEAR for o in others) and any(o.x > s.x + CLEAR for o in others)
    return ORDERS.index("between") + 1 if between else -1


def wanted_of(
    picture: Picture, classes: Classes, square: int, rng: np.random.Generator, n: int
) -> tuple[list[tuple[int, int, int]], list[tuple[float, float, float]], list[Tensor]]:
    """Up to `n` prompts about one picture: words, places and masks as in `Wanted`.

    With a place, one thing (or its part) is meant, without one, everything that the words fit.
    """
    words, places, masks = [], [], []
    things = [t for t in picture.scene.things if (picture.ids == t.id).any()]
    for _ in range(n if things else 0):
        t = things[rng.integers(len(things))]
        by_place, by_kind, by_colour = rng.random() < 0.6, rng.random() < 0.7, rng.random() < 0.4
        names = [p for p in kinds()[t.kind].parts if p in picture.part_names and picture.part_mask(t.id, p).sum() >= 12]
        part = names[rng.integers(len(names))] if names and by_place and rng.random() < 0.3 else None
        if not by_place and not (by_kind or by_colour):
            by_kind = True
        by_colour = by_colour and t.colour in classes.colours
        if not by_place and not by_colour:
            by_kind = True
        if part is not None:
            mask = picture.part_mask(t.id, part)
        elif by_place:
            mask = picture.mask(t.id)
        else:
            fits = [o for o in things if (not by_kind or o.kind == t.kind) and (not by_colour or o.colour == t.colour)]
            mask = picture.mask(*(o.id for o in fits))
        words.append(
            (
                classes.kinds.index(t.kind) + 1 if by_kind else 0,
                classes.colours.index(t.colour) + 1 if by_colour else 0,
                0 if part is None else classes.parts.index(part) + 1,
            )
        )
        size = np.array([t.box[3] - t.box[1], t.box[2] - t.box[0]])
        middle = np.array([t.box[1] + t.box[3], t.box[0] + t.box[2]]) / 2 + size * rng.normal(0, 0.08, 2)
        places.append((float(by_place), *(float(x) for x in middle / square)))
        masks.append(_half(mask, square))
    return words, places, masks


def _half(mask: Mask, square: int) -> Tensor:
    """A mask of the picture → `[S/2, S/2]`, the share of each cell that it covers."""
    full = np.zeros((square, square), np.float32)
    full[: mask.shape[0], : mask.shape[1]] = mask
    return torch.from_numpy(full.reshape(square // 2, 2, square // 2, 2).mean((1, 3)))


def pixel_errors(fine: Sequence[Tensor], vote: Tensor, labels: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """How far what is said of each pixel is from its labels, as in `DenseBatch`; `PIXEL` weighs them.

    `fine`: logits of kind, colour and part, each `[B, classes, h, w]`; `vote [B, 2, h, w]` the way to the middle.
    """
    kind, thing = labels["kind"].long(), labels["kind"] > 0
    weight = torch.ones(fine[0].shape[1], device=fine[0].device)
    weight[0] = 0.2  # background is most of a picture and the easiest part of it
    named = {
        name: _where(cross_entropy(logits, labels[name].long().clamp(min=0), reduction="none"), thing)
        for name, logits in zip(("colour", "part"), fine[1:])
    }
    offset = _where(smooth_l1_loss(vote, labels["offset"], reduction="none", beta=0.1).sum(1), thing)
    return {"kind": cross_entropy(fine[0], kind, weight=weight, ignore_index=-1), **named, "offset": offset}


def masker_matrices(masker: MatchMasker) -> list[nn.Parameter]:
    """Those of its trained kernels that are Muon's."""
    within = matrices(masker.outline) + matrices(masker.pixel)
    return [*matrices(masker.image_encoder, without=("stem.0",)), *within]


class DenseObjective:
    """Dense labels and prompted masks of fresh scenes for `DenseHeads`."""

    prompts = PROMPTS

    def __init__(self, heads: DenseHeads, prepare: Callable[[Image], Tensor], classes: Classes, *, seed: int) -> None:
        self.module: DenseHeads = heads
        self._prepare, self.classes = prepare, classes
        self.seed = seed
        self.optimizers: Sequence[torch.optim.Optimizer] = self._optimizers(heads)

    def _optimizers(self, heads: DenseHeads) -> Sequence[torch.optim.Optimizer]:
        kernels = [*masker_matrices(heads.masker), *matrices(heads.tower.layers)]
        kernels += matrices(heads.tower.from8) + matrices(heads.tower.from16)
        return (
            Muon(kernels, lr=0.01, weight_decay=0.01),
            torch.optim.AdamW(rest(heads, kernels), lr=1.5e-3, weight_decay=0.01),
        )

    def batches(self, shares: Sequence[range]) -> list[DenseBatch]:
        """One for each share."""
        return [self.batch(places) for places in shares]

    def batch(self, places: range) -> DenseBatch:
        """Fresh scenes, by (seed, place)."""
        pictures = [make_picture(self.seed, i) for i in places]
        pixels = [self._prepare(p.image) for p in pictures]
        square = pixels[0].shape[-1]
        labels = [label_maps(p, self.classes, square) for p in pictures]
        stacked = {k: torch.stack([row[k] for row in labels]) for k in labels[0]}
        token = {name: stacked[name] for name in self.classes.token_sizes}
        fine = {name: stacked[name] for name in ("kind", "colour", "part", "offset")}
        asked = [
            wanted_of(p, self.classes, square, np.random.default_rng([self.seed, i]), self.prompts)
            for i, p in zip(places, pictures)
        ]
        wanted = Wanted(
            image_index=torch.tensor([i for i, (words, _, _) in enumerate(asked) for _ in words], dtype=torch.int64),
            words=torch.tensor([w for words, _, _ in asked for w in words], dtype=torch.int64).reshape(-1, 3),
            place=torch.tensor([p for _, places, _ in asked for p in places]).reshape(-1, 3),
            mask=torch.stack([m for _, _, masks in asked for m in masks] or [torch.zeros(square // 2, square // 2)]),
        )
        return DenseBatch(pixels=torch.stack(pixels), wanted=wanted, token=token, **fine)

    def counts(self, batch: DenseBatch) -> dict[str, float]:
        """Each batch has means of its own."""
        return {"shares": 1.0}

    def losses(self, batch: DenseBatch, counts: Mapping[str, float]) -> dict[str, Tensor]:
        """Errors of kind, colour, part and offset of every pixel, of the tokens, and of the prompted masks."""
        heads = self.module
        seen = heads(batch.pixels)
        fine, thing = seen.named, batch.kind > 0
        labels = {"kind": batch.kind, "colour": batch.colour, "part": batch.part, "offset": batch.offset}
        read = pixel_errors(fine, heads.masker.vote(seen.features), labels)
        patch = heads.token(seen.tokens, batch.token)
        middle = self._middles(seen.tokens, batch.offset, thing)
        right = _where((fine[0].argmax(1) == batch.kind).float(), thing)
        total = sum(weight * read[name] for name, weight in PIXEL.items()) + 0.15 * patch + middle
        masks = self._masks(seen, batch.wanted)
        total = total + 5 * masks["bce"] + masks["dice"] + 0.2 * masks["score"] + 2 * masks["place"]
        return shared({"total": total} | read | {"patch": patch, "middle": middle, "right": right} | masks, counts)

    def _middles(self, tokens: Tensor, offset: Tensor, thing: Tensor) -> Tensor:
        """Error of where the middle of each patch's thing is, as waves, read from the tokens `[B, N, D]`."""
        line = ((torch.arange(offset.shape[-1], device=offset.device) + 0.5) / offset.shape[-1])[1::2]
        offset, thing = offset[..., 1::2, 1::2], thing[..., 1::2, 1::2]  # a quarter of the pixels tell enough
        own = torch.stack(torch.meshgrid(line, line, indexing="ij"), dim=-1)
        waves = self.module.masker.waves(own + VOTE_UNIT * offset.permute(0, 2, 3, 1)) * thing[..., None]
        cell = len(line) // int(tokens.shape[1] ** 0.5)
        wanted, share = (
            avg_pool2d(x, cell).flatten(2).transpose(1, 2) for x in (waves.permute(0, 3, 1, 2), thing[:, None].float())
        )
        apart = (self.module.middle(tokens) * share - wanted).square().mean(-1)
        return apart.sum() / share.sum().clamp(min=1)

    def _masks(self, seen: TowerMaps, wanted: Wanted) -> dict[str, Tensor]:
        """Errors of the masks that prompts give, and of the places that those are taken to mean."""
        heads = self.module
        prompts = heads.prompts(wanted.words, wanted.place)
        logits, score, where = heads.masker.decode_embedded(seen.features, seen.embedded, prompts, wanted.image_index)
        bce, dice = mask_losses([logits], [wanted.mask])
        place = (where - heads.waves(wanted.place)).square().mean()
        scored = score_loss([score], [logits], [wanted.mask])
        return {"bce": bce, "dice": dice, "score": scored, "place": place, "iou": true_iou(logits, wanted.mask).mean()}


class TokenObjective(DenseObjective):
    """The language side's tokens alone: over a trunk that stays, they learn to say what is there and how it stands."""

    prompts = 0

    def _optimizers(self, heads: DenseHeads) -> Sequence[torch.optim.Optimizer]:
        taught = nn.ModuleDict({"tower": heads.tower, "token": heads.token, "middle": heads.middle})
        heads.requires_grad_(False)
        taught.requires_grad_(True)
        heads.tower.trunk.requires_grad_(False)
        kernels = matrices(heads.tower, without=NO_MATRICES)
        return muon_beside_adamw(kernels, rest(taught, kernels), rate=1e-3)

    def losses(self, batch: DenseBatch, counts: Mapping[str, float]) -> dict[str, Tensor]:
        """Errors of what is read from the tokens, by name."""
        heads = self.module
        with seeing(batch.pixels.device):
            with torch.no_grad():
                _, _, at8, at16 = heads.tower.trunk(batch.pixels)
            tokens = heads.tower.attend(at8, at16).float()
        read = heads.token.errors(tokens, batch.token)
        middle = self._middles(tokens, batch.offset, batch.kind > 0)
        total = torch.stack(list(read.values())).sum() + 3 * middle
        return shared({"total": total, **read, "middle": middle}, counts)


def seeing(device: torch.device) -> AbstractContextManager[Any]:
    """How both towers learn to see: in bf16 on CPUs that compute it, where a step takes a quarter less time."""
    return computed(device, bf16=casts_small(device))


def soft_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Tokens `[B, N, K]` against the shares of labels `[B, g·4, g·4]` in their patches; 0 counts a fifth."""
    b, n, k = logits.shape
    grid = int(n**0.5)
    patches = labels.long().reshape(b, grid, labels.shape[1] // grid, grid, -1).transpose(2, 3).reshape(b, n, -1)
    shares = logits.new_zeros(b, n, k).scatter_add_(2, patches.clamp(min=0), (patches >= 0).float())
    shares[..., 0] *= 0.2
    return -(shares * logits.log_softmax(-1)).sum() / shares.sum().clamp(min=1)


def _where(values: Tensor, mask: Tensor) -> Tensor:
    return (values * mask).sum() / mask.sum().clamp(min=1)


def _pixels(square: int, image: Image) -> Tensor:
    return Geometry.fit((image.shape[0], image.shape[1]), square).pixels(image)


def dense_objective(recipe: TinyRecipe, device: torch.device | str = "cpu") -> DenseObjective:
    """Both towers of a recipe with random weights, ready to be taught."""
    options, vlm = recipe.model.masker.options, recipe.model.vlm.options
    masker = build_masker(options)
    widths, depths = tuple(options["widths"]), tuple(options["depths"])
    tower = TokenTower(widths, depths, vlm["width"], grid=vlm["square"] // 16, layers=vlm["tower"]["layers"])
    heads = DenseHeads(classes_of_world(), masker, tower, vlm["width"])
    heads.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return DenseObjective(
        heads,
        partial(_pixels, options["square"]),
        classes_of_world(),
        seed=recipe.dense_seed,
    )


def token_objective(recipe: TinyRecipe, heads: DenseHeads) -> TokenObjective:
    """What comes after it, on other scenes."""
    square = recipe.model.masker.options["square"]
    return TokenObjective(heads, partial(_pixels, square), classes_of_world(), seed=recipe.token_seed)


def train_dense(recipe: TinyRecipe, folder: Path, report: Report, ranks: Ranks | None = None) -> DenseHeads | None:
    """Both towers, taught to see; they share one trunk, of which each side takes a copy. None when it was stopped.

    Below `folder` lie the stages "dense" and "tokens".
    """
    ranks = ranks or Ranks()
    objective = dense_objective(recipe, ranks.device)
    if not taught(objective, recipe.dense_steps, recipe.dense_pictures, recipe.seed, folder / "dense", report, ranks):
        return None
    if recipe.token_steps:
        made = token_objective(recipe, objective.module)
        if not taught(made, recipe.token_steps, recipe.token_pictures, recipe.seed, folder / "tokens", report, ranks):
            return None
    return objective.module


def taught(
    objective: Objective, steps: int, pictures: int, seed: int, folder: Path, report: Report, ranks: Ranks
) -> bool:
    """Whether a stage came to its end; its state and log lie in `folder`."""
    config = FitConfig(steps=steps, samples=pictures, seed=seed, workers=workers_beside(ranks))
    return fit(objective, config, folder, logged(report, folder, ranks), ranks=ranks) == steps
