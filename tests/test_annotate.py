"""The page that makes a reasoning set: its files, its answers, and the page itself in a real browser."""

from __future__ import annotations

import json
import re
import shutil
import threading
import time
from collections.abc import Iterator

import numpy as np
import PIL.Image
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("fastapi", reason="needs the extra `serve`")

from fastapi.testclient import TestClient

from lisa.cli import main
from lisa.data.notes import Note, Notes, Shape, note_of, outline_in_box, simple_outlines
from lisa.data.own import own
from lisa.data.reasonseg import Annotation, ReasonSeg
from lisa.errors import BadInput, Missing
from lisa.predictor import Predictor, load
from lisa.serve import annotate
from lisa.serve.annotate import build_app

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SQUARE = ((20.0, 30.0), (79.0, 30.0), (79.0, 69.0), (20.0, 69.0))
JSON = {"content-type": "application/json"}


@pytest.fixture
def folder(tmp_path):
    image = np.full((90, 120, 3), (90, 140, 90), np.uint8)
    image[30:70, 20:80] = (200, 40, 40)
    PIL.Image.fromarray(image).save(tmp_path / "a.jpg", quality=98)
    PIL.Image.fromarray(image[:, ::-1]).save(tmp_path / "b.png")
    return tmp_path


def test_what_was_annotated_is_added_with_its_instructions(folder):
    Notes(folder).write(0, Note(texts=("the thing that is red",), shapes=(Shape(label="target", points=SQUARE),)))
    reader = own(folder)
    assert isinstance(reader, ReasonSeg) and len(reader) == 1
    (sample, *_) = reader.draw(0, np.random.default_rng(1))
    assert "the thing that is red" in sample.turns[0].instruction


@pytest.fixture
def client(folder):
    return TestClient(build_app(Notes(folder), lambda: load("tiny", device="cpu")), "http://localhost")


def test_a_note_becomes_reasonseg_and_coco(folder):
    notes = Notes(folder)
    note = Note(
        texts=("the thing that is red", "What is red?"),
        explanation="It has the colour of a fire engine.",
        shapes=(
            Shape(label="target", points=SQUARE),
            Shape(label="ignore", points=((70, 30), (79, 30), (79, 69), (70, 69))),
        ),
    )
    notes.write(0, note)
    notes.write(1, Note(texts=("nothing at all",)))
    assert notes.read(0) == note and notes.read(1) == Note(texts=("nothing at all",))
    read = ReasonSeg(folder / "reason_seg" / "ReasonSeg", "train")
    assert len(read) == 2
    target = read[0].turns[0].targets[0]
    expected = np.zeros((90, 120), bool)
    expected[30:70, 20:70] = True
    assert np.array_equal(target.mask, expected) and target.ignore is not None and target.ignore[30:70, 70:80].all()
    assert read.explanations == {"a.jpg": note.explanation}
    coco = json.loads((folder / "coco.json").read_text())
    assert [i["file_name"] for i in coco["images"]] == ["a.jpg", "b.png"] and len(coco["annotations"]) == 1
    notes.write(0, Note(texts=("the thing that is red",), shapes=note.shapes))
    assert ReasonSeg(folder / "reason_seg" / "ReasonSeg", "train").explanations == {}


def test_the_page_reads_and_writes_notes(client):
    assert [p["done"] for p in client.get("/pictures").json()] == [False, False]
    sent = {"texts": [" What is  red? "], "explanation": "", "shapes": [{"label": "target", "points": SQUARE}]}
    assert client.put("/pictures/1/note", content=json.dumps(sent), headers=JSON).json() == {"saved": True}
    assert client.get("/pictures/1/note").json()["texts"] == ["What is red?"]
    assert [p["done"] for p in client.get("/pictures").json()] == [False, True]
    assert client.get("/pictures/0/image").headers["content-type"] == "image/jpeg"


