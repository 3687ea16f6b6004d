from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from checkpoints import edit_json, edit_weights, published, write_evil_pickle
from safetensors.numpy import load_file

from lisa.errors import BadCheckpoint, LisaError, Missing
from lisa.model.doctor import BLANK, Report, examine
from lisa.model.expected import expected_shapes, manifest
from lisa.model.seg_token import find_seg
from lisa.weights import read_header, weight_files

PROJECTOR = "model.text_hidden_fcs.0.0.weight"
DECODER = "model.visual_model.mask_decoder.mask_tokens.weight"


@pytest.fixture
def folder(shared, tmp_path) -> Path:
    return published(shared, tmp_path / "tiny")


@pytest.fixture
def native(tmp_path) -> Path:
    """A checkpoint in our own layout, never trained."""
    import torch

    from lisa.model.checkpoint import build, save
    from lisa.recipes.tiny import MODEL
    from lisa.vlms.tiny import train_tokenizer

    folder = tmp_path / "native"
    folder.mkdir()
    train_tokenizer(["which food is the orange", "it is the orange"], 300).save(str(folder / "tokenizer.json"))
    torch.manual_seed(0)
    save(build(MODEL, folder), MODEL, folder, dtype=torch.float16)
    return folder


def titles(report: Report) -> str:
    return " | ".join(finding.title for finding in report.findings)


def test_a_good_checkpoint(folder):
    report = examine(folder)
    assert report.ok and not report.findings
    text = report.render()
    assert "id 512" in text and "can work" in text and len(text.splitlines()) < 25


def test_a_good_checkpoint_as_torch_shards(folder):
    import torch

    tensors = {key: torch.from_numpy(value.copy()) for key, value in load_file(folder / "model.safetensors").items()}
    (folder / "model.safetensors").unlink()
    names = sorted(tensors)
    shards = {"pytorch_model-00001-of-00002.bin": names[:100], "pytorch_model-00002-of-00002.bin": names[100:]}
    for file, keys in shards.items():
        torch.save({key: tensors[key].bfloat16() for key in keys}, folder / file)
    index = {"weight_map": {key: file for file, keys in shards.items() for key in keys}}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index))
    report = examine(folder)
    assert report.ok and not report.findings, report.render()
    (folder / "pytorch_model-00002-of-00002.bin").unlink()
    with pytest.raises(Missing, match="shard"):
        examine(folder)


def _drop(*parts):
    return lambda tensors: [tensors.pop(key) for key in list(tensors) if any(part in key for part in parts)]


def _set(key, value):
    def change(tensors):
        tensors[key] = np.full_like(tensors[key], value)

    return change


def _row(key, index, value):
    def change(tensors):
        tensors[key] = tensors[key].copy()
        tensors[key][index] = value

    return change


def _fresh(tensors):
    bound = 64**-0.5
    shape = tensors[PROJECTOR].shape
    tensors[PROJECTOR] = np.random.default_rng(0).uniform(-bound, bound, shape).astype(np.float32)


def _short(tensors):
    tensors["model.embed_tokens.weight"] = tensors["model.embed_tokens.weight"][:512]


@pytest.mark.parametrize(
    ("change", "words", "blank", "ok"),
    [
        (_drop("text_hidden_fcs"), "no [SEG] projector", True, False),
        (_drop("mask_decoder"), "no mask decoder", True, False),
        (_drop(DECODER), "1 weight is missing", True, False),
        (_drop("model.layers.1.mlp"), "3 weights are missing", False, False),
        (_drop("inv_freq"), "", False, True),
        (_set(PROJECTOR, 0.0), "same number", True, False),
        (_set(DECODER, np.nan), "NaN", True, False),
        (_set("model.layers.0.mlp.up_proj.weight", np.inf), "NaN", False, False),
        (_row("model.embed_tokens.weight", 512, 0.0), "row of [SEG] is empty", True, False),
        (_row("lm_head.weight", 512, 0.0), "row of [SEG] is empty", True, False),
        (_short, "outside the vocabulary", True, False),
        (_fresh, "looks untrained", True, True),
        (lambda tensors: tensors.update(extra=np.ones(3, np.float32)), "not known", False, True),
        (lambda tensors: tensors.update({DECODER: np.eye(5, 256, dtype=np.float32)}), "wrong shape", False, False),
    ],
)
def test_damaged_weights(folder, change, words, blank, ok):
    edit_weights(folder, change)
    report = examine(folder)
    assert words in titles(report) and report.ok is ok, report.render()
    assert (BLANK in titles(report)) is blank
    assert len(report.render().splitlines()) < 40
    assert all(finding.advice for finding in report.findings)


@pytest.mark.parametrize(
    ("file", "changes", "words"),
    [
        ("added_tokens.json", {"[SEG]": None}, "[SEG] is not known"),
        ("added_tokens.json", {"[SEG]": 900}, "outside the vocabulary"),
        ("added_tokens.json", {"[SEG]": 513}, "several ids"),
        ("added_tokens.json", {"[SEG]": 512, "<more>": 515}, "tokenizer and weights do not fit"),
        ("config.json", {"vocab_size": 512}, "outside the vocabulary"),
        ("config.json", {"vocab_size": 600}, "several sizes"),
    ],
)
def test_a_tokenizer_of_another_checkpoint_is_named(folder, file, changes, words):
    edit_json(folder / file, **changes)
    report = examine(folder)
    assert not report.ok and words in titles(report) and BLANK in titles(report), report.render()


