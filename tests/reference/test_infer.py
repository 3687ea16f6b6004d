"""Free generation, against what the reference answered."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch
from goldens import collapse, difference, iou, sample_of

from lisa.model.segmenter import Answer, Segmenter
from lisa.types import Turn
from lisa.vlms.base import Prompt

CASES = range(3)


@pytest.fixture(scope="module")
def answers(segmenter: Segmenter, encoded, infer):
    @cache
    def ask(case: int) -> Answer:
        facts = infer[0]["evaluate"][case]
        return segmenter.answer([encoded[facts["image"]]], [[Turn(instruction=facts["question"])]], 32)[0]

    return ask


@pytest.mark.parametrize("case", CASES)
def test_answers(answers, segmenter: Segmenter, encoded, infer, case: int):
    facts, answer = infer[0]["evaluate"][case], answers(case)
    prompt = segmenter.vlm.prepare_text(encoded[facts["image"]].inputs, [Turn(instruction=facts["question"])])
    assert collapse(prompt.input_ids.tolist()) == facts["input_ids"]
    assert answer.generated.ids.tolist() == facts["new_ids"]
    assert answer.raw_text == facts["text_output_app_py"]


@pytest.mark.parametrize("case", CASES)
def test_vision_tower_and_projector(segmenter: Segmenter, encoded, infer, figures, case: int):
    vlm: Any = segmenter.vlm
    image, tensors = encoded[infer[0]["evaluate"][case]["image"]], infer[1]
    with torch.no_grad():
        tower = vlm.model.model.vision_tower(image.inputs["pixel_values"], output_hidden_states=True)
    found = {
        "clip_features": difference(tower.hidden_states[-2][:, 1:], tensors[f"eval{case}.clip_features"]),
        "mm_projector": difference(image.vlm_features[None], tensors[f"eval{case}.mm_projector_out"]),
    }
    figures("vision tower", **found)
    assert max(found.values()) <= 1e-4


@pytest.mark.parametrize("case", CASES)
def test_language_model(answers, segmenter: Segmenter, encoded, infer, figures, case: int):
    facts, tensors, answer = infer[0]["evaluate"][case], infer[1], answers(case)
    vlm: Any = segmenter.vlm
    image = encoded[facts["image"]]
    prompt = vlm.prepare_text(image.inputs, [Turn(instruction=facts["question"])])
    embeds = vlm.model.get_input_embeddings()(prompt.input_ids)
    embeds = torch.where((prompt.input_ids == 0)[:, None], 0, embeds)
    embeds[prompt.input_ids == 0] = image.vlm_features
    step_logits = vlm.logits(answer.generated.states)
    count = len(answer.generated.ids)
    hidden = tensors[f"eval{case}.last_step_hidden"][0, -count:]  # the last step's states: of all tokens but the last
    found = {
        "prefill_embeds": difference(embeds[None], tensors[f"eval{case}.prefill_inputs_embeds"]),
        "hidden": difference(answer.generated.states, hidden),
        "step_logits": difference(step_logits, tensors[f"eval{case}.step_logits_at_last_pos"]),
        "prefill_logits": difference(step_logits[:1], tensors[f"eval{case}.prefill_logits_last"]),
        "seg_embeddings": difference(answer.seg_embeddings, tensors[f"eval{case}.seg_embeddings"]),
        "prompt_sparse": difference(answer.seg_embeddings[:, None], tensors[f"eval{case}.prompt_sparse"]),
    }
    figures("language model", **found)
    assert max(v for k, v in found.items() if "logits" not in k) <= 1e-4
    assert max(v for k, v in found.items() if "logits" in k) <= 1e-3


@pytest.mark.parametrize("case", CASES)
def test_sam_encoder(segmenter: Segmenter, pictures, infer, figures, case: int):
    facts, tensors = infer[0]["evaluate"][case], infer[1]
    masker: Any = segmenter.masker
    blocks: list[torch.Tensor] = []
    handles = [b.register_forward_hook(lambda _, __, out: blocks.append(out)) for b in masker.image_encoder.layers]
    try:
        with torch.no_grad():
            features = masker.encode(masker.prepare(pictures[facts["image"]])[0][None])
    finally:
        for handle in handles:
            handle.remove()
    found = {}
    for j, block in enumerate(blocks):
        assert list(block.shape) == facts["sam_blocks"][j]["shape"]
        found[f"block{j}"] = difference(block[:, ::8, ::8, ::4], tensors[f"eval{case}.sam_block{j}_stride"])
    found["embeddings"] = difference(features[:, ::8, ::8, ::8], tensors[f"eval{case}.sam_image_embeddings_stride8"])
    if (whole := f"eval{case}.sam_image_embeddings") in tensors:
        found["embeddings"] = difference(features, tensors[whole])
    figures("sam encoder", **found)
    assert max(found.values()) <= 1e-4


def test_position_map(segmenter: Segmenter, infer, figures):
    found = difference(segmenter.masker.position_map(64)[:, ::4], infer[1]["dense_pe"])  # type: ignore[attr-defined]
    figures("mask decoder", dense_pe=found)
    assert found <= 1e-4


@pytest.mark.parametrize("case", CASES)
def test_masks(answers, reference, encoded, infer, figures, case: int):
    facts, tensors, answer = infer[0]["evaluate"][case], infer[1], answers(case)
    logits = encoded[facts["image"]].geometry.restore(answer.low_res_logits)
    assert list(logits.shape) == facts["mask_shape"]
    found = {
        "low_res": difference(answer.low_res_logits[:, None], tensors[f"eval{case}.low_res_masks"]),
        "iou_predictions": difference(answer.predicted_iou[:, None], tensors[f"eval{case}.iou_predictions"]),
        "pred_masks": difference(logits, tensors[f"eval{case}.pred_masks"]),
    }
    figures("mask decoder", **found)
    assert max(found.values()) <= 1e-3
    for n, mask in enumerate(logits > 0):
        picture = np.asarray(PIL.Image.open(reference / "images" / f"eval{case}_mask{n}.png")) > 127
        figures("mask decoder", one_minus_iou=1 - iou(mask, tensors[f"eval{case}.pred_masks"][n] > 0))
        assert iou(mask, tensors[f"eval{case}.pred_masks"][n] > 0) >= 0.9999
        assert iou(mask.numpy(), picture) >= 0.9999
        assert abs(int(mask.sum()) - facts["positive_pixels"][n]) <= 1e-4 * facts["positive_pixels"][n]


def test_seg_in_the_prompt(segmenter: Segmenter, pictures, encoded, infer, figures):
    """The reference also returns a mask for [SEG] of an earlier turn: ours comes from the teacher-forced pass."""
    facts, tensors = infer[0]["evaluate"][3], infer[1]
    sample = sample_of(facts["prompt"], pictures[0])
    batch = segmenter.collate([[sample]])
    assert collapse(batch.vlm.input_ids[0].tolist()) == facts["input_ids"]
    with torch.no_grad():
        output = segmenter(batch, encoded[0].mask_features)
    found = {
        "seg_embeddings": difference(output.seg_embeddings, tensors["eval3.seg_embeddings"]),
        "low_res": difference(output.low_res_logits[:, None], tensors["eval3.low_res_masks"]),
    }
    figures("earlier [SEG]", **found)
    assert found["seg_embeddings"] <= 1e-4 and found["low_res"] <= 1e-3
    positive = int((batch.geometries[0].restore(output.low_res_logits) > 0).sum())
    assert abs(positive - facts["positive_pixels"][0]) <= 20
    answer = segmenter.answer([encoded[0]], [sample.turns], facts["max_new_tokens"])[0]
    assert facts["input_ids"] + answer.generated.ids.tolist() == facts["output_ids"]
    assert len(answer.low_res_logits) == 0


def test_several_conversations_at_once(segmenter: Segmenter, encoded, infer, answers, figures):
    """Left padding changes nothing."""
    facts = infer[0]["evaluate"][:3]
    turns = [[Turn(instruction=f["question"])] for f in facts]
    together = segmenter.answer([encoded[f["image"]] for f in facts], turns, 32)
    for case, answer in enumerate(together):
        assert answer.generated.ids.tolist() == facts[case]["new_ids"]
        found = difference(answer.seg_embeddings, answers(case).seg_embeddings)
        figures("batched answers", seg_embeddings=found)
        assert found <= 1e-5


@pytest.mark.parametrize("case", CASES)
def test_cache_against_full_recomputation(answers, segmenter: Segmenter, encoded, infer, figures, case: int):
    """Key/value cache and one picture encoding give the states of recomputing everything for every token."""
    facts, answer = infer[0]["evaluate"][case], answers(case)
    vlm: Any = segmenter.vlm
    image = encoded[facts["image"]]
    ids = vlm.prepare_text(image.inputs, [Turn(instruction=facts["question"])]).input_ids.tolist()
    prompt, states = len(ids), []
    with torch.no_grad():
        for _ in range(len(answer.generated.ids)):
            row = torch.tensor(ids)
            batch = vlm.collate([Prompt(input_ids=row, labels=row)], [0], {})
            states.append(vlm.hidden(batch, [image.vlm_features])[0, -1])
            ids.append(int(vlm.logits(states[-1]).argmax()))
        embeddings = segmenter.projector(torch.stack(states)[torch.tensor(ids[prompt:]) == 512])
    assert ids[prompt:] == answer.generated.ids.tolist()
    found = {
        "states": difference(torch.stack(states), answer.generated.states),
        "seg_embeddings": difference(embeddings, answer.seg_embeddings),
    }
    figures("cache", **found)
    assert max(found.values()) <= 1e-5
