"""`world-reason` is the same everywhere, and shaped as ReasonSeg is."""

from __future__ import annotations

import os
from collections import Counter

import pytest

from lisa.data.datasets import open_dataset, open_training
from lisa.data.world import REASON_PARTS, hash_of, world_reason
from lisa.errors import BadInput
from lisa.world.questions import QUESTION_KINDS

HASHES = {
    "train": "896009205e18a3cf4ed6676e6ab209c7df502c24a5de7ed0020b76fd224dceaf",
    "val": "1e1836171753377c7174ed9fd973fc29b9b61795e5880717c3e39b42c81c7e5e",
    "test": "27d46b42cd42d853dd51b5ee6c6801051a982b98d39f14582c531873b49e52fe",
}
THOROUGH = "LISA_EXAMPLES" in os.environ


@pytest.mark.parametrize("part", list(HASHES) if THOROUGH else ["val"])
def test_its_questions_and_masks_are_fixed(part):
    samples = list(world_reason(part))
    assert len(samples) == REASON_PARTS[part][1] and hash_of(samples) == HASHES[part]
    assert all(s.turns[-1].targets for s in samples) and len({s.id for s in samples}) == len(samples)


def test_it_is_as_large_as_the_published_one(tmp_path):
    assert [count for _, count in REASON_PARTS.values()] == [239, 200, 779]
    assert len({seed for seed, _ in REASON_PARTS.values()}) == 3
    assert len(open_training("world-reason", 1.0, folder=tmp_path)[0].dataset) == 239
    assert len(open_dataset("world-reason", folder=None, split="test", seed=0, limit=None)) == 779
    with pytest.raises(BadInput, match="train, val, test"):
        open_dataset("world-reason", folder=None, split="tset", seed=0, limit=None)


def test_scenes_to_learn_from_are_asked_about_in_both_languages(tmp_path):
    reader = open_training("world", 1.0, folder=tmp_path)[0].dataset
    assert [reader[i].meta["language"] for i in range(4)] == ["en", "zh", "en", "zh"]


def test_every_kind_is_asked_equally_often_in_both_languages():
    data = open_dataset("world-kinds", folder=None, split=None, seed=500, limit=None)
    assert len(data) == 60 * len(QUESTION_KINDS)
    few = open_dataset("world-kinds", folder=None, split=None, seed=500, limit=2 * len(QUESTION_KINDS))
    asked = Counter((sample.group, sample.meta["language"]) for sample in few)
    assert asked == {(kind, language): 1 for kind in QUESTION_KINDS for language in ("en", "zh")}
