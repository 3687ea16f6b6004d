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
        family="pyramid",
        options={
            "square": SQUARE,
            "widths": WIDTHS,
            "depths": DEPTHS,
            "middle": 128,
            "features": 64,
            "prompt": 128,
            "embedding": 64,
            "layers": 3,
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
    dense_steps: int = 1_400
    dense_pictures: int = 12
    """Pictures a step of the dense stage."""
    seg_steps: int = 2_800
    seg_pictures: int = 8
    dialogues: int = 10
    """Dialogues about each picture of a step."""
    shares: dict[str, float] = field(
        default_factory=lambda: {
            "absent": 24.0,
            "plain": 10.0,
            "location": 14.0,
            "relation": 12.0,
            "part": 9.0,
            "multi_step": 10.0,
            "follow_up": 14.0,
        }
    )
    """Question kinds asked more often than by default: the ones that are learned last."""
    pieces: dict[str, float] = field(
        default_factory=lambda: {
            "stand_higher": 0.06,
            "named": 0.05,
            "dog_antlers": 0.04,
            "vitamin_c": 0.03,
            "baby_fence": 0.02,
        }
    )
    """Set piece → the share of the [SEG] stage's pictures arranged for it, beside those that are by chance."""
    seed: int = 1

    def to_json(self) -> dict[str, Any]:
        """As stored with a run."""
        from dataclasses import asdict

        return asdict(self)


def debug() -> TinyRecipe:
    """`lisa train tiny-debug`: every stage in two steps, to see that all of it runs."""
    return TinyRecipe(dense_steps=2, dense_pictures=2, seg_steps=2, seg_pictures=2, dialogues=2, tokenizer_pictures=40)
