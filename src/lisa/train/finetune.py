"""A `Recipe` from start to end: load, freeze, spread over processes, fit, write the result.

start ─► Segmenter ─► prepare (LoRA, freezing) ─► SegStep ─► spread (DDP, FSDP2) ─► fit ─► export
data ──► Mixture: place → samples ──────────────────────────────────────────────────┘
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from itertools import islice
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import nn

from lisa.data.augment import Augmentation, Augmented
from lisa.data.base import asking
from lisa.data.datasets import DRAWN, open_dataset, open_training
from lisa.data.mixture import Mixture, Part
from lisa.data.named import Named
from lisa.devices import pick_device
from lisa.errors import BadCheckpoint, BadInput, Missing, first_line
from lisa.evaluate.ask import evaluate
from lisa.files import write_json
from lisa.hub import resolve
from lisa.model import checkpoint, legacy, parts
from lisa.model.adapter_files import apply_adapters, base_of, fingerprint, learned_by, write_adapters
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
from lisa.model.domain import DOMAIN
from lisa.model.legacy_write import write_published
from lisa.model.losses import LossWeights
from lisa.model.presence import PRESENCE
from lisa.model.segmenter import Segmenter
from lisa.predictor import Predictor
from lisa.recipes.base import Recipe
from lisa.train.blend import blend
from lisa.train.checkpoints import best_state, check_space, load_latest, load_state
from lisa.train.feature_cache import Disk, FeatureCache, Memory, hash_of
from lisa.train.loop import Evaluate, FitConfig, fit
from lisa.train.optim import NO_MATRICES, matrices, muon_beside_adamw, rest
from lisa.train.ranks import Ranks, joined, spread
from lisa.train.seg import FrozenFeatures, SegObjective, SegStep, computed, is_trained
from lisa.train.watch import Watch
from lisa.train.zero import Zero, chosen
from lisa.types import Sample
from lisa.weights import holds_adapters, read_json, weight_files

STATES = "states"
RESULT = "checkpoint"
BEGUN = "start.json"
"""The hash of the weights that a run started from: its states hold only what it trains."""
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

    Raises BadInput for a state to be read that the published layout does not have.
    """
    start = _start_of(recipe, folder, device)
    if start.published and recipe.reads == "own":
        raise BadInput("the published layout reads the state before [SEG]: leave reads out")
    if start.published:
        dialogue: Any = start.segmenter.vlm.dialogue  # type: ignore[attr-defined]
        dialogue.max_length = recipe.max_length or None
    start.segmenter.reads = recipe.reads or start.segmenter.reads
    return start


def _start_of(recipe: Recipe, folder: Path, device: torch.device) -> Start:
    kind = torch.bfloat16 if recipe.precision == "bf16" else torch.float32
    if recipe.start == "parts":
        home = folder / "start"
        dice = torch.Generator().manual_seed(recipe.seed)
        tensors = parts.assemble(resolve(recipe.llava), Path(recipe.sam), recipe.clip, home, generator=dice)
        return Start(legacy.assemble(home, tensors, device=device, dtype=kind), home)
    home = resolve(recipe.start)
    if legacy.is_legacy(home):
        return Start(legacy.load_legacy(home, device=device, dtype=kind), home)
    return Start(checkpoint.load(home, device=device, dtype=kind, mixed=True), home)


def trained_of(recipe: Recipe) -> Trained:
    """What the recipe trains."""
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
    if recipe.quantise == "nf4":
        quantise(start.segmenter)
    segmenter = prepare(start.segmenter, trained_of(recipe)).train()
    if recipe.checkpointing:
        language: Any = language_model(segmenter)
        language.activation_checkpointing_enable({"use_reentrant": False})
    weights = LossWeights(text=recipe.text_weight, bce=recipe.bce_weight, dice=recipe.dice_weight)
    step = SegStep(segmenter, weights=weights, bf16=recipe.precision == "bf16")
    caches = caches_of(recipe, segmenter, folder, ranks.world)
    features = FrozenFeatures(segmenter, *caches, bf16=recipe.precision == "bf16")
    zero = recipe.engine == "deepspeed"
    module = step if zero else spread(step, recipe.engine, ranks, blocks=blocks_of(segmenter))
    optimizers = optimizers_of(recipe, segmenter)
    if zero:
        module = Zero(step, cast(torch.optim.AdamW, optimizers[0]), chosen(), clip=recipe.clip_norm)
    grouped = recipe.normalise == "batch"
    return SegObjective(step, row_of(recipe), optimizers, module=module, features=features, grouped=grouped)


