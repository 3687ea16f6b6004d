"""What the segmenter may expect of every registered masker."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lisa.geometry import Geometry
from lisa.maskers.base import Masker
from lisa.recipes.tiny import MODEL
from lisa.registry import MASKERS, find, names

SAM: dict[str, Any] = {
    "vision": {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": 64,
        "patch_size": 16,
        "mlp_dim": 64,
        "output_channels": 32,
        "num_pos_feats": 16,
        "window_size": 2,
        "global_attn_indexes": [1],
    },
    "decoder": {"hidden_size": 32, "num_attention_heads": 2, "mlp_dim": 64, "iou_head_hidden_dim": 32},
}


def _registered(name: str) -> Any:
    small = {**MODEL.masker.options, "square": 64}
    own = {"sam": SAM, "pyramid": small, "match": small}
    return find("maskers", MASKERS, name)(own[name])  # another family brings its small options here


@pytest.fixture(scope="module", params=names("maskers", MASKERS))
def masker(request: pytest.FixtureRequest) -> Any:
    torch.manual_seed(0)
    return _registered(request.param).eval()


def picture(h: int, w: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (h, w, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def features(masker: Any) -> torch.Tensor:
    with torch.no_grad():
        return masker.encode(torch.stack([masker.prepare(picture(50, 64, i))[0] for i in range(3)]))


def test_it_is_a_masker(masker):
    assert isinstance(masker, Masker) and masker.prompt_width > 0


@given(h=st.integers(1, 300), w=st.integers(1, 300))
@settings(max_examples=25, deadline=None)
def test_a_picture_of_any_shape_comes_back_at_its_size(masker, h, w):
    pixels, geometry = masker.prepare(picture(h, w))
    assert pixels.shape == (4, geometry.square, geometry.square) and pixels.dtype == torch.uint8
    assert geometry.original == (h, w) and max(geometry.resized) == geometry.square
    assert geometry.restore(torch.randn(2, 16, 16)).shape == (2, h, w)


def test_one_mask_and_one_score_for_each_prompt(masker, features):
    prompts = torch.randn(5, masker.prompt_width)
    low_res, score = masker.decode(features, prompts, torch.tensor([0, 2, 2, 1, 0]))
    assert low_res.shape[0] == 5 and low_res.ndim == 3 and score.shape == (5,)
    assert low_res.isfinite().all() and score.isfinite().all()


def test_a_prompt_is_answered_on_its_own_picture_whatever_stands_beside_it(masker, features):
    prompts = torch.randn(4, masker.prompt_width)
    index = torch.tensor([1, 0, 1, 2])
    together, scores = masker.decode(features, prompts, index)
    for i in range(4):
        alone, score = masker.decode(features[index[i]][None], prompts[i][None], torch.tensor([0]))
        torch.testing.assert_close(alone[0], together[i], atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(score[0], scores[i], atol=1e-4, rtol=1e-4)
    elsewhere, _ = masker.decode(features, prompts, index.roll(1))
    assert not torch.allclose(elsewhere[0], together[0], atol=1e-3)


def test_prompts_make_a_difference(masker, features):
    low_res, _ = masker.decode(features, torch.randn(2, masker.prompt_width) * 3, torch.tensor([0, 0]))
    assert not torch.allclose(low_res[0], low_res[1], atol=1e-4)


def test_no_prompts_give_no_masks_and_keep_the_graph(masker, features):
    prompts = torch.zeros(0, masker.prompt_width, requires_grad=True)
    low_res, score = masker.decode(features, prompts, torch.zeros(0, dtype=torch.int64))
    assert low_res.shape[0] == 0 and score.shape == (0,)
    (low_res.sum() + score.sum() + prompts.sum()).backward()
    assert prompts.grad is not None


def test_gradients_reach_prompt_features_and_decoder(masker, features):
    prompts = torch.randn(2, masker.prompt_width, requires_grad=True)
    leaf = features.clone().requires_grad_()
    low_res, score = masker.decode(leaf, prompts, torch.tensor([0, 1]))
    (low_res.square().mean() + score.sum()).backward()
    assert prompts.grad is not None and float(prompts.grad.abs().max()) > 0
    assert leaf.grad is not None and float(leaf.grad[:2].abs().amax((1, 2, 3)).min()) > 0


@given(h=st.integers(8, 200), w=st.integers(8, 200), side=st.sampled_from([16, 32, 64]))
@settings(max_examples=50, deadline=None)
def test_a_mask_survives_the_way_into_the_square_and_back(h, w, side):
    geometry = Geometry.fit((h, w), 64)
    top, left = h // 4, w // 4
    mask = torch.zeros(1, h, w)
    mask[:, top : top + h // 2, left : left + w // 2] = 1
    back = geometry.restore(geometry.lower(mask, (side, side)) - 0.5) > 0
    assert back.shape == (1, h, w)
    if min(geometry.resized) >= 24 and side == 64:  # thinner pictures keep too few cells to compare
        true = mask > 0.5
        assert float((back & true).sum() / (back | true).sum()) > 0.75
