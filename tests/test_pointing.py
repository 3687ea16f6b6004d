from __future__ import annotations

import re

import numpy as np
import pytest

from lisa import load
from lisa.errors import BadInput
from lisa.instructions import pointing, read_place
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
