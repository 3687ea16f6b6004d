"""Street photographs from nothing, through language: `lisa train camvid data_dir=FOLDER` (which holds `camvid`).

367 photographs teach a masker to see and to follow the name of a class; then questions teach a small language
side to answer and to say what is not there. `--minutes` gives each stage the steps that it has time for; figures of
such a run are in docs/data.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

from lisa.config import ModelConfig, PartConfig

SQUARE = 480
WIDTHS, DEPTHS = [32, 64, 160], [1, 2, 4]

MODEL = ModelConfig(
    name="camvid",
    notice="This small model knows the streets of CamVid only; for other photographs use published weights.",
    vlm=PartConfig(
        family="tiny",
        options={
            "square": 320,
            "width": 192,
            "layers": 4,
            "tower": {"widths": WIDTHS, "depths": DEPTHS, "layers": 1},
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
            "layers": 2,
        },
    ),
)


@dataclass(frozen=True, kw_only=True)
class CamvidRecipe:
    """Every choice of this training: crops teach the masker first, whole photographs last."""

    SHARES: ClassVar[Mapping[str, float]] = {
        "small_steps": 0.37, "large_steps": 0.24, "word_steps": 0.13, "seg_steps": 0.26,
    }  # fmt: skip
    """What `--minutes` gives to each stage."""
    model: ModelConfig = field(default_factory=lambda: MODEL)
    data_dir: str = "data"
    part: str = "train"
    """"seen" leaves the last photographs out, as the part "held", for choices that validation must not make."""
    small_steps: int = 930
    """Steps of 10 square crops, in a square of 256."""
    large_steps: int = 330
    """Steps of 5 nearly whole photographs, in 480."""
    word_steps: int = 900
    """Steps of the words alone of questions and answers about 6 photographs."""
    seg_steps: int = 900
    """Steps of 3 photographs, each asked about in three conversations."""
    vocabulary: int = 7_000
    """Large enough for most words to be one token."""
    seed: int = 1

    def to_json(self) -> dict[str, Any]:
        """As stored with a run."""
        return asdict(self)


def debug() -> CamvidRecipe:
    """`lisa train camvid-debug`: every stage in two steps, to see that all of it runs."""
    return CamvidRecipe(small_steps=2, large_steps=2, word_steps=2, seg_steps=2)