def optimizers_of(recipe: Recipe, segmenter: Segmenter) -> Sequence[torch.optim.Optimizer]:
    """What updates the trained weights; Muon is for what sees and what speaks, as in `lisa train tiny`."""
    betas, rate = (recipe.beta1, recipe.beta2), recipe.learning_rate
    if recipe.optimizer == "adamw":
        groups = optimizer_groups(segmenter, recipe.weight_decay)
        return (torch.optim.AdamW(groups, lr=rate, betas=betas, weight_decay=0.0),)
    parts = [segmenter.vlm, getattr(segmenter.masker, "image_encoder", None)]
    kernels = [k for part in parts if isinstance(part, nn.Module) for k in matrices(part, without=NO_MATRICES)]
    return muon_beside_adamw(
        kernels, rest(segmenter, kernels), rate=rate, weight_decay=recipe.weight_decay, betas=betas
    )


def row_of(recipe: Recipe) -> Mixture:
    """The endless row of samples that a recipe learns from. Raises BadInput where a dataset is empty."""
    parts = [
        part for name, share in recipe.data.items() for part in open_training(name, share, folder=Path(recipe.data_dir))
    ]
    if any(len(part.dataset) == 0 for part in parts):
        raise BadInput(f"a dataset of {', '.join(recipe.data)} has no pictures: look at it with `lisa data check`")
    if recipe.per_picture:
        parts = [Part(asking(part.dataset, recipe.per_picture), part.share) for part in parts]
    if recipe.named:
        parts = [Part(Named(part.dataset), part.share) for part in parts]
    if recipe.augment:
        parts = [Part(Augmented(part.dataset, Augmentation()), part.share) for part in parts]
    return Mixture(parts, seed=recipe.seed, order=recipe.order)


def caches_of(
    recipe: Recipe, segmenter: Segmenter, folder: Path, processes: int
) -> tuple[FeatureCache | None, FeatureCache | None]:
    """Caches of the masker's and of the language side's picture features; None where an encoder is trained.

    None, too, where every picture is changed anew each time. On a disk they leave room for the states and the result.
    """
    if recipe.cache == "none" or recipe.augment:
        return None, None
    kind = torch.bfloat16 if recipe.precision == "bf16" else torch.float32
    sides = [segmenter.masker.image_encoder], picture_parts(segmenter)
    spare = state_bytes(segmenter) * (recipe.keep + 2) + 2 * sum(p.numel() for p in segmenter.parameters())
    caches = []
    for name, modules in zip(("masks", "language"), sides):
        limit = int(recipe.cache_gb * 1e9 / 2)
        if not modules or any(is_trained(module) for module in modules):
            caches.append(None)
            continue
        home = folder / "features" / name
        on_disk = recipe.cache == "disk"
        store = Disk(home, limit, processes=processes, spare=spare) if on_disk else Memory(limit)
        caches.append(FeatureCache(store, weights=hash_of(*modules, more=_prepared(segmenter)), dtype=kind))
    return caches[0], caches[1]


def state_bytes(segmenter: Segmenter) -> int:
    """About the size of a training state: trained weights in float32 with AdamW's two moments."""
    return 12 * sum(p.numel() for p in segmenter.parameters() if p.requires_grad)


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
    """Trains, resuming what `folder` holds, then writes the result; the result's folder, None on other processes.

    Raises BadInput for an evaluation by processes that share out the weights.
    """
    with joined(pick_device(None)) as ranks:
        if recipe.evaluate and (recipe.engine == "deepspeed" or (recipe.engine == "fsdp" and ranks.world > 1)):
            raise BadInput(f"engine={recipe.engine} shares out the weights, so nothing can be asked while it trains: "
                           "say evaluate= and run `lisa eval` afterwards, or choose engine=ddp")  # fmt: skip
        if ranks.first:
            check_space(folder, 100_000_000)
        ranks.wait()
        torch.manual_seed(recipe.seed + _SEED)  # LoRA's first weights are the same on every process
        start = start_of(recipe, folder, ranks.device)
        objective = objective_of(recipe, start, folder, ranks)
        config = fit_config(recipe)
        config.micro_batches(0, ranks)
        watch = Watch(folder, recipe.to_json(), steps=recipe.steps, samples=recipe.samples) if ranks.first else None
        scored = _evaluation(recipe, objective.segmenter, watch, ranks)
        check_start(start, folder)
        ranks.wait()
        if ranks.first:  # only now, when it can begin, so that a wrong choice can be put right
            if recipe.start != "parts":  # those are put together anew
                write_json(folder / BEGUN, {"fingerprint": fingerprint(start.folder)})
            write_json(folder / "recipe.json", recipe.to_json())
        ranks.wait()
        reached = fit(objective, config, folder / STATES, watch or _silent, ranks=ranks, evaluate=scored)
        if watch is not None:
            watch.close()
        if reached < recipe.steps or watch is None:
            return None
        del objective, start
    return export(folder)


