"""The embedded model, from nothing: `lisa train tiny`.

Draws its scenes, teaches both towers to see on dense labels, then trains answers and masks together with the loss
of LISA. The figures of the weights that are shipped, and how they came about, are in docs/models/tiny.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, ClassVar

from lisa.config import ModelConfig, PartConfig
from lisa.errors import BadInput, nearest
from lisa.world.make import SET_PIECES
from lisa.world.questions import QUESTION_KINDS

SQUARE = 256
WIDTHS, DEPTHS = [32, 64, 160], [1, 2, 4]

MODEL = ModelConfig(
    name="tiny",
    notice="This small model knows drawn scenes only; for photographs use published weights (`lisa get lisa-7b`).",
    vlm=PartConfig(
        family="tiny",
        options={
            "square": SQUARE,
            "width": 256,
            "layers": 6,
            "tied": True,
            "tower": {"widths": WIDTHS, "depths": DEPTHS, "layers": 2},
        },
    ),
    masker=PartConfig(
        family="match",
        options={
            "square": SQUARE,
            "widths": WIDTHS,
            "depths": DEPTHS,
            "middle": 128,
            "features": 64,
            "prompt": 128,
            "embedding": 96,
            "outline": 32,
            "layers": 3,
        },
    ),
)


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """One stage of answers and masks: how many pictures and questions a step has, and which ones."""

    seed: int
    """Scenes of seeds 1–99 are for training, 100–199 for choosing, 200 and above for tests."""
    pictures: int
    """Pictures a step."""
    dialogues: int
    """Dialogues about each of them."""
    rate: float = 1.0
    """Factor on the learning rates."""
    chinese: float = 0.45
    """Share of the pictures that are asked about in Chinese."""
    shares: dict[str, float] = field(default_factory=dict)
    """Question kinds asked in another share than by default."""
    twins: float = 0.0
    """Share of the pictures that are the one before without one of its things, for which it is asked then."""
    same: int = 0
    """Questions that are asked in the same words of a picture and of its twin, where the answer is another."""
    own: int = 0
    """Of the dialogues about a picture, how many are in words as they come to mind; they have masks."""
    masks: bool = True
    """False: the answers are words alone, as a language model gives them that has not met [SEG]."""
    tokens: float = 0.0
    """Weight of what the language side's tokens are read as while they go on to learn; 0: they stay as they are."""
    masker: bool = False
    """Whether what sees and cuts out on the mask side learns, too, told what each pixel is; needs `tokens`."""
    pieces: dict[str, float] = field(default_factory=dict)
    """Set piece → the share of pictures arranged for it, beside those that are by chance."""
    anew: tuple[str, ...] = ()
    """Question kinds to be learned by the truth, while of all others a trained model keeps what it said; empty: all."""

    def __post_init__(self) -> None:
        if self.anew and (self.tokens or self.masker):
            raise BadInput("what learns is settled where anew= is given: leave tokens and masker out")
        if self.masker and not self.tokens:
            raise BadInput("masker=true needs tokens above 0: what each pixel is is told of both sides' tokens")
        for given, known in ((self.shares, QUESTION_KINDS), (self.pieces, SET_PIECES), (self.anew, QUESTION_KINDS)):
            if unknown := [name for name in given if name not in known]:
                raise BadInput(f"a lesson has no {unknown[0]!r} to ask for or arrange; {nearest(unknown[0], known)}")


SEG = Lesson(
    seed=15,
    rate=0.4,
    pictures=8,
    dialogues=10,
    twins=0.25,
    same=2,
    own=2,
    shares={
        "absent": 14.0, "plain": 10.0, "location": 15.0, "relation": 15.0, "part": 9.0, "multi_step": 13.0,
        "follow_up": 14.0, "pointed": 12.0, "attribute": 9.0, "odd_one_out": 160.0,
    },
    pieces={"stand_higher": 0.12, "named": 0.05, "dog_antlers": 0.04, "vitamin_c": 0.03, "baby_fence": 0.02,
            "odd_colour": 0.1},
)  # fmt: skip
"""The long one: kinds that are learned last are asked more often, and an odd one out wherever there is one."""

WORDS = Lesson(seed=16, pictures=8, dialogues=10, own=5, shares={**SEG.shares, "odd_one_out": 6.0})
"""What is said, before anything is seen."""


