"""How much memory weights need and how much there is: asked before anything is loaded. Torch-free on the CPU."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from lisa.checks import check_dtype
from lisa.errors import LisaError, TooLarge, shown
from lisa.weights import ITEM_SIZES, read_header, read_json, weight_files

GIB = 1 << 30

MARGIN = GIB
"""Room beside the weights, for one picture and the libraries."""

FULL = (
    "the memory is full: take a smaller picture or model, a shorter conversation, or load it with dtype=bfloat16 "
    "(--dtype bfloat16) or, where a GPU is too small, with device=cpu (--device cpu)"
)
"""What to say when a question, not the weights, has filled the memory."""

_FULL_SAID = ("out of memory", "allocate memory", "ALLOC_FAILED")
_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
_CGROUP = Path("/sys/fs/cgroup")


def memory_total() -> int:
    """Bytes of memory this process may use at most: the machine's, or less inside a container."""
    import psutil

    return min(psutil.virtual_memory().total, _cgroup_limit())


def memory_free(device: Any = None) -> int:
    """Bytes free now for weights on a device: on the CPU what programs can still get, on CUDA the card's own."""
    if _on_card(device):
        import torch

        return torch.cuda.mem_get_info(device)[0]
    import psutil

    free = psutil.virtual_memory().available
    limit = _cgroup_limit()
    if limit < psutil.virtual_memory().total:
        free = min(free, limit - _cgroup_used())
    return max(free, 0)


def _on_card(device: Any) -> bool:
    """Whether a device has memory of its own that can be asked for."""
    return str(device).startswith("cuda")


def is_full(error: BaseException) -> bool:
    """Whether an error says that the memory is full: Python's own, or what torch raises on CPUs and GPUs."""
    said = isinstance(error, RuntimeError) and any(words in str(error) for words in _FULL_SAID)
    return said or isinstance(error, MemoryError)


def _cgroup_limit() -> int:
    with contextlib.suppress(OSError, ValueError):
        return int((_CGROUP / "memory.max").read_text())
    return 1 << 62


def _cgroup_used() -> int:
    """Anonymous memory only: cached files make way when memory is asked for."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        lines = (_CGROUP / "memory.stat").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("anon ")).split()[1])
    return 0


def memory_needed(folder: str | Path, dtype: Any = None) -> int:
    """Bytes of a checkpoint's weights once loaded. Reads headers, the config and file sizes only.

    Args:
        folder: the checkpoint.
        dtype: float32, bfloat16 or float16, as a string or torch's; None keeps each as stored.

    Raises:
        LisaError: there are no weights, or they cannot be read.
    """
    folder = Path(folder)
    wanted = _BYTES[name] if (name := _dtype_name(dtype)) else None
    total = 0
    for path in weight_files(folder):
        if path.suffix == ".safetensors":
            for tensor in read_header(path).values():
                floating = tensor.scaled or tensor.dtype in ("F64", "F32", "F16", "BF16")
                stored = _BYTES["float32"] if tensor.scaled else ITEM_SIZES[tensor.dtype]
                total += tensor.count * (wanted if wanted and floating else stored)
        else:
            size = path.stat().st_size
            total += size * wanted // _stored_bytes(folder) if wanted else size
    return total


def check_fits(
    folder: str | Path, dtype: Any = None, device: Any = None, *, name: str | None = None, extra: int = 0
) -> int:
    """Sees before loading whether a checkpoint fits; returns the bytes its weights need.

    Args:
        folder: the checkpoint.
        dtype: the type it will be loaded in; None is as stored.
        device: where it will be loaded, as a string or torch's; None is the CPU.
        name: what the person called it, for the message.
        extra: bytes needed beside it, such as CLIP's.

    Raises:
        TooLarge: it does not fit; the message names the smaller choice.
    """
    need = memory_needed(folder, dtype) + extra
    have = memory_free(device)
    # a model of some megabytes needs no gigabyte beside it
    if need + min(MARGIN, need) <= have:
        return need
    where = f"memory on {device}" if _on_card(device) else "memory"
    raise TooLarge(
        f"{shown(name or folder)} needs {need / GIB:.1f} GiB of {where}, {have / GIB:.1f} GiB is free: "
        f"{_smaller(Path(folder), dtype, device, name or str(folder), have, extra)}"
    )


def _smaller(folder: Path, dtype: Any, device: Any, name: str, have: int, extra: int) -> str:
    need, half = memory_needed(folder, dtype), memory_needed(folder, "bfloat16")
    if half < need and half + extra + min(MARGIN, half) <= have:
        return "load it with dtype=bfloat16 (--dtype bfloat16)"
    if _on_card(device) and need + extra + min(MARGIN, need) <= memory_free():
        return "load it with device=cpu (--device cpu): slower, but this machine's own memory holds it"
    if "13b" in name.lower() and have > 16 * GIB:
        return "take lisa-7b, or close other programs"
    return "take tiny, the model in the package, or close other programs"


def _dtype_name(dtype: Any) -> str | None:
    return None if dtype is None else check_dtype(str(dtype))


def _stored_bytes(folder: Path) -> int:
    """Bytes per number in `.bin` files, as the config says; published LISA checkpoints are half precision."""
    with contextlib.suppress(LisaError):
        config = read_json(folder / "config.json")
        return _BYTES.get(str(config.get("dtype") or config.get("torch_dtype")).removeprefix("torch."), 2)
    return 2
