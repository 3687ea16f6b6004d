"""Teacher-forced passes, against the reference's `model_forward(inference=True)`."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from goldens import collapse, difference, iou, sample_of

from lisa.model.segmenter import Segmenter
from lisa.vlms.hf import HfVlm

CASES = ["one_seg", "two_seg_multiturn", "batch_padded"]


def embeddings_of(vlm: Any, ids: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
    """Rows of the input embedding with the picture's features in place: `[B, T, D]`."""
    embeds = vlm.model.get_input_embeddings()(ids).clone()
    embeds[ids == vlm.dialogue.image_token_id] = features.repeat(len(ids), 1)
    return embeds


@pytest.mark.parametrize("shares_prefix", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_forward(segmenter: Segmenter, pictures, encoded, infer, figures, name: str, shares_prefix: bool):
    facts = infer[0][f"forward_{name}"]
    tensors = {key.removeprefix(f"fwd_{name}."): t for key, t in infer[1].items() if key.startswith(f"fwd_{name}.")}
    batch = segmenter.collate([[sample_of(text, pictures[0]) for text in facts["conversations"]]])
    there = batch.vlm.attention_mask == 1
    assert torch.equal(batch.vlm.attention_mask, tensors["attention_mask_expanded"].long())
    for row, mask, ids in zip(batch.vlm.input_ids, facts["attention_mask"], facts["input_ids"]):
        assert collapse(row.tolist())[: sum(mask)] == ids[: sum(mask)]
    vlm: Any = segmenter.vlm
    shared = Segmenter(
        HfVlm(vlm.model, vlm.dialogue, shares_prefix=shares_prefix), segmenter.masker, segmenter.projector
    )  # type: ignore[arg-type]
    with torch.no_grad():
        output = shared(batch, encoded[0].mask_features)
    embeds = embeddings_of(vlm, batch.vlm.input_ids, encoded[0].vlm_features)
    mapped = shared.projector(output.hidden)[..., ::4]
    found = {
        "inputs_embeds": difference(embeds[there], tensors["inputs_embeds"][there]),
        "hidden": difference(output.hidden[there], tensors["last_hidden"][there]),
        "projected": difference(mapped[there], tensors["text_fcs_out_stride4"][there]),
        "seg_embeddings": difference(output.seg_embeddings, tensors["seg_embeddings"]),
        "low_res": difference(output.low_res_logits[:, None], tensors["low_res_masks"]),
        "iou_predictions": difference(output.predicted_iou[:, None], tensors["iou_predictions"]),
    }
    figures("forward", **found)
    assert max(v for k, v in found.items() if k != "low_res") <= 1e-4 and found["low_res"] <= 1e-3
    logits = batch.geometries[0].restore(output.low_res_logits)
    assert len(logits) == facts["n_masks"]
    for ours, positive in zip(logits, facts["positive_pixels"]):
        assert abs(int((ours > 0).sum()) - positive) <= 1e-4 * positive
    if (expected := tensors.get("pred_masks_stride2")) is not None:
        figures("forward", pred_masks=difference(logits[:, ::2, ::2], expected))
        assert difference(logits[:, ::2, ::2], expected) <= 1e-3
        assert min(iou(a > 0, b > 0) for a, b in zip(logits[:, ::2, ::2], expected)) >= 0.9999


@pytest.mark.parametrize("name", CASES)
def test_labels(segmenter: Segmenter, pictures, infer, name: str):
    facts = infer[0][f"forward_{name}"]
    batch = segmenter.collate([[sample_of(text, pictures[0]) for text in facts["conversations"]]])
    for row, ids, labels in zip(batch.vlm.labels, facts["input_ids"], facts["labels"]):
        at = ids.index(-200)
        assert row.tolist() == [*labels[:at], *[-100] * 256, *labels[at + 1 :]]
