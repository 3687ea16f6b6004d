"""Every key of the published checkpoints has its place, in both directions, on the meta device."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from goldens import Golden
from transformers import CLIPVisionConfig

from lisa.model import legacy
from lisa.model.legacy_keys import IGNORED, TABLE, TRAINING_PREFIX, to_ours, to_published
from lisa.model.legacy_shapes import sam_options, vocabulary
from lisa.vlms.llava_tokens import LlamaTokens
from lisa.vlms.llava_v1 import LlavaV1Dialogue


def meta_model(reference, golden: Golden, size: str):
    manifest, config = golden(f"manifest_{size}.json"), golden(f"config_{size}.json")
    tensors = {k: torch.empty(s, device="meta") for k, (s, _) in manifest["saved_in_checkpoint"].items()}
    added = {"[SEG]": 32000, "<im_start>": 32001, "<im_end>": 32002}
    tokens = LlamaTokens(reference / "hub/tiny-lisa/tokenizer.model", added)
    clip = CLIPVisionConfig(
        hidden_size=1024,
        intermediate_size=4096,
        num_hidden_layers=24,
        num_attention_heads=16,
        image_size=224,
        patch_size=14,
    )
    text = legacy._llama_config(config, vocabulary(tensors))
    segmenter = legacy.build(text, clip, LlavaV1Dialogue(tokens, image_tokens=256), tensors)
    return manifest, tensors, segmenter


@pytest.mark.parametrize("size", ["7b", "13b"])
def test_every_key_mapped(reference, golden: Golden, size: str):
    manifest, tensors, segmenter = meta_model(reference, golden, size)
    ours = {key: tuple(t.shape) for key, t in segmenter.state_dict().items()}
    mapped = {to_ours(key): tuple(t.shape) for key, t in tensors.items() if not IGNORED.fullmatch(key)}
    tower = "vlm.model.model.vision_tower."
    assert None not in mapped
    assert mapped == {key: shape for key, shape in ours.items() if not key.startswith(tower)}
    assert sum(key.startswith(tower) for key in ours) == len(manifest["dropped_on_save_vision_tower"])
    for key in tensors:
        name = to_ours(key)
        assert name is None or to_published(name) == key


@pytest.mark.parametrize("size", ["7b", "13b"])
def test_parameter_counts(reference, golden: Golden, size: str):
    manifest, tensors, segmenter = meta_model(reference, golden, size)
    counts = manifest["param_counts"]
    frequencies = sum(t.numel() for key, t in tensors.items() if IGNORED.fullmatch(key))
    vlm: Any = segmenter.vlm
    masker: Any = segmenter.masker
    number = lambda module: sum(p.numel() for p in module.parameters())  # noqa: E731
    tower = number(vlm.model.model.vision_tower)
    assert tower == counts["clip_vision_dropped"]
    assert number(segmenter) - tower + frequencies == counts["total_saved"]
    assert number(vlm.model.model.language_model.layers) + frequencies == counts["llama_layers"]
    assert number(vlm.model.lm_head) == counts["lm_head"]
    assert number(vlm.model.model.multi_modal_projector) == counts["mm_projector"]
    assert number(segmenter.projector) == counts["text_hidden_fcs"]
    assert number(masker.image_encoder) == counts["sam_image_encoder"]
    assert number(masker.mask_decoder) == counts["sam_mask_decoder"]
    assert number(masker.prompt_encoder) == counts["sam_prompt_encoder"]


def test_sam_sizes_from_shapes(golden: Golden):
    tensors = {
        k: torch.empty(s, device="meta") for k, (s, _) in golden("manifest_7b.json")["saved_in_checkpoint"].items()
    }
    options = sam_options(tensors)
    vision, decoder = options["vision"], options["decoder"]
    assert vision["global_attn_indexes"] == [7, 15, 23, 31]
    assert (vision["hidden_size"], vision["num_hidden_layers"], vision["num_attention_heads"]) == (1280, 32, 16)
    assert (vision["window_size"], vision["patch_size"], vision["image_size"]) == (14, 16, 1024)
    assert (decoder["mlp_dim"], decoder["num_multimask_outputs"], decoder["attention_downsample_rate"]) == (2048, 3, 2)


def test_training_keys_have_names_too(golden: Golden):
    for key in golden("golden_train.json")["train_state_dict_keys"]:
        plain = key.removeprefix(TRAINING_PREFIX)
        if "vision_tower" not in plain and not IGNORED.fullmatch(plain):
            assert to_ours(plain) is not None, key


def test_table_rows_are_two_sided():
    for published, ours in TABLE:
        assert published.count("#") == ours.count("#") and published.count("*") == ours.count("*")
    assert len(json.dumps(TABLE)) > 0 and to_ours("model.unknown.weight") is None
