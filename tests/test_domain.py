"""Pictures of another kind come with a notice."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from lisa.errors import BadCheckpoint
from lisa.geometry import Geometry
from lisa.model.domain import DOMAIN, Domain, beyond, described
from lisa.model.segmenter import EncodedImage
from lisa.predictor import FAR, Predictor, load
from lisa.segmentation import Segmentation
from lisa.world.sets import make_picture


def seen(rng: torch.Generator, shift: float = 0.0, spread: float = 1.0) -> EncodedImage:
    """A picture as both sides could see it; of the second side's features one never changes."""
    tokens = torch.randn(64, 8, generator=rng) * torch.linspace(0.5, 2, 8) + shift
    features = torch.randn(1, 4, 12, 12, generator=rng) * torch.tensor([spread, 2.0, 0.01, 0.0])[:, None, None]
    return EncodedImage(inputs={}, vlm_features=tokens, mask_features=features, geometry=Geometry.fit((64, 64), 64))


@pytest.fixture
def domain() -> Domain:
    rng = torch.Generator().manual_seed(0)
    first, second = (torch.stack([described(seen(rng)) for _ in range(200)]) for _ in range(2))
    return Domain.fit(first, second)


def test_pictures_of_the_kind_are_within_and_others_beyond(domain):
    rng = torch.Generator().manual_seed(1)
    assert sum(domain.holds(seen(rng)) for _ in range(300)) >= 285
    assert not any(domain.holds(seen(rng, shift=1.0)) for _ in range(50))
    assert not any(domain.holds(seen(rng, spread=2.0)) for _ in range(50))
    assert described(seen(rng)).shape == (20,)


@pytest.mark.parametrize(("count", "may"), [(2, 0), (149, 0), (236, 1), (400, 3), (1000, 12), (5000, 83)])
def test_the_limit_keeps_what_is_promised_in_nineteen_of_twenty_cases(count, may):
    assert beyond(count) == may
    drawn = np.random.default_rng(0).binomial(count, 0.02, 100_000)  # beyond a limit that keeps no more than 0.98
    assert may == 0 or np.mean(drawn <= may) <= 0.051 < np.mean(drawn <= may + 1)


def test_it_lies_beside_the_weights(domain, tmp_path):
    segmenter = SimpleNamespace(encode=lambda image: seen(torch.Generator()))
    assert Domain.load(tmp_path, segmenter) is None  # type: ignore[arg-type]
    domain.save(tmp_path)
    found = Domain.load(tmp_path, segmenter)  # type: ignore[arg-type]
    with pytest.raises(BadCheckpoint, match="does not fit the model"):
        Domain.load(tmp_path, load("tiny").segmenter)
    sample = described(seen(torch.Generator().manual_seed(2)))
    assert found is not None and found.limit == pytest.approx(domain.limit)
    assert float(found.distance(sample)) == pytest.approx(float(domain.distance(sample)), rel=1e-2)
    (tmp_path / DOMAIN).write_bytes(b"not this")
    with pytest.raises(BadCheckpoint, match="take it from the same checkpoint"):
        Domain.load(tmp_path, segmenter)  # type: ignore[arg-type]


def test_answers_carry_the_notice():
    tiny = load("tiny")
    image = make_picture(212, 0).image
    features = described(tiny.segmenter.encode(image))
    near = Domain(features, torch.eye(len(features)), 0.5)
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
