"""The page in a real browser: Debian's chromium, driven by playwright. Skips where one of them is missing."""

from __future__ import annotations

import base64
import io
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import PIL.Image
import pytest

pytest.importorskip("gradio", reason="the page needs the extra `demo`")
playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")

from lisa import load  # noqa: E402
from lisa.drawing import color_of, draw_masks  # noqa: E402
from lisa.serve import demo  # noqa: E402

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
HOME = "127.0.0.1"
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
PATIENCE = 60_000
"""Milliseconds; an answer takes one or two seconds on an idle machine."""

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium: apt-get install chromium"),
    pytest.mark.skipif(not demo.find_examples(), reason="needs the example pictures"),
]

_called: list[str] = []
_hooked: list[bool] = []


def _listen_for_calls() -> None:
    """Notes every address that this process, and so the page's server, connects to. Hooks cannot be taken back."""

    def hook(event: str, args: tuple) -> None:
        if event == "socket.connect" and isinstance(args[1], tuple):
            _called.append(str(args[1][0]))

    if not _hooked:
        sys.addaudithook(hook)
        _hooked.append(True)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    _listen_for_calls()
    page = demo.build_page(load("tiny", device="cpu"), demo.find_examples())
    demo.open_page(page, HOME, demo.free_port(HOME, 0))
    yield str(page.local_url)
    page.close(verbose=False)


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser, address):
    """Opens the page; at the end, nothing may have been asked of other machines, and no script have failed."""
    faults: list[str] = []
    contexts = []

    def open_page(viewport, **options):
        context = browser.new_context(viewport=viewport, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("request", lambda r: None if is_local(r.url) else faults.append(f"request: {r.url}"))
        page.on("console", lambda m: faults.append(f"console: {m.text}") if m.type == "error" else None)
        page.on("pageerror", lambda e: faults.append(f"script: {e}"))
        page.goto(address)
        page.wait_for_selector("#examples img")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []
    assert [name for name in _called if name not in (HOME, "localhost", "::1")] == []


def is_local(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("data", "blob") or parts.hostname == HOME


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(PIL.Image.open(io.BytesIO(data)).convert("RGB")).astype(float)


def shown_picture(page) -> np.ndarray:
    return pixels(page.request.get(page.get_attribute("#picture img", "src")).body())


def ask(page, question: str, answers: int) -> None:
    """Types a question, sends it with Enter, and waits until so many answers stand there."""
    page.fill("#question textarea", question)
    page.press("#question textarea", "Enter")
    page.wait_for_selector(f"#log .answered >> nth={answers - 1}")


def test_an_example_a_follow_up_and_a_fresh_start(visit):
    page = visit(DESKTOP)
    path, question = demo.find_examples()[0]
    page.click("#examples button >> nth=0")
    page.wait_for_selector("#log .answered")
    assert page.inner_text("#log .asked") == question
    assert page.inner_text("#log .answered p").strip()

    mark = page.locator("#log .answered mark").first
    assert mark.inner_text().strip() in page.inner_text("#log .answered p")
    assert mark.evaluate("e => e.style.getPropertyValue('--hue')") == "rgb({}, {}, {})".format(*color_of(0))

    # the mask that can be saved is the one that is drawn on the page
    page.wait_for_selector("#picture img[alt*=marked]")
    link = page.locator("#log .answered a").first
    assert link.get_attribute("download") == "answer-1.mask-1.png"
    mask = pixels(base64.b64decode(link.get_attribute("href").partition(",")[2]))[:, :, 0] > 127
    example = pixels(Path(path).read_bytes()).astype(np.uint8)
    drawn = np.asarray(draw_masks(example, mask[None])).astype(float)
    assert mask.any() and np.abs(shown_picture(page) - drawn).mean() < 3 < np.abs(example - drawn).mean()

    # what is read out stays the same element, and so does what was said before
    page.evaluate("for (const e of document.querySelectorAll('#log .log, #log .answered')) e.kept = true")
    ask(page, "What colour is it?", 2)
    assert page.evaluate("document.querySelector('#log [role=log]').kept && document.querySelector('.answered').kept")
    assert page.locator("#log .asked").all_inner_texts() == [question, "What colour is it?"]
    assert page.input_value("#question textarea") == ""

    page.click("#again")
    page.wait_for_selector("#log .answered", state="detached")
    page.wait_for_selector("#picture img", state="detached")


def test_a_broken_file_and_a_question_too_early(visit, tmp_path):
    page = visit(DESKTOP)
    page.fill("#question textarea", "Where is the cup?")
    page.press("#question textarea", "Enter")
    page.wait_for_selector("#log [role=alert]")
    assert "no picture yet" in page.inner_text("#log")
    assert page.input_value("#question textarea") == "Where is the cup?"

    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n and then nothing")
    page.set_input_files("#picture input[type=file]", broken)
    page.wait_for_selector("#log [role=alert] >> text=broken.png")
    told = page.inner_text("#log")
    assert "save it as PNG or JPEG" in told and "Traceback" not in told and "/" not in told

    page.set_input_files("#picture input[type=file]", demo.find_examples()[1][0])
    page.wait_for_selector("#log >> text=Now ask about the picture")
    assert page.locator("#picture img").count() == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_all_of_it_fits_before_and_after_an_answer(visit, scheme):
    page = visit(PHONE, color_scheme=scheme, is_mobile=True, has_touch=True)
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (max(map(int, re.findall(r"\d+", colour)[:3])) < 60) == (scheme == "dark")
    check_fit(page, "#head", "#picture", "#log", "#question textarea", "#again", "#examples")
    page.tap("#examples button >> nth=2")
    page.wait_for_selector("#picture img[alt*=marked]")
    ask(page, "What colour is it?", 2)
    check_fit(page, "#picture", "#log", "#question textarea")


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_chinese_browser_gets_the_chinese_page(visit, tmp_path, viewport):
    page = visit(viewport, locale="zh-CN")
    assert urlsplit(page.url).path == "/zh"
    if viewport is PHONE:
        check_fit(page, "#languages", "#head", "#picture", "#log", "#question textarea", "#again", "#examples")
    question = page.locator("#question textarea")
    said = page.inner_text("body") + (question.get_attribute("placeholder") or "")
    assert set(re.findall("[A-Za-z]+", said)) <= {"lisa", "get", "b", "C", "English"}, said

    page.click("#examples button >> nth=0")
    page.wait_for_selector("#picture img[alt*=标出]")
    assert "保存掩码" in page.inner_text("#log") and "预测的 IoU" in page.inner_text("#log")
    page.click("#again")
    page.wait_for_selector("#log >> text=点一个示例")
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    page.set_input_files("#picture input[type=file]", broken)
    page.wait_for_selector("#log [role=alert] >> text=“broken.png”不是能打开的图片")

    page.click("#languages a")
    page.wait_for_selector("#log >> text=Click an example")
    assert urlsplit(page.url).path == "/"
    page.click("#languages a")
    page.wait_for_selector("#log >> text=点一个示例")


def check_fit(page, *parts: str) -> None:
    """Every part lies inside the first screen."""
    for part in parts:
        box = page.locator(part).bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= PHONE["width"], f"{part} sticks out sideways"
        assert box["y"] >= 0 and box["y"] + box["height"] <= PHONE["height"], f"{part} is off the screen"
