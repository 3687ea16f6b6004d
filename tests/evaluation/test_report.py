"""Comparison, controls and the page."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from lisa.errors import BadInput
from lisa.evaluate.ask import evaluate
from lisa.evaluate.compare import compare
from lisa.evaluate.run import Asking, run

from .conftest import Red, Squares


def test_the_better_of_two():
    data = Squares(60)
    worse, better = evaluate(Red(misses=2), data).rows, evaluate(Red(), data).rows
    found = compare(worse, better)
    assert found.whole.better == 1 and found.whole.figure.low > 0.1 and set(found.tables["kind"]) == {"even", "odd"}
    assert found.absent.better == 0 and found.absent.figure.count == 12
    assert compare(better, worse).whole.better == -1 and compare(better, better).whole.better == 0
    gains = [b.iou - a.iou for a, b in found.changed]
    assert len(gains) == 12 and max(gains) == max(b.iou - a.iou for a, b in zip(worse, better))


def test_other_questions_cannot_be_compared():
    rows = evaluate(Red(), Squares(8)).rows
    with pytest.raises(BadInput, match="question 0 is another one"):
        compare(rows, [replace(r, instruction=f"{r.instruction}!") for r in rows])
    with pytest.raises(BadInput, match="no question in common"):
        compare(rows, [replace(r, index=r.index + 100) for r in rows])


def test_the_folder_of_an_evaluation(opened: Red, tmp_path):
    opened.misses = 1
    report, _ = run("red", ["squares"], Asking(forced=True), out=tmp_path)
    assert json.loads((tmp_path / "report.json").read_text()) == report
    page, notes = (tmp_path / "report.html").read_text(), (tmp_path / "report.md").read_text()
    assert "://" not in page and page.count("<figure>") == 18
    assert "| gIoU, mean IoU of the questions with a target | 0.4" in notes and "teacher-forced" in notes
    assert "| chrF, words like the expected ones | 1.000 [1.000, 1.000] |" in notes and "与应答文字的相似度" in page
    assert report["datasets"]["squares"]["chrf"]["count"] == 20
    assert all(word in page for word in ("Where is square ", "It is the square", "最差", "95 %", "0000000000000000"))


def test_hostile_words_stay_words(opened: Red, squares, tmp_path, monkeypatch):
    class Odd(Squares):
        def __getitem__(self, index):
            sample = super().__getitem__(index)
            turn = replace(
                sample.turns[0], instruction="<script>alert(1)</script>", answer="<img src=x onerror=y> [SEG]"
            )
            return replace(sample, turns=(turn,), group="</table><b>")

    from lisa.evaluate import run as module

    monkeypatch.setattr(module, "open_dataset", lambda name, **_: Odd())
    run("<i>red</i>", ["squares"], out=tmp_path)
    page = (tmp_path / "report.html").read_text()
    for raw in ("<script>alert", "<img src=x", "</table><b>", "<i>red"):
        assert raw not in page


def test_the_page_in_a_browser(opened: Red, tmp_path):
    playwright = pytest.importorskip("playwright.sync_api")
    opened.misses = 1
    run("red", ["squares"], out=tmp_path)
    with playwright.sync_playwright() as driver:
        import shutil

        chromium = shutil.which("chromium") or shutil.which("chromium-browser")
        if chromium is None:
            pytest.skip("needs Chromium")
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 390, "height": 800})
        said: list[str] = []
        asked: list[str] = []
        page.on("console", lambda m: said.append(m.text))
        page.on("pageerror", lambda e: said.append(str(e)))
        page.on("request", lambda r: asked.append(r.url))
        page.goto((tmp_path / "report.html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.locator(".zh").first.is_hidden() and page.locator("h3 .en").first.is_visible()
        page.click("text=中文")
        assert page.locator("h3 .zh").first.is_visible() and page.locator("h3 .en").first.is_hidden()
        assert not said and all(url.startswith(("file:", "data:")) for url in asked)
        browser.close()


@pytest.fixture(scope="module")
def looked():
    from lisa.data.world import WorldDataset
    from lisa.evaluate.controls import controls
    from lisa.predictor import load

    data = WorldDataset(seed=320, count=30, kinds=("name", "colour"))
    samples = [s for s in data if s.turns[-1].targets][:12]
    return controls(load("tiny"), samples, others=data.other)


def test_what_carries_the_score(looked):
    assert looked.asked.value > 0.4
    assert looked.changed["another picture's question"].value < 0.5 * looked.asked.value
    assert looked.changed["another question of the same picture"].value < 0.3
    assert looked.changed["blank picture"].value < 0.3 < looked.changed["other wording"].value
    assert max(f.value for f in looked.floors.values()) < 0.3 and looked.ceiling.value > 0.8
    shares = looked.shares()
    assert 0.5 <= shares["language"] <= 1.0 and 0.5 <= shares["picture"] <= 1.0
    assert json.loads(json.dumps(looked.to_json()))["shares"].keys() == {"language", "picture"}


def test_the_floors_know_no_picture_of_their_own(looked):
    whole = looked.floors["the whole picture"]
    assert 0 < whole.value < 0.3 and np.isfinite(whole.low)
