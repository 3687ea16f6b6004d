"""Every metric against a definition that anybody can read. `make thorough` generates 20,000 cases for each."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lisa.evaluate.figures import Evaluation
from lisa.evaluate.rows import Overlap, Row, score
from lisa.metrics.boundary import boundary, boundary_overlap
from lisa.metrics.calibration import reliability
from lisa.metrics.detection import PrecisionState, matched
from lisa.metrics.iou import intersection_union, iou
from lisa.segmentation import Segmentation
from lisa.types import Sample, Target, Turn

many = settings(max_examples=int(os.environ.get("LISA_EXAMPLES", "150")), deadline=None)
shapes = st.tuples(st.integers(1, 12), st.integers(1, 12))
masks = shapes.flatmap(
    lambda s: st.tuples(
        arrays(np.uint8, s, elements=st.sampled_from((0, 1))),
        arrays(np.uint8, s, elements=st.sampled_from((0, 1, 255))),
    )
)


def plain_overlap(p, t) -> tuple[int, int]:
    both = either = 0
    for row in range(p.shape[0]):
        for column in range(p.shape[1]):
            if t[row, column] == 255:
                continue
            a, b = p[row, column] == 1, t[row, column] == 1
            both, either = both + (a and b), either + (a or b)
    return both, either


@many
@given(masks)
def test_intersection_and_union(pair):
    p, t = pair
    i, u = intersection_union(p[None], t[None])
    assert (int(i[0]), int(u[0])) == plain_overlap(p, t)


@many
@given(masks)
def test_a_row(pair):
    """gIoU and cIoU are the mean, and the ratio of sums, of what is checked here."""
    p, t = pair
    turn = Turn(instruction="?", targets=(Target(mask=t == 1, ignore=t == 255),))
    sample = Sample(id="a", image=np.zeros((*t.shape, 3), np.uint8), turns=(turn,))
    row = score(sample, Segmentation.from_raw("[SEG]", p[None] == 1, size=t.shape))
    i, u = plain_overlap(p, t)
    assert (row.intersection, row.union) == (i, u) and row.iou == (i / u if u else 1.0)
    assert row.given == int((p == 1).any()) and iou(p[None], t[None])[0] == row.iou


def plain_boundary(mask, distance: int):
    """The mask's pixels from which a walk of that many steps, as a chess king, can leave it."""
    h, w = mask.shape
    near = np.zeros_like(mask)
    for y, x in np.argwhere(mask):
        ys, xs = range(y - distance, y + distance + 1), range(x - distance, x + distance + 1)
        near[y, x] = any(not (0 <= v < h and 0 <= u < w) or not mask[v, u] for v in ys for u in xs)
    return near


@many
@given(masks, st.sampled_from((0.02, 0.1, 0.2)))
def test_boundary_iou(pair, dilation):
    p, t = pair[0] == 1, pair[1] == 1
    distance = max(round(dilation * float(np.hypot(*p.shape))), 1)
    near = [plain_boundary(m, distance) for m in (p, t)]
    assert np.array_equal(boundary(p, dilation=dilation), near[0])
    ignore = pair[1] == 255
    wanted = (near[0] & near[1] & ~ignore).sum(), (near[0] | near[1])[~ignore].sum()
    assert boundary_overlap(p, t, ignore, dilation=dilation) == wanted


@many
@given(st.data())
def test_average_precision(data):
    """Against precision at 101 recalls, looked up one by one."""
    count, wanted = data.draw(st.integers(0, 12)), data.draw(st.integers(1, 8))
    scores = data.draw(st.lists(st.floats(0, 1), min_size=count, max_size=count, unique=True))
    hits = data.draw(st.lists(st.booleans(), min_size=count, max_size=count).filter(lambda h: sum(h) <= wanted))
    state = PrecisionState()
    state.update(scores, hits, wanted)
    ordered = [h for _, h in sorted(zip(scores, hits), reverse=True)]
    points = [(sum(ordered[: k + 1]) / wanted, sum(ordered[: k + 1]) / (k + 1)) for k in range(count)]
    plain = [max((p for r, p in points if r >= recall), default=0.0) for recall in np.linspace(0.0, 1.0, 101)]
    assert state.compute() == pytest.approx(sum(plain) / 101, abs=1e-12)


