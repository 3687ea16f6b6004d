from __future__ import annotations

import dataclasses
import itertools
import json

import cv2
import numpy as np
import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lisa import rle
from lisa.answer_text import readable
from lisa.boxes import boxes_of
from lisa.drawing import COLORS, _outline, color_of, draw_masks
from lisa.errors import BadInput
from lisa.segmentation import Segmentation

KEYS = {"text", "raw_text", "masks", "spans", "phrases", "scores", "score_kind", "boxes", "size", "notice"}


def make(raw="It is the orange [SEG]. It is round.", count=1, size=(20, 30), image=True) -> Segmentation:
    masks = np.zeros((count, *size), bool)
    for index in range(count):
        masks[index, 2 + index : 9 + index, 3:11] = True
    picture = np.full((*size, 3), 90, np.uint8) if image else None
    return Segmentation.from_raw(raw, masks, np.linspace(0.5, 0.9, count), size=size, image=picture)


@pytest.mark.parametrize(
    ("raw", "text", "phrases"),
    [
        (
            "It is the orange [SEG]. It is rich in vitamin C.",
            "It is the orange. It is rich in vitamin C.",
            ["the orange"],
        ),
        ("Sure, it is [SEG] .</s>", "Sure, it is [1].", ["[1]"]),
        ("Sure, [SEG].", "Sure, [1].", ["[1]"]),
        ("They are [SEG] and [SEG].", "They are [1] and [2].", ["[1]", "[2]"]),
        ("It is Lisa [SEG].", "It is Lisa.", ["Lisa"]),
        (
            "The cat [SEG] sits on the mat[SEG]and sleeps.",
            "The cat sits on the mat and sleeps.",
            ["The cat", "the mat"],
        ),
        ("the person on the left [SEG]", "the person on the left", ["the person on the left"]),
        ("She stands on the box [SEG].", "She stands on the box.", ["the box"]),
        (
            "She is higher because she is on the ladder [SEG].",
            "She is higher because she is on the ladder.",
            ["the ladder"],
        ),
        (
            "It is the fence that protects the baby [SEG].",
            "It is the fence that protects the baby.",
            ["the fence that protects the baby"],
        ),
        ("Orange [SEG], banana [SEG]", "Orange, banana", ["Orange", "banana"]),
        ("[SEG]", "[1]", ["[1]"]),
        ("[SEG][SEG]", "[1] [2]", ["[1]", "[2]"]),
        ("the dog [SEG] [SEG]", "the dog [2]", ["the dog", "[2]"]),
        ("There is no zebra here.</s>", "There is no zebra here.", []),
        ("它是橙子 [SEG]。", "它是橙子。", ["橙子"]),
        ("狗[SEG]、猫[SEG]和车[SEG]。", "狗、猫和车。", ["狗", "猫", "车"]),
        ("好的，[SEG]。", "好的， [1]。", ["[1]"]),
        ("", "", []),
    ],
)
def test_readable_text(raw, text, phrases):
    got, spans = readable(raw)
    assert got == text
    assert [got[a:b] for a, b in spans] == phrases


WORDS = st.sampled_from(
    ["[SEG]", "the", "orange", "is", "It", ".", ",", "and", " ", "\n", "</s>", "on", "a", "橙", "🍊", "[1]", "(", ")"]
)


@given(st.lists(WORDS, max_size=20).map(" ".join) | st.lists(WORDS, max_size=20).map("".join) | st.text(max_size=60))
def test_spans_are_in_order_inside_the_text_and_never_empty(raw):
    text, spans = readable(raw)
    assert len(spans) == raw.count("[SEG]")
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(spans))
    assert all(text[a:b] == text[a:b].strip() for a, b in spans)
    assert "</s>" not in text and not text.endswith(" ")


def test_spelled_out_seg_stays_text():
    raw = 'You wrote "[SEG]", and it is the dog [SEG].'
    text, spans = readable(raw, [raw.rindex("[SEG]")])
    assert text == 'You wrote "[SEG]", and it is the dog.' and text[slice(*spans[0])] == "the dog"
    with pytest.raises(ValueError, match="no \\[SEG\\]"):
        readable(raw, [0])
    with pytest.raises(ValueError, match="one mask per"):
        Segmentation.from_raw(raw, np.zeros((1, 4, 4), bool))


def test_fields():
    result = make()
    assert result.text == "It is the orange. It is round."
    assert result.phrases == ("the orange",) and len(result) == 1 and result.size == (20, 30)
    assert result.boxes.tolist() == [[3, 2, 11, 9]]
    assert repr(result) == "Segmentation('It is the orange. It is round.', 1 mask, 20×30)"
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.text = ""  # type: ignore[misc]
    for array in (result.masks, result.scores, result.boxes, result.image):
        with pytest.raises(ValueError, match="read-only"):
            array[:] = 0


def test_no_masks():
    for masks in ([], np.zeros((0, 5, 7), bool)):
        result = Segmentation.from_raw("There is none.", masks, size=(5, 7))
        assert result.masks.shape == (0, 5, 7) and result.boxes.shape == (0, 4)
        assert Segmentation.from_dict(result.to_dict()).masks.shape == (0, 5, 7)


