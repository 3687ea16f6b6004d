"""The embedded model's language side: a LLaVA of a few million parameters with a vision tower of its own.

Unusual about it: the tower is convolutional and trained from nothing; a conversation starts with the picture, so
that everything up to the picture's end is shared by all questions about it; instructions are read in lower case, and
places in them by tokens of their own.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration
from transformers.modeling_outputs import BaseModelOutputWithPooling

from lisa.geometry import Geometry
from lisa.instructions import places_in
from lisa.towers import TokenTower
from lisa.types import SEG, Image, Turn
from lisa.vlms.base import IGNORE, Prompt
from lisa.vlms.hf import HfVlm

CONTROL = ("<pad>", "<s>", "</s>", "<image>", "<user>", "<assistant>", SEG)
"""Tokens that no typed text has, in the order of their ids, from 0."""
BINS = 32
"""In which a place of the picture is told, across and down."""
SPECIAL = (*CONTROL, *(f"<{axis}{i}>" for axis in "xy" for i in range(BINS)))
"""And those of places behind them."""


class TinyDialogue:
    """`<s>` picture, then `<user>` instruction `<assistant>` answer `</s>` for each turn.

    Instructions and answers go through a byte-level BPE without special tokens, so any text encodes and none of it
    can pose as one; in answers "[SEG]" is the token. A place in an instruction, as `lisa.instructions.pointing` writes
    it, is told by a token for each of its numbers, unless the vocabulary is of a time before there were such tokens.
    """

    def __init__(self, tokenizer: Tokenizer, *, square: int, image_tokens: int) -> None:
        self.tokenizer = tokenizer
        self.square = square
        self.image_tokens = image_tokens
        self.pad_token_id, self.bos, self.eos, self.image, self.user, self.assistant, self.seg_token_id = range(
            len(CONTROL)
        )
        self.stop_ids = (self.eos,)
        self.tells_places = tokenizer.token_to_id(f"\x00{SPECIAL[-1]}") is not None

    def prepare_image(self, image: Image) -> dict[str, Tensor]:
        """RGB → `pixel_values [1, 3, square, square]`, letterboxed and normalised like the mask side's.

        Beside them `extent [1, 2]` int64: height and width of the picture in its square.
        """
        geometry = Geometry.fit((image.shape[0], image.shape[1]), self.square)
        return {"pixel_values": geometry.pixels(image)[None], "extent": torch.tensor([geometry.resized])}

    def prepare_text(self, image: dict[str, Tensor], turns: Sequence[Turn]) -> Prompt:
        """See `Vlm.prepare_text`."""
        ids = [self.bos] + [self.image] * self.image_tokens
        labels = [IGNORE] * len(ids)
        height, width = image["extent"][0].tolist()
        for turn in turns:
            asked = [self.user, *self._asked(turn.instruction, (width, height))[0], self.assistant]
            ids, labels = ids + asked, labels + [IGNORE] * len(asked)
            if turn.answer is not None:
                told = [*self.encode_answer(turn.answer), self.eos]
                ids, labels = ids + told, labels + told
        return Prompt(input_ids=torch.tensor(ids), labels=torch.tensor(labels))

    def encode_answer(self, answer: str) -> list[int]:
        """Answer text → ids, "[SEG]" as its token."""
        ids: list[int] = []
        for i, (_, piece) in enumerate(_pieces(answer)):
            ids += [self.seg_token_id] * (i > 0)
            ids += self._encode(piece)
        return ids

    def places_of(self, turn: Turn, asked: Sequence[int], told: Sequence[int]) -> tuple[list[int], list[int]]:
        """Tokens in which some words of an instruction end, counted from `<user>`, and some of its answer's.

        The words are given by the number of characters up to their ends; the answer's are counted from `<assistant>`.
        """
        begun = self._asked(turn.instruction, (self.square, self.square))[1], self._starts(_pieces(turn.answer or ""))
        first, second = ([bisect_left(starts, end + 1) for end in ends] for starts, ends in zip(begun, (asked, told)))
        return first, second

    def decode(self, ids: Sequence[int]) -> str:
        """Ids → text with a space before each [SEG] that follows a Latin word, end token left out."""
        parts: list[str] = []
        run: list[int] = []
        for id in [*ids, self.eos]:
            if id in (self.seg_token_id, self.eos):
                text = self.tokenizer.decode(run)
                space = " " if text[-1:].isascii() else ""  # Chinese has none
                parts += [text, space + SEG] if id == self.seg_token_id else [text]
                run = []
            else:
                run.append(id)
        return "".join(parts).strip()

    def save(self, folder: Path) -> None:
        """Writes `tokenizer.json`."""
        self.tokenizer.save(str(folder / "tokenizer.json"))

    def _asked(self, instruction: str, extent: tuple[int, int]) -> tuple[list[int], list[int]]:
        """The tokens of an instruction, and the first character of each, behind a space; `extent`: width and height."""
        text, ids, starts, at = " " + instruction.lower(), [], [], 0
        places = list(places_in(text)) if self.tells_places else []
        for start, end, shares in [*places, (len(text), len(text), ())]:
            ids += self._encode(text[at:start])
            starts += self._starts([(at, text[at:start])])
            ids += [self._place(axis, share * extent[axis]) for axis, share in zip((0, 1, 0, 1), shares)]
            starts += [start] * len(shares)
            at = end
        return ids, starts

    def _place(self, axis: int, pixels: float) -> int:
        """The token of a distance from the left (0) or upper (1) edge."""
        return len(CONTROL) + axis * BINS + min(int(pixels * BINS / self.square), BINS - 1)

    def _encode(self, text: str) -> list[int]:
        return self.tokenizer.encode(text, add_special_tokens=False).ids if text else []

    def _starts(self, pieces: Sequence[tuple[int, str]]) -> list[int]:
        """The first character of each token of such pieces, with a [SEG] between them."""
        starts: list[int] = []
        for i, (at, piece) in enumerate(pieces):
            spans = self.tokenizer.encode(piece, add_special_tokens=False).offsets if piece else []
            starts += [at - len(SEG)] * (i > 0) + [at + start for start, _ in spans]
        return starts


def _pieces(answer: str) -> list[tuple[int, str]]:
    """What stands around each [SEG] of an answer behind a space, and where it starts; no space before a [SEG]."""
    parts, found, at = (" " + answer).split(SEG), [], 0
    for i, part in enumerate(parts):
        found.append((at, part if i == len(parts) - 1 else part.rstrip(" ")))
        at += len(part) + len(SEG)
    return found


class TinyLlava(LlavaForConditionalGeneration):
    """LLaVA with a `TokenTower` in the place of CLIP."""

    own_precision = True
    """Its weights stay in float32 where it is trained under autocast: they are few."""

    def get_image_features(self, pixel_values: Tensor, **_: Any) -> BaseModelOutputWithPooling:  # type: ignore[override]
        """`[B, 3, S, S]` → `pooler_output`: per picture `[tokens, D]`."""
        tokens = self.model.vision_tower(pixel_values)
        return BaseModelOutputWithPooling(pooler_output=list(self.model.multi_modal_projector(tokens)))  # type: ignore[arg-type]


def train_tokenizer(texts: Sequence[str], vocab_size: int) -> Tokenizer:
    """A byte-level BPE over `texts`; every byte string encodes. The first ids are `SPECIAL`.

    Chinese is read by its characters: it has no spaces, and whole clauses would be taken for words.
    """
    from tokenizers import Regex, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    parts = [pre_tokenizers.Split(Regex(r"\p{Han}"), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(parts)  # type: ignore[assignment]
    tokenizer.decoder = decoders.ByteLevel()  # type: ignore[assignment]
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[f"\x00{name}" for name in SPECIAL],  # names that no typed text contains
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def build(options: dict[str, Any], folder: Path) -> HfVlm:
    """The model with random weights; `folder` holds `tokenizer.json`.

    Options: square, width, layers, tower {widths, depths, layers}; tied: words are said by what they are read by.
    """
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    grid = options["square"] // 16
    dialogue = TinyDialogue(tokenizer, square=options["square"], image_tokens=grid * grid)
    text = LlamaConfig(
        hidden_size=options["width"],
        intermediate_size=int(options["width"] * 8 / 3) // 16 * 16,
        num_hidden_layers=options["layers"],
        num_attention_heads=options["width"] // 64,
        vocab_size=tokenizer.get_vocab_size(),
        max_position_embeddings=2048,
        pad_token_id=dialogue.pad_token_id,
        bos_token_id=dialogue.bos,
        eos_token_id=dialogue.eos,
        tie_word_embeddings=options.get("tied", False),
    )
    unused = CLIPVisionConfig(
        hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=1, image_size=28, patch_size=14
    )
    config = LlavaConfig(vision_config=unused, text_config=text, image_token_id=dialogue.image)  # type: ignore[call-arg]
    config.tie_word_embeddings = text.tie_word_embeddings
    config._attn_implementation = "eager"  # the fastest with a mask on CPUs, in bf16 by twice
    model = TinyLlava(config)
    tower = options["tower"]
    model.model.vision_tower = TokenTower(
        tuple(tower["widths"]), tuple(tower["depths"]), options["width"], grid=grid, layers=tower["layers"]
    )
    model.model.multi_modal_projector = nn.Linear(options["width"], options["width"])  # type: ignore[assignment]
    return HfVlm(model, dialogue, shares_prefix=True)
