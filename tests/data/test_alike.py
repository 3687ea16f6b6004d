from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from lisa.data.alike import Gallery, look
from lisa.data.base import Reader
from lisa.data.check import check
from lisa.data.datasets import pictures
from lisa.errors import BadInput
from lisa.types import Sample, Target, Turn
from lisa.world.sets import make_picture


@pytest.fixture(scope="module")
def drawn() -> list[np.ndarray]:
    return [make_picture(211, k).image for k in range(24)]


def again(image: np.ndarray, scale: float, quality: int) -> np.ndarray:
    picture = PIL.Image.fromarray(image)
    picture = picture.resize((round(picture.width * scale), round(picture.height * scale)))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return np.asarray(PIL.Image.open(buffer).convert("RGB"))


def test_the_same_picture_in_another_size_and_quality(drawn):
    gallery = Gallery.of((str(k), image) for k, image in enumerate(drawn))
    assert len(gallery) == 24
    for k, image in enumerate(drawn):
        exact = gallery.find(image)
        assert exact is not None and (exact.name, exact.bits) == (str(k), -1)
        for scale, quality in ((1.0, 60), (0.6, 80), (1.7, 40)):
            found = gallery.find(again(image, scale, quality))
            assert found is not None and found.name == str(k) and found.bits >= 0


def test_other_pictures_are_not_alike(drawn):
    gallery = Gallery.of((str(k), image) for k, image in enumerate(drawn[:12]))
    assert [k for k, image in enumerate(drawn[12:]) if gallery.find(image)] == []


def test_one_colour_is_alike_to_itself_alone():
    grey, other = np.full((20, 30, 3), 90, np.uint8), np.full((30, 30, 3), 91, np.uint8)
    gallery = Gallery.of([("grey", grey)])
    assert look(grey) is None and gallery.find(grey) is not None and gallery.find(other) is None
    assert Gallery().find(grey) is None


class Pictures(Reader):
    def __init__(self, images: list[np.ndarray]) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def draw(self, index, rng):
        mask = np.zeros(self.images[index].shape[:2], bool)
        mask[:4] = True
        turn = Turn(instruction="?", answer="[SEG]", targets=(Target(mask=mask, phrase="a"),))
        return [Sample(id=f"own/{index}", image=self.images[index], turns=(turn,))]

    def picture(self, index):
        return Path(f"{index}.png")

    def things(self, index):
        """The second picture's dog is annotated twice; two classes may share a mask."""
        mask = np.ones((4, 4), bool)
        return [("dog", mask), ("dog" if index == 1 else "cat", mask)]


def test_a_check_names_what_is_there_twice(drawn):
    test = Gallery.of([("test/0", again(drawn[2], 0.7, 70)), ("test/1", drawn[0])])
    found = check(Pictures([*drawn[:4], drawn[3]]), against={"test": test})
    assert found.kinds == {"also in test": 2, "the same picture twice": 1, "the same mask twice": 1}
    text = found.render()
    assert (
        "own/0 is test/1, the same pixels" in text
        and "1.png, dog" in text
        and "own/2 is test/0" in text
        and "own/4 and own/3" in text
    )


def test_an_evaluation_flags_what_was_trained_on(tmp_path, drawn, monkeypatch):
    from lisa.evaluate.run import Asking, leaks_of

    home = tmp_path / "mine"
    home.mkdir()
    rows = []
    for k in range(3):
        PIL.Image.fromarray(again(drawn[k], 1.0, 70)).save(home / f"{k}.png")
        rows.append({"image": f"{k}.png", "instruction": "?", "box": [0, 0, 4, 4]})
    (home / "rows.jsonl").write_text("\n".join(json.dumps(r) for r in rows))
    (tmp_path / "mine.yaml").write_text(json.dumps({"path": str(home)}))
    assert len(list(pictures("mine", folder=tmp_path))) == 3
    samples = [s for k in (1, 1, 5, 6) for s in Pictures(drawn).draw(k, None)[:1]]
    (told,) = leaks_of({"own": samples}, Asking(data=tmp_path, trained_on=("mine",)))["own"]
    assert told.startswith("1 of 3 pictures are in mine, too (0 pixel by pixel)") and "own/1 is rows/1/0" in told
    assert leaks_of({"own": samples}, Asking(data=tmp_path)) == {"own": []}
    (told,) = leaks_of({"refcoco": []}, Asking())["refcoco"]
    assert "COCO train2014" in told
    with pytest.raises(BadInput):
        leaks_of({"own": samples}, Asking(data=tmp_path, trained_on=("nothing",)))
    with pytest.raises(BadInput, match="drawn afresh"):
        leaks_of({"own": samples}, Asking(trained_on=("world",)))
