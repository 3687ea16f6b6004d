from __future__ import annotations

import re

import numpy as np
import pytest

from lisa import load
from lisa.errors import BadInput
from lisa.instructions import places_in, pointing, read_place
from lisa.types import Turn
from lisa.vlms.tiny import BINS, CONTROL, SPECIAL, TinyDialogue, train_tokenizer
from lisa.world.mentions import mentions
from lisa.world.questions import ask
from lisa.world.sets import make_picture

SIZE = (100, 200)


def test_a_place_becomes_shares_of_the_picture():
    mask = np.zeros(SIZE, np.bool_)
    mask[20:50, 40:80] = True
    assert pointing("What is this?", (100, 25), SIZE) == "What is this? [0.50, 0.25]"
    assert pointing("What is this?", (40, 20, 80, 50), SIZE) == pointing("What is this?", mask, SIZE)
    assert pointing("What is this?", mask[None], SIZE) == pointing("What is this?", mask, SIZE)
    assert pointing("What is this?", None, SIZE) == "What is this?"
    assert read_place("40, 20,80,50") == [40, 20, 80, 50] and read_place(None) is None


@pytest.mark.parametrize(
    "place",
    [
        (1,), (1, 2, 3), (-1, 2), (500, 2), (50, 50, 40, 60), (float("nan"), 2), (), 5, (1, "a"), "12",
        [[1, 2], [3, 4]], (10**400, 2), np.array(5.0),
    ],
)  # fmt: skip
def test_what_is_no_place_is_named(place):
    with pytest.raises(BadInput, match=r"place|box"):
        pointing("What is this?", place, SIZE)


def test_masks_that_do_not_fit_are_named():
    for mask in (np.zeros(SIZE, np.bool_), np.ones((3, 3), np.bool_), np.ones((2, *SIZE), np.bool_)):
        with pytest.raises(BadInput, match="mask"):
            pointing("What is this?", mask, SIZE)
    with pytest.raises(BadInput, match="--at"):
        read_place("here")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_is_pointed_at_is_in_its_place(language):
    found = 0
    for index in range(30):
        picture = make_picture(7, index)
        turns = ask(picture, np.random.default_rng(index), kind="pointed", language=language)
        if turns is None or turns[-1].said.name != "this":
            continue
        numbers = [float(x) for x in re.search(r"\[([\d., ]+)\]", turns[-1].instruction)[1].split(", ")]
        mask = picture.mask(*turns[-1].targets[0])
        height, width = mask.shape
        if len(numbers) == 2:
            assert mask[min(int(numbers[1] * height), height - 1), min(int(numbers[0] * width), width - 1)]
        else:
            rows, columns = np.nonzero(mask)
            box = [columns.min() / width, rows.min() / height, columns.max() / width, rows.max() / height]
            assert np.abs(np.array(numbers) - box).max() < 0.15
        found += 1
    assert found > 5


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("What is this? [0.50, 0.25]", [(0.5, 0.25)]),
        ("left of [0.1,0.2,.3,1.0]?", [(0.1, 0.2, 0.3, 1.0)]),
        ("[0, 1] and [1.00, 0.5]", [(0.0, 1.0), (1.0, 0.5)]),
        ("[0.5]", []), ("[0.1, 0.2, 0.3]", []), ("[1.7, 0.2]", []), ("[2, 0.2]", []), ("(0.1, 0.2)", []),
        ("[SEG] [0.1, x]", []), ("[0.1, 0.2, 0.3, 0.4, 0.5]", []),
    ],
)  # fmt: skip
def test_places_are_found_in_words(text, found):
    places = list(places_in(text))
    assert [shares for *_, shares in places] == found
    assert all(text[start] == "[" and text[end - 1] == "]" for start, end, _ in places)


def test_a_place_is_told_by_tokens_of_its_own():
    dialogue = TinyDialogue(train_tokenizer(["what is this at left of the cup"] * 3, 400), square=64, image_tokens=16)
    tall = dialogue.prepare_image(np.zeros((100, 50, 3), np.uint8))
    turn = Turn(instruction="What is at [0.50, 0.25]? Cup", answer="It is the cup [SEG].")
    ids = dialogue.prepare_text(tall, [turn]).input_ids[17:].tolist()
    x, y = len(CONTROL) + BINS // 4, len(CONTROL) + BINS + BINS // 4  # it is half as wide as its square
    at = ids.index(x)
    assert ids[at : at + 2] == [x, y]
    assert dialogue.decode(ids[1:at]) == "what is at" and dialogue.decode(ids[at + 2 : at + 4]).startswith("?")
    ends = [turn.instruction.index("]") + 1, len(turn.instruction)]
    assert dialogue.places_of(turn, ends, [])[0] == [at + 1, ids.index(dialogue.assistant) - 1]
    corner = dialogue.prepare_text(tall, [Turn(instruction="this [0, 0, 1, 1]")]).input_ids.tolist()
    assert {len(CONTROL), len(CONTROL) + BINS // 2, len(CONTROL) + BINS, len(SPECIAL) - 1} <= set(corner)


def test_a_vocabulary_without_places_reads_their_numbers():
    dialogue = load("tiny").segmenter.vlm.dialogue
    if dialogue.tells_places:
        pytest.skip("the embedded model tells places by tokens of their own")
    ids = dialogue.prepare_text(
        dialogue.prepare_image(np.zeros((8, 8, 3), np.uint8)), [Turn(instruction="[0.5, 0.25]")]
    )
    assert "0.5" in dialogue.decode(ids.input_ids.tolist())


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_place_in_words_means_what_is_there(language):
    right = []
    for index in range(60):
        picture = make_picture(7, index)
        turns = ask(picture, np.random.default_rng(index), kind="pointed", language=language)
        if turns is None:
            continue
        (asked,) = turns
        (place,) = (m for m in mentions(asked.instruction, language) if m.meaning.place)
        assert asked.instruction[place.end - 1] == "]" and len(asked.about) == 1
        things = place.meaning.things(picture)
        right.append(things == list(asked.about))
        assert np.array_equal(place.meaning.mask(picture), picture.mask(*things))
    assert len(right) > 30 and np.mean(right) > 0.9  # boxes of two things may be nearly the same


def test_any_model_takes_a_place():
    picture = make_picture(7, 1).image
    model = load("tiny", device="cpu")
    assert model.segment(picture, "What is this?", at=(10, 10)).text
    chat = model.chat(picture)
    chat.ask("What is this?", at=(10, 10, 60, 60))
    assert chat.turns[0].instruction.endswith("]")


def test_many_pictures_have_a_place_each(monkeypatch):
    picture = make_picture(7, 1).image
    model = load("tiny", device="cpu")
    monkeypatch.setattr(model, "answer_turns", lambda images, turns, _: [t[0].instruction for t in turns])
    asked = model.segment_batch([picture] * 2, ["What is this?"] * 2, at=[(0, 0), None])
    assert asked == ["What is this? [0.00, 0.00]", "What is this?"]
    with pytest.raises(BadInput, match="1 places"):
        model.segment_batch([picture] * 2, ["What is this?"] * 2, at=[(0, 0)])
