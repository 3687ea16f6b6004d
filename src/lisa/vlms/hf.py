"""One adapter over transformers' image-text-to-text models; what differs by family sits in its `Dialogue`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad
from transformers import DynamicCache, LogitsProcessor, PreTrainedModel
from transformers.utils.generic import ModelOutput

from lisa.devices import pads_cheaply
from lisa.errors import BadInput
from lisa.types import Image, Turn
from lisa.vlms.base import IGNORE, Generated, Prompt, VlmBatch, pad_rows
from lisa.vlms.dialogue import IMAGE_TEXT, IMAGE_TOKENS, Dialogue


@dataclass
class EncodedPictures(ModelOutput):
    """Pictures as transformers' models take them once they are encoded."""

    pooler_output: Any = None
    """Per picture `[tokens, D]`, or all tiles of all pictures in one `[tiles, tokens, D]`, as the family has it."""
    deepstack_features: list[list[Tensor]] | None = None
    """What is added to the first layers' states, where a family does that: per layer, per picture `[tokens, D]`."""


class StateTap:
    """Collects what enters the output embedding: the last layer's states, in every family, without keeping others.

    Only the last position goes on into the embedding: logits of a whole prompt would be made for nothing.
    """

    def __init__(self, head: nn.Module) -> None:
        self.states: list[Tensor] = []
        self._head = head

    def __enter__(self) -> StateTap:
        self._handle = self._head.register_forward_pre_hook(self._take)
        return self

    def __exit__(self, *exc: object) -> None:
        self._handle.remove()

    def _take(self, _: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        self.states.append(args[0])
        return (args[0][..., -1:, :], *args[1:])


class HfVlm(nn.Module):
    """A transformers image-text-to-text model as a `Vlm`.

    `shares_prefix`: the language model is purely causal and every conversation begins with its picture, so that the
    states up to the picture's end can be computed once per picture, however many conversations it has.
    """

    def __init__(self, model: PreTrainedModel, dialogue: Dialogue, *, shares_prefix: bool = False) -> None:
        super().__init__()
        self.model = model
        self.dialogue = dialogue
        self.shares_prefix = shares_prefix
        self.seg_token_id = dialogue.seg_token_id
        self.width: int = self.head.in_features
        self.watch: tuple[int, ...] = ()
        """Layers of the language model that are taught for themselves, where prefixes are shared."""
        self.watched: dict[int, Tensor] = {}
        """After `hidden`, layer → the states that leave it, `[B, T, D]`."""
        self.looked: dict[int, Tensor] = {}
        """And how its first head looks at the prefix from every later place, `[B, T − prefix, prefix]`, sum ≤ 1."""
        self.first: Callable[[Tensor], Tensor] | None = None
        """What is made of the logits `[B, V]` of an answer's first word, such as `Presence.lean`; None: as they are."""

    @property
    def head(self) -> nn.Linear:
        """The output embedding, `[V, D]`."""
        return self.model.get_output_embeddings()  # type: ignore[return-value]

    def prepare_image(self, image: Image) -> dict[str, Tensor]:
        """See `Vlm`."""
        return self.dialogue.prepare_image(image)

    def prepare_text(self, image: dict[str, Tensor], turns: Sequence[Turn]) -> Prompt:
        """See `Vlm`."""
        return self.dialogue.prepare_text(image, turns)

    def decode(self, ids: Sequence[int]) -> str:
        """See `Vlm`."""
        return self.dialogue.decode(ids)

    def collate(
        self, prompts: Sequence[Prompt], image_index: Sequence[int], images: dict[str, Tensor], *, left: bool = False
    ) -> VlmBatch:
        """See `Vlm`."""
        filler = self.dialogue.pad_token_id
        return VlmBatch(
            input_ids=pad_rows([p.input_ids for p in prompts], filler, left=left),
            attention_mask=pad_rows([torch.ones_like(p.input_ids) for p in prompts], 0, left=left),
            labels=pad_rows([p.labels for p in prompts], IGNORE, left=left),
            image_index=torch.tensor(list(image_index), dtype=torch.int64),
            images=images,
            per_token={k: pad_rows([p.per_token[k] for p in prompts], 0, left=left) for k in prompts[0].per_token},
            per_picture={k: torch.cat([p.per_picture[k] for p in prompts]) for k in prompts[0].per_picture},
        )

    def encode_images(self, images: dict[str, Tensor]) -> list[Tensor]:
        """Pictures → per picture, features `[tokens, D]`; see `Vlm` for families that give more."""
        dtype = self.model.get_input_embeddings().weight.dtype  # type: ignore[union-attr]
        given = {k: v for k, v in images.items() if k not in (IMAGE_TEXT, IMAGE_TOKENS)}
        inputs = {k: v.to(dtype=dtype) if v.is_floating_point() else v for k, v in given.items()}  # type: ignore[arg-type]
        out = self.model.get_image_features(**inputs, return_dict=True)  # type: ignore[operator]
        rows = list(out.pooler_output)
        if isinstance(out.pooler_output, Tensor):  # the tiles of all pictures, one after the other
            counts = images[IMAGE_TOKENS] // out.pooler_output.shape[1]
            rows = list(out.pooler_output.split(counts.tolist()))
        layers = getattr(out, "deepstack_features", None) or []
        return [torch.cat([row, *(layer[i] for layer in layers)], dim=-1) for i, row in enumerate(rows)]

    def hidden(self, batch: VlmBatch, features: Sequence[Tensor] | None = None, *, layers: int | None = None) -> Tensor:
        """Last-layer states `[B, T, D]`; pictures are encoded here when `features` are not given.

        `layers`: only so many are computed, where prefixes are shared.
        """
        features = self.encode_images(batch.images) if features is None else features
        twice = self.training and any(getattr(m, "gradient_checkpointing", False) for m in self.model.modules())
        if self.shares_prefix and not twice:  # activations that are computed twice allow no cache
            return self._hidden_by_prefix(batch, features, layers)
        inputs = self._inputs(batch, features)
        with StateTap(self.head) as tap:
            self.model(**inputs, use_cache=False)
        return tap.states[0]

    def hidden_of_words(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """States of the last layer `[B, T, D]` of conversations without pictures `[B, T]`, padded on the right."""
        language: Any = self.model.get_decoder()
        embeds = self.model.get_input_embeddings()(input_ids)  # type: ignore[misc]
        return language(inputs_embeds=embeds, attention_mask=attention_mask, use_cache=False).last_hidden_state

    def logits(self, hidden: Tensor) -> Tensor:
        """Token logits `[..., V]` of states `[..., D]`."""
        return self.head(hidden)

    @torch.no_grad()
    def generate(self, batch: VlmBatch, features: Sequence[Tensor], max_new_tokens: int) -> list[Generated]:
        """Greedy answers to open prompts padded on the left; step k's state is the one that predicted token k.

        Raises BadInput where prompt and answer together could be longer than the model reads.
        """
        self._check_length(batch.input_ids.shape[1], max_new_tokens)
        with StateTap(self.head) as tap:
            out: Tensor = self.model.generate(  # type: ignore[operator]
                **self._inputs(batch, features),
                max_new_tokens=max_new_tokens,
                do_sample=False,
                use_cache=True,
                eos_token_id=list(self.dialogue.stop_ids),
                pad_token_id=self.dialogue.pad_token_id,
                logits_processor=[_First(self.first, batch.input_ids.shape[1])] if self.first else None,
            )
        states = torch.stack([s[:, -1] for s in tap.states], dim=1)  # [B, n, D]
        return [
            Generated(ids=ids[:n], states=row[:n])
            for ids, row in zip(out[:, batch.input_ids.shape[1] :], states)
            for n in [_answer_length(ids, self.dialogue.stop_ids)]
        ]

    def save_files(self, folder: Path) -> None:
        """See `Vlm`."""
        self.dialogue.save(folder)

    def _check_length(self, asked: int, answered: int) -> None:
        """Tokens of a prompt, the picture's among them, and of its answer: both must have their places."""
        places = getattr(self.model.config.get_text_config(), "max_position_embeddings", None)
        if places is not None and asked + answered > places:
            raise BadInput(
                f"the conversation has {asked:,} tokens with its picture and its answer up to {answered:,}, this model "
                f"reads {places:,} in all: shorten the question, allow a shorter answer, or start a new conversation"
            )

    def _inputs(self, batch: VlmBatch, features: Sequence[Tensor]) -> dict[str, Any]:
        """Arguments of the model's forward; each conversation gets the features of its picture."""
        return {
            "input_ids": batch.input_ids,
            "attention_mask": batch.attention_mask,
            "mm_encoder_outputs": {"image": self._pictures([features[i] for i in batch.image_index.tolist()])},
            **batch.per_token,
            **batch.per_picture,
        }

    def _pictures(self, features: Sequence[Tensor]) -> EncodedPictures:
        """Features as `encode_images` gives them, in the form the family takes."""
        parts = [row.split(self.width, dim=-1) for row in features]
        first, *layers = zip(*parts)
        return EncodedPictures(
            pooler_output=torch.cat(first) if first[0].dim() == 3 else list(first),
            deepstack_features=[list(layer) for layer in layers] or None,
        )

    def _hidden_by_prefix(self, batch: VlmBatch, features: Sequence[Tensor], layers: int | None) -> Tensor:
        """`hidden`, with the part up to the picture's end computed once per picture and its keys and values shared."""
        language: Any = _first_layers(self.model.get_decoder(), layers)
        tokens = features[0].shape[0]
        start = int((batch.input_ids[0] == self.model.config.image_token_id).nonzero()[0])
        end = start + tokens
        embeds = self.model.get_input_embeddings()(batch.input_ids)  # type: ignore[misc]
        first = torch.tensor([batch.image_index.tolist().index(i) for i in range(len(features))])
        stacked = torch.stack(list(features)).to(embeds.dtype)
        prefix = torch.cat([embeds[first.to(embeds.device), :start], stacked], dim=1)
        cache = DynamicCache()
        rows = _by_length(batch.attention_mask[:, end:], (1.0,) if pads_cheaply(embeds.device) else _SHARES)
        with _Watch(language, self.watch) as seen:
            last = [language(inputs_embeds=prefix, cache=cache, use_cache=True).last_hidden_state]
            for some, length in rows:
                after = language(
                    inputs_embeds=embeds[some, end : end + length],
                    attention_mask=batch.attention_mask[some, : end + length],
                    cache=_selected(cache, batch.image_index[some]),
                    use_cache=True,
                )
                last.append(after.last_hidden_state)
        room = embeds.shape[1] - end
        order = torch.cat([some for some, _ in rows]).argsort()

        # index_select, since the gradient of indexing by a tensor costs a sixth of a step on CPUs
        def joined(parts: Sequence[Tensor]) -> Tensor:
            return torch.cat([pad(part, (0, 0, 0, room - part.shape[1])) for part in parts]).index_select(0, order)

        def whole(before: Tensor, *after: Tensor) -> Tensor:
            return torch.cat([before.index_select(0, batch.image_index), joined(after)], dim=1)

        self.watched = {layer: whole(*parts) for layer, parts in seen.left.items()}
        self.looked = {layer: joined(parts[1:]) for layer, parts in seen.looked.items()}
        return whole(*last)


class _First(LogitsProcessor):
    """Changes the logits of the first word after a prompt."""

    def __init__(self, change: Callable[[Tensor], Tensor], prompt: int) -> None:
        self._change, self._prompt = change, prompt

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:  # type: ignore[override]
        """See transformers."""
        return self._change(scores) if input_ids.shape[1] == self._prompt else scores


class _Watch:
    """What some layers of a language model look at and give on, call by call."""

    def __init__(self, language: nn.Module, layers: Sequence[int]) -> None:
        self.left: dict[int, list[Tensor]] = {layer: [] for layer in layers}
        self.looked: dict[int, list[Tensor]] = {layer: [] for layer in layers}
        self._language = language
        self._prefix = 0

    def __enter__(self) -> _Watch:
        self._handles = []
        layers: Any = self._language.layers
        for number in self.left:
            self._handles.append(layers[number].register_forward_hook(partial(self._leave, number)))
            self._handles.append(layers[number].self_attn.register_forward_hook(partial(self._look, number)))
        return self

    def __exit__(self, *exc: object) -> None:
        for handle in self._handles:
            handle.remove()

    def _leave(self, number: int, _: nn.Module, __: tuple[Any, ...], out: Tensor) -> None:
        self.left[number].append(out)

    def _look(self, number: int, _: nn.Module, __: tuple[Any, ...], out: tuple[Tensor, Tensor]) -> None:
        self._prefix = self._prefix or out[1].shape[-1]  # the first call is the prefix's own
        self.looked[number].append(out[1][:, 0, :, : self._prefix])


def _first_layers(language: Any, count: int | None) -> Any:
    """A language model with fewer layers, which are the same ones."""
    if count is None:
        return language
    short = copy(language)
    short._modules = dict(language._modules)
    short.layers = language.layers[:count]
    short.config = copy(language.config)
    short.config.num_hidden_layers = count
    return short


_SHARES = (0.5, 0.35, 0.15)
"""Of conversations in each pass where padding costs time, the short ones first."""


def _by_length(mask: Tensor, shares: Sequence[float] = _SHARES) -> list[tuple[Tensor, int]]:
    """Rows `[B, T]` padded on the right → groups of like length: their numbers, and the longest one's length."""
    lengths = mask.sum(1)
    order = lengths.argsort(stable=True)
    ends = [round(len(order) * sum(shares[: i + 1])) for i in range(len(shares))]
    groups = [order[start:end] for start, end in zip([0, *ends], ends) if end > start]
    return [(some, max(int(lengths[some].max()), 1)) for some in groups]


def _selected(cache: DynamicCache, index: Tensor) -> DynamicCache:
    """The keys and values of some rows, in a cache of their own."""
    chosen = DynamicCache()
    for i, layer in enumerate(cache.layers):
        keys, values = (x.index_select(0, index) for x in (layer.keys, layer.values))  # type: ignore[union-attr]
        for x in (keys, values):
            if x.requires_grad:  # adding up rows of a gradient with gaps takes CPUs five times as long
                x.register_hook(Tensor.contiguous)
        chosen.update(keys, values, i)
    return chosen


def _answer_length(ids: Tensor, stops: Sequence[int]) -> int:
    """Tokens up to and with the first stop token."""
    hits = torch.isin(ids, torch.tensor(list(stops), device=ids.device)).nonzero()
    return int(hits[0]) + 1 if len(hits) else len(ids)
