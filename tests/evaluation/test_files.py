"""Answers in files: our own, resumed and scored again; other people's; hostile ones."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from lisa import rle
from lisa.errors import BadInput
from lisa.evaluate.figures import Evaluation
from lisa.evaluate.foreign import is_predictions, score_files
from lisa.evaluate.predictions import Answers, rescore
from lisa.evaluate.run import Asking, Share, read_rows, run

from .conftest import Red, Squares


def without_time(report: dict) -> dict:
    figures = dict(report["datasets"]["squares"])
    del figures["seconds_per_question"]
    return figures


def test_answers_are_scored_again_bit_by_bit(opened: Red, squares: Squares, tmp_path):
    opened.misses = 3
    report, found = run("red", ["squares"], Asking(forced=True), out=tmp_path)
    answers = Answers(tmp_path / "squares")
    assert answers.about["dataset"] == "squares" and answers.about["weights"] == "0" * 16 and len(answers.places) == 20
    again = Evaluation(list(rescore(enumerate(squares), answers)))
    assert again.rows == found["squares"].rows
    assert again.to_json() == report["datasets"]["squares"]
    path = tmp_path / "squares" / "predictions.jsonl"
    asked = {"dataset": "squares", "split": None, "seed": 0}
    assert score_files(path, squares, asked).rows == again.rows
    assert read_rows(tmp_path)["squares"] == again.rows
    with pytest.raises(BadInput, match=r"answers another dataset, seed \(squares, 0\)"):
        score_files(path, squares, {"dataset": "circles", "split": None, "seed": 3})


def test_what_a_killed_run_did_not_answer_counts_as_no_mask(opened: Red, squares: Squares, tmp_path):
    run("red", ["squares"], out=tmp_path)
    path = tmp_path / "squares" / "predictions.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:9]))  # the first line and eight answers
    figures = score_files(path, squares, {"dataset": "squares"}).figures()
    assert figures["giou"].count == 16 and figures["t_acc"].value == 7 / 16


def test_another_number_of_processes_goes_on(opened: Red, tmp_path):
    opened.die_after = 9
    with pytest.raises(KeyboardInterrupt):
        run("red", ["squares"], out=tmp_path)
    opened.asked, opened.die_after = 0, None
    for rank in (1, 0):
        report, _ = run("red", ["squares"], out=tmp_path, share=Share(rank, 2))
    assert report["datasets"]["squares"]["questions"] == 20 and opened.asked == 12


def test_files_of_something_else_in_the_folder(opened: Red, tmp_path):
    for rank in (1, 0):
        run("red", ["squares"], out=tmp_path, share=Share(rank, 2))
    with pytest.raises(BadInput, match="another forced"):
        run("red", ["squares"], Asking(forced=True), out=tmp_path)


def test_a_killed_run_goes_on(opened: Red, tmp_path):
    whole, _ = run("red", ["squares"], out=tmp_path / "whole")
    opened.asked, opened.die_after = 0, 11
    with pytest.raises(KeyboardInterrupt):
        run("red", ["squares"], out=tmp_path / "cut")
    path = tmp_path / "cut" / "squares" / "predictions.jsonl"
    with path.open("a") as file:
        file.write('{"index": 8, "id": "squ')  # the line that was being written
    opened.asked, opened.die_after = 0, None
    report, _ = run("red", ["squares"], out=tmp_path / "cut")
    assert without_time(report) == without_time(whole) and opened.asked == 12
    run("red", ["squares"], out=tmp_path / "cut")
    assert opened.asked == 12  # nothing is asked twice


def test_a_file_about_something_else_is_not_continued(opened: Red, tmp_path):
    run("red", ["squares"], out=tmp_path)
    with pytest.raises(BadInput, match="another seed"):
        run("red", ["squares"], Asking(seed=5), out=tmp_path)


@pytest.mark.parametrize("world", [2, 5])
def test_several_processes_share_the_questions(opened: Red, tmp_path, world):
    whole, _ = run("red", ["squares"], out=tmp_path / "one")
    for rank in reversed(range(world)):
        report, _ = run("red", ["squares"], out=tmp_path / "many", share=Share(rank, world))
    assert without_time(report) == without_time(whole)
    listed = [Answers([p]).places for p in sorted((tmp_path / "many" / "squares").glob("predictions*.jsonl"))]
    assert sum(len(r) for r in listed) == 20 and len(listed) == world


def test_who_is_who(monkeypatch):
    assert Share.of("2/4") == Share(1, 4)
    monkeypatch.setenv("RANK", "3")
    monkeypatch.setenv("WORLD_SIZE", "8")
    assert Share.of(None) == Share(3, 8)
    for wrong in ("0/4", "5/4", "a/b", "2", "-1/3", "1/0"):
        with pytest.raises(BadInput, match="of the form 2/4"):
            Share.of(wrong)
    with pytest.raises(BadInput, match="--out"):
        run("red", ["squares"], share=Share(0, 2))


def coco_results(squares: Squares) -> list[dict]:
    return [
        {"image_id": int(s.meta["image_id"]), "segmentation": rle.encode(s.turns[0].targets[0].mask), "score": 0.9}
        for s in squares
        if s.turns[0].targets
    ]


def test_results_in_coco_s_form(squares, tmp_path):
    path = tmp_path / "results.json"
    path.write_text(json.dumps(coco_results(squares)))
    assert is_predictions(str(path))
    figures = score_files(path, squares, {}).figures()
    assert figures["giou"].value == 1.0 and figures["n_acc"].value == 1.0 and figures["ap50"].value == 1.0
    path.write_text(json.dumps({"annotations": coco_results(squares)[1:]}))
    assert score_files(path, squares, {}).figures()["giou"].value == pytest.approx(15 / 16)


def test_results_that_say_nothing_is_there(squares, tmp_path):
    """gRefCOCO's: several masks that are one, or no target."""
    rows = []
    for k, s in enumerate(squares):
        if not s.turns[0].targets:
            rows.append(
                {"ref_id": k + 700, "no_target": k != 4, "segmentation": rle.encode(np.ones(s.image.shape[:2], bool))}
            )
            continue
        mask = s.turns[0].targets[0].mask
        top, below = mask.copy(), mask.copy()
        top[:8], below[8:] = False, False
        rows.append({"ref_id": k + 700, "segmentation": [rle.encode(top), rle.encode(below)], "caption": "here"})
    path = tmp_path / "gref.jsonl"
    path.write_text("\n".join(json.dumps(r) for r in rows))
    for s in (together := [squares[k] for k in range(20)]):
        s.meta["united"] = True
    figures = score_files(path, together, {}).figures()
    assert figures["giou"].value == 1.0 and figures["n_acc"].value == 0.75
    assert figures["ciou_with_absent"].value < 1.0 < 1.0 + figures["giou_with_absent"].value


