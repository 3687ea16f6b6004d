from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from fakes import FakePredictor

import lisa
from lisa.cli import main
from lisa.errors import BadInput, LisaError, Missing
from lisa.instructions import check_instruction
from lisa.recipes import RECIPES
from lisa.segmentation import Segmentation


def test_every_recipe_is_told_of(capsys):
    with pytest.raises(SystemExit) as end:
        main(["train", "--list"])
    told = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert not end.value.code and sorted(told) == sorted(RECIPES)


@pytest.fixture
def photo(tmp_path) -> Path:
    path = tmp_path / "photo.png"
    PIL.Image.fromarray(np.full((20, 30, 3), 80, np.uint8)).save(path)
    return path


@pytest.fixture(autouse=True)
def fake(monkeypatch) -> list[FakePredictor]:
    loaded: list[FakePredictor] = []

    def load(model="tiny", **options):
        loaded.append(FakePredictor(model, **options))
        return loaded[-1]

    monkeypatch.setattr(lisa, "load", load, raising=False)
    return loaded


@pytest.fixture
def run(capsys):
    def call(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stop:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return stop.value.code or 0, out, err

    return call


def test_help_is_quick_and_imports_no_torch():
    modules = "lisa.cli, lisa.console, lisa.images, lisa.writers, lisa.hub"
    code = f"import sys, {modules}\nassert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
    times = []
    for _ in range(3):
        start = time.perf_counter()
        done = subprocess.run([sys.executable, "-m", "lisa", "--help"], capture_output=True, text=True, check=True)
        times.append(time.perf_counter() - start)
    for command in ("segment", "chat", "eval", "train", "get", "doctor", "demo"):
        assert command in done.stdout
    # the goal is half a second; a loaded machine gets room
    assert min(times) < 1.5


def test_version(run):
    assert run("--version") == (0, f"lisa {lisa.__version__}\n", "")


def test_segment_writes_and_prints(run, photo, tmp_path, fake):
    code, out, err = run("segment", photo, "the left half", "--out", tmp_path / "out", "--max-new-tokens", 7)
    assert code == 0 and out.startswith("It is the left half.\n") and err == ""
    assert str(tmp_path / "out" / "photo.overlay.png") in out
    assert len(list((tmp_path / "out").iterdir())) == 3
    assert fake[0].asked == [("the left half", 7)]


def test_segment_json_prints_json_only(run, photo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = run("segment", photo, "the left half", "--json", "--device", "cpu", "--dtype", "bf16")
    data = json.loads(out)
    assert code == 0 and err == "" and data["size"] == [20, 30] and data["phrases"] == ["the left half"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photo.png"]
    assert run("segment", photo, "x", "--json", "--out", tmp_path / "o")[0] == 0
    assert len(list((tmp_path / "o").iterdir())) == 3


def test_an_answer_takes_no_other_ones_place(run, photo, tmp_path):
    out = tmp_path / "out"

    def asked(picture: Path, question: str) -> str:
        return Path(run("segment", picture, question, "--out", out)[1].splitlines()[-1].strip()).name

    other = photo.with_suffix(".bmp")
    PIL.Image.open(photo).save(other)
    assert asked(photo, "the left half") == "photo.overlay.png"
    assert asked(photo, "the right half") == "photo-2.overlay.png"
    assert asked(other, "the left half") == "photo-3.overlay.png"
    assert asked(photo, " the left half ") == "photo.overlay.png" and len(list(out.iterdir())) == 9
    elsewhere = tmp_path / "b" / photo.name  # of the same name, another picture
    elsewhere.parent.mkdir()
    PIL.Image.new("RGB", (8, 8), "red").save(elsewhere)
    assert asked(elsewhere, "the left half") == "photo-4.overlay.png"
    assert asked(elsewhere, "the left half") == "photo-4.overlay.png"
    saved = json.loads((out / "photo-3.answer.json").read_text())
    assert (saved["image"], saved["instruction"]) == ("photo.bmp", "the left half")
    (out / "photo.answer.json").write_text("{")
    assert asked(photo, "the left half") == "photo-5.overlay.png"


@pytest.mark.parametrize("command", ["segment", "chat"])
def test_the_limit_on_pixels_is_the_one_given(run, photo, fake, monkeypatch, command):
    monkeypatch.setattr("sys.stdin", io.StringIO())
    given = (command, photo, *(["x", "--json"] if command == "segment" else []))
    assert run(*given, "--max-pixels", "700")[0] == 0 and fake[0].limits == [700]
    assert run(*given, "--max-pixels", "500")[0] == 2


def test_a_name_that_begins_with_a_tilde_is_a_name(run, photo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    photo.rename(tmp_path / "~tmp.png")
    assert run("segment", "~tmp.png", "x", "--out", "~nobody-of-this-name")[0] == 0
    assert (tmp_path / "~nobody-of-this-name" / "~tmp.answer.json").is_file()
    code, _, err = run("segment", "~none.png", "x")
    assert code == 2 and "~none.png" in err


def test_a_line_that_is_no_text_ends_no_conversation(run, photo, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"caf\xe9?\nthe left half\n"), encoding="utf-8"))
    code, out, err = run("chat", photo)
    assert code == 0 and "It is the left half." in out and "error" in err


def test_an_answer_that_cannot_be_saved_is_not_lost(run, photo, tmp_path, monkeypatch):
    from lisa import writers

    def save(*_, **__):
        raise BadInput("the disk is full")

    monkeypatch.setattr(writers, "save", save)
    code, out, err = run("segment", photo, "x", "--out", tmp_path / "out")
    assert code == 2 and out.startswith("It is the left half.\n") and err == "error: the disk is full\n"
    code, out, _ = run("segment", photo, "x", "--json", "--out", tmp_path / "out")
    assert code == 2 and json.loads(out)["size"] == [20, 30]


def test_a_picture_with_the_longest_name_is_answered(run, photo, tmp_path):
    picture = photo.rename(tmp_path / f"{'ä' * 125}.png")
    assert run("segment", picture, "x", "--out", tmp_path / "out")[0] == 0
    assert len(list((tmp_path / "out").glob("ä*.overlay.png"))) == 1


def test_an_answer_without_a_mask_says_so(run, photo, tmp_path, monkeypatch):
    def segment(self, image, instruction, **options):
        return Segmentation.from_raw("There is no cat.", [], image=image)

    monkeypatch.setattr(FakePredictor, "segment", segment)
    code, out, _ = run("segment", photo, "the cat", "--out", tmp_path / "out")
    assert code == 0 and "no mask" in out


def test_default_folder(run, photo, tmp_path, monkeypatch, fake):
    monkeypatch.chdir(tmp_path)
    assert run("segment", photo, "the left half", "--device", "cpu", "--dtype", "bf16")[0] == 0
    assert (tmp_path / "out" / "photo.overlay.png").is_file()
    assert fake[0].options == {"device": "cpu", "dtype": "bfloat16"}


@pytest.mark.parametrize(
    "arguments",
    [
        ["segment"],
        ["segment", "PHOTO"],
        ["segment", "PHOTO", ""],
        ["segment", "PHOTO", "   "],
        ["segment", "PHOTO", "a\x07b"],
        ["segment", "PHOTO", "a" * 5000],
        ["segment", "PHOTO", "x", "--dtype", "int3"],
        ["segment", "PHOTO", "x", "--device", "quantum"],
        ["segment", "PHOTO", "x", "--max-pixels", "10"],
        ["segment", "PHOTO", "x", "--max-new-tokens", "0"],
        ["segment", "PHOTO", "x", "--model", "lissa-7b"],
        ["segment", "PHOTO", "x", "--model", "/nowhere/at/all"],
        ["segment", "PHOTO", "x", "--model", "nobody/nothing"],
        ["segment", "PHOTO", "x", "--out", "PHOTO"],
        ["segment", "PHOTO", "x", "--out", "PHOTO/below"],
        ["segment", "PHOTO", "x", "--out", "/proc/nothing"],
        ["segment", "PHOTO", "x", "--nonsense"],
        ["segment", "missing.png", "x"],
        ["segment", "https://example.org/a.png", "x"],
        ["chat", "missing.png"],
        ["doctor", "/nowhere"],
        ["get", "no such model"],
        ["bogus"],
    ],
)
def test_wrong_arguments_are_one_line_and_code_2_before_any_model_is_loaded(run, photo, fake, arguments):
    code, out, err = run(*[argument.replace("PHOTO", str(photo)) for argument in arguments])
    assert code == 2 and out == "" and not fake
    assert err.startswith("error: ") and err.count("\n") == 1 and "Traceback" not in err


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (LisaError("wrong\nthing"), 2, "error: wrong thing"),
        (KeyboardInterrupt(), 130, "stopped"),
        (MemoryError(), 2, "memory is full"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), 2, "memory is full"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), 2, "memory is full"),
        (OSError(28, "No space left on device", "/x"), 2, "No space left"),
        (RuntimeError("oops"), 1, "bug"),
        (BrokenPipeError(), 2, ""),
    ],
)
def test_every_exception_is_one_line(run, photo, tmp_path, monkeypatch, error, code, words):
    def load(*args, **kwargs):
        raise error

    monkeypatch.setattr(lisa, "load", load)
    monkeypatch.setattr(os, "dup2", lambda *args: None)
    got, _, err = run("segment", photo, "x", "--out", tmp_path / "out")
    assert got == code and words in err and err.count("\n") <= 1
    assert not (tmp_path / "out").exists()


