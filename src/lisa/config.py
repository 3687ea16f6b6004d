"""What a model is made of, as JSON beside its weights."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

FORMAT = "lisa"
"""The `format` field of `config.json` by which our own checkpoints are told."""


READS = ("before", "own")
"""Which state becomes a prompt: the one before [SEG], from which it was predicted, or [SEG]'s own."""


@dataclass(frozen=True, kw_only=True)
class PartConfig:
    """One side of the model: a registered family and the family's own options."""

    family: str
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """A whole segmenter."""

    vlm: PartConfig
    masker: PartConfig
    name: str = ""
    notice: str = ""
    """What the model cannot do, in one sentence shown to people; empty when there is nothing to say."""
    reads: str = READS[0]
    """Which state becomes a mask's prompt: the one "before" [SEG], as in all published weights, or its "own"."""

    def to_json(self) -> dict[str, Any]:
        """As written to `config.json`."""
        return {"format": FORMAT, **asdict(self)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> ModelConfig:
        """Reads what `to_json` wrote. Raises KeyError or TypeError on anything else."""
        return cls(
            vlm=PartConfig(**data["vlm"]),
            masker=PartConfig(**data["masker"]),
            name=data.get("name", ""),
            notice=data.get("notice", ""),
            reads=_known(data.get("reads", "before")),
        )


def _known(reads: str) -> str:
    if reads not in READS:
        raise TypeError(f"reads is one of {', '.join(READS)}, not {reads!r}")
    return reads
