from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from test_segmentation import make

from lisa.errors import BadInput
from lisa.writers import JsonLines, read_json_lines, save, staged


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


def test_saves_overlay_masks_and_json(tmp_path):
    result = make("the cat [SEG] and the dog [SEG]", count=2)
    paths = result.save(tmp_path / "new" / "out", name="photo")
    assert [path.name for path in paths] == [
        "photo.overlay.png",
        "photo.mask-1.png",
        "photo.mask-2.png",
        "photo.answer.json",
    ]
    assert names(tmp_path / "new" / "out") == sorted(path.name for path in paths)
    mask = np.asarray(PIL.Image.open(paths[2]))
    np.testing.assert_array_equal(mask, result.masks[1] * 255)
    assert json.loads(paths[3].read_text()) == result.to_dict()


def test_a_second_answer_replaces_the_first_and_nothing_else(tmp_path):
    mine = ["photo.png", "other.mask-1.png", "photo.json", "photo.mask-hand.png"]
    for name in mine:
        (tmp_path / name).write_text("mine")
    make("the cat [SEG] and the dog [SEG]", count=2).save(tmp_path, name="photo")
    make("the cat [SEG]", count=1).save(tmp_path, name="photo")
    assert names(tmp_path) == sorted([*mine, "photo.overlay.png", "photo.mask-1.png", "photo.answer.json"])
    assert {(tmp_path / name).read_text() for name in mine} == {"mine"}


@pytest.mark.parametrize("name", ["a[b]*", "ä ö", ".hidden"])
def test_odd_names(tmp_path, name):
    make().save(tmp_path, name=name)
    make().save(tmp_path, name=name)
    assert len(names(tmp_path)) == 3


@pytest.mark.parametrize("name", ["", "../escaped", "a/b", "/tmp/x", "a/", "a\0b"])
def test_names_that_leave_the_folder(tmp_path, name):
    with pytest.raises(BadInput, match="name without a path"):
        make().save(tmp_path / "out", name=name)
    assert not names(tmp_path)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("bug"), KeyboardInterrupt()])
def test_a_failure_changes_nothing(tmp_path, error, monkeypatch):
    make().save(tmp_path / "old", name="photo")
    before = {path.name: path.read_bytes() for path in (tmp_path / "old").iterdir()}

    def fail(self, *args, **kwargs):
        raise error

    monkeypatch.setattr(Path, "write_text", fail)
    for folder in (tmp_path / "old", tmp_path / "fresh" / "deep"):
        with pytest.raises(BadInput if isinstance(error, OSError) else type(error)):
            make().save(folder, name="photo")
    assert {path.name: path.read_bytes() for path in (tmp_path / "old").iterdir()} == before
    assert not (tmp_path / "fresh").exists()


def test_a_failure_while_moving_puts_everything_back(tmp_path):
    (tmp_path / "a").write_text("old a")
    (tmp_path / "b").mkdir()
    with pytest.raises(BadInput), staged(tmp_path) as stage:
        (stage / "a").write_text("new a")
        (stage / "b").write_text("new b")
    assert (tmp_path / "a").read_text() == "old a"
    assert names(tmp_path) == ["a", "b"]


def test_targets_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("x")
    for folder in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/nothing/here"), tmp_path / ("x" * 300)):
        with pytest.raises(BadInput):
            save(make(), folder)
    assert names(tmp_path) == ["file"]


def test_json_lines(tmp_path):
    path = tmp_path / "answers.jsonl"
    with JsonLines(path) as file:
        for image in ("a.png", "b.png"):
            file.write(make(), image=image)
        assert not path.exists()
    assert [row["image"] for row in read_json_lines(path)] == ["a.png", "b.png"]
    with pytest.raises(RuntimeError), JsonLines(path) as file:
        raise RuntimeError
    assert len(list(read_json_lines(path))) == 2 and names(tmp_path) == ["answers.jsonl"]
    path.write_text('{"a": 1}\n{')
    with pytest.raises(BadInput, match="line 2"):
        list(read_json_lines(path))
    with pytest.raises(BadInput), JsonLines(tmp_path / "no" / "a.jsonl"):
        pass
