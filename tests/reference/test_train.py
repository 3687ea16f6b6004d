"""Losses and gradients of a training step, against the reference's; LoRA is PEFT's, as there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from goldens import Golden, Pictures, difference, sample_of
from peft import LoraConfig, inject_adapter_in_model

from lisa.model.legacy import load_legacy
from lisa.model.legacy_keys import TRAINING_PREFIX, to_ours
from lisa.model.losses import bce_per_mask, dice_per_mask, mask_losses
from lisa.model.segmenter import Batch, Losses, Segmenter

TRAINED = re.compile(r"projector\.|masker\.mask_decoder\.|.*(lora_|embed_tokens\.weight|lm_head\.weight)")


def rectangle(size: tuple[int, int], rows: slice, columns: slice) -> np.ndarray:
    mask = np.zeros(size, np.bool_)
    mask[rows, columns] = True
    return mask


@pytest.fixture(scope="module")
def conversations(golden: Golden) -> list[str]:
    return golden("golden_train.json")["batch"]["conversation_list"]


def training_batch(segmenter: Segmenter, conversations: list[str], pictures: Pictures) -> Batch:
    """img0: two conversations with a mask each; img1: one with a mask, one of text only."""
    (h0, w0), (h1, w1) = (picture.shape[:2] for picture in pictures[:2])
    masks = [
        rectangle((h0, w0), slice(100, 200), slice(50, 300)),
        rectangle((h0, w0), slice(0, 240), slice(320, 640)),
        rectangle((h1, w1), slice(200, 400), slice(20, 200)),
    ]
    first = [sample_of(text, pictures[0], [mask]) for text, mask in zip(conversations[:2], masks)]
    second = [sample_of(conversations[2], pictures[1], masks[2:]), sample_of(conversations[3], pictures[1])]
    return segmenter.collate([first, second])


def run(segmenter: Segmenter, batch: Batch, encoded) -> Losses:
    features = torch.cat([image.mask_features for image in encoded])
    return segmenter.losses(batch, segmenter(batch, features))


def check_losses(figures, group: str, losses: Losses, expected: dict[str, float], tolerance: float = 1e-5) -> None:
    """The reference reports the mask losses with their weights."""
    names = {
        "total": ("loss", 1.0),
        "text": ("ce_loss", 1.0),
        "bce": ("mask_bce_loss", 2.0),
        "dice": ("mask_dice_loss", 0.5),
    }
    for ours, (theirs, weight) in names.items():
        value, wanted = weight * float(getattr(losses, ours).detach()), expected[theirs]
        relative = abs(value - wanted) / max(abs(wanted), 1e-12) if wanted else abs(value)
        figures(group, **{f"{ours}_rel": relative})
        assert relative <= tolerance, (ours, value, wanted)


@pytest.fixture
def tuned(checkpoint, golden: Golden) -> Iterator[Segmenter]:
    """The checkpoint with the golden LoRA pairs, trainable as in the reference."""
    segmenter = load_legacy(checkpoint)
    vlm: Any = segmenter.vlm
    lora = LoraConfig(r=8, lora_alpha=16, lora_dropout=0.0, target_modules=["q_proj", "v_proj"])
    inject_adapter_in_model(lora, vlm.model.model.language_model)
    parameters = dict(segmenter.named_parameters())
    with torch.no_grad():
        for key, tensor in golden("tiny_lora.safetensors").items():
            parameters[training_name(key)].copy_(tensor)
    for name, parameter in parameters.items():
        parameter.requires_grad_(TRAINED.match(name) is not None)
    yield segmenter.train()


def training_name(key: str) -> str:
    """A key of the reference while it trains → ours."""
    name = to_ours(key.removeprefix(TRAINING_PREFIX))
    assert name is not None, key
    return name


def test_losses_and_gradients_with_lora(tuned: Segmenter, conversations, pictures, encoded, golden, figures):
    facts, tensors = golden("golden_train.json"), golden("golden_train.safetensors")
    batch = training_batch(tuned, conversations, pictures)
    assert torch.equal(batch.vlm.labels, tensors["labels_expanded"])
    assert torch.equal(batch.vlm.attention_mask, tensors["attention_mask_expanded"].long())
    features = torch.cat([image.mask_features for image in encoded[:2]])
    output = tuned(batch, features)
    logits, there = tuned.vlm.logits(output.hidden[0, 255:]), batch.vlm.attention_mask[0, 255:] == 1
    found = {
        "logits": difference(logits[there], tensors["logits_conv0_from255"][there]),
        "seg_embeddings": difference(output.seg_embeddings, tensors["seg_embeddings"]),
        "low_res": difference(output.low_res_logits[:, None], tensors["low_res_masks"]),
    }
    figures("training", **found)
    assert found["seg_embeddings"] <= 1e-4 and found["logits"] <= 1e-3 and found["low_res"] <= 1e-3
    losses = tuned.losses(batch, output)
    check_losses(figures, "training", losses, facts["losses"])
    losses.total.backward()
    check_gradients(tuned, facts, tensors, figures)
    step_and_check(tuned, batch, features, facts["one_step"], figures)


def check_gradients(segmenter: Segmenter, facts: dict[str, Any], tensors, figures) -> None:
    parameters = dict(segmenter.named_parameters())
    norms = facts["grad_norm_per_tensor"]
    assert {n for n, p in parameters.items() if p.requires_grad} == {training_name(key) for key in facts["trainable"]}
    for key, norm in norms.items():
        gradient = parameters[training_name(key)].grad
        value = 0.0 if gradient is None else float(gradient.norm())
        assert abs(value - norm) <= 1e-3 * norm + 1e-5, key
    for key, expected in tensors.items():
        if key.startswith("grad."):
            gradient = gradient_of(parameters, key.removeprefix("grad."))
            relative = difference(gradient, expected) / (float(expected.abs().max()) + 1e-12)
            figures("training", gradient_rel=relative)
            assert relative <= 1e-3, key


def gradient_of(parameters: dict[str, torch.nn.Parameter], key: str) -> torch.Tensor:
    """By the reference's name; of the embedding and the head the golden data hold the rows of added tokens only."""
    some = {
        "embed_tokens.rows_512_514": ("model.embed_tokens.weight", slice(512, 515)),
        "lm_head.row_seg": ("lm_head.weight", 512),
    }
    name, rows = some.get(key, (key, slice(None)))
    gradient = parameters[training_name(name)].grad
    assert gradient is not None, key
    return gradient[rows]


