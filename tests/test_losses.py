"""The losses against plain numpy, on generated inputs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lisa.model.losses import bce_per_mask, dice_per_mask, mask_losses, score_loss, text_loss

SHAPES = hnp.array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=9)
LOGITS = st.floats(-30, 30, width=32)


@st.composite
def masks(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    shape = draw(SHAPES)
    return draw(hnp.arrays(np.float32, shape, elements=LOGITS)), draw(hnp.arrays(np.bool_, shape))


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x.astype(np.float64)))


@given(masks())
@settings(max_examples=60, deadline=None)
def test_bce_is_the_mean_surprise_of_pixels(pair):
    logits, target = pair
    p = _sigmoid(logits)
    own = -np.log(np.clip(np.where(target, p, 1 - p), 1e-300, None)).mean((1, 2))
    got = bce_per_mask(torch.from_numpy(logits), torch.from_numpy(target)).numpy()
    np.testing.assert_allclose(got, own, rtol=1e-4, atol=1e-5)


@given(masks())
@settings(max_examples=60, deadline=None)
def test_dice_counts_overlap_twice(pair):
    logits, target = pair
    p = _sigmoid(logits)
    own = 1 - (2 * (p * target).sum((1, 2)) / 1000 + 1e-6) / (p.sum((1, 2)) / 1000 + target.sum((1, 2)) / 1000 + 1e-6)
    got = dice_per_mask(torch.from_numpy(logits), torch.from_numpy(target)).numpy()
    np.testing.assert_allclose(got, own, rtol=1e-4, atol=1e-5)


@given(masks(), st.integers(1, 4))
@settings(max_examples=30, deadline=None)
def test_how_masks_are_spread_over_pictures_does_not_matter(pair, pieces):
    logits, target = (torch.from_numpy(x) for x in pair)
    whole = mask_losses([logits], [target])
    split = mask_losses(list(logits.chunk(pieces)), list(target.chunk(pieces)))
    for a, b in zip(whole, split):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


def test_no_mask_costs_nothing_and_stays_in_the_graph():
    empty = torch.zeros(0, 4, 4, requires_grad=True)
    bce, dice = mask_losses([empty], [torch.zeros(0, 4, 4)])
    (bce + dice).backward()
    assert float(bce.detach()) == float(dice.detach()) == 0 and empty.grad is not None


@given(st.integers(1, 6), st.integers(2, 9), st.integers(0, 2**31))
@settings(max_examples=40, deadline=None)
def test_text_loss_is_the_mean_over_supervised_tokens(tokens, words, seed):
    rng = np.random.default_rng(seed)
    logits, labels = rng.normal(size=(tokens, words)), rng.integers(0, words, tokens)
    odds = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    got = text_loss(torch.from_numpy(logits).float(), torch.from_numpy(labels))
    np.testing.assert_allclose(float(got), -odds[np.arange(tokens), labels].mean(), rtol=1e-4)


def test_nothing_to_say_costs_nothing():
    logits = torch.zeros(0, 5, requires_grad=True)
    loss = text_loss(logits, torch.zeros(0, dtype=torch.int64))
    loss.backward()
    assert float(loss.detach()) == 0 and logits.grad is not None


def test_the_score_is_compared_with_the_true_iou():
    logits = torch.tensor([[[1.0, 1.0], [-1.0, -1.0]], [[1.0, -1.0], [-1.0, -1.0]]])
    target = torch.tensor([[[1, 0], [0, 0]], [[1, 0], [0, 0]]]).bool()
    assert float(score_loss([torch.tensor([0.5, 1.0])], [logits], [target])) == pytest.approx(0.0)
    assert float(score_loss([torch.tensor([1.0, 0.0])], [logits], [target])) == pytest.approx((0.25 + 1.0) / 2)
