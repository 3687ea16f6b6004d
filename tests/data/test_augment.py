from __future__ import annotations

import numpy as np
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
    assert change.words("LEFT of the bright lamp, not Right") == "RIGHT of the bright lamp, not Left"


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