def test_a_box_finds_the_thing_in_it(client, folder):
    found = client.post("/pictures/0/box", content=json.dumps({"box": [10, 20, 95, 80]}), headers=JSON).json()
    mask = outline_in_box(Notes(folder).image(0), (10, 20, 95, 80))
    truth = np.zeros((90, 120), bool)
    truth[30:70, 20:80] = True
    assert (mask & truth).sum() / (mask | truth).sum() > 0.9
    assert found["outlines"] == json.loads(json.dumps(simple_outlines(mask))) and len(found["outlines"][0]) < 30


def test_the_model_helps(client):
    answer = client.post("/pictures/0/ask", content=json.dumps({"text": "Segment the box."}), headers=JSON).json()
    assert answer["answer"] and isinstance(answer["outlines"], list)
    assert client.post("/pictures/0/ask", content=json.dumps({"text": ""}), headers=JSON).status_code == 400


@pytest.mark.parametrize("number", [-1, 2, 10**9])
def test_there_is_no_such_picture(client, number):
    answer = client.get(f"/pictures/{number}/note")
    assert answer.status_code == 400 and "2 pictures" in answer.json()["problem"]


def test_other_pages_cannot_write(client, folder):
    plain = client.put("/pictures/0/note", content=json.dumps({"texts": ["x"], "shapes": []}))
    assert plain.status_code == 400 and not (folder / "reason_seg").exists()


@pytest.mark.parametrize("way", ["put note", "post box", "post ask"])
def test_what_is_sent_is_measured_while_it_comes_and_comes_from_this_page_only(client, monkeypatch, way):
    monkeypatch.setattr(annotate, "MOST_BYTES", 100)
    verb, what = way.split()
    pieces = (b" " * 20 for _ in range(1000))  # without a length beforehand
    answer = client.request(verb, f"/pictures/0/{what}", content=pieces, headers=JSON)
    assert answer.status_code == 400 and "too much" in answer.json()["problem"]
    plain = client.request(verb, f"/pictures/0/{what}", content="{}", headers={"content-type": "text/plain"})
    assert plain.status_code == 400 and "application/json" in plain.json()["problem"]
    for text in ("no JSON", "[" * 99, "[]", '{"box": [NaN, 0, Infinity, 9]}', f'{{"box": [0, 0, 9, 1{"0" * 70}]}}'):
        assert client.request(verb, f"/pictures/0/{what}", content=text, headers=JSON).status_code == 400, text


OWN = ("127.0.0.1:7861", "[::1]:7861", "LOCALHOST", "box.lan:80", "192.168.1.4")


@pytest.mark.parametrize("called", [*OWN, "evil.example:7861", "127.0.0.1.evil.example", "[evil", ""])
def test_the_page_answers_to_its_own_names_only(folder, called):
    client = TestClient(build_app(Notes(folder), lambda: pytest.fail("not asked"), host="box.lan"))
    for path in ("/", "/pictures"):
        assert client.get(path, headers={"host": called}).status_code == (200 if called in OWN else 400)


def test_others_are_answered_while_a_note_is_saved(client, monkeypatch):
    begun, end = threading.Event(), threading.Event()
    monkeypatch.setattr(Notes, "write", lambda *_: begun.set() or end.wait(30))
    note = json.dumps({"texts": ["x"], "shapes": []})
    with client:  # one event loop for both
        saving = threading.Thread(target=lambda: client.put("/pictures/0/note", content=note, headers=JSON))
        saving.start()
        try:
            assert begun.wait(30)
            asking = threading.Thread(target=lambda: client.get("/pictures"))
            asking.start()
            asking.join(10)
            assert not asking.is_alive()
        finally:
            end.set()
            saving.join()


