"""What the pages say in each language: nothing is missing, and errors that people meet are told in theirs."""

from __future__ import annotations

import dataclasses
import io
import json
import re
import string
from collections.abc import Callable
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from lisa import load
from lisa.data.notes import LONGEST, MOST_SHAPES, Notes, note_of, outline_in_box
from lisa.errors import BadInput, LisaError
from lisa.hub import resolve
from lisa.images import open_image
from lisa.instructions import check_instruction
from lisa.memory import FULL
from lisa.predictor import CONFIDENCE, FAR, PREDICTED_IOU
from lisa.recipes import RECIPES
from lisa.registry import find
from lisa.serve.chinese import in_chinese
from lisa.serve.ports import check_name
from lisa.serve.words import EN, LANGUAGES, ZH, english_only, preferred, words_of
from lisa.world.chinese.forms import CORES, WHY

EXAMPLES = Path(__file__).parents[1] / "examples"
HAN = re.compile("[一-鿿]")
NAMES = {"PNG", "JPEG", "Unicode", "U", "lisa", "get", "b", "model", "IoU", "CamVid", "GiB", "picture", "png"}
"""What stays as it is in Chinese."""


def gaps(text: str) -> set[str]:
    return {gap for _, gap, _, _ in string.Formatter().parse(text) if gap}


def latin(text: str) -> set[str]:
    return set(re.findall("[A-Za-z]+", text)) - NAMES


def test_every_word_is_in_chinese_with_the_same_gaps():
    for field in dataclasses.fields(EN):
        english, chinese = getattr(EN, field.name), getattr(ZH, field.name)
        if isinstance(english, str) and field.name not in ("code", "full_stop"):
            assert HAN.search(chinese) and gaps(english) == gaps(chinese), field.name
            assert not latin(re.sub(r"\{\w+\}", "", chinese)), chinese


@pytest.mark.parametrize(
    ("accepted", "code"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("ZH-tw", "zh"),
        ("zh", "zh"),
        ("en-US,en;q=0.9,zh;q=0.8", "en"),
        ("en;q=0.3, zh;q=0.4", "zh"),
        ("de,zh;q=0.2", "zh"),
        ("zh;q=0,de", "en"),
        ("zh;q=x", "en"),
        ("de,fr", "en"),
        ("*", "en"),
        ("", "en"),
        (";;,,q=1", "en"),
    ],
)
def test_the_language_that_a_browser_prefers(accepted, code):
    assert preferred(accepted) == code


def test_languages_are_known_by_their_codes():
    assert [words_of(code).code for code in LANGUAGES] == ["en", "zh"]
    with pytest.raises(BadInput, match="known: en, zh"):
        words_of("klingon")


def picture_bytes(mode: str = "RGB", size: tuple[int, int] = (40, 30)) -> bytes:
    file = io.BytesIO()
    PIL.Image.new(mode, size).save(file, "PNG")
    return file.getvalue()


def written(folder: Path, content: bytes) -> Path:
    path = folder / "picture.png"
    path.write_bytes(content)
    return path


def shape(**changes: object) -> dict[str, object]:
    return {"label": "target", "points": [[0, 0], [1, 0], [1, 1]]} | changes


def noted(folder: Path) -> Notes:
    written(folder, picture_bytes())
    return Notes(folder)


MET: dict[str, Callable[[Path], object]] = {
    "empty question": lambda _: check_instruction(" "),
    "long question": lambda _: check_instruction("x" * 5000),
    "long conversation": lambda _: load("tiny", device="cpu").segment(np.zeros((9, 9, 3), np.uint8), "字" * 3990),
    "broken Unicode": lambda _: check_instruction("a\udc80"),
    "control character": lambda _: check_instruction("a\x07b"),
    "no picture": lambda folder: open_image(written(folder, b"no picture")),
    "cut off": lambda folder: open_image(written(folder, picture_bytes()[:45])),
    "empty file": lambda folder: open_image(written(folder, b"")),
    "large": lambda folder: open_image(written(folder, picture_bytes()), max_pixels=10),
    "no file": lambda folder: open_image(folder / "picture.png"),
    "no instruction": lambda _: note_of({"texts": []}),
    "long text": lambda _: note_of({"texts": ["x" * (LONGEST + 1)], "shapes": []}),
    "many shapes": lambda _: note_of({"texts": ["x"], "shapes": [shape()] * (MOST_SHAPES + 1)}),
    "no outline": lambda _: note_of({"texts": ["x"], "shapes": [shape(points=[])]}),
    "no point": lambda _: note_of({"texts": ["x"], "shapes": [shape(points=[[0, 0], [1, 0], [1, "a"]])]}),
    "small box": lambda _: outline_in_box(np.zeros((20, 20, 3), np.uint8), (3, 3, 3, 9)),
    "wrong name": lambda _: check_name("example.org:80", "127.0.0.1"),
    "no such picture": lambda folder: noted(folder).path(7),
    "no such model": lambda _: resolve("lissa-7b"),
}


@pytest.mark.parametrize("name", MET)
def test_errors_that_people_meet_are_told_in_chinese(name, tmp_path):
    with pytest.raises(LisaError) as met:
        MET[name](tmp_path)
    told = in_chinese(str(met.value)).replace(str(tmp_path), "")
    assert HAN.search(told) and not told.startswith("原文"), met.value
    assert not latin(told) - {"lissa", "example", "org"}, told


def test_what_models_say_of_themselves_is_told_in_chinese():
    models = [getattr(find("recipes", RECIPES, name)(), "model", None) for name in RECIPES]
    notices = [getattr(model, "notice", "") for model in models]
    said = [*filter(None, notices), load("tiny", device="cpu").notice, FAR, PREDICTED_IOU, CONFIDENCE, FULL]
    for text in said:
        told = in_chinese(text)
        assert HAN.search(told) and not told.startswith("原文") and not latin(told), text


def test_what_is_not_known_comes_in_its_own_words():
    assert in_chinese("a {strange} thing: do that") == "原文（英语）：a {strange} thing: do that"
    assert in_chinese("") == ""


def test_the_examples_are_asked_as_chinese_is_taught():
    rows = json.loads((EXAMPLES / "examples.json").read_text(encoding="utf-8"))
    assert [row["instruction"] for row in rows] == list(ZH.examples)
    cores = [re.sub(r"\\\{\w+\\\}", ".+", re.escape(core)) for nps, qs in CORES.values() for core in (*nps, *qs)]
    for question in ZH.examples.values():
        asked, _, why = question.partition("？")
        assert any(re.fullmatch(core, asked) for core in cores if core.strip(".+")), question
        assert not why or f"{{it}}{why}" in WHY


def test_tiny_is_asked_in_a_language_that_it_knows():
    tiny = load("tiny", device="cpu")
    found = 0
    for row in json.loads((EXAMPLES / "examples.json").read_text(encoding="utf-8")):
        path = EXAMPLES / row["image"]
        truth = np.asarray(PIL.Image.open(path.with_suffix(".mask.png"))) > 0
        masks = tiny.segment(path, ZH.examples[row["instruction"]]).masks
        given = masks.any(0) if len(masks) else np.zeros_like(truth)
        found += (given & truth).sum() > 0.5 * (given | truth).sum()
    assert (found >= 4) != english_only("tiny"), (
        f"{found} of 5 Chinese questions answered: see ENGLISH_ONLY in words.py"
    )