def test_debug_shows_the_traceback(photo, monkeypatch):
    monkeypatch.setenv("LISA_DEBUG", "1")
    with pytest.raises(LisaError):
        main(["segment", str(photo), ""])


def test_chat(run, photo, tmp_path, monkeypatch, fake):
    monkeypatch.setattr(sys, "stdin", io.StringIO("the left half\n\na\x07b\nand now?\n/quit\nnever\n"))
    code, out, err = run("chat", photo, "--out", tmp_path / "out")
    assert code == 0 and out.count("It is the left half.") == 2 and "control character" in err
    assert [text for text, _ in fake[0].asked] == ["the left half", "and now?"]
    assert (tmp_path / "out" / "photo.turn-2.overlay.png").is_file()


def test_a_second_chat_leaves_the_first_as_it_was(run, photo, tmp_path, monkeypatch):
    for said in ("a\nb\n", "c\n"):
        monkeypatch.setattr(sys, "stdin", io.StringIO(said))
        assert run("chat", photo, "--out", tmp_path / "out")[0] == 0
    kept = {path.name: json.loads(path.read_text())["instruction"] for path in (tmp_path / "out").glob("*.json")}
    assert kept == {
        "photo.turn-1.answer.json": "a",
        "photo.turn-2.answer.json": "b",
        "photo-2.turn-1.answer.json": "c",
    }


