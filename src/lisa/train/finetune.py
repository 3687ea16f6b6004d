"""A `Recipe` from start to end: load, freeze, spread over processes, fit, write the result.

start ─► Segmenter ─► prepare (LoRA, freezing) ─► SegStep ─► spread (DDP, FSDP2) ─► fit ─► export
data ──► Mixture: place → samples ──────────────────────────────────────────────────┘
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from itertools import islice
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from lisa.config import READS
from lisa.data.augment import Augmentation, Augmented
from lisa.data.base import asking
from lisa.data.datasets import open_dataset, open_training
from lisa.data.mixture import Mixture, Part
from lisa.data.named import Named
from lisa.devices import pick_device
from lisa.errors import BadCheckpoint, BadInput, Missing
from lisa.evaluate.ask import evaluate
from lisa.files import write_json
from lisa.hub import resolve
from lisa.model import checkpoint, legacy, parts
from lisa.model.adapter_files import apply_adapters, base_of, write_adapters
from lisa.model.adapters import (
    Trained,
    blocks_of,
    language_model,
    merge_lora,
    optimizer_groups,
    picture_parts,
    prepare,
    quantise,
)
from lisa.model.legacy_write import write_published
from lisa.model.losses import LossWeights
from lisa.model.segmenter import Segmenter
from lisa.predictor import Predictor
from lisa.recipes.base import Recipe
from lisa.train.checkpoints import best_state, check_space, load_latest, load_state
from lisa.train.feature_cache import Disk, FeatureCache, Memory, hash_of
from lisa.train.loop import Evaluate, FitConfig, fit
from lisa.train.optim import NO_MATRICES, matrices, muon_beside_adamw, rest
from lisa.train.ranks import Ranks, joined, spread
from lisa.train.seg import FrozenFeatures, SegObjective, SegStep, is_trained
from lisa.train.watch import Watch
from lisa.train.zero import Zero, chosen
from lisa.weights import holds_adapters, read_json

STATES = "states"
RESULT = "checkpoint"
_SEED = 0x115A
CHOOSING = 100
"""Seed of the samples that a run is watched by."""
EXAMPLES = 4
"""Pictures shown of each evaluation."""


@dataclass
class Start:
    """A segmenter to train, and the folder whose configuration and tokenizer go with its weights."""

    segmenter: Segmenter
    folder: Path

    @property
    def published(self) -> bool:
        """Whether it is in the published layout."""
        return legacy.is_legacy(self.folder)


def start_of(recipe: Recipe, folder: Path, device: torch.device) -> Start:
    """The segmenter that a recipe starts from; with start=parts its configuration is written into `folder`.

    Raises BadInput for a state to be read that is unknown, or that the published layout does not have.
    """
    if recipe.reads not in ("", *READS):
        raise BadInput(f"reads is before or own, not {recipe.reads!r}")
    start = _start_of(recipe, folder, device)
    if start.published and recipe.reads == "own":
        raise BadInput("the published layout reads the state before [SEG]: leave reads out")
    start.segmenter.reads = recipe.reads or start.segmenter.reads
    return start


def _start_of(recipe: Recipe, folder: Path, device: torch.device) -> Start:
    kind = torch.bfloat16 if recipe.precision == "bf16" else torch.float32
    if recipe.start == "parts":
        home = folder / "start"
        dice = torch.Generator().manual_seed(recipe.seed)
        tensors = parts.assemble(resolve(recipe.llava), Path(recipe.sam), resolve(recipe.clip), home, generator=dice)
        return Start(legacy.assemble(home, tensors, device=device, dtype=kind), home)
    home = resolve(recipe.start)
    if legacy.is_legacy(home):
        return Start(legacy.load_legacy(home, device=device, dtype=kind), home)
    return Start(checkpoint.load(home, device=device, dtype=torch.float32), home)


def trained_of(recipe: Recipe) -> Trained:
    """What the recipe trains. Raises BadInput for an unknown choice of encoders."""
    if recipe.encoders not in ("none", "masks", "both"):
        raise BadInput(f"encoders is none, masks or both, not {recipe.encoders!r}")
    return Trained(
        language=recipe.language,
        rank=recipe.lora_rank,
        alpha=recipe.lora_alpha,
        dropout=recipe.lora_dropout,
        targets=tuple(recipe.lora_targets.split(",")),
        embeddings=recipe.embeddings,
        mask_decoder=recipe.mask_decoder,
        vision_tower=recipe.encoders == "both",
        masker_encoder=recipe.encoders != "none",
    )


def objective_of(recipe: Recipe, start: Start, folder: Path, ranks: Ranks) -> SegObjective:
    """Everything that is trained, ready for `fit`."""
    if recipe.quantise not in ("none", "nf4"):
        raise BadInput(f"quantise is none or nf4, not {recipe.quantise!r}")
    if recipe.quantise == "nf4":
        quantise(start.segmenter)
    segmenter = prepare(start.segmenter, trained_of(recipe)).train()
    if recipe.checkpointing:
        language: Any = language_model(segmenter)
        language.activation_checkpointing_enable({"use_reentrant": False})
    weights = LossWeights(text=recipe.text_weight, bce=recipe.bce_weight, dice=recipe.dice_weight)
    step = SegStep(segmenter, weights=weights, bf16=recipe.precision == "bf16")
    features = FrozenFeatures(segmenter, *caches_of(recipe, segmenter, folder))
    zero = recipe.engine == "deepspeed"
    module = step if zero else spread(step, recipe.engine, ranks, blocks=blocks_of(segmenter))
    optimizers = optimizers_of(recipe, segmenter)
    if zero:
        module = Zero(step, cast(torch.optim.AdamW, optimizers[0]), chosen(), clip=recipe.clip_norm)
    grouped = recipe.normalise == "batch"
    return SegObjective(step, row_of(recipe), optimizers, module=module, features=features, grouped=grouped)


def optimizers_of(recipe: Recipe, segmenter: Segmenter) -> Sequence[torch.optim.Optimizer]:
    """What updates the trained weights. Raises BadInput for an optimizer that is unknown, or not for this engine."""
    betas, rate = (recipe.beta1, recipe.beta2), recipe.learning_rate
    if recipe.optimizer == "adamw":
        groups = optimizer_groups(segmenter, recipe.weight_decay)
        return (torch.optim.AdamW(groups, lr=rate, betas=betas, weight_decay=0.0),)
    if recipe.optimizer != "muon" or recipe.engine != "ddp":
        raise BadInput(f"optimizer is adamw or, with engine=ddp, muon; not {recipe.optimizer!r} with {recipe.engine}")
    kernels = matrices(segmenter, without=NO_MATRICES)
    return muon_beside_adamw(
        kernels, rest(segmenter, kernels), rate=rate, weight_decay=recipe.weight_decay, betas=betas
    )


def row_of(recipe: Recipe) -> Mixture:
    """The endless row of samples that a recipe learns from."""
    parts = [
        part for name, share in recipe.data.items() for part in open_training(name, share, folder=Path(recipe.data_dir))
    ]
    if recipe.per_picture:
        parts = [Part(asking(part.dataset, recipe.per_picture), part.share) for part in parts]
    if recipe.named:
        parts = [Part(Named(part.dataset), part.share) for part in parts]
    if recipe.augment:
        parts = [Part(Augmented(part.dataset, Augmentation()), part.share) for part in parts]
    return Mixture(parts, seed=recipe.seed, order=recipe.order)


def caches_of(recipe: Recipe, segmenter: Segmenter, folder: Path) -> tuple[FeatureCache | None, FeatureCache | None]:
    """Caches of the masker's and of the language side's picture features; None where an encoder is trained."""
    if recipe.cache not in ("none", "memory", "disk"):
        raise BadInput(f"cache is none, memory or disk, not {recipe.cache!r}")
    if recipe.cache == "none":
        return None, None
    kind = torch.bfloat16 if recipe.precision == "bf16" else torch.float32
    sides = [segmenter.masker.image_encoder], picture_parts(segmenter)
    caches = []
    for name, modules in zip(("masks", "language"), sides):
        limit = int(recipe.cache_gb * 1e9 / 2)
        if not modules or any(is_trained(module) for module in modules):
            caches.append(None)
            continue
        store = Disk(folder / "features" / name, limit) if recipe.cache == "disk" else Memory(limit)
        caches.append(FeatureCache(store, weights=hash_of(*modules, more=_prepared(segmenter)), dtype=kind))
    return caches[0], caches[1]


def _prepared(segmenter: Segmenter) -> str:
    """What both sides make of one small picture, as a hash: another preparation, another cache."""
    picture = (np.arange(24 * 32 * 3) % 256).astype(np.uint8).reshape(24, 32, 3)
    digest = hashlib.sha256(segmenter.masker.prepare(picture)[0].numpy().tobytes())
    for name, tensor in sorted(segmenter.vlm.prepare_image(picture).items()):
        digest.update(name.encode() + tensor.numpy().tobytes())
    return digest.hexdigest()


def fit_config(recipe: Recipe) -> FitConfig:
    """The loop's part of a recipe."""
    return FitConfig(
        steps=recipe.steps,
        samples=recipe.samples,
        micro=recipe.micro,
        normalise=recipe.normalise,
        schedule=recipe.schedule,
        warmup=recipe.warmup,
        clip=recipe.clip_norm,
        spike=recipe.spike,
        seed=recipe.seed,
        save_seconds=recipe.save_seconds,
        keep=recipe.keep,
        log_every=recipe.log_every,
        evaluate_every=recipe.evaluate_every if recipe.evaluate else None,
        workers=recipe.workers,
    )


