"""LLaVA's instruction data: conversations without masks, so that a model goes on talking while it learns to segment.

llava_dataset/llava_instruct_150k.json   [{"id", "image", "conversations": [{"from": "human" | "gpt", "value"}]}]
coco/train2017/*.jpg
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lisa.data.files import MALFORMED, inside, read_annotations
from lisa.errors import BadInput, Missing, shown
from lisa.images import open_image
from lisa.types import Sample, Turn


class LlavaChat:
    """Any file of that form."""

    def __init__(self, path: Path, pictures: Path) -> None:
        """`pictures`: the folder that `image` is relative to. Raises Missing, or BadInput with the record's number."""
        self.path, self.pictures = path, pictures
        rows = read_annotations(path)
        if not isinstance(rows, list) or not rows:
            raise Missing(f"{shown(path)} holds no conversations")
        self.rows: list[Any] = rows

    def __len__(self) -> int:
        return len(self.rows)

    def draw(self, index: int, rng: np.random.Generator) -> Sequence[Sample]:
        """See `Reader`: the one conversation of that number; `rng` has nothing to decide."""
        row = self.rows[index]
        try:
            turns, name = _turns(row["conversations"]), row["image"]
        except MALFORMED as error:
            raise BadInput(f"{shown(self.path)}, record {index}: {error} is missing or wrong") from error
        image = open_image(inside(self.pictures, name))
        return [Sample(id=f"llava/{index}", image=image, turns=turns, group="vqa")]


def _turns(said: Any) -> tuple[Turn, ...]:
    """Human and gpt by turns; the place of the picture in the text is dropped, it always comes first."""
    if not said or len(said) % 2 or any(s["from"] != ("human", "gpt")[i % 2] for i, s in enumerate(said)):
        raise ValueError("conversations, human and gpt by turns,")
    texts = [str(s["value"]).replace("<image>", "").strip() for s in said]
    return tuple(Turn(instruction=q, answer=a) for q, a in zip(texts[::2], texts[1::2]))