def step_and_check(segmenter: Segmenter, batch: Batch, features, facts: dict[str, Any], figures) -> None:
    trained = [p for p in segmenter.parameters() if p.requires_grad]
    norm = float(torch.nn.utils.clip_grad_norm_(trained, 1.0))
    assert abs(norm / facts["total_norm_before_clip"] - 1) <= 1e-4
    torch.optim.AdamW(trained, lr=3e-4, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.0).step()
    with torch.no_grad():
        after = segmenter.losses(batch, segmenter(batch, features))
    check_losses(figures, "after one step", after, facts["losses_after"], tolerance=1e-3)


def test_losses_without_lora(segmenter: Segmenter, conversations, pictures, encoded, golden, figures):
    facts = golden("golden_train_nolora.json")
    mixed, vqa = "vqa_image2_plus_image0_oneseg", "vqa_only_image2"
    text_only = sample_of(conversations[3], pictures[2])
    dog = sample_of(conversations[0], pictures[0], [rectangle(pictures[0].shape[:2], slice(100, 200), slice(50, 300))])
    batches = {
        "same_batch_as_golden_train": (training_batch(segmenter, conversations, pictures), encoded[:2]),
        mixed: (segmenter.collate([[text_only], [dog]]), [encoded[2], encoded[0]]),
        vqa: (segmenter.collate([[text_only]]), [encoded[2]]),
    }
    for name, (batch, images) in batches.items():
        with torch.no_grad():
            check_losses(figures, "losses", run(segmenter, batch, images), facts[name]["losses"])
        for row, ids, labels in zip(batch.vlm.labels, facts[name]["input_ids"], facts[name]["labels"]):
            at = ids.index(-200)
            assert row.tolist() == [*labels[:at], *[-100] * 256, *labels[at + 1 :]]


def test_no_mask_keeps_the_graph_connected(tuned: Segmenter, conversations, pictures, encoded):
    losses = run(tuned, tuned.collate([[sample_of(conversations[3], pictures[2])]]), encoded[2:])
    losses.total.backward()
    decoder: Any = tuned.masker
    assert decoder.mask_decoder.mask_tokens.weight.grad is not None
    assert tuned.projector.hidden.weight.grad is not None


def test_loss_units(golden: Golden, figures):
    facts = golden("golden_train_nolora.json")["loss_units"]
    logits, targets = torch.tensor(facts["logits"]), torch.tensor(facts["targets"])
    bce, dice = mask_losses([logits], [targets])
    found = {
        "bce": abs(float(bce) / facts["sigmoid_ce"] - 1),
        "dice": abs(float(dice) / facts["dice"] - 1),
        "dice_per_mask": difference(dice_per_mask(logits, targets), torch.tensor(facts["dice_per_mask"])),
    }
    figures("loss units", **found)
    assert max(found.values()) <= 1e-6
    assert abs(float(bce_per_mask(logits, targets).mean()) / facts["sigmoid_ce"] - 1) <= 1e-6
