"""bf16 against fp32: inside the noise that the reference itself shows between the two."""

from __future__ import annotations

import pytest
import torch
from goldens import iou

from lisa.model.legacy import load_legacy
from lisa.types import Turn


@pytest.fixture(scope="module")
def model(checkpoint):
    return load_legacy(checkpoint, dtype=torch.bfloat16)


@pytest.mark.parametrize("case", [0, 1])
def test_masks(model, pictures, infer, figures, case: int):
    facts, tensors = infer[0]["evaluate"][case], infer[1]
    noise = infer[0]["bf16_vs_fp32"]["cases"][case]
    image = model.encode(pictures[facts["image"]])
    answer = model.answer([image], [[Turn(instruction=facts["question"])]], 32)[0]
    logits = image.geometry.restore(answer.low_res_logits)
    assert logits.dtype == torch.float32
    assert answer.generated.ids.tolist() == facts["new_ids"]
    off = (logits - tensors[f"eval{case}.pred_masks"]).abs()
    overlap = [iou(a > 0, b > 0) for a, b in zip(logits, tensors[f"eval{case}.pred_masks"])]
    figures(f"bf16 case {case}", max=float(off.max()), mean=float(off.mean()), one_minus_iou=1 - min(overlap))
    figures(
        f"  reference's own {case}",
        max=noise["max_abs_diff"],
        mean=noise["mean_abs_diff"],
        one_minus_iou=1 - min(noise["iou"]),
    )
    # kernels of equal precision on another CPU move all three by this much, and both ways
    floor = infer[0]["bf16_vs_fp32"]["cases"]
    assert float(off.max()) <= 1.1 * max(c["max_abs_diff"] for c in floor)
    assert float(off.mean()) <= 1.5 * max(c["mean_abs_diff"] for c in floor)
    assert 1 - min(overlap) <= 1.5 * max(1 - min(c["iou"]) for c in floor)


def test_position_map_is_computed_in_bf16(model, segmenter, infer, figures):
    facts = infer[0]["bf16_vs_fp32"]
    off = (model.masker.position_map(64).float() - segmenter.masker.position_map(64)).abs()
    figures("bf16 position map", max=float(off.max()), mean=float(off.mean()))
    assert model.masker.position_map(64).dtype == torch.bfloat16
    assert float(off.max()) == pytest.approx(facts["dense_pe_max_abs_diff"], rel=1e-4)
    assert float(off.mean()) == pytest.approx(facts["dense_pe_mean_abs_diff"], rel=1e-4)
