"""The embedded model's stages: scenes, tokenizer, dense sight, then answers and masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from lisa.data.world import samples_of
from lisa.devices import computes_bf16
from lisa.files import write_json
from lisa.model.checkpoint import build, save
from lisa.model.losses import LossWeights
from lisa.model.segmenter import Batch, Segmenter
from lisa.recipes.tiny import Lesson, TinyRecipe
from lisa.train.checkpoints import check_space
from lisa.train.dense import TOKEN_LABELS, TokenHeads, classes_of_world, label_maps, train_dense
from lisa.train.loop import FitConfig, Report, fit
from lisa.train.optim import Muon, matrices, rest
from lisa.train.seg import Draw, SegObjective, SegStep
from lisa.types import Sample
from lisa.vlms.tiny import train_tokenizer
from lisa.world.sets import make_picture

LOOK = 0.3
"""Weight of what is read from the tokens, beside answers and masks."""


class FreshDialogues:
    """Place → dialogues about a freshly drawn scene, by (seed, place) alone."""

    def __init__(
        self,
        *,
        dialogues: int,
        seed: int,
        shares: Mapping[str, float] | None = None,
        pieces: Mapping[str, float] | None = None,
    ) -> None:
        """`shares`: as in `dialogues`. `pieces`: set piece → the share of pictures arranged for it, beside chance."""
        self.dialogues, self.seed = dialogues, seed
        self.shares, self.pieces = shares or {}, pieces or {}

    def __call__(self, place: int) -> Sequence[Sample]:
        """All about one picture; none where nothing can be asked about it."""
        rng = np.random.default_rng([self.seed, place])
        picture = make_picture(self.seed, place, set_piece=_piece(self.pieces, rng))
        samples = samples_of(picture, rng, self.dialogues, shares=self.shares, name=str(place))
        return [replace(s, meta=s.meta | {"picture": picture}) for s in samples]


def _piece(pieces: Mapping[str, float], rng: np.random.Generator) -> str | None:
    point = rng.random()
    for name, share in pieces.items():
        point -= share
        if point < 0:
            return name
    return None


def make_tokenizer(path: Path, recipe: TinyRecipe) -> None:
    """`tokenizer.json` from dialogues about scenes of their own seed, kept where it is there already."""
    if path.exists():
        return
    draw = FreshDialogues(dialogues=8, seed=recipe.tokenizer_seed)
    samples = [s for place in range(recipe.tokenizer_pictures) for s in draw(place)]
    texts = [f" {t}" for s in samples for turn in s.turns for t in (turn.instruction.lower(), turn.answer or "")]
    train_tokenizer([t.replace(" [SEG]", "") for t in texts], recipe.vocabulary).save(str(path))


@dataclass(frozen=True, kw_only=True)
class LookBatch(Batch):
    """A batch with what is to be read from its pictures' tokens."""

    labels: dict[str, Tensor]
    """`TOKEN_LABELS` → `[I, S/4, S/4]` int64."""


class LookObjective(SegObjective):
    """Answers and masks, while the tokens go on being read as in the dense stage: a model that answers must look."""

    def __init__(self, step: SegStep, draw: Draw, optimizers: Sequence[Optimizer], heads: TokenHeads) -> None:
        super().__init__(step, draw, optimizers, module=nn.ModuleDict({"step": step, "look": heads}))
        self.heads, self.classes = heads, classes_of_world()

    def losses(self, batch: Batch, counts: Mapping[str, float]) -> dict[str, Tensor]:
        """Those of answers and masks, and `look`."""
        assert isinstance(batch, LookBatch)
        self._name(batch.unreadable)
        inner: Any = self.segmenter.vlm
        tokens = inner.model.model.vision_tower(batch.vlm.images["pixel_values"])
        seen = list(inner.model.model.multi_modal_projector(tokens))
        losses = self.step(batch, (self._features(batch)[0], seen), counts)
        look = self.heads(tokens, batch.labels)
        return losses | {"total": losses["total"] + LOOK * look, "look": look}

    def _collate(self, groups: Sequence[Sequence[Sample]]) -> LookBatch:
        batch = super()._collate(groups)
        rows = [label_maps(g[0].meta["picture"], self.classes, batch.pixels.shape[-1]) for g in groups]
        labels = {name: torch.stack([row[name] for row in rows]) for name in TOKEN_LABELS}
        return LookBatch(**{f.name: getattr(batch, f.name) for f in fields(batch)}, labels=labels)


def seg_objective(segmenter: Segmenter, lesson: Lesson) -> LookObjective:
    """All of the segmenter but the masker's encoder is trained: Muon for tower and language, AdamW for the rest."""
    masker, vlm = segmenter.masker, segmenter.vlm
    masker.image_encoder.requires_grad_(False)
    kernels = matrices(vlm, without=("embed_tokens", "lm_head", "position", "stem.0"))  # type: ignore[arg-type]
    heads = TokenHeads(classes_of_world(), vlm.width)
    others = [*rest(segmenter, kernels), *heads.parameters()]
    weights = LossWeights(bce=5.0, dice=1.0, score=0.5, original_size=False)
    return LookObjective(
        SegStep(segmenter, weights=weights, bf16=computes_bf16(segmenter.device)),
        FreshDialogues(dialogues=lesson.dialogues, seed=lesson.seed, shares=lesson.shares, pieces=lesson.pieces),
        (
            Muon(kernels, lr=0.01 * lesson.rate, weight_decay=0.01),
            torch.optim.AdamW(others, lr=1e-3 * lesson.rate, weight_decay=0.01),
        ),
        heads,
    )


def train_tiny(recipe: TinyRecipe, folder: Path, report: Report) -> Path | None:
    """All stages into `folder`, each resumed where it stands; the finished checkpoint's folder, None when stopped."""
    final = folder / "checkpoint"
    check_space(folder, 1_000_000_000)
    write_json(folder / "recipe.json", recipe.to_json())
    final.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(recipe.seed)
    heads = train_dense(recipe, folder / "dense", report)
    if heads is None:
        return None
    make_tokenizer(final / "tokenizer.json", recipe)
    torch.manual_seed(recipe.seed + 1)
    segmenter = build(recipe.model, final)
    segmenter.masker.load_state_dict(heads.masker.state_dict())  # type: ignore[attr-defined]
    segmenter.vlm.model.model.vision_tower.load_state_dict(heads.tower.state_dict())  # type: ignore[attr-defined]
    lessons = (("seg", recipe.seg, recipe.seg_steps), ("polish", recipe.polish, recipe.polish_steps))
    for name, lesson, steps in lessons:
        config = FitConfig(steps=steps, samples=lesson.pictures, seed=recipe.seed + 1)
        if fit(seg_objective(segmenter, lesson), config, folder / name, report) < steps:
            return None
    save(segmenter, recipe.model, final, dtype=torch.float16)
    return final
