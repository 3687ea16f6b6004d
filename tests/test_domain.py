"""Pictures of another kind come with a notice."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lisa.errors import BadCheckpoint
from lisa.model.domain import DOMAIN, Domain, described
from lisa.predictor import FAR, Predictor, load
from lisa.segmentation import Segmentation
from lisa.world.sets import make_picture


def tokens(rng: torch.Generator, shift: float = 0.0) -> torch.Tensor:
    return torch.randn(64, 8, generator=rng) * torch.linspace(0.5, 2, 8) + shift


@pytest.fixture
def domain() -> Domain:
    rng = torch.Generator().manual_seed(0)
    return Domain.fit([tokens(rng) for _ in range(200)], [tokens(rng) for _ in range(200)])


def test_pictures_of_the_kind_are_within_and_others_beyond(domain):
    rng = torch.Generator().manual_seed(1)
    assert sum(domain.holds(tokens(rng)) for _ in range(300)) >= 285
    assert not any(domain.holds(tokens(rng, shift=1.0)) for _ in range(50))
    assert described(tokens(rng)).shape == (16,)


def test_it_lies_beside_the_weights(domain, tmp_path):
    assert Domain.load(tmp_path, width=8) is None
    domain.save(tmp_path)
    found = Domain.load(tmp_path, width=8)
    with pytest.raises(BadCheckpoint, match="does not fit the model"):
        Domain.load(tmp_path, width=9)
    sample = tokens(torch.Generator().manual_seed(2))
    assert found is not None and found.limit == pytest.approx(domain.limit)
    assert found.distance(sample) == pytest.approx(domain.distance(sample), rel=1e-2)
    (tmp_path / DOMAIN).write_bytes(b"not this")
    with pytest.raises(BadCheckpoint, match="take it from the same checkpoint"):
        Domain.load(tmp_path, width=8)


def test_answers_carry_the_notice():
    tiny = load("tiny")
    image = make_picture(212, 0).image
    features = tiny.segmenter.encode(image).vlm_features
    near = Domain(described(features), torch.eye(2 * features.shape[1]), 0.5)
    p = Predictor(tiny.segmenter, name="tiny", domain=near)
    assert p.segment(image, "Where is it?", max_new_tokens=4).notice == ""
    noise = np.random.default_rng(0).integers(0, 255, (60, 80, 3)).astype(np.uint8)
    result = p.chat(noise).ask("Where is it?", max_new_tokens=4)
    assert result.notice == FAR and "lisa get lisa-7b" in FAR
    assert Segmentation.from_dict(result.to_dict()).notice == FAR


def test_photographs_are_told_from_scenes(shared):
    photographs = sorted((shared / "data" / "coco_train128").rglob("*.jpg"))[:24]
    if not photographs:
        pytest.skip("needs the photographs in ../shared/data/coco_train128")
    tiny = load("tiny")
    assert sum(bool(tiny.encode(str(p)).notice) for p in photographs) >= 21
    assert sum(bool(tiny.encode(make_picture(322, k, "test").image).notice) for k in range(40)) <= 2