@many
@given(st.integers(0, 5), st.integers(0, 5), st.data())
def test_each_instance_is_found_once_and_by_the_surest(given_masks, wanted, data):
    cells = st.floats(0, 1).map(lambda x: round(x, 3))
    ious = np.array([[data.draw(cells) for _ in range(wanted)] for _ in range(given_masks)]).reshape(
        given_masks, wanted
    )
    scores = data.draw(st.lists(st.floats(0, 1), min_size=given_masks, max_size=given_masks, unique=True))
    hits = matched(ious, scores, 0.5)
    assert sum(hits) <= min(given_masks, wanted)
    if given_masks and wanted:
        surest = int(np.argmax(scores))
        assert hits[surest] == bool((ious[surest] >= 0.5).any())


@many
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=30))
def test_calibration_error(pairs):
    scores, truths = [s for s, _ in pairs], [t for _, t in pairs]
    error, bins = reliability(scores, truths)
    plain = 0.0
    for k in range(10):
        own = [(s, t) for s, t in pairs if k == min(int(s * 10), 9)]
        if own:
            plain += len(own) * abs(sum(s for s, _ in own) / len(own) - sum(t for _, t in own) / len(own))
    assert error == pytest.approx(plain / len(pairs), abs=1e-12)
    assert sum(b.count for b in bins) == len(pairs)


def test_sums_of_10_12_pixels_do_not_drift():
    one = Row(id="a", group="", instruction="", expected="", answer="", overlaps=(overlap(10**12, 3 * 10**12),))
    rows = [one, replace(one, id="b", index=1, overlaps=(overlap(1, 1),))]
    assert Evaluation(rows).figures()["ciou"].value == (10**12 + 1) / (3 * 10**12 + 1)


def overlap(intersection: int, union: int) -> Overlap:
    return Overlap(intersection=intersection, union=union, near_intersection=0, near_union=0, area=1)


def test_average_precision_is_pycocotools():
    """Instances of several pictures through COCO's own code."""
    from pycocotools import mask as coco_mask
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    rng = np.random.default_rng(0)
    truth, found, images, state = [], [], [], PrecisionState()
    for image in range(1, 31):
        images.append({"id": image, "height": 40, "width": 40})
        boxes = [rng.integers(0, 25, 2) for _ in range(int(rng.integers(1, 5)))]
        wanted = [np.pad(np.ones((12, 12), np.uint8), ((y, 28 - y), (x, 28 - x))) for y, x in boxes]
        guesses = [np.roll(m, rng.integers(-6, 7, 2), (0, 1)) for m in wanted if rng.random() < 0.8]
        guesses += [
            np.pad(np.ones((9, 9), np.uint8), ((y, 31 - y), (x, 31 - x))) for y, x in rng.integers(0, 25, (2, 2))
        ]
        scores = rng.random(len(guesses)).tolist()
        for m in wanted:
            rle = coco_mask.encode(np.asfortranarray(m))
            truth.append(
                {
                    "id": len(truth) + 1,
                    "image_id": image,
                    "category_id": 1,
                    "iscrowd": 0,
                    "area": int(m.sum()),
                    "segmentation": rle,
                }
            )
        for m, s in zip(guesses, scores):
            found.append(
                {
                    "image_id": image,
                    "category_id": 1,
                    "score": s,
                    "segmentation": coco_mask.encode(np.asfortranarray(m)),
                }
            )
        overlaps = [intersection_union(np.stack([m] * len(wanted)), np.stack(wanted)) for m in guesses]
        ious = np.stack([i / u for i, u in overlaps]) if overlaps else np.zeros((0, len(wanted)))
        state.update(scores, matched(ious, scores, 0.5), len(wanted))
    data = COCO()
    data.dataset = {"images": images, "annotations": truth, "categories": [{"id": 1, "name": "a"}], "info": {}}
    data.createIndex()
    judge = COCOeval(data, data.loadRes(found), "segm")
    judge.evaluate()
    judge.accumulate()
    judge.summarize()
    assert state.compute() == pytest.approx(judge.stats[1], abs=1e-9)