def train_recipe(recipe: Recipe, folder: Path) -> Path | None:
    """Trains, resuming what `folder` holds, then writes the result; the result's folder, None on other processes."""
    with joined(pick_device(None)) as ranks:
        if ranks.first:
            check_space(folder, 100_000_000)
            write_json(folder / "recipe.json", recipe.to_json())
        ranks.wait()
        torch.manual_seed(recipe.seed + _SEED)  # LoRA's first weights are the same on every process
        start = start_of(recipe, folder, ranks.device)
        objective = objective_of(recipe, start, folder, ranks)
        config = fit_config(recipe)
        config.micro_batches(0, ranks)
        watch = Watch(folder, recipe.to_json(), steps=recipe.steps, samples=recipe.samples) if ranks.first else None
        scored = _evaluation(recipe, objective.segmenter, watch) if watch and ranks.world == 1 else None
        reached = fit(objective, config, folder / STATES, watch or _silent, ranks=ranks, evaluate=scored)
        if watch is not None:
            watch.close()
        if reached < recipe.steps or watch is None:
            return None
        del objective, start
    return export(folder)


def _silent(step: int, values: dict[str, float]) -> None:
    """What other processes report."""


def _evaluation(recipe: Recipe, segmenter: Segmenter, watch: Watch) -> Evaluate | None:
    """Free-running gIoU on a few samples, and pictures of the first ones; None without a dataset for it."""
    if not recipe.evaluate:
        return None
    folder = Path(recipe.data_dir)
    data = open_dataset(recipe.evaluate, folder=folder, split=None, seed=CHOOSING, limit=recipe.evaluate_limit)

    def score(step: int) -> float:
        segmenter.eval()
        try:
            predictor = Predictor(segmenter, name=f"step {step}")
            giou = evaluate(predictor, data).figures()["giou"].value
            for sample in islice(data, EXAMPLES):
                asked = sample.turns[0].instruction
                watch.picture(step, sample.image, asked, predictor.segment(sample.image, asked))
        finally:
            segmenter.train()
        watch.evaluated(step, giou)
        return giou

    return score


