"""gIoU and cIoU: pixel counts exact, scores to the reference's float32 rounding, and exact when rounded like it."""

from __future__ import annotations

import numpy as np
import pytest
from goldens import Golden

from lisa.metrics.iou import IouState, intersection_union


@pytest.fixture(scope="module")
def masks(reference):
    arrays = np.load(reference / "metrics_masks.npz")
    return [(arrays[f"pred{k}"], arrays[f"target{k}"]) for k in range(len(arrays) // 2)]


def test_counts_exact(masks, golden: Golden):
    facts = golden("metrics.json")
    for (predicted, target), sample in zip(masks, facts["per_sample"], strict=True):
        intersection, union = intersection_union(predicted, target)
        assert intersection.tolist() == [m["intersection"][1] for m in sample["masks"]]
        assert union.tolist() == [m["union"][1] for m in sample["masks"]]


def test_scores(masks, golden: Golden):
    facts, state = golden("metrics.json"), IouState()
    for predicted, target in masks:
        state.update(predicted, target)
    assert (state.count, state.intersection, state.union) == (
        facts["count"],
        facts["total_intersection"][1],
        facts["total_union"][1],
    )
    scores = state.compute()
    assert scores["giou"] == pytest.approx(facts["giou"], abs=1e-7)
    assert scores["ciou"] == pytest.approx(facts["ciou"], abs=1e-8)


def test_exact_in_the_reference_s_arithmetic(masks, golden: Golden):
    """The reference adds in float32; from our counts the same arithmetic gives the same numbers."""
    facts, one, total, count = golden("metrics.json"), np.float32(1), np.float32(0), 0
    pixels = np.zeros(2, np.float32)
    for (predicted, target), sample in zip(masks, facts["per_sample"]):
        intersection, union = (x.astype(np.float32) for x in intersection_union(predicted, target))
        each = intersection / (union + np.float32(1e-5)) + one * (union == 0)
        mean = each.sum(dtype=np.float32) / np.float32(len(each))
        assert abs(float(mean) - sample["acc_iou"][1]) <= 1e-9
        total, count = total + mean * np.float32(len(each)), count + len(each)
        pixels += np.array([intersection.sum(), union.sum()], np.float32)
    assert abs(float(total / np.float32(count + 1e-5)) - facts["giou"]) <= 1e-9
    assert abs(float(pixels[0] / (pixels[1] + np.float32(1e-10))) - facts["ciou"]) <= 1e-9


def test_merge_is_a_sum(masks):
    whole, left, right = IouState(), IouState(), IouState()
    for i, (predicted, target) in enumerate(masks):
        whole.update(predicted, target)
        (left, right)[i % 2].update(predicted, target)
    left.merge(right)
    assert left.compute() == pytest.approx(whole.compute(), abs=1e-12)


def test_nothing_and_mismatch():
    assert IouState().compute() == {"giou": 0.0, "ciou": 0.0}
    state = IouState()
    state.update(np.zeros((0, 4, 4)), np.zeros((0, 4, 4)))
    assert state.count == 0
    with pytest.raises(ValueError, match="masks must"):
        state.update(np.zeros((1, 4, 4)), np.zeros((1, 4, 5)))