def test_a_later_session_draws_what_is_new_alone(folder, monkeypatch):
    shape = Shape(label="target", points=SQUARE)
    first = Notes(folder)
    first.write(0, Note(texts=("the red one",), shapes=(shape,)))
    first.write(1, Note(texts=("the other",)))
    before = json.loads((folder / "coco.json").read_text())
    drawn: list[str] = []
    labels = Annotation.labels
    monkeypatch.setattr(Annotation, "labels", lambda note, *size: drawn.append(note.path.stem) or labels(note, *size))
    monkeypatch.setattr(Notes, "image", lambda *_: pytest.fail("the header says the size"))
    Notes(folder).write(1, Note(texts=("the other",)))
    assert drawn == ["b"] and json.loads((folder / "coco.json").read_text()) == before

    changed = folder / "reason_seg" / "ReasonSeg" / "train" / "a.json"
    changed.write_text(changed.read_text().replace("the red one", "the box"))
    Notes(folder).write(1, Note(texts=("the other",)))
    assert [c["name"] for c in json.loads((folder / "coco.json").read_text())["categories"]] == ["the box", "the other"]
    for broken in ("", "[]", '{"images": [{}], "categories": [], "annotations": [1]}'):
        (folder / "coco.json").write_text(broken)
        Notes(folder).write(1, Note(texts=("the other",)))
        assert len(json.loads((folder / "coco.json").read_text())["annotations"]) == 1


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["texts", "shapes", "points", "label", "explanation"]), inner)
    ),
    max_leaves=10,
)


@settings(max_examples=150, deadline=None)
@given(junk)
def test_junk_is_refused_in_words(data):
    try:
        assert note_of(data).texts
    except BadInput as error:
        assert len(str(error)) < 300


def test_a_folder_without_pictures_is_named(tmp_path):
    with pytest.raises(Missing, match="no pictures"):
        Notes(tmp_path)


def test_pictures_are_told_apart_by_their_names(folder):
    shutil.copy(folder / "b.png", folder / "a.png")
    with pytest.raises(BadInput, match="two pictures are called 'a'"):
        Notes(folder)


def test_the_device_and_the_precision_are_handed_on(folder, monkeypatch):
    asked: list[object] = []
    monkeypatch.setattr(annotate, "load", lambda *given, **options: asked.append((given, options)))
    monkeypatch.setattr(annotate, "build_app", lambda notes, loader, *_, **__: loader())
    monkeypatch.setattr(annotate.uvicorn, "run", lambda *_, **__: None)
    with pytest.raises(SystemExit):
        main(["data", "annotate", str(folder), "--port", "0", "--device", "cpu", "--dtype", "float32"])
    assert asked == [(("tiny",), {"device": "cpu", "dtype": "float32"})]


def test_a_hundred_thousand_pictures_are_named_in_a_moment(folder, monkeypatch):
    many = [folder / f"{i}.jpg" for i in range(100_000)]
    monkeypatch.setattr("lisa.data.notes.pictures_in", lambda _: many)
    before = time.process_time()
    assert len(Notes(folder).pictures) == len(many) and time.process_time() - before < 20


def test_the_page_speaks_the_browsers_language_or_the_chosen_one(client, folder):
    chinese = {"accept-language": "zh-CN,zh;q=0.9,en;q=0.8"}
    assert '<html lang="zh">' in client.get("/", headers=chinese).text
    assert '<html lang="en">' in client.get("/", headers={"accept-language": "de"}).text
    fixed = TestClient(build_app(Notes(folder), lambda: pytest.fail("not asked"), "zh"), "http://localhost")
    assert '<html lang="zh">' in fixed.get("/", headers={"accept-language": "en"}).text
    told = client.get("/pictures/7/note", headers=chinese)
    assert told.status_code == 400 and told.json()["problem"] == "一共 2 张图片，没有编号为 7 的"
    with pytest.raises(BadInput, match="known: en, zh"):
        build_app(Notes(folder), lambda: pytest.fail("not asked"), "klingon")