@dataclass(frozen=True, kw_only=True)
class TinyRecipe:
    """Every choice of the embedded model's training."""

    SHARES: ClassVar[Mapping[str, float]] = {
        "dense_steps": 0.29, "token_steps": 0.08, "word_steps": 0.11, "seg_steps": 0.52,
    }  # fmt: skip
    """What `--minutes` gives to each stage."""
    model: ModelConfig = field(default_factory=lambda: MODEL)
    start: str = ""
    """A trained model of this kind, by name or folder, to go on from; empty: from nothing."""
    tokenizer_seed: int = 1
    tokenizer_pictures: int = 3_000
    """Pictures whose dialogues make the vocabulary."""
    vocabulary: int = 6_400
    dense_seed: int = 2
    dense_steps: int = 1_250
    dense_pictures: int = 12
    """Pictures a step of the dense stage."""
    token_seed: int = 3
    token_steps: int = 650
    """Steps in which the language side's tokens alone learn to say what is there, after the dense stage."""
    token_pictures: int = 24
    words: Lesson = WORDS
    word_steps: int = 420
    """Steps of conversations without their pictures, while their words learn what they look like."""
    listed: int = 6
    """Texts beside them, about each picture, that only list things."""
    seg: Lesson = SEG
    seg_steps: int = 1_450
    domain_pictures: int = 4_800
    """Scenes by which pictures of another kind are told, see `lisa.model.domain`; 0: they are not told."""
    presence_pictures: int = 250
    """Scenes by which it is set how readily the model denies, see `lisa.model.presence`; 0: it is left as it is."""
    eight_bits: bool = True
    """Whether the finished matrices take a byte a number, as those in the package do; else two."""
    rate: float = 1.0
    """Factor on the lessons' learning rates; less than 1 where a run goes on from a trained model."""
    blend: float = 1.0
    """How far the result goes from the start's weights to the learned ones, see `lisa.recipes.base`; 1 without one."""
    seed: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.blend <= 1 or (self.blend < 1 and not self.start):
            raise BadInput(f"blend is above 0 and at most 1, and below 1 only beside start=; not {self.blend}")
        if self.words.anew or (self.seg.anew and not self.start):
            raise BadInput("anew= is of [SEG], and of a model that knows the rest: say start= and seg.anew=")
        if self.words.tokens or self.words.masker:
            raise BadInput("words.tokens and words.masker change nothing: no picture is seen there; set them of seg")

    def to_json(self) -> dict[str, Any]:
        """As stored with a run."""
        return asdict(self)


def on_gpu() -> TinyRecipe:
    """`lisa train tiny-gpu`: the same with many times the pictures a step, for a GPU beside some sixteen cores.

    There a step takes about as long whatever is in it. Not run to its end yet: see docs/models/tiny.md.
    """
    return TinyRecipe(
        dense_steps=900,
        dense_pictures=80,
        token_steps=320,
        token_pictures=96,
        words=replace(WORDS, pictures=48),
        word_steps=640,
        seg=replace(SEG, pictures=64, rate=0.8, tokens=1.0, masker=True),
        seg_steps=1_280,
    )


SPOKEN = {**WORDS.shares, "pointed": 0.0, "absent": 12.0, "function": 12.0, "knowledge": 12.0, "explanation": 10.0}
"""Shares of what is answered in words alone."""


def base() -> TinyRecipe:
    """`lisa train tiny-base`: what LISA begins with, small: a masker to be prompted, and a VLM that answers in words.

    It knows in words what things are for, and has never met [SEG]. English only.
    """
    words = replace(WORDS, masks=False, chinese=0.0, shares=SPOKEN)
    seg = replace(SEG, masks=False, chinese=0.0, shares=SPOKEN, pieces={"stand_higher": 0.12, "dog_antlers": 0.04})
    model = replace(MODEL, name="tiny-base")
    return TinyRecipe(
        model=model,
        dense_steps=2_000,
        token_steps=1_000,
        words=words,
        word_steps=900,
        seg=seg,
        seg_steps=450,
        domain_pictures=0,
        presence_pictures=0,
        eight_bits=False,
    )


def debug() -> TinyRecipe:
    """`lisa train tiny-debug`: every stage in two steps, to see that all of it runs."""
    small = {"pictures": 2, "dialogues": 2}
    return TinyRecipe(
        dense_steps=2,
        dense_pictures=2,
        token_steps=2,
        token_pictures=2,
        words=replace(WORDS, **small),  # type: ignore[arg-type]
        word_steps=2,
        seg=replace(SEG, **small),  # type: ignore[arg-type]
        seg_steps=2,
        tokenizer_pictures=40,
        domain_pictures=12,
        presence_pictures=8,
    )