def trained_state(folder: Path, *, best: bool = False) -> tuple[Recipe, Start]:
    """A run's start with its newest (or best) state in it, LoRA still apart.

    Raises Missing where the run has no state yet, BadCheckpoint where its start was changed.
    """
    recipe = stored_recipe(folder)
    path = best_state(folder / STATES) if best else None
    state = load_state(path) if path is not None else load_latest(folder / STATES)
    if state is None:
        raise Missing(f"{folder} has no training state: train first, or give the folder of a run")
    start = start_of(recipe, folder, torch.device("cpu"))
    prepare(start.segmenter, trained_of(recipe))
    found = {name.removeprefix("segmenter."): tensor for name, tensor in state["module"].items()}
    if unknown := start.segmenter.load_state_dict(found, strict=False).unexpected_keys:
        raise BadCheckpoint(f"the state of {folder} does not fit its start ({unknown[0]}): was {recipe.start} changed?")
    return recipe, start


def export(folder: Path, out: Path | None = None, *, best: bool = False, dtype: torch.dtype | None = None) -> Path:
    """A run's newest (or best) state as a checkpoint that `lisa.load` opens, LoRA merged; returns its folder.

    Raises as `trained_state`.
    """
    _, start = trained_state(folder, best=best)
    merge_lora(start.segmenter).eval()
    return write_like(start, out or folder / RESULT, dtype)


