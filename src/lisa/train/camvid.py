"""The stages of `lisa train camvid`: the masker sees and follows names, then questions are answered with [SEG]."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from lisa.data.augment import Augmentation
from lisa.data.camvid import CLASSES, CamVid, questions
from lisa.data.camvid import camvid as open_camvid
from lisa.data.mixture import Mixture, Part
from lisa.devices import casts_small
from lisa.drawing import captioned, draw_masks, sheet_of
from lisa.errors import LisaError
from lisa.files import write_json
from lisa.geometry import Geometry
from lisa.maskers.pyramid import build as build_masker
from lisa.model.checkpoint import build, save
from lisa.model.losses import LossWeights
from lisa.model.segmenter import Segmenter
from lisa.predictor import load
from lisa.recipes.camvid import SQUARE, CamvidRecipe
from lisa.train.checkpoints import check_space
from lisa.train.dense import STRIDE
from lisa.train.look import LookHeads
from lisa.train.loop import FitConfig, Objective, Report, fit
from lisa.train.photos import PhotoHeads, PhotoObjective, squared
from lisa.train.prompted import PromptedObjective
from lisa.train.seg import SegStep
from lisa.train.tiny import make_tokenizer, optimizers_of, texts_of
from lisa.train.watch import logged
from lisa.train.words import WordsObjective
from lisa.types import Sample

TOKEN_SIZES = {"kind": len(CLASSES) + 1}
PHOTOGRAPHS, TALKED_ABOUT = 3, 6
"""In a step of questions, which need many steps; and of words alone."""
TALKED_REASONED, REASONED = 0.8, 0.7
"""Share of questions by use or nature among words alone and with pictures: names are learned at once."""
ANSWERS = "answers.png"
"""In the run's folder: photographs that were not learned from, and what the model says of them."""
UNLEARNED = {"train": "val", "seen": "held"}
"""Part that is learned from → the one that is shown."""
ASKED_SQUARE = 320
"""What the masker sees while questions are learned; it is not trained there, and prompts fit any size."""
TEXT, PROMPT = 20.0, 5.0
"""Weights of the words, of which few decide, and of [SEG]'s distance from the masker's own words."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A part of the masker's training."""

    name: str
    square: int
    change: Augmentation
    pictures: int
    steps: int
    rate: float
    schedule: str


def stages_of(recipe: CamvidRecipe) -> tuple[Stage, ...]:
    """The masker's, in order."""
    crops, whole = Augmentation(square=True), Augmentation(smallest=0.6)
    return (
        Stage(
            name="small", square=256, change=crops, pictures=10, steps=recipe.small_steps, rate=1, schedule="constant"
        ),
        Stage(
            name="large", square=SQUARE, change=whole, pictures=5, steps=recipe.large_steps, rate=0.6, schedule="linear"
        ),
    )


def photo_objective(heads: PhotoHeads, data: CamVid, stage: Stage, seed: int) -> PhotoObjective:
    """A stage's objective at its learning rates."""
    made = PhotoObjective(heads, data, square=stage.square, change=stage.change, seed=seed)
    for optimizer in made.optimizers:
        for group in optimizer.param_groups:
            group["lr"] *= stage.rate
    return made


class PhotoWords:
    """The words that the masker learned on photographs, class and side; see `Teacher`."""

    def __init__(self, heads: PhotoHeads) -> None:
        self.heads = heads.requires_grad_(False)

    def called(self, samples: Iterable[Sample], square: int) -> Tensor:
        """`[S, 2]` int64: class, side."""
        return torch.tensor([word for s in samples for word in s.meta["words"]], dtype=torch.int64).reshape(-1, 2)

    def distances(self, prompts: Tensor, called: Tensor, *, seen: bool = True) -> dict[str, Tensor]:
        """See `Teacher`; nothing of it has to be seen."""
        return {"prompt": mse_loss(prompts, self.heads.prompts(called))}


def question_objective(
    segmenter: Segmenter, data: CamVid, heads: LookHeads, words: PhotoHeads, seed: int
) -> PromptedObjective:
    """The language side and what it prompts with are trained; masker and trunk have learned to see and stay."""
    segmenter.masker.requires_grad_(False)  # type: ignore[attr-defined]
    segmenter.vlm.model.model.vision_tower.trunk.requires_grad_(False)  # type: ignore[attr-defined]
    weights = LossWeights(text=TEXT, bce=2.0, dice=1.0, score=0.5, original_size=False)
    return PromptedObjective(
        SegStep(segmenter, weights=weights, bf16=casts_small(segmenter.device)),
        rounds(data, seed),
        optimizers_of(segmenter, heads),
        heads,
        PhotoWords(words),
        weight=PROMPT,
        labels_of=labels_of,
    )


def rounds(data: CamVid, seed: int) -> Mixture:
    """Place → questions about a photograph, all of them in each shuffled round."""
    return Mixture([Part(data)], seed=seed, order="shuffled")


