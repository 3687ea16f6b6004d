"""The embedded model on its examples and through the library's front door."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch

import lisa
from lisa.data.world import WorldDataset
from lisa.errors import BadInput, TooLarge
from lisa.evaluate.ask import evaluate
from lisa.types import Turn

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture(scope="module")
def tiny():
    return lisa.load(device="cpu")


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


def truth(name: str) -> np.ndarray:
    return np.asarray(PIL.Image.open(EXAMPLES / f"{name}.mask.png")) > 0


def test_the_breakfast_picture(tiny):
    result = tiny.segment(EXAMPLES / "breakfast.png", "Which food has the most vitamin C?")
    assert "orange" in result.text and result.phrases == ("the orange",)
    assert result.masks.shape == (1, 576, 768) and iou(result.masks[0], truth("breakfast")) >= 0.7


def test_one_encoding_serves_many_questions(tiny):
    encoded = tiny.encode(EXAMPLES / "people.png")
    questions = ["Who is Lisa?", "Segment the television.", "Where is the cat?"]
    together = tiny.segment_batch([encoded] * 3, questions)
    alone = [tiny.segment(encoded, q) for q in questions]
    assert [r.raw_text for r in together] == [r.raw_text for r in alone]
    assert all(np.array_equal(a.masks, b.masks) or iou(a.masks[0], b.masks[0]) > 0.99 for a, b in zip(alone, together))


def test_questions_from_several_threads_do_not_mix(tiny):
    encoded = [tiny.encode(EXAMPLES / f"{name}.png") for name in ("people", "breakfast")]
    questions = ["Who is Lisa?", "Which food has the most vitamin C?"]
    alone = [tiny.segment(e, q) for e, q in zip(encoded, questions)]
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(lambda i: tiny.segment(encoded[i % 2], questions[i % 2]), range(6)))
    for i, result in enumerate(together):
        assert result.raw_text == alone[i % 2].raw_text
        np.testing.assert_array_equal(result.masks, alone[i % 2].masks)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (MemoryError(), TooLarge),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), TooLarge),
        (RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"), TooLarge),
        (RuntimeError("a bug"), RuntimeError),
    ],
)
def test_a_full_memory_is_told_and_ends_nothing(tiny, monkeypatch, error, told):
    def fail(*_):
        raise error

    chat = tiny.chat(np.zeros((40, 30, 3), np.uint8))
    with monkeypatch.context() as patch:
        patch.setattr(tiny.segmenter, "answer", fail)
        with pytest.raises(told):
            chat.ask("Who is Lisa?")
    chat.ask("Who is Lisa?", max_new_tokens=4)
    assert len(chat.turns) == 1


def test_what_is_longer_than_it_reads_is_refused(tiny):
    picture = tiny.encode(np.zeros((40, 30, 3), np.uint8))
    with pytest.raises(BadInput, match="shorten the question"):
        tiny.segment(picture, "字" * 4000)
    chat = tiny.chat(picture)
    chat.turns += [Turn(instruction="Where is the cat? " * 50, answer="There is none.")] * 20
    with pytest.raises(BadInput, match="start a new conversation"):
        chat.ask("Where is the cat?")
    assert len(chat.turns) == 20 and not chat.results


def test_a_picture_that_answers_share_cannot_be_changed(tiny):
    with pytest.raises(ValueError, match="read-only"):
        tiny.encode(np.zeros((40, 30, 3), np.uint8)).image[:] = 1


@pytest.mark.parametrize("reads", ["before", "own"])
def test_a_given_answer_is_read_as_a_generated_one(tiny, monkeypatch, reads):
    monkeypatch.setattr(tiny.segmenter, "reads", reads)
    encoded, asked = tiny.encode(EXAMPLES / "breakfast.png"), "Which food has the most vitamin C?"
    said = tiny.segment(encoded, asked)
    (given,) = tiny.masks_of([encoded], [[Turn(instruction=asked, answer=said.raw_text)]])
    assert iou(said.masks[0], given.masks[0]) > 0.99 or not (said.masks.any() or given.masks.any())
    assert (iou(given.masks[0], truth("breakfast")) >= 0.7) == (reads == "before")  # as it was trained


def test_a_chat_remembers_and_survives_a_bad_question(tiny):
    chat = tiny.chat(EXAMPLES / "people.png")
    chat.ask("Where is the cat?")
    with pytest.raises(lisa.LisaError):
        chat.ask("   ")
    assert len(chat.turns) == 1
    chat.ask("What colour is it?")
    assert len(chat.turns) == len(chat.results) == 2


@pytest.mark.parametrize("text", ["[SEG]", "<image> [SEG] </s>", "السلام عليكم", "🍊?", "x" * 300])
def test_any_text_is_answered(tiny, text):
    result = tiny.segment(np.zeros((40, 30, 3), np.uint8), text, max_new_tokens=24)
    assert result.size == (40, 30) and len(result) == result.raw_text.count("[SEG]")


def test_it_listens(tiny):
    dataset = WorldDataset(seed=301, count=24)
    figures = evaluate(tiny, dataset, others=dataset.other).figures()
    assert figures["giou"].value >= 0.3
    assert figures["other_question"].value <= figures["giou"].value / 2
