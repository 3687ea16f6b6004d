"""What of a segmenter is trained: LoRA on the language model, its embeddings, the projector, the mask decoder.

By default exactly what the reference trains. LoRA is PEFT's.
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
SEG_ROW = "seg_row"
"""The parameter, beside the weight of an embedding or head, that stands for [SEG]'s row of it."""


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
    table, head = model.get_input_embeddings(), model.get_output_embeddings()
    for matrix in (table, head):
        matrix.requires_grad_(trained.embeddings == "all")
    if trained.embeddings == "seg":
        _add_rows(table, head, segmenter.vlm.seg_token_id)
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


@torch.no_grad()
def merge_lora(segmenter: Segmenter) -> Segmenter:
    """Adds every LoRA product to its weight, puts [SEG]'s row into its matrix, and takes both away.

    The model answers as before.
    """
    for parent in list(segmenter.modules()):
        for key, hook in list(parent._forward_hooks.items()):
            if isinstance(hook, _SegRow):
                parent.get_parameter("weight")[hook.token] = parent.get_parameter(SEG_ROW)
                delattr(parent, SEG_ROW)
                del parent._forward_hooks[key]
        for name, child in list(parent.named_children()):
            if isinstance(child, LoraLayer):
                child.merge()  # type: ignore[operator]
                setattr(parent, name, child.get_base_layer())
    return segmenter


def _add_lora(language: nn.Module, trained: Trained) -> None:
    names = {name.rpartition(".")[2] for name, m in language.named_modules() if isinstance(m, nn.Linear)}
    if unknown := [target for target in trained.targets if target not in names]:
        raise BadInput(f"the language model has no linear layer {unknown[0]!r}; it has {', '.join(sorted(names))}")
    config = LoraConfig(
        r=trained.rank, lora_alpha=trained.alpha, lora_dropout=trained.dropout, target_modules=list(trained.targets)
    )
    inject_adapter_in_model(config, language)


def _add_rows(table: nn.Embedding, head: nn.Linear, token: int) -> None:
    """Trains one row of both; where they share their weight, they share the row."""
    row = nn.Parameter(table.weight[token].detach().clone())
    apart = head.weight is not table.weight
    table.register_parameter(SEG_ROW, row)
    head.register_parameter(SEG_ROW, nn.Parameter(head.weight[token].detach().clone()) if apart else row)
    for matrix in (table, head):
        matrix.register_forward_hook(_SegRow(token))


class _SegRow:
    """Puts what a trained row gives in the place of what the frozen matrix gives.

    A row of its own needs no gradient and no moments of the whole matrix, is shared out by any engine as other weights
    are, and is not reached by the weight decay of matrices.
    """

    def __init__(self, token: int) -> None:
        self.token = token

    def __call__(self, matrix: nn.Module, given: tuple[Tensor, ...], out: Tensor) -> Tensor:
        row = matrix.get_parameter(SEG_ROW)
        if isinstance(matrix, nn.Embedding):
            row = row * getattr(matrix, "embed_scale", 1.0)  # Gemma multiplies what it looks up
            return torch.where((given[0] == self.token)[..., None], row.to(out.dtype), out)
        bias = cast(nn.Linear, matrix).bias
        logit = given[0].to(out.dtype) @ row.to(out.dtype)
        out[..., self.token] = logit if bias is None else logit + bias[self.token]
        return out


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
