"""Checkpoints as the reference has them while it trains: PEFT's names, LoRA pairs beside their weights, CLIP inside."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from lisa.errors import BadCheckpoint
from lisa.model.legacy_keys import TRAINING_PREFIX

_PAIR = re.compile(r"(.+)\.lora_([AB])(?:\.\w+)?\.weight")
_SAVED = re.compile(r"(.+)\.modules_to_save\.\w+\.(.+)")
ALPHA = 16.0
"""The reference's LoRA alpha; its files do not say."""


def is_training_layout(tensors: Mapping[str, Tensor]) -> bool:
    """Whether names are those of a model under training."""
    return any(key.startswith(TRAINING_PREFIX) or ".lora_A" in key for key in tensors)


def to_plain(tensors: Mapping[str, Tensor], *, alpha: float = ALPHA) -> dict[str, Tensor]:
    """Tensors by published names, every LoRA product added to its weight: W + alpha / r · B A.

    Raises BadCheckpoint for half a pair, or a pair without its weight.
    """
    plain: dict[str, Tensor] = {}
    pairs: dict[str, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        name = key.removeprefix(TRAINING_PREFIX).replace(".base_layer.", ".")
        if match := _PAIR.fullmatch(name):
            pairs.setdefault(match[1], {})[match[2]] = tensor
        elif match := _SAVED.fullmatch(name):
            plain[f"{match[1]}.{match[2]}"] = tensor
        elif ".original_module." not in name:
            plain.setdefault(name, tensor)
    for name, pair in pairs.items():
        weight = plain.get(f"{name}.weight")
        if weight is None or pair.keys() != {"A", "B"}:
            raise BadCheckpoint(f"the LoRA pair of {name} is not whole: save the training's checkpoint again")
        product = pair["B"].float() @ pair["A"].float() * (alpha / pair["A"].shape[0])
        plain[f"{name}.weight"] = (weight.float() + product).to(weight.dtype)
    return plain
