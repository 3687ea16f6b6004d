"""The embedded model's stages: dense sight of scenes, words without pictures, then answers and masks."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from lisa.data.base import ABSENT
from lisa.data.world import of_both, own_worded, samples_of, spoken_of
from lisa.devices import casts_small, pick_gpu_or_cpu, small_float32
from lisa.errors import BadInput
from lisa.files import write_json
from lisa.hub import resolve
from lisa.model.checkpoint import build, load, read_config, save
from lisa.model.domain import Domain, described
from lisa.model.losses import LossWeights
from lisa.model.presence import Presence
from lisa.model.segmenter import Segmenter
from lisa.model.tensor_files import write_tensors
from lisa.recipes.tiny import Lesson, TinyRecipe
from lisa.train.blend import blend
from lisa.train.checkpoints import check_space
from lisa.train.dense import (
    Classes,
    DenseHeads,
    classes_of_world,
    dense_objective,
    label_maps,
    masker_matrices,
    taught,
    token_labels,
    token_objective,
    train_dense,
)
from lisa.train.keep import KeptObjective
from lisa.train.look import LookHeads, LookObjective
from lisa.train.loop import Objective, Report
from lisa.train.optim import NO_MATRICES, Muon, matrices, muon_beside_adamw, rest
from lisa.train.prompted import PromptedObjective, PromptedWords, WorldPixels, WorldWords
from lisa.train.ranks import Ranks, joined
from lisa.train.read import Reader, WordsAndSights
from lisa.train.seg import SegObjective, SegStep, is_trained
from lisa.train.shown import WorldShown
from lisa.train.words import WordsObjective
from lisa.types import SEG, Sample, Turn
from lisa.vlms.tiny import train_tokenizer
from lisa.world.draw import draw
from lisa.world.mentions import listed
from lisa.world.own_words import own_words
from lisa.world.phrases import LESSON
from lisa.world.questions import MAKERS
from lisa.world.scene import Picture
from lisa.world.sets import make_picture
from lisa.world.synonyms import reworded
from lisa.world.twins import twin_of

LOOK_FILE = "look.safetensors"
"""What a run asked its model with on the side, beside its checkpoint."""
TAUGHT_FILE = "taught.safetensors"
"""The words that its masker was taught with."""


NO_PLACES = {"pointed": 0.0}
"""Shares of questions for a vocabulary, which needs no words for numbers, and for denials, which none of these gets."""
DOMAIN_SEED, PRESENCE_SEED = 120, 130
"""Of the scenes by which pictures of another kind are told, and by which denials are made as ready as is right."""
PROMPT, PROMPT_IN_WORDS = 10.0, 0.5
"""Weights of [SEG]'s distance from the masker's own words, beside answers that weigh 20 and 1."""
ABSENT_IN_TWINS = 3.0
"""What questions for what is not there are multiplied by, of a picture that something was taken away from."""
_TWINS, _PIECES, _LANGUAGE, _SAME, _NOUNS, _LISTED, _OWN = 1, 2, 3, 4, 5, 6, 7
"""Keep the dice of twins, of arranged scenes and so on apart from those of words."""


@dataclass(frozen=True)
class _Pair:
    """A scene and its twin, with the questions that are asked of both in the same words."""

    pictures: tuple[Picture, Picture]
    same: tuple[list[Sample], list[Sample]]


class FreshDialogues:
    """Place → dialogues about a freshly drawn scene, or the twin of the one before, by (seed, place) alone."""

    def __init__(self, lesson: Lesson) -> None:
        self.lesson = lesson
        self._last: tuple[int, _Pair | None] | None = None

    def __call__(self, place: int) -> Sequence[Sample]:
        """All about one picture; none where nothing can be asked about it."""
        lesson, twin = self.lesson, place % 2
        rng = np.random.default_rng([lesson.seed, place])
        pair = self._pair(place - twin) if twin or lesson.same else None
        picture = self._picture(place) if pair is None else pair.pictures[twin]
        shares, language = lesson.shares, self._language(place - twin)
        same = [] if pair is None else pair.same[twin]
        if pair is not None and twin:
            shares = {**shares, ABSENT: ABSENT_IN_TWINS * shares.get(ABSENT, MAKERS[ABSENT][1])}
        make = partial(samples_of, split=LESSON) if lesson.masks else spoken_of
        most = min(lesson.own, lesson.dialogues - len(same)) if lesson.masks else 0
        own = own_worded(picture, self._dice(place, _OWN), most, language=language, name=str(place))
        count = lesson.dialogues - len(same) - len(own)
        samples = make(picture, rng, count, shares=shares, language=language, name=str(place))
        dice = self._dice(place, _NOUNS)
        samples = [_reworded(s, dice, language) for s in samples]
        return [replace(s, meta=s.meta | {"picture": picture}) for s in [*same, *own, *samples]]

    def _dice(self, place: int, what: int) -> np.random.Generator:
        return np.random.default_rng([self.lesson.seed, place, what])

    def _language(self, even: int) -> str:
        """One for two places, which may be twins."""
        return "zh" if self._dice(even, _LANGUAGE).random() < self.lesson.chinese else "en"

    def _picture(self, place: int) -> Picture:
        piece = _piece(self.lesson.pieces, self._dice(place, _PIECES))
        return make_picture(self.lesson.seed, place, set_piece=piece)

    def _pair(self, even: int) -> _Pair | None:
        """For some even places their scene, and for the next one the same without one of its things."""
        if self._last is None or self._last[0] != even:  # the next place asks for the same
            self._last = even, self._drawn_pair(even)
        return self._last[1]

    def _drawn_pair(self, even: int) -> _Pair | None:
        dice, lesson = self._dice(even + 1, _TWINS), self.lesson
        if dice.random() >= 2 * lesson.twins:
            return None
        picture = self._picture(even)
        scene = twin_of(picture, dice)
        if scene is None:
            return None
        pictures = picture, draw(scene)
        if not (lesson.same and lesson.masks):
            return _Pair(pictures, ([], []))
        most, language = min(lesson.same, lesson.dialogues), self._language(even)
        return _Pair(pictures, of_both(*pictures, self._dice(even, _SAME), most, language=language, name=str(even)))


def _piece(pieces: Mapping[str, float], rng: np.random.Generator) -> str | None:
    point = rng.random()
    for name, share in pieces.items():
        point -= share
        if point < 0:
            return name
    return None


def _reworded(sample: Sample, rng: np.random.Generator, language: str) -> Sample:
    turns = [replace(t, instruction=reworded(t.instruction, rng, language)) for t in sample.turns]
    return replace(sample, turns=tuple(turns))


def make_tokenizer(path: Path, texts: Iterable[str], vocabulary: int) -> None:
    """`tokenizer.json` from what is asked and answered, kept where it is there already."""
    if not path.exists():
        beside = path.with_name(f".{path.name}.tmp")
        train_tokenizer([f" {text}" for text in texts], vocabulary).save(str(beside))
        beside.replace(path)


def texts_of(samples: Iterable[Sample]) -> Iterator[str]:
    """What is asked in some dialogues, as it is read, and what is answered, without [SEG]."""
    for turn in (turn for sample in samples for turn in sample.turns):
        yield turn.instruction.lower()
        yield (turn.answer or "").replace(f" {SEG}", "").replace(SEG, "")


def tokenizer_texts(recipe: TinyRecipe) -> Iterator[str]:
    """Dialogues about scenes of their own seed, and each question in own words, so that most words are one token."""
    draw = FreshDialogues(Lesson(seed=recipe.tokenizer_seed, pictures=1, dialogues=8, shares=NO_PLACES))
    yield from texts_of(s for place in range(recipe.tokenizer_pictures) for s in draw(place))
    if recipe.words.masks:
        yield from (one.text.lower() for kinds in own_words().values() for asked in kinds.values() for one in asked)


def optimizers_of(segmenter: Segmenter, heads: nn.Module, rate: float = 1.0) -> tuple[Muon, torch.optim.AdamW]:
    """Muon for the matrices of tower and language, AdamW for what else of a segmenter is trained, and for `heads`."""
    vlm: Any = segmenter.vlm
    kernels, table = matrices(vlm, without=NO_MATRICES), vlm.model.get_input_embeddings().weight
    if is_trained(segmenter.masker):  # type: ignore[arg-type]
        kernels += masker_matrices(segmenter.masker)  # type: ignore[arg-type]
    return muon_beside_adamw(kernels, [*rest(segmenter, kernels), *heads.parameters()], rate=1e-3 * rate, table=table)


def seg_objective(
    segmenter: Segmenter, lesson: Lesson, heads: LookHeads | None = None, dense: DenseHeads | None = None
) -> LookObjective:
    """The language side is trained; what sees and the mask decoder have learned to, and stay.

    Where the lesson weighs the tokens, their layers over the trunk go on to learn with it; the masker where it says so.

    `heads`: from the lesson before; fresh ones if None. `dense`: what the masker was taught with, where [SEG] is to
    learn its words.
    """
    vlm: Any = segmenter.vlm
    tower = vlm.model.model.vision_tower
    masker: Any = segmenter.masker
    if lesson.masker and (dense is None or not lesson.tokens):
        raise BadInput("seg.masker=true needs seg.tokens, and to start from the folder of a run, with its taught words")
    masker.requires_grad_(lesson.masker)
    tower.requires_grad_(bool(lesson.tokens)).trunk.requires_grad_(False)
    heads = heads or look_heads(vlm.width, tokens=bool(lesson.tokens)).to(segmenter.device)
    weights = LossWeights(text=20.0, bce=5.0, dice=1.0, score=0.5, original_size=False)
    step = SegStep(segmenter, weights=weights, bf16=casts_small(segmenter.device))
    optimizers, draw = optimizers_of(segmenter, heads, lesson.rate), FreshDialogues(lesson)
    of_pixels = label_maps if lesson.masker else token_labels
    labels, look = partial(labels_of, of_pixels) if lesson.tokens else None, lesson.tokens
    if dense is None:
        return LookObjective(step, draw, optimizers, heads, labels_of=labels, shown=WorldShown(), look=look)
    teacher = WorldWords(dense)
    pixels = WorldPixels(dense, masker) if lesson.masker else None
    shown = WorldShown()
    return PromptedObjective(
        step, draw, optimizers, heads, teacher, weight=PROMPT, labels_of=labels, shown=shown, look=look, pixels=pixels
    )


def last_objective(
    segmenter: Segmenter, lesson: Lesson, heads: LookHeads | None = None, dense: DenseHeads | None = None
) -> SegObjective:
    """`kept_objective` where the lesson has something to learn anew, otherwise `seg_objective`."""
    return kept_objective(segmenter, lesson) if lesson.anew else seg_objective(segmenter, lesson, heads, dense)


def kept_objective(segmenter: Segmenter, lesson: Lesson) -> KeptObjective:
    """What is said and the layers of the tokens learn some kinds of questions, and keep what they say of all others.

    `segmenter` is the trained model, as it is when this is called.
    """
    tower = segmenter.vlm.model.model.vision_tower  # type: ignore[attr-defined]
    segmenter.masker.requires_grad_(False)  # type: ignore[attr-defined]
    tower.trunk.requires_grad_(False)
    before = deepcopy(segmenter)
    optimizers = optimizers_of(segmenter, nn.Module(), lesson.rate)
    weights = LossWeights(text=20.0, bce=5.0, dice=1.0, score=0.0, original_size=False)
    step = SegStep(segmenter, weights=weights, bf16=casts_small(segmenter.device))
    return KeptObjective(step, FreshDialogues(lesson), optimizers, before, lesson.anew, shown=WorldShown())


def labels_of(
    maps: Callable[[Picture, Classes, int], Mapping[str, Tensor]], sample: Sample, square: int
) -> dict[str, Tensor]:
    """See `LabelsOf`; classes in few bytes, since processes hand them over."""
    labels = maps(sample.meta["picture"], classes_of_world(), square)
    return {n: values if values.is_floating_point() else values.to(torch.int16) for n, values in labels.items()}


def look_heads(width: int, *, tokens: bool = False) -> LookHeads:
    """Fresh ones for drawn scenes; whether they read tokens, too."""
    sizes = classes_of_world().token_sizes
    return LookHeads(width, sizes if tokens else None, facts=sizes)


def train_tiny(recipe: TinyRecipe, folder: Path, report: Report) -> Path | None:
    """All stages into `folder`, each resumed where it stands; the finished checkpoint's folder.

    None when stopped, and on all but the first of several processes, which share out each step's pictures.
    """
    with joined(pick_gpu_or_cpu()) as ranks, small_float32(ranks.device):
        found = _stages(recipe, folder, report, ranks)
        if found is None or not ranks.first:
            return None
    return _finished(recipe, folder, *found)


Trained = tuple[Segmenter, LookHeads, DenseHeads | None]
"""A segmenter, what it was asked with on the side, and the words that its masker was taught with, if they are known."""


def _stages(recipe: TinyRecipe, folder: Path, report: Report, ranks: Ranks) -> Trained | None:
    """All that a run trains; None when stopped."""
    final = folder / "checkpoint"
    if ranks.first:
        check_space(folder, 1_000_000_000)
        final.mkdir(parents=True, exist_ok=True)
    ranks.wait()
    torch.manual_seed(recipe.seed)
    heads = look_heads(recipe.model.vlm.options["width"], tokens=bool(recipe.seg.tokens)).to(ranks.device)
    start = partial(_go_on, recipe, final) if recipe.start else partial(_begin, recipe, folder, report)
    if not recipe.start:
        _note(recipe, folder, ranks)
    begun = start(ranks, heads)
    if begun is None:
        return None
    segmenter, dense = begun
    lesson = replace(recipe.seg, rate=recipe.seg.rate * recipe.rate)
    objective = last_objective(segmenter, lesson, heads, dense)
    _note(recipe, folder, ranks)
    pictures, seed = recipe.seg.pictures, recipe.seed + 1
    done = taught(objective, recipe.seg_steps, pictures, seed, folder / "seg", report, ranks)
    return (segmenter, heads, dense) if done else None


def _note(recipe: TinyRecipe, folder: Path, ranks: Ranks) -> None:
    """Says in the folder what run it holds: only once it can begin, so that a wrong choice can be put right."""
    if ranks.first:
        write_json(folder / "recipe.json", recipe.to_json())


def _finished(
    recipe: TinyRecipe, folder: Path, segmenter: Segmenter, heads: LookHeads, dense: DenseHeads | None
) -> Path:
    """Written, and measured for what it says of pictures unlike its own and of what is missing."""
    final = folder / "checkpoint"
    if recipe.blend < 1:
        start = load(resolve(recipe.start), device=segmenter.device, dtype=torch.float32)
        blend(segmenter, start, recipe.blend)
    save(segmenter, recipe.model, final, dtype=torch.float16, eight_bits=recipe.eight_bits)
    trained = load(final, device=segmenter.device, dtype=torch.float32)
    if not recipe.seg.anew:
        write_tensors(folder / LOOK_FILE, heads.state_dict())
    elif (asked := resolve(recipe.start).parent / LOOK_FILE).is_file():  # it was not asked on
        (folder / LOOK_FILE).write_bytes(asked.read_bytes())
    if dense is not None:
        write_tensors(folder / TAUGHT_FILE, _words_of(dense))
    if recipe.domain_pictures:
        domain_of(trained, recipe.domain_pictures).save(final)
    if recipe.presence_pictures:
        presence_of(trained, recipe.presence_pictures).save(final)
    return final


def domain_of(segmenter: Segmenter, pictures: int) -> Domain:
    """What drawn scenes are like to a trained model; the limit is set on a third of the pictures."""
    seen = [described(segmenter.encode(make_picture(DOMAIN_SEED, k, "test").image)) for k in range(pictures)]
    held = pictures // 3
    return Domain.fit(torch.stack(seen[held:]), torch.stack(seen[:held]))


@torch.no_grad()
def presence_of(segmenter: Segmenter, pictures: int) -> Presence:
    """How much a trained model has to lean to denials, by scenes that nothing was learned from.

    Raises BadInput where the scenes are too few to show both kinds of answers.
    """
    vlm: Any = segmenter.vlm
    lesson = Lesson(seed=PRESENCE_SEED, pictures=1, dialogues=8, own=2, chinese=0.5, twins=0.25, shares=NO_PLACES)
    dialogues = FreshDialogues(lesson)
    told: list[tuple[int, bool]] = []
    logits: list[Tensor] = []
    for samples in filter(None, map(dialogues, range(pictures))):
        image = segmenter.encode(samples[0].image)
        prompts = [vlm.prepare_text(image.inputs, s.turns) for s in samples]
        batch = vlm.collate(prompts, [0] * len(prompts), {}).to(segmenter.device)
        starts = batch.input_ids == vlm.dialogue.assistant
        logits.append(vlm.logits(vlm.hidden(batch, [image.vlm_features])[starts]))
        last = [s.group == ABSENT and turn is s.turns[-1] for s in samples for turn in s.turns]
        told += zip(batch.input_ids[starts.roll(1, 1)].tolist(), last)
    return Presence.fit(told, torch.cat(logits).cpu() if logits else torch.zeros(0, 1))


def _begin(
    recipe: TinyRecipe, folder: Path, report: Report, ranks: Ranks, heads: LookHeads
) -> tuple[Segmenter, DenseHeads | None] | None:
    """A segmenter that can see, from nothing, and what its masker was taught with; None when stopped."""
    torch.manual_seed(recipe.seed)
    dense = train_dense(recipe, folder, report, ranks)
    if dense is None:
        return None
    if ranks.first:
        make_tokenizer(folder / "checkpoint" / "tokenizer.json", tokenizer_texts(recipe), recipe.vocabulary)
    ranks.wait()
    torch.manual_seed(recipe.seed + 1)
    segmenter = build(recipe.model, folder / "checkpoint").to(ranks.device)
    segmenter.masker.load_state_dict(dense.masker.state_dict())  # type: ignore[attr-defined]
    segmenter.vlm.model.model.vision_tower.load_state_dict(dense.tower.state_dict())  # type: ignore[attr-defined]
    if heads.token is not None:
        heads.token.load_state_dict(dense.token.state_dict())
    objective = words_objective(segmenter, recipe, heads, dense)
    done = taught(objective, recipe.word_steps, recipe.words.pictures, recipe.seed, folder / "words", report, ranks)
    return (segmenter, dense) if done else None


def objectives_of(recipe: TinyRecipe, folder: Path) -> dict[str, tuple[Callable[[], Objective], int]]:
    """Field of the recipe → what makes that stage's objective, and pictures a step; for those who measure time.

    Of a recipe that goes on from a trained model, the last stage alone.
    """
    few, device = replace(recipe, tokenizer_pictures=200), pick_gpu_or_cpu()

    def segmenter() -> Segmenter:
        return build(recipe.model, folder).to(device)

    def dense() -> DenseHeads:
        return dense_objective(recipe, device).module

    make_tokenizer(folder / "tokenizer.json", tokenizer_texts(few), recipe.vocabulary)
    last: dict[str, tuple[Callable[[], Objective], int]] = {
        "seg_steps": (lambda: last_objective(segmenter(), recipe.seg, dense=dense()), recipe.seg.pictures)
    }
    if recipe.start:
        return last
    return {
        "dense_steps": (lambda: dense_objective(recipe, device), recipe.dense_pictures),
        "token_steps": (lambda: token_objective(recipe, dense()), recipe.token_pictures),
        "word_steps": (lambda: words_objective(segmenter(), recipe, dense=dense()), recipe.words.pictures),
        **last,
    }


def seconds_beside(recipe: TinyRecipe, folder: Path) -> float:
    """What a run takes beside its steps on this machine, by a few pictures of each: vocabulary, notice and denials."""
    few = 40
    make_tokenizer(
        folder / "tokenizer.json", tokenizer_texts(replace(recipe, tokenizer_pictures=few)), recipe.vocabulary
    )
    segmenter = build(recipe.model, folder).to(pick_gpu_or_cpu())

    def took(make: Callable[[int], Any], few: int, pictures: int) -> float:
        begun = time.perf_counter()
        if pictures:
            make(few)
        return (time.perf_counter() - begun) * pictures / few

    def texts(n: int) -> None:
        list(tokenizer_texts(replace(recipe, tokenizer_pictures=n)))

    vocabulary = 0.0 if recipe.start else took(texts, 40, recipe.tokenizer_pictures)
    notice = took(partial(domain_of, segmenter), 24, recipe.domain_pictures)
    return vocabulary + notice + took(partial(presence_of, segmenter), 8, recipe.presence_pictures)


def words_objective(
    segmenter: Segmenter, recipe: TinyRecipe, heads: LookHeads | None = None, dense: DenseHeads | None = None
) -> WordsAndSights:
    """Answers without pictures, while words meet them; `heads` and `dense` as for `seg_objective`."""
    vlm: Any = segmenter.vlm
    recall = (heads or look_heads(vlm.width).to(segmenter.device)).recall
    assert recall is not None
    draw, beside = FreshDialogues(recipe.words), nn.ModuleList([vlm.model.model.multi_modal_projector, recall])
    rate = recipe.words.rate * recipe.rate
    if dense is not None and recipe.words.masks:
        words = PromptedWords(segmenter, draw, WorldWords(dense), weight=PROMPT_IN_WORDS, beside=beside, rate=rate)
    else:
        words = WordsObjective(vlm, draw, beside=beside, rate=rate)
    return WordsAndSights(words, Reader(vlm, WorldShown(), recall), partial(listed_texts, count=recipe.listed))


def listed_texts(sample: Sample, *, count: int) -> list[Sample]:
    """Texts that list things about a sample's picture, there or not, by its name alone."""
    picture, language = sample.meta["picture"], sample.meta["language"]
    rng = np.random.default_rng([zlib.crc32(sample.id.encode()), _LISTED])
    texts = [listed(picture, rng, language) for _ in range(count)]
    return [replace(sample, turns=(Turn(instruction=text),)) for text in texts]


