"""A training of any segmenter, as one value: what it starts from, what is trained, on what, how long."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

from lisa.config import READS
from lisa.data.mixture import ORDERS
from lisa.errors import BadInput

CHOICES: Mapping[str, Sequence[str]] = {
    "order": ORDERS,
    "normalise": ("batch", "micro"),
    "optimizer": ("adamw", "muon"),
    "schedule": ("linear", "cosine", "constant"),
    "language": ("lora", "full", "none"),
    "embeddings": ("all", "seg", "none"),
    "reads": ("", *READS),
    "encoders": ("none", "masks", "both"),
    "quantise": ("none", "nf4"),
    "precision": ("bf16", "fp32"),
    "engine": ("ddp", "fsdp", "deepspeed"),
    "cache": ("none", "memory", "disk"),
    "tracker": ("none", "tensorboard", "trackio", "wandb"),
}
"""Field of a recipe → what it may be."""
AT_LEAST_ONE = (
    "steps", "samples", "micro", "log_every", "keep", "lora_rank", "lora_alpha", "evaluate_limit",
)  # fmt: skip
NOT_NEGATIVE = (
    "seed", "workers", "warmup", "per_picture", "max_length", "learning_rate", "weight_decay", "clip_norm", "spike",
    "text_weight", "bce_weight", "dice_weight", "cache_gb", "save_seconds", "evaluate_every",
)  # fmt: skip
BELOW_ONE = ("beta1", "beta2", "lora_dropout")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Every choice of a training. The defaults are the paper's 7B recipe, for any number of processes.

    Raises BadInput for a choice that there is not.
    """

    WORKED: ClassVar[tuple[str, ...]] = (
        "micro", "engine", "cache", "cache_gb", "workers", "checkpointing", "log_every", "tracker", "save_seconds",
        "keep",
    )  # fmt: skip
    """How a run is worked through, which may change when it goes on; `micro` where losses are means over the step."""
    start: str = "lisa-7b"
    """A model to go on from: "tiny", a checkpoint's folder or hub id; or "parts", for `llava`, `sam` and `clip`."""
    llava: str = ""
    """With start=parts: LLaVA's folder or hub id."""
    sam: str = ""
    """With start=parts: SAM's checkpoint file."""
    clip: str = ""
    """With start=parts: CLIP's folder or hub id."""

    data: dict[str, float] = field(
        default_factory=lambda: {"sem_seg": 9.0, "refer_seg": 3.0, "vqa": 3.0, "reason": 1.0}
    )
    """Dataset → how often it is drawn, against the others."""
    data_dir: str = "data"
    """The folder that holds the datasets."""
    order: str = "random"
    """"random" draws with replacement, as the reference does; "by_size" too, larger datasets the oftener by their size;
    "rounds" by the shares, too, but each dataset's samples once before any twice; "shuffled" all samples once before
    any twice, whatever dataset they are of."""
    augment: bool = False
    """Pictures are cropped, mirrored (with left and right in the words) and lit anew each time: for small sets."""
    named: bool = False
    """Answers name what they mask ("It is the dog [SEG]."), as a small model has to; the reference's do not."""
    per_picture: int = 0
    """Conversations about a picture at most, where its dataset has more to ask; 0: three, as the reference has it."""

    steps: int = 10_000
    samples: int = 160
    """Samples of one optimizer step, over all processes."""
    micro: int = 2
    """Samples of one forward."""
    normalise: str = "batch"
    """Losses are means over the step's whole "batch", or over each "micro" batch as in the reference."""
    optimizer: str = "adamw"
    """Or "muon": Muon at ten times the learning rate for matrices and kernels, AdamW for the rest; for small models."""
    learning_rate: float = 3e-4
    beta1: float = 0.9
    beta2: float = 0.95
    weight_decay: float = 0.0
    schedule: str = "linear"
    """After the warm-up: "linear" to zero, "cosine" or "constant"."""
    warmup: int = 100
    clip_norm: float = 1.0
    """Largest norm of a step's gradient; 0: any."""
    spike: float = 20.0
    """A step whose gradient is so many times the median of the last 50 is skipped; 0: none is."""
    text_weight: float = 1.0
    bce_weight: float = 2.0
    dice_weight: float = 0.5

    language: str = "lora"
    """"lora", "full" or "none"."""
    lora_rank: int = 8
    lora_alpha: int = 16
    lora_dropout: float = 0.05
    lora_targets: str = "q_proj,v_proj"
    embeddings: str = "all"
    """Rows of embed_tokens and lm_head that are trained: "all", "seg" or "none"."""
    mask_decoder: bool = True
    max_length: int = 512
    """Tokens, with the picture's, at which a conversation is cut where the start is in the published layout, as in the
    reference; 0: nowhere."""
    reads: str = ""
    """Which state becomes a mask's prompt: the one "before" [SEG], as the published layout has it, or its "own"; empty:
    as what it starts from."""
    encoders: str = "none"
    """Image encoders that are trained, too, as a small model needs on pictures of another kind: "none", "masks" (the
    mask side's) or "both"."""
    quantise: str = "none"
    """"nf4" keeps the frozen language model in 4 bits (QLoRA; extra `quant`)."""
    precision: str = "bf16"
    """"bf16" computes in bfloat16 with float32 weights where they are trained; "fp32"."""
    blend: float = 1.0
    """How far the result goes from the start's weights to the learned ones, every number in proportion; below 1 it
    forgets less and has learned less (WiSE-FT, arXiv 2109.01903). What is watched while it trains is always 1."""
    checkpointing: bool = True
    """Activations of the language model are computed again in the backward pass instead of kept."""

    engine: str = "ddp"
    """Of several processes: "ddp", "fsdp" or "deepspeed"."""
    cache: str = "memory"
    """Features of the frozen image encoder: "none", "memory" or "disk"."""
    cache_gb: float = 4.0
    """Largest size of the cache: on disk of all processes', in memory of each one's."""
    workers: int = 2
    seed: int = 1

    log_every: int = 10
    evaluate: str = ""
    """A dataset for a small free-running evaluation while training; several processes need engine=ddp for it."""
    evaluate_every: int = 500
    evaluate_limit: int = 64
    tracker: str = "none"
    """"tensorboard", "trackio" or "wandb" beside the run's own log."""
    save_seconds: float = 600.0
    keep: int = 2

    def __post_init__(self) -> None:
        for name, known in CHOICES.items():
            if (value := getattr(self, name)) not in known:
                raise BadInput(f"{name} is {' or '.join(k or 'empty' for k in known)}, not {value!r}")
        if few := [name for name in AT_LEAST_ONE if getattr(self, name) < 1]:
            raise BadInput(f"{few[0]} is 1 or more, not {getattr(self, few[0])}")
        if self.quantise != "none" and self.language == "full":
            raise BadInput("4-bit weights cannot be trained themselves: choose language=lora, or quantise=none")
        if wrong := [name for name in NOT_NEGATIVE if not 0 <= getattr(self, name) < math.inf]:
            raise BadInput(f"{wrong[0]} is 0 or more, not {getattr(self, wrong[0])}")
        if wrong := [name for name in BELOW_ONE if not 0 <= getattr(self, name) < 1]:
            raise BadInput(f"{wrong[0]} is 0 or more and below 1, not {getattr(self, wrong[0])}")
        if not 0 < self.blend <= 1:
            raise BadInput(f"blend is above 0 and at most 1, not {self.blend}")
        if not self.data or not all(0 < share < math.inf for share in self.data.values()):
            raise BadInput(f"data is datasets with shares above 0, such as {{world: 1.0}}, not {self.data}")
        if self.order == "shuffled" and len({*self.data.values()}) > 1:
            raise BadInput(f"order=shuffled takes all samples equally often: give {', '.join(self.data)} equal shares, "
                           "or choose order=rounds")  # fmt: skip
        if self.optimizer == "muon" and self.engine != "ddp":
            raise BadInput(f"optimizer=muon needs engine=ddp: with engine={self.engine} choose adamw")

    def to_json(self) -> dict[str, Any]:
        """As stored with a run."""
        return asdict(self)