def test_a_folder_of_masks(squares, tmp_path):
    for s in squares:
        if s.turns[0].targets:
            mask = s.turns[0].targets[0].mask.astype(np.uint8) * 255
            PIL.Image.fromarray(mask).save(tmp_path / f"{s.id.split('/')[1]}.png")
    assert is_predictions(str(tmp_path))
    assert score_files(tmp_path, squares, {}).figures()["giou"].value == 1.0


def test_answers_to_another_dataset_are_refused(squares, tmp_path):
    (tmp_path / "a.json").write_text(json.dumps([{"id": "refcoco/7", "segmentation": {"size": [4, 4], "counts": "0"}}]))
    with pytest.raises(BadInput, match="answers no question of this dataset"):
        score_files(tmp_path / "a.json", squares, {})


def test_answers_by_picture_where_it_has_several_questions(squares, tmp_path):
    """Whose they are cannot be told, unless they name the class."""
    first = squares[0]
    asked = [replace(first, id=f"squares/{k}", meta={**first.meta, "class": k}) for k in ("a", "b")]
    for s in asked:
        del s.meta["ref_id"]
    record = {"image_id": 100, "segmentation": rle.encode(first.turns[0].targets[0].mask)}
    path = tmp_path / "a.json"
    path.write_text(json.dumps([record]))
    with pytest.raises(BadInput, match="not the only question"):
        score_files(path, asked, {})
    path.write_text(json.dumps([{**record, "category": "b"}]))
    assert [r.iou for r in score_files(path, asked, {}).rows] == [0.0, 1.0]
    lights = [replace(s, meta={**s.meta, "class": f"traffic {k}"}) for s, k in zip(asked, "ab")]
    path.write_text(json.dumps([{**record, "category": "Traffic_b"}]))  # as datasets spell it
    assert [r.iou for r in score_files(path, lights, {}).rows] == [0.0, 1.0]
    path.write_text(json.dumps([{**record, "category": "c"}]))
    with pytest.raises(BadInput, match="answers no question"):
        score_files(path, asked, {})
    path.write_text(json.dumps([{**record, "category": "person"}]))  # where no class is asked for, it is no matter
    assert [r.iou for r in score_files(path, [first], {}).rows] == [1.0]


