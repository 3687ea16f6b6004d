"""What of a segmenter is trained: LoRA on the language model, its embeddings, the projector, the mask decoder.

By default exactly what the reference trains. LoRA and single trained token rows are PEFT's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn

from lisa.errors import BadInput, Missing
from lisa.geometry import wide
from lisa.model.segmenter import Segmenter

EMBEDDINGS = ("all", "seg", "none")


@dataclass(frozen=True, kw_only=True)
class Trained:
    """Which weights get gradients."""

    language: str = "lora"
    """"lora", "full" or "none"."""
    rank: int = 8
    alpha: int = 16
    dropout: float = 0.05
    targets: tuple[str, ...] = ("q_proj", "v_proj")
    """Linear layers of the language model that LoRA sits on, by the last part of their names."""
    embeddings: str = "all"
    """Of embed_tokens and lm_head: "all" rows as the reference does, the row of [SEG] only ("seg"), or "none"."""
    mask_decoder: bool = True
    vision_tower: bool = False
    masker_encoder: bool = False


def prepare(segmenter: Segmenter, trained: Trained) -> Segmenter:
    """Freezes everything, then thaws what `trained` says; LoRA pairs are put in. Trained weights become float32.

    Raises BadInput when a name fits nothing in this model.
    """
    if trained.embeddings not in EMBEDDINGS or trained.language not in ("lora", "full", "none"):
        raise BadInput(f"embeddings is one of {', '.join(EMBEDDINGS)}; language is lora, full or none")
    segmenter.requires_grad_(False)
    language = language_model(segmenter)
    if trained.language == "lora":
        _add_lora(language, trained)
    elif trained.language == "full":
        language.requires_grad_(True)
    model: Any = cast(Any, segmenter.vlm).model
    for matrix in (model.get_input_embeddings(), model.get_output_embeddings()):
        matrix.requires_grad_(trained.embeddings != "none")
        if trained.embeddings == "seg":
            matrix.weight.register_hook(_OnlyRow(segmenter.vlm.seg_token_id))
    segmenter.projector.requires_grad_(True)
    masker = cast(nn.Module, segmenter.masker)
    if trained.mask_decoder:
        masker.requires_grad_(True)
        getattr(masker, "prompt_encoder", nn.Module()).requires_grad_(False)
    segmenter.masker.image_encoder.requires_grad_(trained.masker_encoder)
    if trained.vision_tower:
        _vision_tower(model).requires_grad_(True)
    for parameter in segmenter.parameters():
        if parameter.requires_grad:
            parameter.data = wide(parameter.data)
    return segmenter


def quantise(segmenter: Segmenter) -> Segmenter:
    """Keeps the language model's linear layers in 4 bits (NF4, QLoRA's type); the embeddings stay as they are.

    To be called before `prepare`. Raises Missing without bitsandbytes.
    """
    try:
        from bitsandbytes.nn.modules import Linear4bit  # pyright: ignore[reportMissingImports]  # an extra
    except ImportError as error:
        raise Missing('4-bit weights need bitsandbytes: pip install "lisa-seg[quant]"') from error
    language = language_model(segmenter)
    device = segmenter.device
    for name, layer in list(language.named_modules()):
        if isinstance(layer, nn.Linear):
            small = Linear4bit(
                layer.in_features,
                layer.out_features,
                bias=layer.bias is not None,
                compute_dtype=torch.bfloat16,
                quant_type="nf4",
            )
            small.load_state_dict(layer.state_dict())
            parent, _, last = name.rpartition(".")
            setattr(language.get_submodule(parent), last, small.to(device))
    return segmenter


def language_model(segmenter: Segmenter) -> nn.Module:
    """The layers between the embeddings, without the head: where LoRA goes."""
    return cast(Any, segmenter.vlm).model.get_decoder()


def picture_parts(segmenter: Segmenter) -> list[nn.Module]:
    """What of the language side comes before its language model: vision tower and projector. None if not apart."""
    model: Any = cast(Any, segmenter.vlm).model
    inner = getattr(model, "model", model)
    language = language_model(segmenter)
    return [child for child in inner.children() if child is not language]


def blocks_of(segmenter: Segmenter) -> tuple[type[nn.Module], ...]:
    """The kinds of repeated blocks in the language model: what FSDP and checkpointing work by."""
    layers = getattr(language_model(segmenter), "layers", ())
    return tuple({type(layer) for layer in layers})


def merge_lora(segmenter: Segmenter) -> Segmenter:
    """Adds every LoRA product to its weight and takes the pairs away; the model answers as before."""
    for parent in list(segmenter.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, LoraLayer):
                child.merge()  # type: ignore[operator]
                setattr(parent, name, child.get_base_layer())
    return segmenter


def trained_weights(segmenter: Segmenter) -> dict[str, Tensor]:
    """Name → every weight that gets gradients."""
    return {name: p.detach() for name, p in segmenter.named_parameters() if p.requires_grad}


def _add_lora(language: nn.Module, trained: Trained) -> None:
    names = {name.rpartition(".")[2] for name, m in language.named_modules() if isinstance(m, nn.Linear)}
    if unknown := [target for target in trained.targets if target not in names]:
        raise BadInput(f"the language model has no linear layer {unknown[0]!r}; it has {', '.join(sorted(names))}")
    config = LoraConfig(
        r=trained.rank, lora_alpha=trained.alpha, lora_dropout=trained.dropout, target_modules=list(trained.targets)
    )
    inject_adapter_in_model(config, language)


class _OnlyRow:
    """Lets one row of a matrix's gradient through."""

    def __init__(self, row: int) -> None:
        self.row = row

    def __call__(self, gradient: Tensor) -> Tensor:
        kept = torch.zeros_like(gradient)
        kept[self.row] = gradient[self.row]
        return kept


def _vision_tower(model: Any) -> nn.Module:
    for holder in (model, getattr(model, "model", None)):
        for name in ("vision_tower", "visual", "vision_model"):
            if isinstance(found := getattr(holder, name, None), nn.Module):
                return found
    raise BadInput("this language side has no vision tower by a known name: leave vision_tower off")


def optimizer_groups(segmenter: Segmenter, weight_decay: float) -> Sequence[dict[str, Any]]:
    """Trained weights for AdamW: matrices with weight decay, vectors and single rows without."""
    parameters = [p for p in segmenter.parameters() if p.requires_grad]
    if not weight_decay:
        return [{"params": parameters}]
    matrices = [p for p in parameters if p.ndim > 1]
    vectors = [p for p in parameters if p.ndim <= 1]
    return [{"params": matrices, "weight_decay": weight_decay}, {"params": vectors, "weight_decay": 0.0}]
