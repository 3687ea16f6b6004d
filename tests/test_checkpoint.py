"""Weights in a file of their own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from small_model import SMALL, write_small

from lisa.errors import BadCheckpoint, TooLarge
from lisa.maskers import sam
from lisa.memory import memory_needed
from lisa.model import tensor_files
from lisa.model.checkpoint import WEIGHTS, _equal, _in_eight_bits, build, load, save
from lisa.model.doctor import examine
from lisa.model.tensor_files import write_tensors
from lisa.weights import SAME, SCALE, read_header, stored_as

TOWER = "vlm.model.model.vision_tower.trunk"
TRUNK = "masker.image_encoder.trunk"


def _twice(folder):
    write_small(folder)
    segmenter = build(SMALL, folder)
    segmenter.masker.image_encoder.trunk.load_state_dict(segmenter.vlm.model.model.vision_tower.trunk.state_dict())
    save(segmenter, SMALL, folder)
    return segmenter


def _twice_stored(segmenter):
    trunk = segmenter.get_submodule(TRUNK)
    return [name for name, p in trunk.named_parameters() if p.ndim > 1 and p.numel() >= 1024]


def test_two_copies_of_a_trunk_are_stored_once_and_loaded_apart(tmp_path):
    segmenter = _twice(tmp_path / "small")
    large = set(_twice_stored(segmenter))
    left_out = segmenter.state_dict().keys() - load_file(tmp_path / "small" / WEIGHTS).keys()
    assert large and {name.rpartition("trunk.")[2] for name in left_out} == large
    assert len(left_out) == len(large)
    loaded = load(tmp_path / "small", device=torch.device("cpu"), dtype=torch.float32)
    for name, tensor in loaded.state_dict().items():
        assert torch.equal(tensor, segmenter.state_dict()[name]), name
    with torch.no_grad():
        for name in large:
            loaded.get_submodule(TOWER).get_parameter(name).zero_()
    assert all(loaded.get_submodule(TRUNK).get_parameter(name).any() for name in large)


def test_the_doctor_finds_what_is_stored_under_another_name(tmp_path):
    segmenter = _twice(tmp_path / "small")
    header = read_header(tmp_path / "small" / WEIGHTS)
    assert header.keys() == segmenter.state_dict().keys()
    assert examine(tmp_path / "small").ok


def test_a_missing_tokenizer_is_told(tmp_path):
    folder = tmp_path / "small"
    write_small(folder)
    (folder / "tokenizer.json").unlink()
    with pytest.raises(BadCheckpoint, match="lisa doctor"):
        load(folder, device=torch.device("cpu"), dtype=torch.float32)


def test_a_full_disk_is_told_and_left_as_it_was(tmp_path, monkeypatch):
    def full(tensors, path, metadata):
        Path(path).write_bytes(b"half")
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    write_tensors(tmp_path / "a.safetensors", {"a": torch.ones(4)})
    monkeypatch.setattr(tensor_files, "save_file", full)
    with pytest.raises(TooLarge, match="free some space"):
        write_tensors(tmp_path / "a.safetensors", {"a": torch.zeros(4)})
    assert [p.name for p in tmp_path.iterdir()] == ["a.safetensors"]
    assert load_file(tmp_path / "a.safetensors")["a"].all()


def test_weights_are_as_readable_as_other_files(tmp_path):
    write_tensors(tmp_path / "a.safetensors", {"a": torch.ones(4)})
    (tmp_path / "plain").touch()
    assert (tmp_path / "a.safetensors").stat().st_mode == (tmp_path / "plain").stat().st_mode
    assert len(list(tmp_path.iterdir())) == 2


def test_sams_neck_stays_wide_in_fp16(tmp_path):
    vision = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 64, "patch_size": 16,
              "output_channels": 8, "mlp_dim": 16, "global_attn_indexes": [0]}  # fmt: skip
    masker = sam.build({"vision": vision, "decoder": {}}).half()
    masker.guard_fp16()
    neck = masker.image_encoder.neck
    assert {p.dtype for p in neck.parameters()} == {torch.float32}
    out = neck(torch.full((1, 4, 4, 16), 200.0, dtype=torch.float16))
    assert out.dtype == torch.float16 and out.isfinite().all()


def test_matrices_that_differ_by_a_factor_are_not_taken_for_one():
    rows = torch.randn(40, 40)
    narrow = _in_eight_bits({"a": rows, "b": 2 * rows, "c": rows.clone()})
    assert torch.equal(narrow["a"], narrow["b"]) and _equal(narrow) == {"c": "a"}


def test_eight_bits_halve_a_file_and_change_little(tmp_path):
    segmenter = _twice(tmp_path / "wide")
    save(segmenter, SMALL, tmp_path / "wide", dtype=torch.float16)
    save(segmenter, SMALL, tmp_path / "narrow", dtype=torch.float16, eight_bits=True)
    sizes = [(tmp_path / name / WEIGHTS).stat().st_size for name in ("wide", "narrow")]
    assert sizes[1] < 0.65 * sizes[0]
    loaded = load(tmp_path / "narrow", device=torch.device("cpu"), dtype=torch.float32).state_dict()
    rounded = set(load_file(tmp_path / "narrow" / WEIGHTS)) & {name[: -len(SCALE)] for name in _scales(tmp_path)}
    assert len(rounded) > 10
    for name, tensor in segmenter.state_dict().items():
        most = tensor.float().abs().amax() if tensor.numel() else torch.tensor(0.0)
        assert (loaded[name] - tensor).abs().max() <= most * 0.51 / 127, name
    again = load(tmp_path / "narrow", device=torch.device("cpu"), dtype=torch.float32)
    save(again, SMALL, tmp_path / "again", dtype=torch.float16, eight_bits=True)
    before, after = (load_file(tmp_path / name / WEIGHTS) for name in ("narrow", "again"))
    assert all(torch.equal(before[name], after[name]) for name in rounded)
    assert examine(tmp_path / "narrow").ok
    assert not any(name.endswith(SCALE) for name in read_header(tmp_path / "narrow" / WEIGHTS))
    wide, narrow = (memory_needed(tmp_path / name, "float32") for name in ("wide", "narrow"))
    assert narrow == wide == sum(t.numel() * t.element_size() for t in segmenter.state_dict().values())


def _scales(home):
    return [name for name in load_file(home / "narrow" / WEIGHTS) if name.endswith(SCALE)]


def test_a_scale_of_another_size_is_told(tmp_path):
    segmenter = _twice(tmp_path / "small")
    save(segmenter, SMALL, tmp_path / "narrow", eight_bits=True)
    tensors = load_file(tmp_path / "narrow" / WEIGHTS)
    tensors[_scales(tmp_path)[0]] = torch.ones(3)
    save_file(tensors, tmp_path / "narrow" / WEIGHTS)
    with pytest.raises(BadCheckpoint, match="do not load"):
        load(tmp_path / "narrow", device=torch.device("cpu"), dtype=torch.float32)


@pytest.mark.parametrize(("dtype", "mixed"), [(torch.float16, False), (torch.bfloat16, True)])
def test_both_copies_come_in_the_type_that_is_asked_for(tmp_path, dtype, mixed):
    segmenter = _twice(tmp_path / "small")
    loaded = load(tmp_path / "small", device=torch.device("cpu"), dtype=dtype, mixed=mixed).state_dict()
    for name in _twice_stored(segmenter):
        assert torch.equal(loaded[f"{TOWER}.{name}"].to(dtype), loaded[f"{TRUNK}.{name}"].to(dtype))


def test_a_name_that_the_model_does_not_know_costs_nothing(tmp_path):
    _twice(tmp_path / "small")
    path = tmp_path / "small" / WEIGHTS
    tensors, same = load_file(path), stored_as(path)
    extra = {f"extra.{i}": next(iter(tensors)) for i in range(100)}
    save_file(tensors, path, metadata={SAME: json.dumps(same | extra)})
    load(tmp_path / "small", device=torch.device("cpu"), dtype=torch.float32)


@pytest.mark.parametrize("same", ["[]", "3", "no JSON", '{"b": "c"}', '{"a": "a"}', '{"b": ["a"]}', '{"b": {"a": 1}}'])
def test_names_of_equal_tensors_that_lead_nowhere(tmp_path, same):
    save_file({"a": torch.zeros(4)}, tmp_path / "x.safetensors", metadata={SAME: same})
    with pytest.raises(BadCheckpoint, match="no whole safetensors file"):
        read_header(tmp_path / "x.safetensors")
    with pytest.raises(BadCheckpoint, match="no whole safetensors file"):
        stored_as(tmp_path / "x.safetensors")
    save_file({"a": torch.zeros(4)}, tmp_path / "y.safetensors", metadata={SAME: json.dumps({"b": "a"})})
    assert read_header(tmp_path / "y.safetensors").keys() == {"a", "b"}