@pytest.fixture
def address(folder) -> Iterator[str]:
    """Of the page, served from a thread."""
    import uvicorn

    from lisa.serve.ports import free_port

    port = free_port("127.0.0.1", 0)
    app = build_app(Notes(folder), lambda: load("tiny", device="cpu"))
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}/"
    server.should_exit = True
    thread.join()


READY = "document.getElementById('picture').naturalWidth > 0 && !state.busy"


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium: apt-get install chromium")
def test_in_a_chinese_browser(address, folder):
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(locale="zh-CN", viewport={"width": 390, "height": 844})
        page.goto(address)
        page.wait_for_function(READY)
        table = "l => Object.entries(WORDS[l]).map(([k, v]) => [k, typeof v === 'function' ? v(1, 'x', 2) : v])"
        english, chinese = dict(page.evaluate(table, "en")), dict(page.evaluate(table, "zh"))
        assert english.keys() == chinese.keys() and all(english.values())
        assert all(re.search("[一-鿿]", text) for text in chinese.values())

        stage = page.locator("#over").bounding_box()
        assert stage is not None
        for x, y in ((0.2, 0.2), (0.6, 0.2), (0.6, 0.6)):
            page.mouse.click(stage["x"] + x * stage["width"], stage["y"] + y * stage["height"])
        page.keyboard.press("Enter")
        page.get_by_role("button", name="保存，下一张").click()
        page.wait_for_function("document.getElementById('said').className === 'problem'")
        assert "请先写指令" in page.inner_text("#said")
        parts = "[aria-label], [placeholder], [data-text], #list span, #list button"
        said = page.evaluate(
            "s => [document.title, ...[...document.querySelectorAll(s)].flatMap(e => "
            "[e.ariaLabel, e.placeholder, e.id === 'which' ? '' : e.innerText])].join('|')",
            parts,
        )
        assert re.findall("[A-Za-z]+", said) == ["lisa"]
        assert page.evaluate("document.documentElement.scrollWidth") <= 390

        page.get_by_role("button", name="English").click()
        assert (
            page.inner_text("h1") == "Make a reasoning set" and page.inner_text("#list span") == "1. Target, 3 points"
        )
        page.get_by_role("button", name="Save and go on").click()
        page.wait_for_function("document.getElementById('said').innerText.includes('write an instruction')")
        (folder / "b.png").write_bytes(b"no picture")
        page.get_by_role("button", name="中文").click()
        page.on("dialog", lambda question: question.accept())
        page.get_by_role("button", name="下一张图片").click()
        page.wait_for_function("document.getElementById('said').innerText.includes('另存为 PNG')")
        browser.close()


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium: apt-get install chromium")
def test_in_a_browser(address, folder):
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    faults: list[str] = []
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1200, "height": 800})
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
        page.goto(address)
        page.wait_for_function(READY)
        stage = page.locator("#over").bounding_box()
        assert stage is not None

        def at(x, y):
            return stage["x"] + x / 120 * stage["width"], stage["y"] + y / 90 * stage["height"]

        for x, y in SQUARE:
            page.mouse.click(*at(x, y))
        page.mouse.click(*at(*SQUARE[0]))
        assert page.locator("#list li").count() == 1
        page.get_by_role("button", name="Box").click()
        page.mouse.move(*at(10, 20))
        page.mouse.down()
        page.mouse.move(*at(95, 80), steps=4)
        page.mouse.up()
        page.wait_for_function("document.querySelectorAll('#list li').length === 2")
        page.get_by_role("button", name="Save and go on").click()
        page.wait_for_function("document.getElementById('said').className === 'problem'")
        assert "write an instruction" in page.locator("#said").inner_text()
        page.get_by_role("button", name="Remove outline 2").click()
        page.fill("#texts", "What is red?")
        page.fill("#explanation", "It is red.")
        faults.clear()  # the refused note was one
        page.get_by_role("button", name="Save and go on").click()
        page.wait_for_function("state.at === 1 && document.getElementById('said').textContent === 'Saved.'")
        page.set_viewport_size({"width": 390, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        browser.close()
    assert faults == []
    target = ReasonSeg(folder / "reason_seg" / "ReasonSeg", "train")[0].turns[0].targets[0]
    truth = np.zeros((90, 120), bool)
    truth[30:70, 20:80] = True
    assert (target.mask & truth).sum() / (target.mask | truth).sum() > 0.95


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium: apt-get install chromium")
def test_nothing_is_lost_in_a_browser(address, folder, monkeypatch):
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    go_on = threading.Event()
    write, segment = Notes.write, Predictor.segment
    monkeypatch.setattr(Notes, "write", lambda *given: (go_on.wait(30), write(*given))[1])
    monkeypatch.setattr(Predictor, "segment", lambda *given, **options: (go_on.wait(30), segment(*given))[1])
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1200, "height": 800})
        page.set_default_timeout(60_000)
        asked: list[str] = []
        page.on("dialog", lambda question: (asked.append(question.message), question.dismiss()))
        page.goto(address)
        page.wait_for_function(READY)
        stage = page.locator("#over").bounding_box()
        assert stage is not None

        def at(x, y):
            return stage["x"] + x * stage["width"], stage["y"] + y * stage["height"]

        # an outline that is not closed yet
        page.mouse.click(*at(0.2, 0.2))
        page.mouse.click(*at(0.6, 0.2))
        page.get_by_role("button", name="Next picture").click()
        page.select_option("#which", "1")
        assert len(asked) == 2 and page.evaluate("state.at") == 0 and page.input_value("#which") == "0"
        page.get_by_role("button", name="Box").click()
        page.get_by_role("button", name="Outline", exact=True).click()
        assert page.evaluate("state.draft.length") == 2

        # while the model looks, one may write, not leave
        page.fill("#texts", "What is red?")
        page.get_by_role("button", name="Ask the model").click()
        page.fill("#explanation", "It is red.")
        page.select_option("#which", "1")
        assert page.input_value("#which") == "0" and "Wait a moment" in page.inner_text("#said")
        assert len(asked) == 2
        go_on.set()
        page.wait_for_function("!state.busy")
        assert page.input_value("#explanation") == "It is red." and "The model says" in page.inner_text("#said")

        # what is being saved cannot be changed
        go_on.clear()
        page.get_by_role("button", name="Save and go on").click()
        page.evaluate("document.getElementById('texts').focus()")
        page.keyboard.type("lost")
        assert page.input_value("#texts") == "What is red?" and page.inner_text("#said") == "Saving …"
        assert not page.evaluate("!!document.getElementById('said').closest('[inert]')"), "it would not be read out"
        go_on.set()
        page.wait_for_function("state.at === 1 && !state.busy")
        page.fill("#texts", "What else?")
        browser.close()
    assert Notes(folder).read(0) is not None


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium: apt-get install chromium")
def test_outlines_by_keys_alone_in_a_browser(address):
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1200, "height": 800})
        page.goto(address)
        page.wait_for_function(READY)
        assert page.evaluate("[...document.querySelectorAll('label')].every(e => e.control)")
        page.focus("#language")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "over" and page.locator("#over .cross").count() == 1
        for keys in ("Space", "ArrowRight ArrowRight Space", "ArrowDown ArrowDown Shift+ArrowLeft Space Enter"):
            for key in keys.split():
                page.keyboard.press(key)
        (points,) = page.evaluate("state.shapes.map(s => s.points)")
        assert points[0][0] < points[2][0] < points[1][0] and points[0][1] == points[1][1] < points[2][1]
        page.get_by_role("button", name="Box").press("Enter")
        page.focus("#over")
        page.evaluate("state.cross = [10, 20]")
        for key in ["Space", *["ArrowRight"] * 50, *["ArrowDown"] * 35, "Space"]:
            page.keyboard.press(key)
        page.wait_for_function("document.querySelectorAll('#list li').length === 2 && !state.busy")
        browser.close()
