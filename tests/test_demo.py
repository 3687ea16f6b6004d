"""The page: answers, follow-ups, messages instead of tracebacks, and what it is made of."""

from __future__ import annotations

import base64
import json
import re
import shutil
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

gr = pytest.importorskip("gradio", reason="the page needs the extra `demo`")

import lisa.serve.transcript  # noqa: E402
from lisa import load  # noqa: E402
from lisa.cli import main  # noqa: E402
from lisa.drawing import color_of  # noqa: E402
from lisa.errors import BadInput, LisaError, TooLarge  # noqa: E402
from lisa.instructions import Place  # noqa: E402
from lisa.predictor import Chat  # noqa: E402
from lisa.segmentation import Segmentation  # noqa: E402
from lisa.serve import demo  # noqa: E402
from lisa.serve.transcript import Conversation, transcript  # noqa: E402
from lisa.serve.words import EN, LANGUAGES, ZH, english_only  # noqa: E402
from lisa.types import Turn  # noqa: E402

REPOSITORY = Path(__file__).parents[1]
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def tiny():
    return load("tiny", device="cpu")


@pytest.fixture
def uploads(tmp_path, monkeypatch):
    """Where the page puts what it receives."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    (tmp_path / "uploads").mkdir()
    return tmp_path / "uploads"


@pytest.fixture
def picture(uploads):
    path = uploads / "picture.png"
    PIL.Image.fromarray(np.full((60, 80, 3), 200, np.uint8)).save(path)
    return path


class Said(Chat):
    """A conversation whose answers are made up beforehand."""

    def __init__(self, *answers: Segmentation | Exception) -> None:
        self.turns: list[Turn] = []
        self.results: list[Segmentation] = []
        self.open = list(answers)

    def ask(self, instruction: str, *, at: Place | None = None, max_new_tokens: int = 0) -> Segmentation:
        answer = self.open.pop(0)
        if isinstance(answer, Exception):
            raise answer
        self.turns.append(Turn(instruction=instruction, answer=answer.raw_text))
        self.results.append(answer)
        return answer


def two_things(text: str = "The cup [SEG] and the spoon [SEG].") -> Segmentation:
    masks = np.zeros((2, 6, 8), bool)
    masks[0, :2, :2] = True
    image = np.full((6, 8, 3), 99, np.uint8)
    return Segmentation.from_raw(text, masks, [0.75, np.nan], image=image, score_kind="predicted IoU")


def test_a_picture_a_question_and_its_follow_up(tiny, picture):
    reading, ready = demo.take_picture(tiny, {"path": str(picture), "orig_name": "picture.png"})
    assert "Looking" in reading.log and reading.talk is None
    assert "Now ask" in ready.log and ready.picture["interactive"]
    asked, answered = demo.answer("Where is the cup?", ready.talk)
    assert "Looking" in asked.log and asked.instruction == ""
    assert "Where is the cup?" in answered.log and "Looking" not in answered.log
    assert not answered.picture["interactive"]
    last = list(demo.answer("What colour is it?", answered.talk))[-1]
    assert len(last.talk.turns) == 2 and "Where is the cup?" in last.log and "What colour is it?" in last.log


def test_an_example_is_shown_then_answered(tiny, picture):
    views = list(demo.answer_example(tiny, (str(picture), "Where is the cup?")))
    assert views[0].picture["value"].size == (80, 60) and views[0].talk is None
    assert len(views[-1].talk.turns) == 1


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n and then nothing"])
def test_a_broken_picture_becomes_a_message_with_its_name_only(tiny, uploads, content):
    path = uploads / "broken.png"
    path.write_bytes(content)
    *_, view = demo.take_picture(tiny, {"path": str(path), "orig_name": "holiday.png"})
    assert view.talk is None and view.picture["value"] is None
    assert 'role="alert"' in view.log and "holiday.png" in view.log and str(uploads) not in view.log


def test_no_file_is_opened_that_the_page_did_not_receive(tiny, uploads, picture):
    secret, link = uploads.parent / "secret.png", uploads / "link.png"
    shutil.copy(picture, secret)
    link.symlink_to(secret)
    paths = [secret, uploads / ".." / "secret.png", link, uploads.parent / "nothing", "/", "picture.png", "\0", 5, None]
    payloads = [{"path": path if path is None or isinstance(path, int) else str(path)} for path in paths]
    logs = {list(demo.take_picture(tiny, payload))[-1].log for payload in [*payloads, {}, None, "x", [1]]}
    assert logs == {transcript(None, problem=EN.no_upload)}, "the answer tells nothing of what is there"


def test_the_pages_own_address_opens_no_other_file(tiny, uploads, picture):
    """As a script asks it: without the mark by which gradio knows a file."""
    secret = uploads.parent / "secret.png"
    shutil.copy(picture, secret)
    page = demo.build_page(tiny, [])
    demo.open_page(page, "127.0.0.1", demo.free_port("127.0.0.1", 0))
    try:
        number = next(n for n, event in page.fns.items() if any(name == "upload" for _, name in event.targets))
        data = {"data": [{"path": str(secret)}], "fn_index": number, "session_hash": "x"}
        address = f"{page.local_url}gradio_api/queue/"
        request = urllib.request.Request(f"{address}join", json.dumps(data).encode(), JSON)
        with urllib.request.urlopen(request, timeout=30):
            pass
        with urllib.request.urlopen(f"{address}data?session_hash=x", timeout=30) as stream:
            told = next(line for line in stream if b"process_completed" in line)
    finally:
        page.close(verbose=False)
    assert EN.no_upload.encode() in told and b"Now ask" not in told


def test_a_large_picture_is_reduced_and_an_answer_kept_as_html(tiny, picture, monkeypatch):
    monkeypatch.setattr(demo, "MOST_PIXELS", 1200)
    *_, ready = demo.take_picture(tiny, {"path": str(picture)})
    assert ready.picture["value"].size == (40, 30) and "40 × 30 pixels" in ready.log
    talk = Conversation(Said(two_things(), two_things()))
    list(demo.answer("Where?", talk))
    assert not talk.chat.results and "The cup" in transcript(talk), "masks do not fill the memory"
    monkeypatch.setattr(lisa.serve.transcript, "MOST_TURNS", 1)
    *_, view = demo.answer("And now?", talk)
    assert "1 questions already: start over" in view.log and view.instruction == "And now?"
    *_, view = demo.answer("还有呢？", talk, ZH)
    assert "请重新开始" in view.log


def test_only_so_many_conversations_are_kept(tiny):
    page = demo.build_page(tiny, [])
    demo.open_page(page, "127.0.0.1", demo.free_port("127.0.0.1", 0))
    page.close(verbose=False)
    assert page.state_session_capacity == demo.MOST_VISITORS <= 100


def test_what_is_said_is_marked_with_its_own_language():
    talk = Conversation(Said(two_things(), two_things("杯子 [SEG] 和勺子 [SEG]。")))
    for question in ("Where?", "在哪里？"):
        talk.ask(question, ZH)
    log = transcript(talk, ZH)
    assert re.findall(r'<p class="asked" lang="(\w+)">', log) == ["en", "zh"]
    assert re.findall(r'<div class="answered"><p lang="(\w+)">', log) == ["en", "zh"]
    assert re.findall(r'<b lang="(\w+)">', log) == ["en", "en", "zh", "zh"]


def test_a_question_too_early_or_empty_becomes_a_message():
    (view,) = demo.answer("Where is the cup?", None)
    assert "no picture yet" in view.log and view.instruction == gr.skip(), "the question stays in its field"
    (view,) = demo.answer("  ", Conversation(Said()))
    assert "instruction is empty" in view.log


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (BadInput("this is wrong: do that"), "This is wrong: do that."),
        (MemoryError(), EN.memory_full),
        (TooLarge("take --dtype bfloat16"), EN.memory_full),
    ],
)
def test_errors_of_the_model_become_messages_and_the_question_comes_back(error, told):
    *_, view = demo.answer("Where is the cup?", Conversation(Said(error)))
    assert told in view.log and view.instruction == "Where is the cup?"


def test_a_bug_is_a_sentence_on_the_page_and_a_traceback_in_the_terminal(capsys):
    *_, view = demo.answer("Where is the cup?", Conversation(Said(ZeroDivisionError("secret"))))
    assert EN.a_bug in view.log and "secret" not in view.log and "Traceback" not in view.log
    assert "ZeroDivisionError: secret" in capsys.readouterr().err


def test_phrases_masks_and_scores_have_their_colours():
    talk = Conversation(Said(two_things()))
    talk.ask("Where?")
    log = transcript(talk)
    for index, phrase in enumerate(("The cup", "the spoon")):
        hue = "rgb({}, {}, {})".format(*color_of(index))
        assert re.search(rf'<mark style="--hue: {re.escape(hue)}">{phrase}</mark>', log)
    assert log.count("<meter") == 1 and "0.75" in log, "a score that is no number is not shown"
    assert "no pixel marked" in log and log.count("Save mask") == 1
    assert "predicted IoU, from 0 to 1" in log


def test_the_mask_to_save_is_the_mask(tmp_path):
    talk = Conversation(Said(two_things()))
    talk.ask("Where?")
    name, data = re.findall(r'download="(\S+)" href="data:image/png;base64,(\S+)"', transcript(talk))[0]
    file = tmp_path / name
    file.write_bytes(base64.b64decode(data))
    assert (np.asarray(PIL.Image.open(file)) == two_things().masks[0] * 255).all()


def test_what_people_and_models_write_is_text_to_the_page():
    hostile = "<img src=x onerror=alert(1)> ${1+1} {{value}} `x`"
    talk = Conversation(Said(two_things(f"{hostile} is the cup [SEG] and {hostile} [SEG].")))
    talk.ask(hostile)
    log = transcript(talk, pending=hostile, problem=hostile)
    assert "<img" not in log and "{" not in log and "`" not in log and "$" not in log
    assert "&lt;img src=x" in log


def test_the_examples_of_a_checkout_and_of_a_built_package(tmp_path):
    pytest.importorskip("setuptools", minversion="77")
    assert demo.find_examples(tmp_path) == []
    rows = demo.find_examples()
    assert len(rows) == 5 and all(Path(path).is_file() for path, _ in rows)
    command = ["-q", "egg_info", "--egg-base", tmp_path, "build_py", "--build-lib", tmp_path / "built"]
    subprocess.run([sys.executable, "setup.py", *map(str, command)], cwd=REPOSITORY, check=True, timeout=120)
    package = tmp_path / "built" / "lisa"
    built = demo.find_examples(package / "assets" / "examples")
    assert [question for _, question in built] == [question for _, question in rows]
    assert all(Path(path).is_file() for path, _ in built)
    assert (package / "serve" / "page.css").read_text() == demo.STYLE.read_text()


def test_the_page_is_built_with_and_without_examples(tiny, picture):
    assert isinstance(demo.build_page(tiny, []), gr.Blocks)
    page = demo.build_page(tiny, [(str(picture), "Where is the cup?")])
    blocks = [(type(block), vars(block)) for block in page.blocks.values()]
    buttons = [b for kind, b in blocks if kind is gr.Button and b["icon"]]
    assert len(buttons) == len(LANGUAGES)
    for button in buttons:
        assert button["icon"]["path"] in button["keep_in_cache"], "hourly clearing would take the picture on the button"
    assert tiny.notice and any(tiny.notice in b["value"] for kind, b in blocks if kind is gr.Markdown)


def test_the_chinese_page_says_everything_in_chinese(tiny, picture, uploads):
    reading, ready = demo.take_picture(tiny, {"path": str(picture), "orig_name": "picture.png"}, ZH)
    assert "正在看图" in reading.log and "现在可以提问了" in ready.log and ready.picture["alt_text"] == "图片"
    (view,) = demo.answer("", ready.talk, ZH)
    assert "问题是空的" in view.log
    (view,) = demo.answer("杯子在哪里？", None, ZH)
    assert "还没有图片" in view.log
    *_, view = demo.answer("Where?", Conversation(Said(two_things())), ZH)
    assert view.picture["alt_text"] == "标出了The cup和the spoon的图片"
    assert "没有标出像素" in view.log and "保存掩码" in view.log and "预测的 IoU" in view.log
    broken = uploads / "broken.png"
    broken.write_bytes(b"no picture")
    *_, view = demo.take_picture(tiny, {"path": str(broken), "orig_name": "假期.png"}, ZH)
    assert "“假期.png”不是能打开的图片" in view.log and str(uploads) not in view.log
    assert "点一个示例" in demo.start_over(ZH).log


def test_an_example_is_asked_in_a_language_that_the_model_knows(tiny, picture):
    question = "Who is Lisa?"
    assert (
        ZH.question_for("tiny-of-ours", question) == "谁是丽莎？"
        and EN.question_for("tiny-of-ours", question) == question
    )
    asked, *_ = demo.answer_example(tiny, (str(picture), question), ZH)
    assert (question in asked.log) == english_only(tiny.name)


def test_each_language_has_its_page(tiny, picture):
    page = demo.build_page(tiny, [(str(picture), "Who is Lisa?")])
    assert [path for path, *_ in page.pages] == ["", "zh"]
    texts = {"": "", "zh": ""}
    for id, block in page.blocks.items():
        told = [vars(block).get(name) for name in ("label", "value", "placeholder", "submit_btn")]
        at = next(path for path, found in page.get_config_file()["page"].items() if id in found["components"])
        texts[at] += "\n".join(t for t in told if isinstance(t, str)) + "\n"
    plain = re.sub("<[^>]*>", "", texts["zh"])
    assert set(re.findall("[A-Za-z]+", plain)) <= {"lisa", "get", "b", "English"}, plain
    assert "谁是丽莎？" in plain and "Who is Lisa?" in texts[""] and "中文" in texts[""]


@pytest.mark.parametrize(
    ("chosen", "accepted", "path", "title"),
    [
        (None, "zh-CN,zh;q=0.9", "", ZH.title),
        (None, "zh-CN", "?language=en", EN.title),
        (None, "de,en;q=0.5", "", EN.title),
        (None, "en", "zh", ZH.title),
        (ZH, "en", "", ZH.title),
        (ZH, "zh", "en", EN.title),
    ],
)
def test_the_page_comes_in_the_browsers_language_or_the_chosen_one(tiny, chosen, accepted, path, title):
    page = demo.build_page(tiny, [], chosen or EN)
    demo.open_page(page, "127.0.0.1", demo.free_port("127.0.0.1", 0), by_browser=chosen is None)
    try:
        request = urllib.request.Request(f"{page.local_url}{path}", headers={"Accept-Language": accepted})
        with urllib.request.urlopen(request, timeout=30) as answer:
            found = json.loads(re.findall(r"window.gradio_config = (\{.*?\});</script>", answer.read().decode())[0])
    finally:
        page.close(verbose=False)
    (head,) = [c["props"]["value"] for c in found["components"] if c["props"].get("elem_id") == "head"]
    assert head.startswith(f"# {title}\n")


def test_a_language_without_a_page_is_told_before_anything_is_loaded(monkeypatch):
    monkeypatch.setattr(demo, "load", lambda *_, **__: pytest.fail("loaded first"))
    with pytest.raises(LisaError, match="known: en, zh"):
        demo.launch("tiny", "127.0.0.1", 0, share=False, language="klingon")


def test_a_port_that_is_taken_is_told_before_anything_is_loaded(monkeypatch):
    monkeypatch.setattr(demo, "load", lambda *_, **__: pytest.fail("loaded first"))
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(LisaError, match=f"port {port} .*--port 0"):
            demo.launch("tiny", "127.0.0.1", port, share=False)
    assert demo.free_port("127.0.0.1", 0) > 0
    with pytest.raises(LisaError, match="cannot listen"):
        demo.free_port("no such host", 0)


def test_the_device_and_the_precision_are_handed_on(monkeypatch):
    asked: list[object] = []

    def load(*given: object, **options: object) -> None:
        asked.append((given, options))
        raise BadInput("enough seen")

    monkeypatch.setattr(demo, "load", load)
    with pytest.raises(SystemExit):
        main(["demo", "--model", "lisa-7b", "--port", "0", "--device", "cpu", "--dtype", "bfloat16"])
    assert asked == [(("lisa-7b",), {"device": "cpu", "dtype": "bfloat16"})]


def test_the_page_reports_to_nobody(tiny):
    assert demo.build_page(tiny, []).analytics_enabled is False
