"""Words learn to look at what they speak of, before they answer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from small_model import write_small

from lisa.model.checkpoint import load
from lisa.recipes.tiny import WORDS, debug
from lisa.train.loop import FitConfig, train_step
from lisa.train.read import WordsAndSights
from lisa.train.tiny import listed_texts, words_objective


@pytest.fixture(scope="module")
def objective(tmp_path_factory: pytest.TempPathFactory) -> WordsAndSights:
    torch.manual_seed(0)
    folder: Path = write_small(tmp_path_factory.mktemp("small") / "small")
    segmenter = load(folder, device=torch.device("cpu"), dtype=torch.float32).train()
    return words_objective(segmenter, replace(debug(), words=replace(WORDS, pictures=3, dialogues=4)))


def test_words_learn_what_they_look_like(objective: WordsAndSights):
    config = FitConfig(steps=200, samples=3, warmup=1)
    row = objective.batches([range(3)])
    curve = [train_step(objective, row, 1, config) for _ in range(8)]
    assert all(curve[-1][name] < curve[0][name] for name in ("read", "told", "total"))
    assert all(0 <= values[name] <= 1 for values in curve for name in ("found", "gone"))


def test_a_few_layers_look_as_they_do_among_all(objective: WordsAndSights):
    vlm, batch = objective.reader.vlm, objective.batches([range(2)])[0].read
    layer = objective.reader.layer
    with torch.no_grad():
        vlm.hidden(batch.vlm)
        among_all = vlm.looked[layer]
        few = vlm.hidden(batch.vlm, layers=layer + 1)
    assert torch.equal(vlm.looked[layer], among_all)
    assert few.shape == (len(batch.vlm.input_ids), batch.vlm.input_ids.shape[1], vlm.width)


def test_what_is_listed_depends_on_the_sample_alone(objective: WordsAndSights):
    sample = objective.words.draw(5)[0]
    texts = [s.turns[0].instruction for s in listed_texts(sample, count=3)]
    assert texts == [s.turns[0].instruction for s in listed_texts(sample, count=3)] and len(set(texts)) == 3