def check_start(start: Start, folder: Path) -> None:
    """Raises BadCheckpoint where the run in the folder began from other weights."""
    noted = read_json(folder / BEGUN) if (folder / BEGUN).is_file() else None
    if noted is not None and noted.get("fingerprint") != fingerprint(start.folder):
        raise BadCheckpoint(f"{folder} was begun from other weights than {start.folder} holds now: put those back, or "
                            "train anew into another --out")  # fmt: skip


def _silent(step: int, values: dict[str, float]) -> None:
    """What other processes report."""


def _evaluation(recipe: Recipe, segmenter: Segmenter, watch: Watch | None, ranks: Ranks) -> Evaluate | None:
    """Free-running gIoU on a few samples, and pictures of the first ones; None without a dataset for it.

    Each process asks its part of the samples.
    """
    if not recipe.evaluate:
        return None
    folder = Path(recipe.data_dir)
    data = open_dataset(recipe.evaluate, folder=folder, split=None, seed=CHOOSING, limit=recipe.evaluate_limit)

    def score(step: int) -> float:
        predictor = Predictor(segmenter.eval(), name=f"step {step}")
        try:
            with computed(segmenter.device, bf16=recipe.precision == "bf16"):
                rows = evaluate(predictor, islice(data, ranks.rank, None, ranks.world)).rows
                if watch is not None:
                    _show(watch, step, predictor, islice(data, EXAMPLES))
        finally:
            segmenter.train()
        ious = [row.iou for row in rows if row.wanted]
        found = ranks.sum({"iou": sum(ious), "count": float(len(ious))})
        giou = found["iou"] / max(found["count"], 1.0)
        if watch is not None:
            watch.evaluated(step, giou)
        return giou

    return score


def _show(watch: Watch, step: int, predictor: Predictor, samples: Iterable[Sample]) -> None:
    """Pictures of answers to some samples' first questions."""
    for sample in samples:
        asked = sample.turns[0].instruction
        watch.picture(step, sample.image, asked, predictor.segment(sample.image, asked))


def trained_state(folder: Path, *, best: bool = False) -> tuple[Recipe, Start]:
    """A run's start with its newest (or best) state in it, LoRA still apart.

    Raises Missing where the run has no (such) state yet, BadCheckpoint where its start was changed.
    """
    recipe = stored_recipe(folder)
    if best:
        path = best_state(folder / STATES)
        state = load_state(path) if path is not None else None
        if state is None:
            raise Missing(f"{folder} has no best state, as it was not evaluated while training (evaluate=DATASET): "
                          "leave --best out for its newest state")  # fmt: skip
    elif (state := load_latest(folder / STATES)) is None:
        raise Missing(f"{folder} has no training state: train first, or give the folder of a run")
    start = start_of(recipe, folder, torch.device("cpu"))
    check_start(start, folder)
    prepare(start.segmenter, trained_of(recipe))
    found = {name.removeprefix("segmenter."): tensor for name, tensor in state["module"].items()}
    try:
        unknown = start.segmenter.load_state_dict(found, strict=False).unexpected_keys
    except RuntimeError as error:  # of other sizes
        raise BadCheckpoint(f"the state of {folder} does not fit {recipe.start} ({first_line(error)})") from error
    if unknown:
        raise BadCheckpoint(f"the state of {folder} does not fit its start ({unknown[0]}): was {recipe.start} changed?")
    return recipe, start


