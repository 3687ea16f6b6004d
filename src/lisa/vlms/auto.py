"""Any image-text-to-text model of transformers as a `Vlm`: its own weights, processor and chat template, plus [SEG].

    vlm = auto.from_pretrained(folder)                       # a model as its makers published it; [SEG] is added
    part = PartConfig(family="auto", options=auto.describe(vlm))
    checkpoint.save(Segmenter(vlm, masker), ModelConfig(vlm=part, masker=…), out)  # from then on `build` makes it

What a family must have: a fast tokenizer, a chat template, a processor that expands one placeholder per picture, and
`mm_encoder_outputs` in its forward. `docs/extending.md` lists the families that `tests/contracts` holds to everything a
`Vlm` promises.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import (
    CONFIG_MAPPING,
    AddedToken,
    AutoModelForImageTextToText,
    GenerationConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    ProcessorMixin,
)

from lisa.errors import BadCheckpoint, BadInput
from lisa.types import SEG
from lisa.vlms.chat import PROCESSOR, ChatDialogue
from lisa.vlms.hf import HfVlm
from lisa.vlms.processors import load_processor


def build(options: dict[str, Any], folder: Path) -> HfVlm:
    """The model with random weights in float32; `folder/processor` holds tokenizer, processor and chat template.

    Options, as `describe` gives them:
        config: a configuration of transformers, with its `model_type`.
        stop_ids: end tokens beside the tokenizer's own; may be left out.
    """
    fields = dict(options["config"])
    name = fields.pop("model_type", None)
    if name not in CONFIG_MAPPING:
        raise BadCheckpoint(f"transformers has no model {name!r}: a newer version may, or none at all")
    config = CONFIG_MAPPING[name].from_dict(fields)
    model = AutoModelForImageTextToText.from_config(config, dtype=torch.float32)
    return wrap(model, load_processor(folder / PROCESSOR), options.get("stop_ids", ()))


def from_pretrained(folder: Path, *, dtype: torch.dtype = torch.float32) -> HfVlm:
    """A model as its makers published it, from a folder on this machine, with [SEG] added where it is missing.

    Raises BadCheckpoint or BadInput for families that cannot be used.
    """
    processor = load_processor(folder)
    model = AutoModelForImageTextToText.from_pretrained(folder, dtype=dtype, local_files_only=True)
    add_seg(model, processor.tokenizer)
    return wrap(model, processor, _as_list(model.generation_config.eos_token_id))


def describe(vlm: HfVlm) -> dict[str, Any]:
    """The options by which `build` makes this model again."""
    config = vlm.model.config
    return {
        "config": {**config.to_diff_dict(), "model_type": config.model_type},
        "stop_ids": list(vlm.dialogue.stop_ids),
    }


def wrap(model: PreTrainedModel, processor: ProcessorMixin, stop_ids: Sequence[int] = ()) -> HfVlm:
    """A model and its processor, both knowing [SEG], as a `Vlm`. Raises BadInput for families that cannot be used."""
    name = model.config.model_type
    if "mm_encoder_outputs" not in inspect.signature(model.forward).parameters:
        raise BadInput(f"{name} takes no pictures encoded beforehand: choose another family")
    image_token = getattr(model.config, "image_token_id", None)
    if image_token is None or getattr(processor, "image_token", None) is None:
        raise BadInput(f"{name} has no token in the place of a picture: choose another family")
    text = model.config.get_text_config()
    known = [id for part in (model.config, text) for id in _as_list(getattr(part, "eos_token_id", None))]
    pad = getattr(text, "pad_token_id", None)
    dialogue = ChatDialogue(processor, image_token_id=image_token, stop_ids=[*stop_ids, *known], pad=pad)
    # what a family recommends for sampling, such as a penalty on repetition, has no place in greedy answers
    model.generation_config = GenerationConfig()
    return HfVlm(model, dialogue)


@torch.no_grad()
def add_seg(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> int:
    """Adds [SEG] to tokenizer and embeddings where it is missing, its rows the mean of all others. Returns its id."""
    is_new = SEG not in tokenizer.added_tokens_encoder  # type: ignore[operator]
    if is_new:
        tokenizer.add_tokens([AddedToken(SEG, lstrip=True, normalized=False, special=True)], special_tokens=True)
    id = int(tokenizer.convert_tokens_to_ids(SEG))  # type: ignore[arg-type]
    table, head = _embeddings(model)
    if id >= table.weight.shape[0]:
        is_new = True
        model.resize_token_embeddings(id + 1, mean_resizing=False)
        table, head = _embeddings(model)
    tied = head.weight is table.weight  # the configuration does not always say
    for weight in (table.weight, None if tied else head.weight, head.bias) if is_new else ():
        if weight is not None:
            weight[id] = weight[:id].float().mean(0).to(weight.dtype)
    return id


def _embeddings(model: PreTrainedModel) -> tuple[nn.Embedding, nn.Linear]:
    return model.get_input_embeddings(), model.get_output_embeddings()  # type: ignore[return-value]


def _as_list(ids: int | Sequence[int] | None) -> list[int]:
    return [] if ids is None else [ids] if isinstance(ids, int) else list(ids)
