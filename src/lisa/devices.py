"""The one place that names devices and number types."""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Iterator

import torch

from lisa.checks import check_device, check_dtype
from lisa.errors import BadInput


def pick_device(device: str | torch.device | None) -> torch.device:
    """The device asked for, or the best one here. Raises BadInput for one this machine does not have.

    Of several processes that a launcher started on one machine, each gets a GPU of its own.
    """
    name = check_device(str(device) if device is not None else None)
    if name is None:
        if torch.cuda.is_available():
            return torch.device("cuda", int(rank)) if (rank := os.environ.get("LOCAL_RANK")) else torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    chosen = torch.device(name)
    counts = {
        "cuda": torch.cuda.device_count(),
        "mps": int(torch.backends.mps.is_available()),
        "xpu": torch.xpu.device_count(),
        "cpu": 1,
    }
    if (chosen.index or 0) >= counts[chosen.type]:
        raise BadInput(f"this machine has no device {name!r}: use --device cpu, or leave it out")
    return chosen


def pick_gpu_or_cpu() -> torch.device:
    """A CUDA GPU where there is one: for trainings from nothing, which were never tried on other accelerators."""
    found = pick_device(None)
    return found if found.type == "cuda" else torch.device("cpu")


def name_of(device: torch.device) -> str:
    """What people call it: a GPU's model, otherwise its kind."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def pick_dtype(dtype: str | torch.dtype | None, device: torch.device) -> torch.dtype:
    """The number type asked for; without a wish float32 on CPUs and bfloat16 elsewhere."""
    if isinstance(dtype, torch.dtype):
        return dtype
    name = check_dtype(dtype)
    if name is None:
        return torch.float32 if device.type == "cpu" else torch.bfloat16
    return {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}[name]


def computes_bf16(device: torch.device) -> bool:
    """Whether bfloat16 is faster than float32 there; CPUs without instructions for it are many times slower."""
    if device.type == "cpu" and platform.machine().lower() in ("x86_64", "amd64"):
        return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return device.type != "cpu"


def pads_cheaply(device: torch.device) -> bool:
    """Whether computing padding costs less than another pass without it, as on GPUs, which wait for orders."""
    return device.type != "cpu"


def casts_small(device: torch.device) -> bool:
    """Whether autocast to bfloat16 speeds up a model of a few million weights: on GPUs it is mostly casts then."""
    return device.type == "cpu" and computes_bf16(device)


@contextlib.contextmanager
def small_float32(device: torch.device) -> Iterator[None]:
    """For models so small that a GPU takes longer to cast than to multiply: float32, in its matrix units' TF32."""
    before = torch.get_float32_matmul_precision()
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def own_device(device: torch.device, local_rank: int) -> tuple[torch.device, str]:
    """The device of one process among several on a machine, and the backend by which they talk."""
    if device.type != "cuda":
        return device, "gloo"
    chosen = torch.device("cuda", local_rank)
    torch.cuda.set_device(chosen)
    return chosen, "nccl"