def export_adapters(folder: Path, out: Path, *, best: bool = False) -> Path:
    """What a run changed, alone, with the hash of what it started from. Raises as `trained_state`."""
    recipe, start = trained_state(folder, best=best)
    if recipe.start == "parts":
        raise BadInput("a model put together from parts has no checkpoint to sit on: convert it without --adapters")
    return write_adapters(start.segmenter, trained_of(recipe), start.folder, recipe.start, out)


def convert(source: Path, out: Path, *, best: bool = False, dtype: torch.dtype | None = None) -> Path:
    """A run, or a checkpoint in any layout, as a plain checkpoint with LoRA merged, in `dtype` if given."""
    if (source / "recipe.json").is_file():
        return export(source, out, best=best, dtype=dtype)
    if holds_adapters(source):
        base = resolve(base_of(source))
        start = _open(base)
        return write_like(Start(apply_adapters(start.segmenter, base, source), base), out, dtype)
    return write_like(_open(source), out, dtype)


def _open(folder: Path) -> Start:
    if legacy.is_legacy(folder):
        return Start(legacy.load_legacy(folder), folder)
    return Start(checkpoint.load(folder, device=torch.device("cpu"), dtype=torch.float32), folder)


def write_like(start: Start, out: Path, dtype: torch.dtype | None) -> Path:
    """A segmenter in the layout of where it came from."""
    if start.published:
        return write_published(start.segmenter, start.folder, out, dtype=dtype or torch.bfloat16)
    return write_native(start.segmenter, start.folder, out, dtype=dtype or torch.float16)


def write_native(segmenter: Segmenter, like: Path, out: Path, *, dtype: torch.dtype) -> Path:
    """Our own layout, with the files of the checkpoint `like` beside the new weights."""
    out.mkdir(parents=True, exist_ok=True)
    for file in like.iterdir():
        if file.is_file() and file.suffix != ".safetensors" and file.name != "config.json":
            shutil.copyfile(file, out / file.name)
    checkpoint.save(segmenter, replace(checkpoint.read_config(like), reads=segmenter.reads), out, dtype=dtype)
    return out


def stored_recipe(folder: Path) -> Recipe:
    """The recipe that a run was started with. Raises Missing where the folder holds no such run."""
    if not (folder / "recipe.json").is_file():
        raise Missing(f"{folder} is no training run: it has no recipe.json")
    data = read_json(folder / "recipe.json")
    known = {f.name for f in fields(Recipe)}
    if not known >= set(data):
        raise BadCheckpoint(f"{folder}/recipe.json is not of this kind of training: {sorted(set(data) - known)[0]}")
    return Recipe(**data)


def parameters_trained(segmenter: Segmenter) -> Sequence[tuple[str, int]]:
    """Part → parameters that get gradients."""
    sizes: dict[str, int] = {}
    for name, p in segmenter.named_parameters():
        if p.requires_grad:
            part = "LoRA" if "lora_" in name else "embeddings" if "embed_tokens" in name or "head" in name else (
                name.partition(".")[0]
            )  # fmt: skip
            sizes[part] = sizes.get(part, 0) + p.numel()
    return sorted(sizes.items())
