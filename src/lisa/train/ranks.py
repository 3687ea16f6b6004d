"""The processes that train together: who this one is, sums over all of them, DDP and FSDP2 as torch has them.

Start them with torchrun (or any launcher that sets RANK, WORLD_SIZE and MASTER_ADDR); without one, there is one.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.nn.parallel import DistributedDataParallel

from lisa.devices import own_device
from lisa.errors import BadInput

ENGINES = ("ddp", "fsdp")


@dataclass(frozen=True)
class Ranks:
    """This process among those that train together."""

    rank: int = 0
    world: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def first(self) -> bool:
        """Whether this is the one that writes and reports."""
        return self.rank == 0

    def sum(self, values: Mapping[str, float]) -> dict[str, float]:
        """Each value added up over all processes, which name the same ones."""
        if self.world == 1 or not values:
            return dict(values)
        row = torch.tensor([values[k] for k in sorted(values)], dtype=torch.float64, device=self.device)
        dist.all_reduce(row)
        return dict(zip(sorted(values), row.tolist()))

    def wait(self) -> None:
        """Until all processes are here."""
        if self.world > 1:
            dist.barrier()


@contextlib.contextmanager
def joined(device: torch.device) -> Iterator[Ranks]:
    """Joins the processes that a launcher started beside this one, for the time of the block.

    Where the launcher has joined them already, as Ray Train does, it stays so.
    """
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        yield Ranks(device=device)
        return
    local = int(os.environ.get("LOCAL_RANK", "0"))
    device, backend = own_device(device, local)
    if dist.is_initialized():
        yield Ranks(dist.get_rank(), dist.get_world_size(), device)
        return
    dist.init_process_group(backend)
    try:
        yield Ranks(dist.get_rank(), world, device)
    finally:
        dist.destroy_process_group()


def spread(module: nn.Module, engine: str, ranks: Ranks, *, blocks: tuple[type[nn.Module], ...] = ()) -> nn.Module:
    """The module for all processes: "ddp" copies it, "fsdp" shares out its `blocks` and what is trained beside them.

    To be called before optimizers are made. Raises BadInput for an unknown engine.
    """
    if engine not in ENGINES:
        raise BadInput(f"there is no engine {engine!r}: choose {', '.join(ENGINES)} or deepspeed")
    if ranks.world == 1:
        return module
    if engine == "ddp":
        return DistributedDataParallel(module, find_unused_parameters=True)
    mesh = init_device_mesh(ranks.device.type, (ranks.world,))
    parts = [part for part in module.modules() if isinstance(part, blocks)]
    shared = {p for part in parts for p in part.parameters()}
    # frozen encoders stay whole, since they are also asked outside of the module's forward
    kept = {p for p in module.parameters() if not p.requires_grad and p not in shared}
    for part in parts:
        fully_shard(part, mesh=mesh)
    fully_shard(module, mesh=mesh, ignored_params=kept)
    return module


def without_sync(module: nn.Module, last: bool) -> AbstractContextManager[Any]:
    """Keeps gradients apart until the last micro-batch of a step."""
    if isinstance(module, FSDPModule):
        module.set_requires_gradient_sync(last)
    elif isinstance(module, DistributedDataParallel) and not last:
        return module.no_sync()
    return nullcontext()


@torch.no_grad()
def average(module: nn.Module, ranks: Ranks) -> None:
    """The gradients of a module that no engine wraps become their mean over all processes."""
    if ranks.world == 1:
        return
    trained = [p for p in module.parameters() if p.requires_grad]
    some = torch.tensor([float(p.grad is not None) for p in trained], device=ranks.device)
    dist.all_reduce(some)
    moved = [p for p, count in zip(trained, some.tolist()) if count]
    gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in moved]
    row = torch.cat([g.reshape(-1) for g in gradients])
    dist.all_reduce(row)
    for p, g, mean in zip(moved, gradients, (row / ranks.world).split([g.numel() for g in gradients])):
        p.grad = mean.view_as(g)


def whole(value: Any) -> Any:
    """A tensor gathered from all processes and copied to the CPU; every process has to call it. Others as they are."""
    if isinstance(value, DTensor):
        value = value.full_tensor()
    return value.detach().to("cpu", copy=True) if isinstance(value, Tensor) else value


def whole_on_first(value: Any) -> Any:
    """The same for the first process alone; others only take part, and get None for a tensor, since a copy is large."""
    if isinstance(value, DTensor):
        value = value.full_tensor()
    return None if isinstance(value, Tensor) and dist.is_initialized() and dist.get_rank() else whole(value)


def share_like(value: Tensor, parameter: Tensor) -> Tensor:
    """A whole tensor placed as a parameter is: shared out where that is."""
    value = value.to(parameter.device)
    if isinstance(parameter, DTensor) and value.shape == parameter.shape:
        return distribute_tensor(value, parameter.device_mesh, parameter.placements)
    return value
