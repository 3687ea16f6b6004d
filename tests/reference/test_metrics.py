"""gIoU and cIoU: pixel counts exact, scores to the reference's float32 rounding, and exact when rounded like it."""

from __future__ import annotations

import numpy as np
import pytest
from goldens import Golden

from lisa.evaluate.figures import Evaluation
from lisa.evaluate.rows import score
from lisa.metrics.iou import intersection_union
from lisa.segmentation import Segmentation
from lisa.types import Sample, Target, Turn


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
    """The figures of an evaluation; the reference adds 1e-5 to each union and to the count, which ours do not."""
    facts, rows = golden("metrics.json"), []
    for k, (predicted, target) in enumerate(masks):
        for p, t in zip(predicted, target):
            turn = Turn(instruction="?", targets=(Target(mask=t == 1, ignore=t == 255),))
            sample = Sample(id=str(k), image=np.zeros((*t.shape, 3), np.uint8), turns=(turn,))
            rows.append(score(sample, Segmentation.from_raw("[SEG]", p[None] != 0, size=t.shape), index=len(rows)))
    figures = Evaluation(rows).figures()
    assert len(rows) == facts["count"]
    assert sum(r.intersection for r in rows) == facts["total_intersection"][1]
    assert sum(r.union for r in rows) == facts["total_union"][1]
    assert figures["giou"].value == pytest.approx(facts["giou"], abs=1e-5)
    assert figures["ciou"].value == pytest.approx(facts["ciou"], abs=1e-7)


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


def test_mismatch():
    with pytest.raises(ValueError, match="masks must"):
        intersection_union(np.zeros((1, 4, 4)), np.zeros((1, 4, 5)))
