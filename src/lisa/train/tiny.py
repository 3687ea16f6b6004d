"""The embedded model's stages: scenes, tokenizer, dense sight, then answers and masks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from lisa.data.world import samples_of
from lisa.files import write_json
from lisa.model.checkpoint import build, save
from lisa.model.losses import LossWeights
from lisa.model.segmenter import Segmenter
from lisa.recipes.tiny import TinyRecipe
from lisa.train.checkpoints import check_space
from lisa.train.dense import train_dense
from lisa.train.loop import FitConfig, Report, fit
from lisa.train.optim import Muon, matrices, rest
from lisa.train.seg import SegObjective
from lisa.types import Sample
from lisa.vlms.tiny import train_tokenizer
from lisa.world.sets import make_picture


class FreshDialogues:
    """Step → dialogues about freshly drawn scenes, by (seed, step) alone."""

    def __init__(self, *, pictures: int, dialogues: int, seed: int) -> None:
        self.pictures, self.dialogues, self.seed = pictures, dialogues, seed

    def __call__(self, step: int) -> Sequence[Sequence[Sample]]:
        """Samples grouped by picture; a picture nothing can be asked about is left out."""
        rng = np.random.default_rng([self.seed, step])
        places = range(step * self.pictures, (step + 1) * self.pictures)
        groups = [samples_of(make_picture(self.seed, i), rng, self.dialogues, name=str(i)) for i in places]
        return [g for g in groups if g]


def make_tokenizer(path: Path, recipe: TinyRecipe) -> None:
    """`tokenizer.json` from dialogues about scenes of their own seed, kept where it is there already."""
    if path.exists():
        return
    draw = FreshDialogues(pictures=10, dialogues=8, seed=recipe.tokenizer_seed)
    samples = [s for step in range(recipe.tokenizer_pictures // 10) for group in draw(step) for s in group]
    texts = [f" {t}" for s in samples for turn in s.turns for t in (turn.instruction.lower(), turn.answer or "")]
    train_tokenizer([t.replace(" [SEG]", "") for t in texts], recipe.vocabulary).save(str(path))


def seg_objective(segmenter: Segmenter, recipe: TinyRecipe) -> SegObjective:
    """All of the segmenter but the masker's encoder is trained: Muon for tower and language, AdamW for the rest."""
    masker, vlm = segmenter.masker, segmenter.vlm
    for p in masker.image_encoder.parameters():  # type: ignore[attr-defined]
        p.requires_grad_(False)
    kernels = matrices(vlm, without=("embed_tokens", "lm_head", "position", "stem.0"))  # type: ignore[arg-type]
    others = rest(segmenter, kernels)
    draw = FreshDialogues(pictures=recipe.seg_pictures, dialogues=recipe.dialogues, seed=recipe.seg_seed)
    return SegObjective(
        segmenter,
        draw,
        (Muon(kernels, lr=0.01, weight_decay=0.01), torch.optim.AdamW(others, lr=1e-3, weight_decay=0.01)),
        weights=LossWeights(score=0.5),
        bf16=True,
        frozen_masker_encoder=True,
    )


def train_tiny(recipe: TinyRecipe, folder: Path, report: Report) -> Path:
    """All stages into `folder`, each resumed where it stands; returns the folder of the finished checkpoint."""
    final = folder / "checkpoint"
    final.mkdir(parents=True, exist_ok=True)
    check_space(folder, 1_000_000_000)
    write_json(folder / "recipe.json", recipe.to_json())
    torch.manual_seed(recipe.seed)
    heads = train_dense(recipe, folder / "dense", report)
    make_tokenizer(final / "tokenizer.json", recipe)
    torch.manual_seed(recipe.seed + 1)
    segmenter = build(recipe.model, final)
    segmenter.masker.image_encoder.load_state_dict(heads.pyramid.state_dict())  # type: ignore[attr-defined]
    segmenter.vlm.model.model.vision_tower.load_state_dict(heads.tower.state_dict())  # type: ignore[attr-defined]
    objective = seg_objective(segmenter, recipe)
    reached = fit(objective, FitConfig(steps=recipe.seg_steps), folder / "seg", report)
    if reached == recipe.seg_steps:
        save(segmenter, recipe.model, final, dtype=torch.float16)
    return final
