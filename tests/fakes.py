"""A model that answers at once, for tests of everything around the model. Torch-free."""

from __future__ import annotations

import numpy as np

from lisa.images import MAX_PIXELS, open_image
from lisa.instructions import check_instruction
from lisa.segmentation import Segmentation


class FakePredictor:
    """Masks the left half, and says so."""

    def __init__(self, model: str = "tiny", **options: object) -> None:
        self.model, self.options, self.asked, self.limits = model, options, [], []

    def segment(
        self, image, instruction: str, *, max_new_tokens: int = 64, max_pixels: int = MAX_PIXELS
    ) -> Segmentation:
        self.asked.append((check_instruction(instruction), max_new_tokens))
        self.limits.append(max_pixels)
        pixels = open_image(image, max_pixels=max_pixels)
        mask = np.zeros((1, *pixels.shape[:2]), bool)
        mask[:, :, : max(1, pixels.shape[1] // 2)] = True
        return Segmentation.from_raw("It is the left half [SEG].", mask, [0.9], image=pixels)

    def chat(self, image, *, max_pixels: int = MAX_PIXELS) -> FakePredictor:
        self.limits.append(max_pixels)
        self.image = open_image(image, max_pixels=max_pixels)
        return self

    def ask(self, instruction: str, **options) -> Segmentation:
        return self.segment(self.image, instruction, **options)
