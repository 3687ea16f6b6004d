"""The embedded model, broken in the ways that are reported most, and left whole in others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from lisa.geometry import Geometry, wide
from lisa.model import segmenter as module
from lisa.predictor import Predictor, load
from lisa.vlms.base import Generated


def wrong_seg_id(p: Predictor, patch: Any) -> None:
    p.segmenter.vlm.seg_token_id = 300
    p.segmenter.vlm.dialogue.seg_token_id = 300


def shifted_reading(p: Predictor, patch: Any) -> None:
    def own(ids: torch.Tensor, seg: int, reads: str) -> torch.Tensor:
        return ids == seg

    old = p.segmenter.vlm.generate

    def generate(*args: Any) -> list[Generated]:
        return [Generated(ids=g.ids, states=g.states.roll(-1, 0)) for g in old(*args)]

    patch.setattr(module, "seg_positions", own)
    p.segmenter.vlm.generate = generate


def padded_before_normalising(p: Predictor, patch: Any) -> None:
    old = p.segmenter.masker.encode

    def encode(pixels: torch.Tensor) -> torch.Tensor:
        pixels = pixels.clone()
        pixels[:, 3] = 1
        return old(pixels)

    p.segmenter.masker.encode = encode


def sides_exchanged(p: Predictor, patch: Any) -> None:
    def restore(self: Geometry, low: torch.Tensor) -> torch.Tensor:
        if low.shape[0] == 0:
            return low.new_zeros((0, *self.original))
        square = (self.square, self.square)
        full = torch.nn.functional.interpolate(wide(low)[:, None], square, mode="bilinear")
        w, h = self.resized
        return torch.nn.functional.interpolate(full[..., :h, :w], self.original, mode="bilinear")[:, 0]

    patch.setattr(Geometry, "restore", restore)


def colours_exchanged(p: Predictor, patch: Any) -> None:
    old = p.segmenter.encode
    p.segmenter.encode = lambda image: old(np.ascontiguousarray(image[..., ::-1]))


def lora_not_merged(p: Predictor, patch: Any) -> None:
    """What is left of the weights without a low-rank update of half their size."""
    rng = torch.Generator().manual_seed(0)
    for name, weight in p.segmenter.vlm.model.get_decoder().named_parameters():
        if "q_proj" in name or "v_proj" in name:
            a, b = (torch.randn(n, 8, generator=rng) for n in weight.shape)
            update = a @ b.T
            weight.data -= update * (1.5 * weight.norm() / update.norm())


def rows_cut(p: Predictor, patch: Any) -> None:
    for weight in {p.segmenter.vlm.model.get_input_embeddings().weight, p.segmenter.vlm.head.weight}:
        weight.data[len(weight) // 2 :] = 0


def words_alone(p: Predictor, patch: Any) -> None:
    old, seg = p.segmenter.vlm.generate, p.segmenter.vlm.seg_token_id

    def generate(*args: Any) -> list[Generated]:
        return [Generated(ids=g.ids[g.ids != seg], states=g.states[g.ids != seg]) for g in old(*args)]

    p.segmenter.vlm.generate = generate


def whole_pictures(p: Predictor, patch: Any) -> None:
    old = p.segmenter.masker.decode

    def decode(*args: Any) -> tuple[torch.Tensor, torch.Tensor]:
        low, iou = old(*args)
        return torch.full_like(low, 9.0), iou

    p.segmenter.masker.decode = decode


def blank(p: Predictor, patch: Any) -> None:
    old = p.segmenter.masker.decode

    def decode(*args: Any) -> tuple[torch.Tensor, torch.Tensor]:
        low, iou = old(*args)
        return torch.full_like(low, -9.0), iou

    p.segmenter.masker.decode = decode


def random_weights(p: Predictor, patch: Any) -> None:
    torch.manual_seed(0)
    for weight in p.segmenter.vlm.parameters():
        weight.data.normal_(0, 0.05)


BROKEN: dict[str, tuple[Callable[[Predictor, Any], None], str]] = {
    "wrong id": (wrong_seg_id, "[SEG] has the wrong id"),
    "shifted": (shifted_reading, "the state is read at the wrong token"),
    "padding": (padded_before_normalising, "pictures are padded before they are normalised"),
    "sides": (sides_exchanged, "height and width are exchanged at restoration"),
    "colours": (colours_exchanged, "red and blue are exchanged"),
    "lora": (lora_not_merged, "the language model is not the one that was trained"),
    "rows": (rows_cut, "rows of the vocabulary are missing at its end"),
    "words": (words_alone, "the model answers in words alone"),
    "whole": (whole_pictures, "every mask is the whole picture"),
    "blank": (blank, "every mask is blank"),
    "random": (random_weights, "the weights are random"),
}
"""Name → what breaks it, and the name of the fault."""


def plain(p: Predictor) -> None:
    pass


def half(p: Predictor) -> None:
    p.segmenter.to(torch.bfloat16)


def double(p: Predictor) -> None:
    p.segmenter.to(torch.float64)


def shaken(p: Predictor) -> None:
    """As after some steps of another training."""
    rng = torch.Generator().manual_seed(0)
    for weight in p.segmenter.parameters():
        weight.data += 0.02 * weight.std() * torch.randn(weight.shape, generator=rng) if weight.numel() > 1 else 0


def rounded(p: Predictor) -> None:
    """To 8 bits."""
    for weight in p.segmenter.parameters():
        scale = weight.abs().max() / 127
        weight.data = (weight / scale).round() * scale


SOUND: dict[str, Callable[[Predictor], None]] = {
    "plain": plain, "bf16": half, "float64": double, "shaken": shaken, "8 bits": rounded,
}  # fmt: skip


def tiny() -> Predictor:
    p = load("tiny")
    return Predictor(p.segmenter, name="tiny", notice=p.notice)
