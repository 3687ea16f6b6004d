"""The embedded model, from nothing: `lisa train tiny`.

Draws its scenes, teaches both towers to see on dense labels, then trains answers and masks together with the loss
of LISA. About 2 h on two cores; the figures are in docs/models/tiny.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from lisa.config import ModelConfig, PartConfig

SQUARE = 256
WIDTHS, DEPTHS = [32, 64, 160], [1, 2, 4]

MODEL = ModelConfig(
    name="tiny",
    notice="This small model knows drawn scenes only; for photographs use published weights (`lisa get lisa-7b`).",
    vlm=PartConfig(
        family="tiny",
        options={
            "square": SQUARE,
            "width": 256,
            "layers": 5,
            "tower": {"widths": WIDTHS, "depths": DEPTHS, "layers": 2},
        },
    ),
    masker=PartConfig(
        family="conv",
        options={
            "square": SQUARE,
            "width": 128,
            "widths": WIDTHS,
            "depths": DEPTHS,
            "decoder": {"mlp_dim": 256, "num_attention_heads": 4, "iou_head_hidden_dim": 128},
        },
    ),
)


@dataclass(frozen=True, kw_only=True)
class TinyRecipe:
    """Every choice of the embedded model's training."""

    model: ModelConfig = field(default_factory=lambda: MODEL)
    tokenizer_seed: int = 1
    tokenizer_pictures: int = 3_000
    """Pictures whose dialogues make the vocabulary."""
    dense_seed: int = 2
    seg_seed: int = 3
    """Scenes of seeds 1–99 are for training, 100–199 for choosing, 200 and above for tests."""
    vocabulary: int = 2_000
    dense_steps: int = 1_500
    dense_pictures: int = 12
    """Pictures a step of the dense stage."""
    seg_steps: int = 1_600
    seg_pictures: int = 10
    dialogues: int = 6
    """Dialogues about each picture of a step."""
    seed: int = 1

    def to_json(self) -> dict[str, Any]:
        """As stored with a run."""
        from dataclasses import asdict

        return asdict(self)


def debug() -> TinyRecipe:
    """`lisa train tiny-debug`: every stage in two steps, to see that all of it runs."""
    return TinyRecipe(dense_steps=2, dense_pictures=2, seg_steps=2, seg_pictures=2, dialogues=2, tokenizer_pictures=40)
