"""Pictures: uint8 exact, pixels within 1e-5."""

from __future__ import annotations

import numpy as np
import PIL.Image
import pytest
import torch
from goldens import Golden, Pictures, difference

from lisa.geometry import Geometry, normalised
from lisa.vlms.llava_v1 import ClipPixels


@pytest.mark.parametrize("k", range(3))
def test_uint8_exact(reference, pictures: Pictures, k: int):
    for ours, name in (
        (Geometry.fit(pictures[k].shape[:2], 1024).resize, "sam_resized"),
        (ClipPixels().crop, "clip_resized_cropped"),
    ):
        expected = np.asarray(PIL.Image.open(reference / "images" / f"img{k}_{name}_uint8.png").convert("RGB"))
        assert np.array_equal(ours(pictures[k]), expected)


@pytest.mark.parametrize("k", range(3))
def test_pixels(reference, segmenter, pictures: Pictures, golden: Golden, figures, k: int):
    arrays = np.load(reference / "preprocess.npz")
    facts = golden("golden_infer.json")["preprocess"][f"img{k}"]
    clip = segmenter.vlm.prepare_image(pictures[k])["pixel_values"][0]
    raw, geometry = segmenter.masker.prepare(pictures[k])
    sam = normalised(raw[None], torch.float32)[0]
    assert list(geometry.resized) == facts["sam_resize_hw"] and list(geometry.original) == facts["original_size_hw"]
    rh = geometry.resized[0]
    edge = sam[:, rh - 8 : min(rh + 8, 1024), geometry.resized[1] - 8 : min(geometry.resized[1] + 8, 1024)]
    found = {
        "clip": difference(clip, torch.from_numpy(arrays[f"clip_{k}"])),
        "sam": max(
            difference(sam[:, ::64, ::64], torch.from_numpy(arrays[f"sam_{k}_stride64"])),
            difference(sam[:, :32, :32], torch.from_numpy(arrays[f"sam_{k}_topleft32"])),
            difference(edge, torch.from_numpy(arrays[f"sam_{k}_edge"])),
        ),
    }
    figures("preprocessing", **found)
    assert max(found.values()) <= 1e-5
    assert abs(float(sam.double().abs().sum()) / facts["sam"]["abs_sum"] - 1) < 1e-6
    assert abs(float(clip.double().abs().sum()) / facts["clip"]["abs_sum"] - 1) < 1e-6


@pytest.mark.parametrize("size", [(1, 1), (1, 20000), (20000, 1), (3, 7), (224, 224), (225, 224)])
def test_any_size(segmenter, size: tuple[int, int]):
    image = np.full((*size, 3), 200, np.uint8)
    assert segmenter.vlm.prepare_image(image)["pixel_values"].shape == (1, 3, 224, 224)
    assert ClipPixels().crop(image).min() == 200
    assert segmenter.masker.prepare(image)[0].shape == (4, 1024, 1024)


def test_strips_are_cropped_like_other_pictures(monkeypatch: pytest.MonkeyPatch):
    image = np.random.default_rng(0).integers(0, 256, (40, 1500, 3), np.uint8)
    plain = ClipPixels().crop(image).astype(int)
    monkeypatch.setattr("lisa.vlms.llava_v1._LONGEST", 1000)
    assert np.abs(ClipPixels().crop(image).astype(int) - plain).max() <= 1
