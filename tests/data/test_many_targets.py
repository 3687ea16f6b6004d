"""Sets whose answers speak of several things: MUSE and LISA++, in the layouts that public readers of them expect."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from lisa.data.base import asking
from lisa.data.convert import _with_one_seg, convert
from lisa.data.lisa_plus import lisa_plus
from lisa.data.llava import LlavaChat
from lisa.data.muse import muse
from lisa.data.own import own
from lisa.errors import BadInput, Missing

SIZE = (40, 60)
BOX = [4, 5, 20, 5, 20, 15, 4, 15]
FAR = [30, 20, 50, 20, 50, 35, 30, 35]


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    PIL.Image.fromarray(np.full((*SIZE, 3), 120, np.uint8)).save(path)


@pytest.fixture
def folder(tmp_path):
    picture(tmp_path / "refer_seg/images/mscoco/images/train2014/a.jpg")
    picture(tmp_path / "coco/train2017/b.jpg")
    return tmp_path


def rows_of_muse() -> list[dict]:
    cup = {"segmentation": [BOX], "category_name": "cup", "rephrased_name": "the cup on the left"}
    saucer = {"segmentation": [FAR], "category_name": "saucer"}
    size = {"height": SIZE[0], "width": SIZE[1], "ann_list": []}
    return [
        {
            "file_name": "a.jpg",
            **size,
            "questions": ["What is needed for tea?", "What holds a drink?"],
            "answers": [[cup, saucer], [cup]],
            "text_answers": ["You need the cup {seg} and the saucer {seg}.", None],
        },
        {
            "coco_url": "http://images.cocodataset.org/train2017/b.jpg",
            **size,
            "questions": ["What is needed for tea?"],
            "answers": [[cup, saucer]],
        },
    ]


def test_muse_asks_for_several_things(folder):
    (folder / "muse").mkdir()
    (folder / "muse" / "MUSE_train.json").write_text(json.dumps(rows_of_muse()))
    data = muse(folder)
    turns = {s.turns[0].instruction: s.turns[0] for s in data.draw(0, np.random.default_rng(0))}
    tea = turns["What is needed for tea?"]
    assert tea.answer == "You need the cup [SEG] and the saucer [SEG]."
    assert [int(t.mask.sum()) for t in tea.targets] == [16 * 10, 20 * 15]
    assert turns["What holds a drink?"].answer == "the cup on the left [SEG]."
    (second,) = data.draw(1, np.random.default_rng(0))
    assert second.turns[0].answer == "the cup on the left [SEG] and saucer [SEG]."
    assert [t.phrase for t in second.turns[0].targets] == ["the cup on the left", "saucer"]


def test_lisa_plus_in_its_three_forms(folder):
    (folder / "lisa_plus").mkdir()
    instance = {
        "img_path": "b.jpg",
        "English Question": "Which of them can be eaten?",
        "ID": ["11", "12"],
        "points": {
            "11": {"points": [BOX], "label name": "pizza"},
            "12": {"polygon": [[30, 20], [50, 20], [50, 35], [30, 35]], "label name": "pizza"},
        },
    }
    steps = {
        "image_path": "b.jpg",
        "English Question": "Why?",
        "English Answer": "There are [pizza <11>, pizza <12>], and a 《13| cup》.",
        "info": {"11": [BOX], "12": [FAR]},
    }
    talk = {
        "img_pth": "b.jpg",
        "output": "<person>: What changes the channel? <robot>: The <11| remote> does. "
        "<person>: And what else? <robot>: Nothing.",
        "info": {"11": [BOX]},
    }
    for name, row in (("a", instance), ("b", steps), ("c", talk)):
        (folder / "lisa_plus" / f"{name}.json").write_text(json.dumps([row]))
    data = lisa_plus(folder)
    found = [data.draw(i, np.random.default_rng(0))[0].turns for i in range(3)]
    assert found[0][0].answer == "pizza [SEG] and pizza [SEG]."
    assert [int(t.mask.sum()) for t in found[0][0].targets] == [160, 300]
    assert found[1][0].answer == "There are pizza [SEG], pizza [SEG], and a cup."
    assert [t.instruction for t in found[2]] == ["What changes the channel?", "And what else?"]
    assert [t.answer for t in found[2]] == ["The remote [SEG] does.", "Nothing."]
    assert all(t.answer.count("[SEG]") == len(t.targets) for turns in found for t in turns)
    (folder / "lisa_plus" / "a.json").write_text(json.dumps([instance | {"ID": [11, 12]}]))
    assert lisa_plus(folder).draw(0, np.random.default_rng(0))[0].turns[0].answer == found[0][0].answer


def test_a_sheet_holds_every_question_with_one_mask(folder, tmp_path):
    rows = rows_of_muse()
    rows[0] |= {k: rows[0][k] * 3 for k in ("questions", "answers", "text_answers")}
    (folder / "muse").mkdir()
    (folder / "muse" / "MUSE_train.json").write_text(json.dumps(rows))
    written = convert(muse(folder), "sheet", tmp_path / "out")
    assert written.pictures == 2 and written.masks == 7
    assert +written.changed == {"answer whose several masks became one": 4}
    read = asking(own(tmp_path / "out"), 9)
    turns = [s.turns[0] for i in range(2) for s in read.draw(i, np.random.default_rng(0))]
    assert len(turns) == 7
    tea = [t for t in turns if t.instruction == "What is needed for tea?"]
    assert {t.answer for t in tea} == {
        "You need the cup and the saucer [SEG].",
        "the cup on the left and saucer [SEG].",
    }
    assert {int(t.targets[0].mask.sum()) for t in tea} == {16 * 10 + 20 * 15}


def test_a_sheet_holds_the_turns_of_a_conversation(folder, tmp_path):
    said = [
        {"from": who, "value": text}
        for who, text in (("human", "<image>\nWhat is it?"), ("gpt", "A cup."), ("human", "<image>"), ("gpt", "Red."))
    ]
    chat = [{"id": "1", "image": "b.jpg", "conversations": said + said[2:] + said[:2]}]
    (folder / "chat.json").write_text(json.dumps(chat))
    written = convert(LlavaChat(folder / "chat.json", folder / "coco" / "train2017"), "sheet", tmp_path / "out")
    assert +written.changed == {
        "turn of a conversation, now a question of its own": 3,
        "turn without an instruction, left out": 2,
    }
    lines = (tmp_path / "out" / "questions.jsonl").read_text().splitlines()
    assert [json.loads(line)["answer"] for line in lines] == ["A cup.", "A cup."]


@pytest.mark.parametrize(
    ("said", "once"),
    [
        ("[SEG], [SEG], [SEG].", "[SEG]."),
        ("Sure, [SEG] and [SEG].", "Sure, [SEG]."),
        ("cup [SEG], jar [SEG] and pan [SEG]. Why?", "cup, jar and pan [SEG]. Why?"),
        ("是猫 [SEG]、[SEG]和狗 [SEG]。", "是猫和狗 [SEG]。"),
        ("It is there.", "It is there. [SEG]"),
    ],
)
def test_an_answer_says_seg_once(said, once):
    assert _with_one_seg(said) == once


@pytest.mark.parametrize("text", ["{}", "[1]", "[]", "[", '[{"questions": ["a"], "answers": 3}]'])
def test_broken_files_are_named(folder, text):
    for name, opened in (("muse/MUSE_train.json", muse), ("lisa_plus/x.json", lisa_plus)):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        with pytest.raises((BadInput, Missing), match=r"MUSE_train\.json|x\.json|lisa_plus"):
            opened(folder).draw(0, np.random.default_rng(0))