@pytest.mark.parametrize(
    "change",
    [
        {"masks": np.zeros((2, 20, 30), bool)},
        {"masks": np.zeros((1, 20, 30), np.uint8)},
        {"masks": np.zeros((1, 30, 20), bool)},
        {"scores": np.zeros(2, np.float32)},
        {"boxes": np.zeros((1, 5), np.float32)},
        {"spans": ((0, 999),)},
        {"spans": ((5, 2),)},
        {"image": np.zeros((3, 3, 3), np.uint8)},
    ],
)
def test_fields_that_do_not_fit(change):
    with pytest.raises(ValueError):
        dataclasses.replace(make(), **change)


MASKS = st.integers(1, 9).flatmap(
    lambda h: st.integers(1, 9).flatmap(
        lambda w: st.lists(st.lists(st.booleans(), min_size=h * w, max_size=h * w), min_size=1, max_size=3).map(
            lambda rows: np.array(rows, bool).reshape(-1, h, w)
        )
    )
)


@given(MASKS)
def test_boxes_are_tight_and_json_comes_back(masks):
    for mask, (x0, y0, x1, y1) in zip(masks, boxes_of(masks).astype(int)):
        inside = np.zeros_like(mask)
        inside[y0:y1, x0:x1] = True
        assert not (mask & ~inside).any()
        if mask.any():
            assert mask[:, x0].any() and mask[:, x1 - 1].any() and mask[y0].any() and mask[y1 - 1].any()
        else:
            assert (x0, y0, x1, y1) == (0, 0, 0, 0)
    result = Segmentation.from_raw("the cat [SEG] " * len(masks), masks)
    data = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert set(data) == KEYS and isinstance(data["masks"][0]["counts"], str)
    back = Segmentation.from_dict(data)
    np.testing.assert_array_equal(back.masks, masks)
    np.testing.assert_array_equal(back.boxes, result.boxes)
    assert (back.text, back.spans, back.phrases) == (result.text, result.spans, result.phrases)


@pytest.mark.parametrize(
    "damage", [{"masks": [{}]}, {"size": 3}, {"spans": []}, {"masks": [{"size": [1], "counts": 3}]}]
)
def test_damaged_json(damage):
    with pytest.raises(BadInput):
        Segmentation.from_dict({**make().to_dict(), **damage})
    with pytest.raises(BadInput):
        Segmentation.from_dict({})


def test_rle_is_cocos():
    from pycocotools import mask as coco

    mask = np.random.default_rng(0).random((13, 7)) > 0.5
    assert coco.area({"size": [13, 7], "counts": rle.encode(mask)["counts"].encode()}) == mask.sum()


def test_overlay_shows_the_mask_on_any_ground():
    for ground in (0, 90, 255, *COLORS):
        image = np.zeros((40, 60, 3), np.uint8) + np.array(ground, np.uint8)
        mask = np.zeros((1, 40, 60), bool)
        mask[0, 10:30, 15:45] = True
        drawn = np.asarray(draw_masks(image, mask)).astype(int)
        assert drawn.shape == image.shape and np.abs(drawn[20, 30] - image[0, 0].astype(int)).max() < 45
        for there in (drawn[20, 30], drawn[0, 0]):  # the thing as it is drawn, and the rest
            assert np.abs(drawn[7:11, 20:40] - there).max() > 60
        alone = np.asarray(draw_masks(image, mask, alpha=0, pale=0))
        assert (alone[0, 0] == image[0, 0]).all() and (alone[20, 30] == image[0, 0]).all()
        assert (np.asarray(draw_masks(image, np.zeros_like(mask))) == image).all()


@given(MASKS, st.integers(1, 4))
def test_lines_lie_around_a_mask_at_any_edge(masks, width):
    def grown(mask: np.ndarray, by: int) -> np.ndarray:
        height, width = mask.shape
        steps = itertools.product(range(2 * by + 1), repeat=2)
        return np.any([np.pad(mask, by)[y : y + height, x : x + width] for y, x in steps], axis=0)

    for mask in masks:
        drawn, expected = (np.full((*mask.shape, 3), 90, np.uint8) for _ in range(2))
        _outline(drawn, mask, (1, 2, 3), width)
        edge = grown(mask, width)
        expected[grown(edge, 1) & ~edge] = 0
        expected[edge & ~mask] = (1, 2, 3)
        expected[mask & grown(~mask, 1)] = 255
        np.testing.assert_array_equal(drawn, expected)


def test_a_line_costs_no_more_than_its_mask(monkeypatch):
    grown: list[int] = []
    dilate = cv2.dilate
    monkeypatch.setattr(cv2, "dilate", lambda pixels, kernel: grown.append(pixels.size) or dilate(pixels, kernel))
    mask = np.zeros((1, 1200, 1600), bool)
    mask[0, 500:520, 300:340] = True
    draw_masks(np.zeros((1200, 1600, 3), np.uint8), mask)
    assert grown and max(grown) < 5000


def test_overlay_options():
    result = make("the cat [SEG] and the dog [SEG]", count=2, size=(120, 160))
    assert isinstance(result.overlay(), PIL.Image.Image) and result.overlay().size == (160, 120)
    assert (np.asarray(result.overlay()) != np.asarray(result.overlay(labels=False))).any()
    with pytest.raises(ValueError):
        result.overlay(alpha=2)
    with pytest.raises(ValueError, match="image="):
        make(image=False).overlay()
    assert len({color_of(index) for index in range(20)}) == 20
    assert Segmentation.from_raw("[SEG]", np.ones((1, 1, 1), bool), image=np.zeros((1, 1, 3), np.uint8)).overlay()