@pytest.mark.parametrize("changes", [{"hidden_size": None}, {"hidden_size": "wide"}, {"num_hidden_layers": 2}])
def test_a_config_of_another_model(folder, changes):
    edit_json(folder / "config.json", **changes)
    report = examine(folder)
    assert report.ok is (changes == {"num_hidden_layers": 2}) and report.findings


def test_files_that_disagree(folder):
    (folder / "tokenizer.json").write_text(json.dumps({"added_tokens": [{"content": "[SEG]", "id": 511}]}))
    assert "several ids" in titles(examine(folder))
    assert find_seg(folder).sources == ("added_tokens.json", "tokenizer.json")


@pytest.mark.parametrize("zipped", [True, False])
def test_a_malicious_pickle_is_not_run(folder, tmp_path, zipped):
    (folder / "model.safetensors").unlink()
    marker = tmp_path / "ran"
    write_evil_pickle(folder / "pytorch_model.bin", marker, zipped=zipped)
    with pytest.raises(BadCheckpoint, match=r"not run|damaged"):
        examine(folder)
    assert not marker.exists()


@pytest.mark.parametrize("file", ["config.json", "model.safetensors", "tokenizer.model", "added_tokens.json"])
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff" * 64, b"PK\x03\x04", None])
def test_damaged_files_are_errors_not_crashes(folder, file, content):
    (folder / file).unlink() if content is None else (folder / file).write_bytes(content)
    try:
        report = examine(folder)
    except LisaError as error:
        assert "\n" not in str(error)
    else:
        assert not report.ok or (file == "tokenizer.model" and content in (None, b"")), report.render()


def test_an_index_that_points_elsewhere(folder, tmp_path):
    (folder / "model.safetensors").unlink()
    index = {"weight_map": {"a": "../../etc/passwd"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(BadCheckpoint, match="outside"):
        weight_files(folder)


def test_headers_that_lie(tmp_path):
    path = tmp_path / "model.safetensors"
    for header in (
        {"a": {"dtype": "F32", "shape": [9], "data_offsets": [0, 4]}},
        {"a": {"dtype": "F32", "shape": [100], "data_offsets": [0, 400]}},
        {"a": {"dtype": "X", "shape": [1], "data_offsets": [0, 4]}},
        {"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, -4]}},
        {"a": 3},
        [],
    ):
        body = json.dumps(header).encode()
        path.write_bytes(len(body).to_bytes(8, "little") + body + bytes(4))
        with pytest.raises(BadCheckpoint):
            read_header(path)


def test_samples_of_half_precision(tmp_path):
    import torch
    from safetensors.torch import save_file

    values = torch.linspace(-3, 3, 50).reshape(5, 10)
    save_file({"b": values.bfloat16(), "h": values.half()}, tmp_path / "model.safetensors")
    header = read_header(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(header["b"].sample(10, 20), values.bfloat16().float().flatten()[10:30].numpy())
    np.testing.assert_array_equal(header["h"].sample(0, 50), values.half().float().flatten().numpy())


@pytest.mark.parametrize("size", ["7b", "13b"])
def test_shipped_key_lists_are_the_published_ones(shared, size):
    golden = json.loads((shared / "reference" / f"manifest_{size}.json").read_text())["saved_in_checkpoint"]
    assert manifest(size) == {key: tuple(shape) for key, (shape, _) in golden.items()}
    config = json.loads((shared / "reference" / f"config_{size}.json").read_text())
    expected = expected_shapes(config, {})
    assert expected == {key: shape for key, shape in manifest(size).items() if "inv_freq" not in key}


def test_the_pattern_for_other_sizes_gives_the_golden_keys(folder):
    found = {key: tensor.shape for key, tensor in read_header(folder / "model.safetensors").items()}
    config = json.loads((folder / "config.json").read_text())
    expected = expected_shapes(config, found)
    assert expected == {key: shape for key, shape in found.items() if "inv_freq" not in key}


def test_grouped_queries_are_expected_from_the_config():
    shapes = dict(manifest("7b"))
    config = json.loads('{"hidden_size": 64, "num_hidden_layers": 1, "vocab_size": 9, "num_attention_heads": 4}')
    config |= {"num_key_value_heads": 2, "intermediate_size": 100, "mm_hidden_size": 32}
    expected = expected_shapes(config, shapes)
    assert expected["model.layers.0.self_attn.k_proj.weight"] == (32, 64)
    assert expected["model.embed_tokens.weight"] == (9, 64)


def test_our_own_layout_after_transformers_has_loaded_a_model(native):
    import torch
    from torch.utils import _device
    from transformers import initialization

    _device._device_constructors.cache_clear()
    try:
        with torch.device("meta"), initialization.meta_device_safe_creation_ops():
            torch.zeros(1)  # torch notes which functions make tensors, with the one that is exchanged meanwhile
        assert examine(native).ok
    finally:
        _device._device_constructors.cache_clear()


def test_our_own_layout(native):
    report = examine(native)
    assert report.ok and report.facts["layout"] == "lisa", report.render()
    assert [finding.title for finding in report.findings] == [f"the [SEG] projector looks untrained: {BLANK}"]
    edit_weights(native, lambda tensors: tensors.pop("projector.out.weight"))
    report = examine(native)
    assert not report.ok and f"1 weight is missing: {BLANK}" in titles(report)
    edit_json(native / "config.json", vlm={"family": "nothing", "options": {}})
    assert "no model can be built" in titles(examine(native))
