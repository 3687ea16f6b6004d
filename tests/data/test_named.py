from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import PIL.Image

from lisa.data.augment import Augmented
from lisa.data.mixture import Mixture
from lisa.data.named import Named
from lisa.recipes.lisa import own_tiny
from lisa.train.finetune import row_of
from lisa.types import Sample, Target, Turn

MASK = np.ones((4, 4), np.bool_)


class Turns:
    """A dataset of one picture with given turns."""

    def __init__(self, *turns: Turn) -> None:
        self.turns = turns

    def __len__(self) -> int:
        return 1

    def draw(self, index, rng):
        return [Sample(id="a", image=np.zeros((4, 4, 3), np.uint8), turns=self.turns)]


def named(answer: str | None, *phrases: str) -> str | None:
    turn = Turn(instruction="?", answer=answer, targets=tuple(Target(mask=MASK, phrase=p) for p in phrases))
    return Named(Turns(turn)).draw(0, np.random.default_rng(0))[0].turns[0].answer


def test_answers_say_what_they_mask():
    assert named("Sure, [SEG].", "traffic light") == "It is the traffic light [SEG]."
    assert named("[SEG]. It shows red.", "traffic light") == "It is the traffic light [SEG]. It shows red."
    assert named("好的，[SEG]。", "红绿灯") == "是红绿灯 [SEG]。"


def test_other_answers_stay():
    assert named("The Dog is here [SEG].", "dog") == "The Dog is here [SEG]."
    assert named("It is [SEG].", "") == "It is [SEG]."
    assert named("There is none.") == "There is none."
    assert named("[SEG] and [SEG].", "cat", "dog") == "[SEG] and [SEG]."
    assert named(None, "dog") is None


def test_a_small_model_is_asked_more_of_a_picture(tmp_path):
    PIL.Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(tmp_path / "a.png")
    classes = [{"id": i, "name": f"thing_{i}"} for i in range(9)]
    rows = [
        {"id": i, "image_id": 1, "category_id": i, "segmentation": [[i, 0, i + 4, 0, i + 4, 9, i, 9]]} for i in range(9)
    ]
    images = [{"id": 1, "file_name": "a.png", "height": 32, "width": 32}]
    (tmp_path / "a.json").write_text(json.dumps({"images": images, "annotations": rows, "categories": classes}))
    (tmp_path / "few.yaml").write_text(json.dumps({"path": str(tmp_path)}))
    recipe = replace(own_tiny(), data={"few": 1.0}, data_dir=str(tmp_path))
    row = row_of(recipe)
    assert isinstance(row, Mixture) and isinstance(row.parts[0].dataset, Augmented)
    answers = [s.turns[0].answer for s in row(0)]
    assert 4 <= len(answers) <= 8 and all(a.startswith("It is the thing ") and a.endswith(" [SEG].") for a in answers)
    assert len(row_of(replace(recipe, augment=False))(0)) == 8
    assert len(row_of(replace(recipe, augment=False, per_picture=0))(0)) == 3
