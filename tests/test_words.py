from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from small_model import SMALL, write_small

from lisa.model.checkpoint import build, load, save
from lisa.train.loop import FitConfig, fit
from lisa.train.words import WordsObjective
from lisa.types import Sample, Target, Turn
from lisa.vlms.base import IGNORE
from lisa.vlms.tiny import train_tokenizer

IMAGE = np.zeros((8, 8, 3), np.uint8)
MASK = np.ones((8, 8), np.bool_)
NAMES = ("cup", "dog", "car", "tree")


def talk(place: int) -> list[Sample]:
    name = NAMES[place % len(NAMES)]
    turn = Turn(instruction=f"Where is the {name}?", answer=f"It is the {name} [SEG].", targets=(Target(mask=MASK),))
    return [Sample(id=str(place), image=IMAGE, turns=(turn, turn))]


def test_words_are_learned_without_pictures(tmp_path):
    folder = write_small(tmp_path / "small")
    torch.manual_seed(0)
    segmenter = build(SMALL, folder)
    vlm = segmenter.vlm
    objective = WordsObjective(vlm, talk)
    batch = objective.batch([*talk(0), *talk(1)])
    image = vlm.model.config.image_token_id
    assert not (batch.input_ids == image).any() and batch.input_ids.shape == batch.labels.shape == batch.mask.shape
    whole = vlm.prepare_text(vlm.prepare_image(IMAGE), talk(0)[0].turns)
    kept = whole.input_ids[whole.input_ids != image]
    assert torch.equal(batch.input_ids[0][: len(kept)], kept)
    said = batch.labels[0][batch.labels[0] != IGNORE].tolist()
    assert said.count(vlm.seg_token_id) == 2

    before = {k: v.clone() for k, v in segmenter.state_dict().items() if "vision" in k or k.startswith("masker")}
    told: list[dict[str, float]] = []
    config = FitConfig(steps=60, samples=4, warmup=5, schedule="constant", log_every=10, workers=0)
    assert fit(objective, config, tmp_path / "run", lambda step, values: told.append(values)) == 60
    assert told[-1]["total"] < 0.4 * told[0]["total"] and told[-1]["right"] > told[0]["right"]
    after = segmenter.state_dict()
    assert before and all(torch.equal(after[k], v) for k, v in before.items())


def test_words_may_be_said_by_what_they_are_read_by(tmp_path):
    folder = write_small(tmp_path / "small")
    options = SMALL.vlm.options | {"tied": True}
    config = replace(SMALL, vlm=replace(SMALL.vlm, options=options))
    segmenter = build(config, folder)
    vlm = segmenter.vlm
    assert vlm.head.weight is vlm.model.get_input_embeddings().weight
    objective = WordsObjective(vlm, talk)
    trained = [p for optimizer in objective.optimizers for group in optimizer.param_groups for p in group["params"]]
    assert sum(p is vlm.head.weight for p in trained) == 1
    save(segmenter, config, tmp_path / "saved")
    again = load(tmp_path / "saved", device=torch.device("cpu"), dtype=torch.float32).vlm
    assert again.head.weight is again.model.get_input_embeddings().weight
    assert torch.equal(again.head.weight, vlm.head.weight)


def test_chinese_is_read_by_its_characters():
    tokenizer = train_tokenizer(["油量表能显示油箱里还有多少油", "the cup"] * 50, 500)
    ids = tokenizer.encode("油量表 the cup", add_special_tokens=False).ids
    assert [tokenizer.decode([i]) for i in ids[:3]] == ["油", "量", "表"] and tokenizer.decode(ids) == "油量表 the cup"
    odd = "龘\U0001f600\x00é"
    assert tokenizer.decode(tokenizer.encode(odd, add_special_tokens=False).ids) == odd
