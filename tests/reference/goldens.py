"""Reading the golden data: conversations to samples, ids back to the reference's form, differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lisa.types import Image, Sample, Target, Turn

Pictures = list[Image]
Golden = Callable[[str], Any]


def turns_of(conversation: str) -> tuple[Turn, ...]:
    """A conversation as the reference writes it → turns."""
    rounds = conversation.partition(" USER: ")[2].split("</s>USER: ")
    turns = []
    for text in rounds:
        instruction, _, answer = text.removesuffix("</s>").partition(" ASSISTANT:")
        instruction = instruction.removeprefix("<im_start><image><im_end>").removeprefix("<image>").removeprefix("\n")
        turns.append(Turn(instruction=instruction, answer=answer.removeprefix(" ") or None))
    return tuple(turns)


def sample_of(conversation: str, picture: Image, masks: list[np.ndarray] | None = None) -> Sample:
    """A conversation with a mask for every [SEG]; empty masks where none are given."""
    turns, given = [], iter(masks or [])
    for turn in turns_of(conversation):
        count = (turn.answer or "").count("[SEG]")
        empty = np.zeros(picture.shape[:2], np.bool_)
        targets = tuple(Target(mask=next(given, empty)) for _ in range(count))
        turns.append(Turn(instruction=turn.instruction, answer=turn.answer, targets=targets))
    return Sample(id="golden", image=picture, turns=tuple(turns))


def collapse(ids: list[int], image_id: int = 0, image_tokens: int = 256) -> list[int]:
    """Ids with the picture's tokens put back into the reference's single −200."""
    at = ids.index(image_id)
    assert ids[at : at + image_tokens] == [image_id] * image_tokens
    return [*ids[:at], -200, *ids[at + image_tokens :]]


def difference(a: Tensor, b: Tensor) -> float:
    """Largest absolute difference; 0 for two empty tensors of one shape."""
    assert a.shape == b.shape, (a.shape, b.shape)
    return float((a.detach().float() - b.detach().float()).abs().max()) if a.numel() else 0.0


def iou(a: Tensor | np.ndarray, b: Tensor | np.ndarray) -> float:
    a, b = torch.as_tensor(a), torch.as_tensor(b)
    return float((a & b).sum() / (a | b).sum().clamp(min=1)) if (a | b).any() else 1.0
