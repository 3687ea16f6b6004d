"""DeepSpeed's ZeRO as one more engine: `accelerate launch --config_file zero3.yaml -m lisa train … engine=deepspeed`.

accelerate says what DeepSpeed is to do (stage, offloading); steps, batches, clipping and states stay the recipe's. A
state holds whole tensors, as with any other engine, so a run may change its engine between two starts.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from itertools import islice
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from lisa.errors import BadInput, Missing
from lisa.train.ranks import whole_on_first


def chosen() -> dict[str, Any]:
    """DeepSpeed's configuration as `accelerate launch` handed it over.

    Raises BadInput where this process was started otherwise, Missing where DeepSpeed is not installed.
    """
    if os.environ.get("ACCELERATE_USE_DEEPSPEED", "false") != "true":
        raise BadInput("engine=deepspeed is started by: accelerate launch --config_file zero3.yaml -m lisa train …")
    try:
        import deepspeed  # type: ignore[import-not-found]  # noqa: F401
    except ImportError as error:
        raise Missing("engine=deepspeed needs DeepSpeed: pip install 'lisa-seg[deepspeed]'") from error
    from accelerate import DeepSpeedPlugin

    return dict(DeepSpeedPlugin().deepspeed_config)  # type: ignore[attr-defined]


class Zero(nn.Module):
    """A step whose weights, gradients or optimizer states DeepSpeed shares out; called like the step itself."""

    def __init__(self, step: nn.Module, optimizer: torch.optim.AdamW, config: Mapping[str, Any], *, clip: float):
        """`optimizer`: goes on to hold learning rates and counts; its weights become DeepSpeed's flat shares."""
        import deepspeed  # type: ignore[import-not-found]

        super().__init__()
        buffers = {n for n, _ in step.named_buffers()}
        self.fixed: dict[str, Tensor] = {n: t for n, t in step.state_dict().items() if n in buffers}
        names = {id(p): n for n, p in step.named_parameters()}
        groups = [list(group["params"]) for group in optimizer.param_groups]
        self.sizes = [len(parameters) for parameters in groups]
        self.trained: list[tuple[str, nn.Parameter]] = [(names[id(p)], p) for group in groups for p in group]
        mine = {
            "train_micro_batch_size_per_gpu": 1,  # batches are the recipe's; DeepSpeed only asks to be told a number
            "gradient_accumulation_steps": 1,
            "gradient_clipping": clip,
            "zero_allow_untested_optimizer": True,
            "zero_force_ds_cpu_optimizer": False,  # or offloading refuses every optimizer but DeepSpeed's own
            "bf16": {"enabled": False},
            "fp16": {"enabled": False},
        }
        theirs = {k: v for k, v in config.items() if v != "auto" and k != "train_batch_size"}
        self.engine, *_ = deepspeed.initialize(model=step, optimizer=optimizer, config=_without_none(theirs | mine))
        self.optimizer = optimizer

    def forward(self, *args: Any) -> Any:
        """As the step's."""
        return self.engine(*args)

    def backward(self, loss: Tensor, *, last: bool) -> None:
        """Adds a micro-batch's gradients; `last` says that the step ends with it."""
        self.engine.set_gradient_accumulation_boundary(is_boundary=last)
        self.engine.backward(loss)

    def update(self) -> float:
        """Clips and steps; the gradient's norm before it was clipped."""
        self.engine.step()
        return float(self.engine.get_global_grad_norm() or 0.0)

    def state(self) -> dict[str, Any]:
        """Trained weights and buffers by name, and AdamW's state as torch writes it; every process has to call it."""
        from deepspeed import utils  # type: ignore[import-not-found]

        weights = {name: whole_on_first(utils.safe_get_full_fp32_param(p)) for name, p in self.trained}
        weights |= {name: whole_on_first(tensor) for name, tensor in self.fixed.items()}
        count = next((float(s["step"]) for s in self.optimizer.state.values() if "step" in s), 0.0)
        moments = {
            i: {k: whole_on_first(utils.safe_get_full_optimizer_state(p, k)) for k in ("exp_avg", "exp_avg_sq")}
            | {"step": torch.tensor(count)}
            for i, (_, p) in enumerate(self.trained)
        }
        numbers = iter(range(len(self.trained)))
        kept = [
            {k: v for k, v in group.items() if k != "params"} | {"params": list(islice(numbers, size))}
            for group, size in zip(self.optimizer.param_groups, self.sizes)
        ]
        return {"module": weights, "optimizers": [{"state": moments, "param_groups": kept}]}

    def restore(self, state: Mapping[str, Any], warm: Tensor) -> None:
        """Puts a state in. `warm`: a loss of any batch; DeepSpeed makes room for moments in a first step only.

        Raises BadInput when the state is of another model.
        """
        from deepspeed import zero  # type: ignore[import-not-found]

        if {*self.fixed, *(name for name, _ in self.trained)} != state["module"].keys():
            raise BadInput("the folder holds the run of another model: give another --out")
        saved = state["optimizers"][0]
        for group, before in zip(self.optimizer.param_groups, saved["param_groups"]):
            group.update({k: v for k, v in before.items() if k != "params"} | {"lr": 0.0})
        self.backward(0.0 * warm, last=True)
        self.update()
        for i, (name, p) in enumerate(self.trained):
            value = state["module"][name].to(p.device)
            with zero.GatheredParameters([p], modifier_rank=0):
                p.data.copy_(value)
            self._put(p, value, None)
            for key in ("exp_avg", "exp_avg_sq"):
                self._put(p, saved["state"][i][key].to(p.device), key)
        for name, tensor in self.fixed.items():
            tensor.copy_(state["module"][name])
        for values in self.optimizer.state.values():
            values["step"] = saved["state"][0]["step"].clone()

    def _put(self, parameter: nn.Parameter, value: Tensor, key: str | None) -> None:
        """A whole weight (or one of its moments) into this process's share of it."""
        from deepspeed import utils  # type: ignore[import-not-found]

        if not hasattr(parameter, "ds_id"):  # only ZeRO-3 gives its weights this
            whole = (parameter, value) if key is None else (parameter, value, key)
            (utils.safe_set_full_fp32_param if key is None else utils.safe_set_full_optimizer_state)(*whole)
            return
        size, rank, world = utils.safe_get_local_fp32_param(parameter).numel(), dist.get_rank(), dist.get_world_size()
        flat = torch.zeros(size * world, dtype=value.dtype, device=value.device)  # shares are even, the last one padded
        flat[: value.numel()] = value.flatten()
        mine = flat[rank * size : (rank + 1) * size]
        if key is None:
            utils.safe_set_local_fp32_param(parameter, mine)
        else:
            utils.safe_set_local_optimizer_state(parameter, mine, key)


def _without_none(config: Mapping[str, Any]) -> dict[str, Any]:
    """DeepSpeed takes a missing key, but no null."""
    return {k: _without_none(v) if isinstance(v, Mapping) else v for k, v in config.items() if v is not None}