@pytest.mark.parametrize("value", [87.0, -0.1, float("inf")])
def test_a_score_is_from_0_to_1(squares, tmp_path, value):
    record = {"index": 0, "segmentation": rle.encode(squares[0].turns[0].targets[0].mask), "score": value}
    (tmp_path / "a.json").write_text(json.dumps([record]))
    with pytest.raises(BadInput, match="score is a number from 0 to 1"):
        score_files(tmp_path / "a.json", squares, {})


def test_a_place_is_not_the_end_of_an_id(squares, tmp_path):
    asked = [replace(squares[k], id=f"0/{k}/0", meta={}) for k in range(4)]
    rows = [{"index": k, "segmentation": rle.encode(s.turns[0].targets[0].mask)} for k, s in enumerate(asked)]
    path = tmp_path / "a.json"
    path.write_text(json.dumps(rows))
    assert [r.iou for r in score_files(path, asked, {}).rows] == [1.0] * 4


def test_scored_files_leave_a_report(opened: Red, squares, tmp_path):
    path = tmp_path / "results.json"
    path.write_text(json.dumps(coco_results(squares)))
    report, _ = run(str(path), ["squares"], out=tmp_path / "out")
    assert report["protocol"] == "predictions from files" and read_rows(tmp_path / "out")["squares"]
    assert "predictions from files" in (tmp_path / "out" / "report.html").read_text()
    with pytest.raises(BadInput, match="holds answers, not a model"):
        run(str(path), ["squares"], Asking(controls=5))


def broken_files(folder: Path, squares: Squares, count: int) -> list[Path]:
    """Files of answers with something wrong in each."""
    dice, paths = random.Random(0), []
    good = coco_results(squares)
    values = [
        None, float("nan"), float("inf"), -1, 10**30, "x", [], {}, [[1]],
        {"size": [4]}, {"size": [9, 9], "counts": "é"},
        {"size": [-1, 5], "counts": "0"}, {"size": [10**7, 10**7], "counts": "0"}, [[0, 0, 1]], [["a", "b"]], True,
    ]  # fmt: skip
    for k in range(count):
        rows = json.loads(json.dumps(good))
        what = k % 8
        text: bytes | None = None
        if what == 0:
            dice.choice(rows)["segmentation"] = dice.choice(
                [v for v in values if v is not None and v != [] and v != {}]
            )
        elif what == 1:
            dice.choice(rows)["score"] = dice.choice(["high", [], {}, True])
        elif what == 2:
            text = json.dumps(rows).encode()
            text = text[: dice.randrange(1, len(text))]
        elif what == 3:
            rows = [dice.choice([1, "a", None, [], {"segmentation": {}}])]
        elif what == 4:
            text = json.dumps(dice.choice([{}, 5, "x", None, {"predictions": 3}])).encode()
        elif what == 5:
            text = bytes(dice.randrange(256) for _ in range(200))
        elif what == 6:
            text = b"[" * 20000
        else:
            row = dice.choice(rows)
            row["segmentation"]["size"] = [row["segmentation"]["size"][1] + 3, row["segmentation"]["size"][0] + 1]
        path = folder / f"{k}.json"
        path.write_bytes(json.dumps(rows).encode() if text is None else text)
        paths.append(path)
    return paths


def test_hostile_files_are_named(squares, tmp_path):
    for path in broken_files(tmp_path, squares, 200):
        with pytest.raises(BadInput) as caught:
            score_files(path, squares, {})
        assert path.name in str(caught.value), str(caught.value)


@pytest.mark.parametrize("seed", range(30))
def test_our_own_files_damaged_anywhere(opened: Red, squares, tmp_path, seed):
    run("red", ["squares"], out=tmp_path)
    path = tmp_path / "squares" / "predictions.jsonl"
    raw, dice = bytearray(path.read_bytes()), random.Random(seed)
    for _ in range(3):
        raw[dice.randrange(len(raw))] = dice.randrange(256)
    path.write_bytes(bytes(raw))
    try:
        run("red", ["squares"], out=tmp_path)
    except BadInput as error:
        assert "predictions.jsonl" in str(error) or "squares" in str(error)