def labels_of(sample: Sample, square: int) -> dict[str, Tensor]:
    """A photograph's classes as its tokens are to be read: 0 is unlabelled, −1 padding."""
    labels = sample.meta["labels"]
    geometry = Geometry.fit((labels.shape[0], labels.shape[1]), square)
    full = squared(labels, geometry)[STRIDE // 2 :: STRIDE, STRIDE // 2 :: STRIDE] + 1
    h, w = geometry.resized
    full[h // STRIDE :], full[:, w // STRIDE :] = -1, -1
    return {"kind": torch.from_numpy(full)}


def tokenizer_texts(data: CamVid) -> Iterator[str]:
    """Three rounds of questions, and each wording once."""
    draw = rounds(data, seed=0)
    yield from texts_of(s for place in range(3 * len(data)) for s in draw(place))
    yield from (wording.lower() for asked in questions().values() for wording in asked.learned)


def train_camvid(recipe: CamvidRecipe, folder: Path, report: Report) -> Path | None:
    """All stages into `folder`, each resumed where it stands; the finished checkpoint's folder, None when stopped.

    Raises Missing where the photographs are not in `data_dir`.
    """
    final = folder / "checkpoint"
    data = open_camvid(Path(recipe.data_dir), recipe.part)
    data.augment = Augmentation(smallest=0.7)
    data.reasoned = REASONED
    check_space(folder, 500_000_000)
    write_json(folder / "recipe.json", recipe.to_json())
    final.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(recipe.seed)
    heads = PhotoHeads(build_masker(recipe.model.masker.options))
    heads.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    plain = open_camvid(Path(recipe.data_dir), recipe.part)
    for number, stage in enumerate(stages_of(recipe)):
        config = FitConfig(
            steps=stage.steps, samples=stage.pictures, seed=recipe.seed, schedule=stage.schedule, warmup=30
        )
        objective = photo_objective(heads, plain, stage, recipe.seed * 10 + number)
        home = folder / stage.name
        if fit(objective, config, home, logged(report, home)) < stage.steps:
            return None
    make_tokenizer(final / "tokenizer.json", tokenizer_texts(data), recipe.vocabulary)
    torch.manual_seed(recipe.seed + 1)
    segmenter = _joined(recipe, heads, final)
    config = FitConfig(steps=recipe.word_steps, samples=TALKED_ABOUT, seed=recipe.seed, schedule="cosine")
    talk = open_camvid(Path(recipe.data_dir), recipe.part)
    talk.reasoned = TALKED_REASONED
    words = WordsObjective(segmenter.vlm, rounds(talk, recipe.seed + 1))  # type: ignore[arg-type]
    if fit(words, config, folder / "words", logged(report, folder / "words")) < recipe.word_steps:
        return None
    torch.manual_seed(recipe.seed + 2)  # whether the words were learned just now or before
    look = LookHeads(segmenter.vlm.width, TOKEN_SIZES)
    config = FitConfig(steps=recipe.seg_steps, samples=PHOTOGRAPHS, seed=recipe.seed + 1)
    objective = question_objective(segmenter, data, look, heads, recipe.seed)
    if fit(objective, config, folder / "seg", logged(report, folder / "seg")) < recipe.seg_steps:
        return None
    segmenter.masker.square = SQUARE  # type: ignore[attr-defined]
    save(segmenter, recipe.model, final, dtype=torch.float16)
    if unlearned := UNLEARNED.get(recipe.part):
        with suppress(LisaError):  # to learn, one needs no photographs to show it by
            show(final, open_camvid(Path(recipe.data_dir), unlearned), folder / ANSWERS)
    return final


def show(checkpoint: Path, data: CamVid, out: Path) -> None:
    """Writes a sheet of photographs: each class asked for in a wording that was not learned, wanted and answered."""
    predictor = load(checkpoint)
    tiles = []
    places = np.linspace(0, len(data) - 1, len(CLASSES) if len(data) else 0).round().astype(int)
    for number, (facts, place) in enumerate(zip(CLASSES, places)):
        image, labels = data.read(int(place))
        asked = questions()[facts.name].choose[number % 2]
        answer = predictor.segment(image, asked)
        pictures = [draw_masks(image, (labels == number)[None]), draw_masks(image, answer.masks)]
        tiles.append(captioned(pictures, [asked, answer.text]))
    sheet_of(tiles).save(out)


def _joined(recipe: CamvidRecipe, heads: PhotoHeads, folder: Path) -> Segmenter:
    """The trained masker, seeing less, beside a language side whose tower begins with the masker's trunk."""
    segmenter = build(recipe.model, folder)
    segmenter.masker.square = ASKED_SQUARE  # type: ignore[attr-defined]
    segmenter.masker.load_state_dict(heads.masker.state_dict())  # type: ignore[attr-defined]
    trunk = heads.masker.image_encoder.trunk
    segmenter.vlm.model.model.vision_tower.trunk.load_state_dict(trunk.state_dict())  # type: ignore[attr-defined]
    return segmenter


def objectives_of(recipe: CamvidRecipe, folder: Path) -> dict[str, tuple[Callable[[], Objective], int]]:
    """Field of the recipe → what makes that stage's objective, and pictures a step; for those who measure time."""
    data = open_camvid(Path(recipe.data_dir), recipe.part)
    make_tokenizer(folder / "tokenizer.json", tokenizer_texts(data), recipe.vocabulary)

    def heads() -> PhotoHeads:
        made = PhotoHeads(build_masker(recipe.model.masker.options))
        return made.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def photo(stage: Stage) -> PhotoObjective:
        return photo_objective(heads(), data, stage, 0)

    def question() -> PromptedObjective:
        words = heads()
        segmenter = _joined(recipe, words, folder)
        return question_objective(segmenter, data, LookHeads(segmenter.vlm.width, TOKEN_SIZES), words, 0)

    stages = {f"{s.name}_steps": (lambda s=s: photo(s), s.pictures) for s in stages_of(recipe)}

    def talk() -> WordsObjective:
        return WordsObjective(_joined(recipe, heads(), folder).vlm, rounds(data, 0))  # type: ignore[arg-type]

    return {**stages, "word_steps": (talk, TALKED_ABOUT), "seg_steps": (question, PHOTOGRAPHS)}