def export(
    folder: Path,
    out: Path | None = None,
    *,
    best: bool = False,
    dtype: torch.dtype | None = None,
    share: float | None = None,
) -> Path:
    """A run's newest (or best) state as a checkpoint that `lisa.load` opens, LoRA merged; returns its folder.

    `share`: in the place of the recipe's `blend`. Raises as `trained_state`.
    """
    recipe, start = trained_state(folder, best=best)
    recipe = recipe if share is None else replace(recipe, blend=share)
    merge_lora(start.segmenter).eval()
    if recipe.blend < 1:
        blend(start.segmenter, start_of(recipe, folder, torch.device("cpu")).segmenter, recipe.blend)
    return write_like(start, out or folder / RESULT, dtype, learned=tuple(recipe.data))


def export_adapters(folder: Path, out: Path, *, best: bool = False, share: float | None = None) -> Path:
    """What a run changed, alone, with the hash of what it started from. Raises as `trained_state`."""
    recipe, start = trained_state(folder, best=best)
    if recipe.start == "parts":
        raise BadInput("a model put together from parts has no checkpoint to sit on: convert it without --adapters")
    if (recipe if share is None else replace(recipe, blend=share)).blend < 1:
        raise BadInput("a share of what was learned is of whole weights: leave --adapters out, or say --blend 1")
    name = str(Path(recipe.start).resolve()) if Path(recipe.start).is_dir() else recipe.start
    return write_adapters(start.segmenter, trained_of(recipe), start.folder, name, out, learned=tuple(recipe.data))


def convert(
    source: Path,
    out: Path,
    *,
    best: bool = False,
    dtype: torch.dtype | None = None,
    share: float | None = None,
) -> Path:
    """A run, or a checkpoint in any layout, as a plain checkpoint with LoRA merged, in `dtype` if given.

    `share`: how far a run's weights go from its start to what it learned, in the place of its recipe's `blend`.
    """
    if (source / "recipe.json").is_file():
        return export(source, out, best=best, dtype=dtype, share=share)
    if share is not None:
        raise BadInput(f"{source} is no training run, so there is nothing to blend its weights with: leave --blend out")
    if holds_adapters(source):
        base = resolve(base_of(source))
        start = _open(base)
        whole = Start(apply_adapters(start.segmenter, base, source), base)
        return write_like(whole, out, dtype, learned=learned_by(source))
    return write_like(_open(source), out, dtype)


def _open(folder: Path) -> Start:
    if legacy.is_legacy(folder):
        return Start(legacy.load_legacy(folder), folder)
    return Start(checkpoint.load(folder, device=torch.device("cpu"), dtype=torch.float32), folder)


def write_like(start: Start, out: Path, dtype: torch.dtype | None, *, learned: Sequence[str] = ()) -> Path:
    """A segmenter in the layout of where it came from; `learned`: the datasets that it has learned from since."""
    if start.published:
        return write_published(start.segmenter, start.folder, out, dtype=dtype or torch.bfloat16)
    return write_native(start.segmenter, start.folder, out, dtype=dtype or torch.float16, learned=learned)


def write_native(
    segmenter: Segmenter, like: Path, out: Path, *, dtype: torch.dtype, learned: Sequence[str] = ()
) -> Path:
    """Our own layout, with the files of the checkpoint `like` beside the new weights.

    What that could not do is not said any more of a model that learned from anything but drawn scenes. How readily it
    denied goes for its own weights alone.
    """
    out.mkdir(parents=True, exist_ok=True)
    own = {"config.json", *(path.name for path in weight_files(like)), *((PRESENCE, DOMAIN) if learned else ())}
    for file in like.iterdir():
        if file.is_file() and file.name not in own:
            shutil.copyfile(file, out / file.name)
    config = checkpoint.read_config(like)
    notice = config.notice if {*learned} <= {*DRAWN} else ""
    checkpoint.save(segmenter, replace(config, reads=segmenter.reads, notice=notice), out, dtype=dtype)
    return out


def stored_recipe(folder: Path) -> Recipe:
    """The recipe that a run was started with. Raises Missing where the folder holds no such run."""
    if not (folder / "recipe.json").is_file():
        raise Missing(f"{folder} is no training run: it has no recipe.json")
    data = read_json(folder / "recipe.json")
    known = {f.name for f in fields(Recipe)}
    if not known >= set(data):
        raise BadCheckpoint(f"{folder} is a training in stages, or of another version (its recipe.json has "
                            f"{sorted(set(data) - known)[0]!r}): give {folder / RESULT}")  # fmt: skip
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
