from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lisa.data.augment import Augmentation, Augmented, Change
from lisa.types import Sample, Target, Turn


def sample(height: int, width: int) -> Sample:
    """A red square on the left, whose picture, mask and words say the same."""
    image = np.full((height, width, 3), 40, np.uint8)
    mask = np.zeros((height, width), np.bool_)
    mask[height // 4 : height // 2, width // 8 : width // 3] = True
    image[mask] = (250, 10, 10)
    turn = Turn(
        instruction="What is on the left? 左边是什么？",
        answer="It is the Left square [SEG].",
        targets=(Target(mask=mask, phrase="the Left square", ignore=~mask),),
    )
    return Sample(id="a", image=image, turns=(turn,))


@settings(max_examples=80, deadline=None)
@given(height=st.integers(16, 90), width=st.integers(16, 90), seed=st.integers(0, 10**6), square=st.booleans())
def test_picture_mask_and_words_stay_true(height, width, seed, square):
    old = sample(height, width)
    how = Augmentation(light=0.0, square=square)
    (new,) = how.samples([old], np.random.default_rng(seed))
    (target,) = new.turns[0].targets
    assert np.array_equal(new.image[..., 0] == 250, target.mask) and np.array_equal(target.ignore, ~target.mask)
    assert target.mask.sum() >= 0.7 * old.turns[0].targets[0].mask.sum()
    mirrored = "right" in new.turns[0].instruction
    assert new.turns[0].instruction == ("What is on the right? 右边是什么？" if mirrored else old.turns[0].instruction)
    assert new.turns[0].answer == f"It is the {'Right' if mirrored else 'Left'} square [SEG]."
    assert target.phrase in new.turns[0].answer
    again = how.samples([old], np.random.default_rng(seed))[0]
    assert np.array_equal(again.image, new.image) and again.turns[0].instruction == new.turns[0].instruction


def test_a_mirrored_picture_is_the_other_way_round():
    change = Change(rows=slice(0, 4), columns=slice(0, 6), mirror=True, light=None)
    picture = np.arange(24, dtype=np.uint8).reshape(4, 6)
    assert np.array_equal(change.cut(picture), picture[:, ::-1])
    assert change.words("LEFT of the bright lamp, at Right") == "RIGHT of the bright lamp, at Left"


@pytest.mark.parametrize(
    ("said", "mirrored"),
    [
        ("the second cup from the left here", "the second cup from the right here"),
        ("What is left of the lamp, and the leftmost?", "What is right of the lamp, and the rightmost?"),
        ("the man on the right next to the bus", "the man on the left next to the bus"),
        ("car right mirror, horse left front upper leg", "car left mirror, horse right front upper leg"),
        ("the left one, top right corner, left-hand side", "the right one, top left corner, right-hand side"),
        ("最左边的狗和从右数第二只", "最右边的狗和从左数第二只"),
        ("台灯左手边，右上角", "台灯右手边，左上角"),
    ],
)
def test_sides_are_exchanged(said, mirrored):
    change = Change(rows=slice(0, 4), columns=slice(0, 6), mirror=True, light=None)
    assert change.words(said) == mirrored and change.words(mirrored) == said


@pytest.mark.parametrize(
    "said",
    [
        "What is left on the plate?", "Which is the right tool?", "All right, where is it?", "the right thing to say",
        "What shows me the right of way?", "Who has the right to go first?", "the right knife to cut bread with",
        "What signals a left turn?", "Which glove is for a right-handed person?", "the left-over pizza",
        "哪辆车开了十公里左右？", "什么能让车左转右转", "On the left, what is left to eat?",
    ],
)  # fmt: skip
def test_a_picture_whose_words_may_mean_no_side_is_not_mirrored(said):
    old = sample(40, 60)
    other = replace(old, turns=(Turn(instruction=said, answer="It is there [SEG].", targets=old.turns[0].targets),))
    how = Augmentation(smallest=1.0, light=0.0)
    for seed in range(8):
        found = how.samples([old, other], np.random.default_rng(seed))
        assert [s.turns[0].instruction for s in found] == [old.turns[0].instruction, said]
        assert all(np.array_equal(s.image, old.image) for s in found)


def test_a_dataset_is_changed_by_its_dice():
    class One:
        def __len__(self):
            return 3

        def draw(self, index, rng):
            return [sample(40 + index, 60)] if index else []

    changed = Augmented(One(), Augmentation())
    assert len(changed) == 3 and changed.draw(0, np.random.default_rng(0)) == []
    pictures = {changed.draw(1, np.random.default_rng(i))[0].image.tobytes() for i in range(6)}
    assert len(pictures) == 6
