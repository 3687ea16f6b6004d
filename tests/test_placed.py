"""A step whose weights and batch are on a GPU touches no tensor that is not: seen without one.

A storage counts as being there when it holds a weight, came with the batch, or was computed from such; what a step
makes anew has to name its device. An operation over both kinds would fail on a GPU.
"""

from dataclasses import dataclass, fields, is_dataclass, replace

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from lisa.hub import resolve
from lisa.model.checkpoint import load
from lisa.recipes.tiny import SEG, WORDS, debug
from lisa.train.dense import dense_objective, token_objective
from lisa.train.loop import FitConfig, train_step
from lisa.train.placed import placed
from lisa.train.tiny import seg_objective, words_objective

_MAY_MIX = ("aten::index.Tensor", "aten::index_put", "aten::copy_", "aten::_index_put_impl_")
"""A GPU's tensor can be indexed by the CPU's, and copied to and from."""


class _Named(TorchFunctionMode):
    """Tells `made` of what was made on a device that was named."""

    def __init__(self, made) -> None:
        super().__init__()
        self.made = made

    def __torch_function__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        if isinstance(out, Tensor) and ("device" in (kwargs or {}) or func is Tensor.new_tensor):
            self.made(out)
        return out


class _Elsewhere(TorchDispatchMode):
    """Collects the operations over tensors of both kinds."""

    def __init__(self) -> None:
        super().__init__()
        self.kept, self.mixed = {}, []

    def put(self, *tensors: Tensor) -> None:
        """Counts them as being there."""
        for tensor in tensors:
            self.kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage()  # kept, or its place is reused

    def holds(self, tensor: Tensor) -> bool:
        return tensor.untyped_storage().data_ptr() in self.kept

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        all_given = [t for t in tree_leaves((args, kwargs or {})) if isinstance(t, Tensor) and t.numel()]
        given = [t for t in all_given if t.ndim]
        there = [self.holds(t) for t in given]
        if any(there) and not all(there) and not func.name().startswith(_MAY_MIX):
            self.mixed.append(f"{func.name()} over {[tuple(t.shape) for t in given]}: {there}")
        out = func(*args, **(kwargs or {}))
        if any(there) or (all_given and not given):  # scalars, a gradient's first, fit anywhere
            self.put(*(t for t in tree_leaves(out) if isinstance(t, Tensor)))
        return out


def _tensors(value):
    if isinstance(value, Tensor):
        yield value
    elif is_dataclass(value):
        yield from (t for f in fields(value) for t in _tensors(getattr(value, f.name)))
    elif isinstance(value, dict | list | tuple):
        yield from (t for part in (value.values() if isinstance(value, dict) else value) for t in _tensors(part))


def _stage(name):
    small = {"pictures": 2, "dialogues": 3}
    dense = dense_objective(debug())
    if name == "dense":
        return dense
    if name == "tokens":
        return token_objective(debug(), dense.module)
    segmenter = load(resolve("tiny"), device=torch.device("cpu"), dtype=torch.float32).train()
    if name == "words":
        return words_objective(segmenter, replace(debug(), words=replace(WORDS, **small)), dense=dense.module)
    lesson = replace(SEG, tokens=1.0, masker=name == "masker", **small)
    return seg_objective(segmenter, lesson, dense=dense.module)


def _mixed(objective, monkeypatch):
    elsewhere = _Elsewhere()
    weights = [objective.module, *(m for m in vars(objective).values() if isinstance(m, torch.nn.Module))]
    teacher = getattr(getattr(objective, "words", objective), "teacher", None)
    weights += [teacher.dense] if teacher is not None else []
    elsewhere.put(*(t for m in weights for t in [*m.parameters(), *m.buffers()]))

    def there(batch, device):
        moved = placed(batch, device)
        elsewhere.put(*_tensors(moved))
        return moved

    monkeypatch.setattr("lisa.train.loop.placed", there)
    row = objective.batches([range(2)])
    with _Named(elsewhere.put), elsewhere:
        values = train_step(objective, row, 0, FitConfig(steps=2, samples=2))
    assert not values["skipped"]
    return elsewhere.mixed


@pytest.mark.parametrize("name", ["dense", "tokens", "words", "seg", "masker"])
def test_step_stays_on_its_device(name, monkeypatch):
    assert not _mixed(_stage(name), monkeypatch)


def test_a_tensor_made_on_the_cpu_is_seen(monkeypatch):
    objective = _stage("tokens")
    before = objective.losses

    def losses(batch, counts):
        found = before(batch, counts)
        wrong = batch.offset + torch.ones(batch.offset.shape)
        return found | {"wrong": wrong.sum()}

    objective.losses = losses
    assert any("aten::add" in line for line in _mixed(objective, monkeypatch))


@dataclass(frozen=True)
class _Nested:
    tensor: Tensor
    name: str = "kept"


def test_placed_keeps_what_is_no_tensor():
    value = {"a": [_Nested(torch.ones(2))], "b": (torch.zeros(1), 3, None)}
    moved = placed(value, torch.device("meta"))
    assert moved["a"][0].tensor.device.type == "meta" and moved["a"][0].name == "kept"
    assert moved["b"][0].device.type == "meta" and moved["b"][1:] == (3, None)