def test_get_passes_everything_on(run, monkeypatch, tmp_path):
    from lisa import hub

    seen = {}

    def get(name, **options):
        seen.update(options, name=name)
        options["say"]("licence: none")
        return tmp_path

    monkeypatch.setattr(hub, "get", get)
    assert run("get", "lisa-7b", "--folder", tmp_path / "x", "--force") == (0, f"{tmp_path}\n", "licence: none\n")
    assert seen["name"] == "lisa-7b" and seen["force"] is True and seen["revision"] == "main"


def test_demo_without_gradio_says_how_to_get_it(run, monkeypatch):
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    code, _, err = run("demo")
    assert code == 2 and "lisa-seg[demo]" in err


def test_report_is_shown(capsys):
    from lisa.console import report_files, show_report

    figure = {"value": 0.5, "low": 0.4, "high": 0.6, "count": 3}
    show_report(
        {
            "model": "tiny",
            "protocol": "free-running",
            "datasets": {"world": {"giou": figure, "n_acc": None, "questions": 3, "by_kind": {}}},
        }
    )
    assert "0.500 [0.400, 0.600]" in capsys.readouterr().out
    with pytest.raises(BadInput):
        report_files(None, Path("/"))


@pytest.mark.parametrize(
    "text", ["[SEG]", "<image>", "</s>", "🍊", "أين القطة؟", "找到橙子", "a\nb", "?!", "x" * 4000, "é"]
)
def test_any_text_is_an_instruction(text):
    assert check_instruction(f"  {text} ") == text


@pytest.mark.parametrize("text", ["", " \n\t", "\u200b", "a\0", "a\x1b[31m", "x" * 4001, "\udc80", None, 3, b"x"])
def test_what_is_no_instruction(text):
    with pytest.raises(BadInput):
        check_instruction(text)


def test_missing_model_names_the_command(run, photo, monkeypatch, tmp_path):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    from lisa.hub import resolve

    with pytest.raises(Missing, match="lisa get lisa-7b"):
        resolve("lisa-7b")