def _words_of(dense: DenseHeads) -> dict[str, Tensor]:
    """What its prompts are made of, beside the masker."""
    return {k: v.contiguous() for k, v in dense.state_dict().items() if k.startswith(("word.", "word_bias.", "place."))}


def _load_known(heads: LookHeads, state: Mapping[str, Tensor]) -> None:
    """What a run was asked with; an older one was asked less, and its tables have fewer rows."""
    with torch.no_grad():
        for name, mine in heads.state_dict().items():
            if (known := state.get(name)) is not None and known.shape[1:] == mine.shape[1:]:
                rows = min(len(known), len(mine))
                mine[:rows] = known[:rows]


def _go_on(recipe: TinyRecipe, final: Path, ranks: Ranks, heads: LookHeads) -> tuple[Segmenter, DenseHeads | None]:
    """The trained model that a recipe starts from, with its tokenizer copied beside the result.

    Where it lies in the folder of a run, what that run asked on the side with goes to `heads`, and what its masker was
    taught with goes on to be.

    Raises BadInput where it is not built as the recipe says.
    """
    home = resolve(recipe.start)
    found = read_config(home)
    if (found.vlm, found.masker, found.reads) != (recipe.model.vlm, recipe.model.masker, recipe.model.reads):
        raise BadInput(f"start={recipe.start} is built otherwise than this recipe: leave start out to train anew")
    (final / "tokenizer.json").write_bytes((home / "tokenizer.json").read_bytes())
    if (home.parent / LOOK_FILE).is_file():
        _load_known(heads, load_file(home.parent / LOOK_FILE))
    segmenter = load(home, device=ranks.device, dtype=torch.float32).train()
    if not (home.parent / TAUGHT_FILE).is_file():
        return segmenter, None
    dense = dense_objective(recipe, ranks.device).module
    dense.masker.load_state_dict(segmenter.masker.state_dict())  # type: ignore[attr-defined]
    dense.load_state_dict(load_file(home.parent / TAUGHT_FILE), strict=False)
    return segmenter, dense
