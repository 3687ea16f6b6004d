"""Batches are prepared on the CPU; this brings one to where the weights are."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

import torch
from torch import Tensor

Value = TypeVar("Value")


def placed(value: Value, device: torch.device) -> Value:
    """The same with every tensor in it on `device`: dataclasses, dicts, lists and tuples are looked into."""
    return _placed(value, device)


def _placed(value: Any, device: torch.device) -> Any:
    if isinstance(value, Tensor):
        return value.to(device, non_blocking=True)
    if isinstance(value, dict):
        return {key: _placed(inner, device) for key, inner in value.items()}
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        return type(value)(_placed(inner, device) for inner in value)
    if is_dataclass(value) and not isinstance(value, type):
        inner = {f.name: getattr(value, f.name) for f in fields(value) if f.init}
        moved = {name: _placed(part, device) for name, part in inner.items()}
        changed = {name: part for name, part in moved.items() if part is not inner[name]}
        return replace(value, **changed) if changed else value
    return value
