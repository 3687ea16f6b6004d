"""What a family's processor has to do: pictures to tensors, conversations to ids, ids to text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from torch import Tensor

from lisa.types import Image, Turn
from lisa.vlms.base import Prompt

IMAGE_TEXT = "image_text"
"""Key of a prepared picture, for the dialogue alone: what stands for it in a prompt, `[1, n]` UTF-8 bytes."""
IMAGE_TOKENS = "image_tokens"
"""Key of a prepared picture: how many of the prompt's tokens are replaced by its features, `[1]`."""


class Dialogue(Protocol):
    """The text and picture side of one VLM family; holds no weights."""

    seg_token_id: int
    pad_token_id: int
    stop_ids: tuple[int, ...]
    """Tokens that end an answer."""

    def prepare_image(self, image: Image) -> dict[str, Tensor]:
        """See `Vlm.prepare_image`."""
        ...

    def prepare_text(self, image: dict[str, Tensor], turns: Sequence[Turn]) -> Prompt:
        """See `Vlm.prepare_text`."""
        ...

    def decode(self, ids: Sequence[int]) -> str:
        """See `Vlm.decode`."""
        ...

    def save(self, folder: Path) -> None:
        """See `Vlm.save_files`."""
        ...
