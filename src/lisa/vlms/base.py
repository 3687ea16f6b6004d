"""The language side's protocol: a vision-language model with [SEG] in its vocabulary.

It knows pictures, conversations, tokens and states, and nothing of masks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from lisa.types import Image, Turn

IGNORE = -100
"""Label of a token that the text loss leaves out."""


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """One conversation as token ids, ready for the model; every tensor on the CPU."""

    input_ids: Tensor
    """`[T]` int64, image tokens expanded."""
    labels: Tensor
    """`[T]` int64: the ids of the answers, IGNORE elsewhere (all of it when nothing is to be learned)."""
    per_token: dict[str, Tensor] = field(default_factory=dict)
    """Further `[T]` keys a family needs, such as token types; they grow with every generated token."""
    per_picture: dict[str, Tensor] = field(default_factory=dict)
    """`[1, …]` keys of the picture that the language model needs too, such as its grid of patches."""


@dataclass(frozen=True, kw_only=True)
class VlmBatch:
    """Conversations padded to one length, and the pictures they speak of."""

    input_ids: Tensor
    """`[B, T]` int64."""
    attention_mask: Tensor
    """`[B, T]` int64, 1 where there is a token."""
    labels: Tensor
    """`[B, T]` int64."""
    image_index: Tensor
    """`[B]` int64: the picture that each conversation is about."""
    images: dict[str, Tensor] = field(default_factory=dict)
    """Processor outputs of the pictures, each picture once."""
    per_token: dict[str, Tensor] = field(default_factory=dict)
    per_picture: dict[str, Tensor] = field(default_factory=dict)
    """`[B, …]`, a row for every conversation."""

    def to(self, device: torch.device | str) -> VlmBatch:
        """The batch on another device."""
        move = lambda tensors: {k: v.to(device) for k, v in tensors.items()}  # noqa: E731
        return replace(
            self,
            input_ids=self.input_ids.to(device),
            attention_mask=self.attention_mask.to(device),
            labels=self.labels.to(device),
            image_index=self.image_index.to(device),
            images=move(self.images),
            per_token=move(self.per_token),
            per_picture=move(self.per_picture),
        )


@dataclass(frozen=True, kw_only=True)
class Generated:
    """A greedy answer: its tokens and, for each, the state that predicted it."""

    ids: Tensor
    """`[n]` int64, the end token included where it was reached."""
    states: Tensor
    """`[n, D]`: states[k] is the last layer's state (after the final norm) from which ids[k] was predicted."""


@runtime_checkable
class Vlm(Protocol):
    """What the segmenter asks of a vision-language model. Implementations are `nn.Module`s."""

    width: int
    """D, the width of the last layer."""
    seg_token_id: int

    def prepare_image(self, image: Image) -> dict[str, Tensor]:
        """The model's own preprocessing of one RGB picture: processor outputs with a leading axis of pictures."""
        ...

    def prepare_text(self, image: dict[str, Tensor], turns: Sequence[Turn]) -> Prompt:
        """A conversation about a prepared picture; a last turn without an answer leaves the prompt open for one.

        What people typed is text: "[SEG]" or "</s>" inside an instruction never becomes a special token.
        """
        ...

    def encode_images(self, images: dict[str, Tensor]) -> Sequence[Tensor]:
        """Pictures through vision tower and projector: per picture, features `[tokens, D]`.

        A family that cuts pictures up may give `[tiles, tokens, D]`, one that feeds several layers a multiple of D.
        """
        ...

    def hidden(self, batch: VlmBatch, features: Sequence[Tensor] | None = None) -> Tensor:
        """States of the last layer `[B, T, D]`, after the final norm; `features` from `encode_images` if at hand."""
        ...

    def logits(self, hidden: Tensor) -> Tensor:
        """Token logits `[..., V]` of states `[..., D]`."""
        ...

    def collate(
        self, prompts: Sequence[Prompt], image_index: Sequence[int], images: dict[str, Tensor], *, left: bool = False
    ) -> VlmBatch:
        """Prompts of prepared pictures to one batch, padded on the right, or on the left to be answered."""
        ...

    def generate(self, batch: VlmBatch, features: Sequence[Tensor], max_new_tokens: int) -> list[Generated]:
        """The greedy answers to open prompts padded on the left, with a key/value cache.

        Raises BadInput where prompt and answer together could be longer than the model reads.
        """
        ...

    def decode(self, ids: Sequence[int]) -> str:
        """Answer ids → raw text, [SEG] as it stands; end tokens may stand or be left out."""
        ...

    def save_files(self, folder: Path) -> None:
        """Writes what the family's builder reads from a checkpoint's folder: tokenizer, processor; not the weights."""
        ...


def pad_rows(rows: Sequence[Tensor], value: int, *, left: bool) -> Tensor:
    """`[T_i]` rows → `[B, T]`, padded with `value`."""
    side = "left" if left else "right"
    return torch.nn.utils.rnn.pad_sequence(list(rows), batch_first=True, padding_value=value, padding_side=side)


def join_images(prepared: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Prepared pictures → one dictionary; where they differ in tiles or patches, the shorter are padded with zeros."""
    return {key: _join([picture[key] for picture in prepared]) for key in prepared[0]}


def _join(tensors: list[Tensor]) -> Tensor:
    shape = [max(sides) for sides in zip(*(t.shape[1:] for t in tensors))]
    grown = [
        nn.functional.pad(t, [n for side, now in zip(shape[::-1], t.shape[:0:-1]) for n in (0, side - now)])
        for t in tensors
    ]
    return torch.cat(grown)
