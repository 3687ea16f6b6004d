"""Conversations by a processor's own chat template: a `Dialogue` for every family that has one.

The template is filled with marks in the place of what people typed and of what was answered; it decides what stands
around them. Texts come in afterwards, as text (`ChatTokens`), and the picture as what the processor makes of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import torch
from torch import Tensor
from transformers import ProcessorMixin

from lisa.errors import BadImage, BadInput, first_line
from lisa.types import SEG, Image, Turn
from lisa.vlms.base import IGNORE, Prompt
from lisa.vlms.chat_tokens import ChatTokens
from lisa.vlms.dialogue import IMAGE_TEXT, IMAGE_TOKENS
from lisa.vlms.pieces import Piece

PROCESSOR = "processor"
"""Where a checkpoint keeps its processor's files; beside its own `config.json` they would be taken for a model's."""

_LANGUAGE_KEYS = ("image_grid_thw",)
"""What of a picture the language model asks for itself: Qwen's and GLM's places in the picture come from it."""
_MARK = re.compile("\ufdd0(\\d+)\ufdd1")


class ChatDialogue:
    """Prompts, ids and pixels of any processor with a chat template and a fast tokenizer that has [SEG].

    An answer ends with the token that the template puts behind it, or with the tokenizer's end token where the template
    has none. White space before [SEG] is no token. Raw text comes without its end token, which differs by family.
    """

    def __init__(
        self, processor: ProcessorMixin, *, image_token_id: int, stop_ids: Sequence[int] = (), pad: int | None = None
    ) -> None:
        """`image_token_id`: what features take the place of; `stop_ids`: end tokens that the tokenizer cannot know.

        Raises BadInput where there is no chat template, or one that cannot be used.
        """
        self.processor: Any = processor
        self.tokens = ChatTokens(processor.tokenizer)
        self.image_token_id = image_token_id
        self.seg_token_id = self.tokens.ids[SEG]
        processor.chat_template = processor.chat_template or processor.tokenizer.chat_template
        if not processor.chat_template:
            raise BadInput(f"{type(processor).__name__} has no chat template: put a chat_template.jinja beside it")
        self._opening = self._between([Turn(instruction="")])[1]
        self.stop_ids = self._stops(stop_ids)
        self._ends = {name: id for name, id in self.tokens.ids.items() if id in self.stop_ids}
        own_pad = processor.tokenizer.pad_token_id
        self.pad_token_id: int = next(id for id in (own_pad, pad, self.stop_ids[0]) if id is not None)

    def prepare_image(self, image: Image) -> dict[str, Tensor]:
        """RGB `[H, W, 3]` → the processor's outputs, and how the picture stands in a prompt."""
        try:
            out = self._process(image)
        except ValueError as error:  # such as one that is 200 times as wide as high, for some families
            raise BadImage(f"this model cannot take a picture of {image.shape[1]} × {image.shape[0]} "
                           f"({first_line(error)}): crop it") from error  # fmt: skip
        text = out["text_replacement_offsets"][0][0]["replacement"]
        ids = self.tokens.encode(self.tokens.split(text))[0]
        rest = {k: v for k, v in out.items() if isinstance(v, Tensor) and k not in self._text_keys}
        return {
            **rest,
            IMAGE_TEXT: torch.tensor([list(text.encode())], dtype=torch.uint8),
            IMAGE_TOKENS: torch.tensor([ids.count(self.image_token_id)]),
        }

    def prepare_text(self, image: dict[str, Tensor], turns: Sequence[Turn]) -> Prompt:
        """See `Vlm.prepare_text`. Labels cover every answer with its end token."""
        pieces = self._with_picture(self._pieces(turns), bytes(image[IMAGE_TEXT][0].tolist()).decode())
        ids, learned = self.tokens.encode(pieces)
        labels = [id if keep else IGNORE for id, keep in zip(ids, learned)]
        types = self.processor.create_mm_token_type_ids([ids])[0] if self._types else []
        return Prompt(
            input_ids=torch.tensor(ids),
            labels=torch.tensor(labels),
            per_token={key: torch.tensor(types) for key in self._types},
            per_picture={key: image[key].cpu() for key in _LANGUAGE_KEYS if key in image},
        )

    def decode(self, ids: Sequence[int]) -> str:
        """Answer ids → text with [SEG], the end token left out."""
        kept = ids[:-1] if len(ids) and ids[-1] in self.stop_ids else ids
        return self.tokens.decode(kept)

    def save(self, folder: Path) -> None:
        """Writes the processor and its tokenizer."""
        self.processor.save_pretrained(folder / PROCESSOR)

    # --- the picture ---

    def _process(self, image: Image) -> Any:
        return self.processor(
            images=[PIL.Image.fromarray(image)],
            text=[self.processor.image_token],
            return_tensors="pt",
            return_text_replacement_offsets=True,
        )

    @cached_property
    def _text_keys(self) -> frozenset[str]:
        """Those of the processor's outputs that describe the text."""
        out = self._process(np.full((64, 64, 3), 200, np.uint8))
        return frozenset(k for k, v in out.items() if isinstance(v, Tensor) and v.shape == out["input_ids"].shape)

    @property
    def _types(self) -> frozenset[str]:
        return self._text_keys - {"input_ids", "attention_mask"}

    def _with_picture(self, pieces: Iterable[Piece], text: str) -> list[Piece]:
        """The template's token for a picture replaced by what this picture takes."""
        placeholder, found = self.processor.image_token, []
        for piece in pieces:
            found += self.tokens.split(text) if piece.token and piece.text == placeholder else [piece]
        return found

    # --- the conversation ---

    def _between(self, turns: Sequence[Turn]) -> list[str]:
        """What the template puts before, between and after the texts of a conversation."""
        messages: list[dict[str, Any]] = []
        for turn in turns:
            picture = [] if messages else [{"type": "image"}]
            messages.append({"role": "user", "content": [*picture, _mark(len(messages))]})
            if turn.answer is not None:
                messages.append({"role": "assistant", "content": [_mark(len(messages))]})
        is_open = turns[-1].answer is None
        text = self.processor.apply_chat_template(messages, tokenize=False, add_generation_prompt=is_open)
        parts = _MARK.split(text)
        if parts[1::2] != [str(k) for k in range(len(messages))]:
            raise BadInput("the chat template leaves out or repeats parts of a conversation: give it another one")
        return parts[::2]

    def _pieces(self, turns: Sequence[Turn]) -> list[Piece]:
        """The conversation in pieces, the picture still as its placeholder."""
        between = iter(self._between(turns))
        pieces = self.tokens.split(next(between))
        for i, turn in enumerate(turns, start=1):
            pieces.append(Piece(turn.instruction))
            opening = next(between)
            if turn.answer is None:
                return pieces + self.tokens.split(opening)
            pieces += self.tokens.split(self._opening)
            blank = opening.removeprefix(self._opening) if opening.startswith(self._opening) else ""
            pieces += [Piece(blank, learned=True)] if blank.isspace() else []
            pieces += self._answer(turn.answer)
            end, rest = self._end(next(between))
            pieces += end
            pieces += self.tokens.split(rest) if i < len(turns) else []
        return pieces

    def _answer(self, answer: str) -> list[Piece]:
        """A wanted or earlier answer: "[SEG]" is the token; an end token that raw text brings along is left out."""
        for name in self._ends:
            answer = answer.removesuffix(name)
        pieces: list[Piece] = []
        for i, text in enumerate(answer.split(SEG)):
            pieces += [Piece(SEG, token=True, learned=True)] if i else []
            pieces.append(Piece(text, learned=True))
        return pieces

    def _end(self, text: str) -> tuple[list[Piece], str]:
        """The end of an answer, from what the template puts behind it: its pieces, and the text after them."""
        pieces = self.tokens.split(text)
        first = next((k for k, piece in enumerate(pieces) if piece.token or not piece.text.isspace()), len(pieces))
        if first < len(pieces) and pieces[first].text in self._ends and pieces[first].token:
            end = [Piece(p.text, token=p.token, learned=True) for p in pieces[: first + 1]]
            return end, text[sum(len(p.text) for p in end) :]
        name = self.processor.tokenizer.eos_token or next(iter(self._ends))
        return [Piece(name, token=True, learned=True)], text

    def _stops(self, given: Sequence[int]) -> tuple[int, ...]:
        """Tokens that end an answer: the template's, the tokenizer's and the given ones."""
        behind = self.tokens.split(self._between([Turn(instruction="", answer="")])[2].lstrip())
        closing = [self.tokens.ids[behind[0].text]] if behind and behind[0].token else []
        eos = self.processor.tokenizer.eos_token_id
        stops: list[int] = [*closing, *([] if eos is None else [eos]), *given]
        if not stops:
            raise BadInput("nothing ends an answer: give the tokenizer an eos_token")
        return tuple(dict.fromkeys(stops))


def _mark(number: int) -> dict[str, str]:
    return {"type": "text", "text": f"\ufdd0{number}\ufdd1"}
