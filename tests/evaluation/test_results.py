"""docs/results.md: measured rows from stored figures, a killed run, what is published, and the commands it names."""

from __future__ import annotations

import importlib.util
import json
import shlex
import sys
from pathlib import Path
from types import ModuleType

import pytest

from lisa.cli import app
from lisa.data.datasets import KNOWN
from lisa.errors import BadInput, Missing
from lisa.evaluate import run as running
from lisa.evaluate.report import value

from .conftest import Red


@pytest.fixture(scope="module")
def results() -> ModuleType:
    path = Path(__file__).parents[2] / "benchmarks" / "results.py"
    spec = importlib.util.spec_from_file_location("benchmark_results", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def arguments(folder: Path, *more: str) -> list[str]:
    return ["--answers", str(folder / "answers"), "--out", str(folder / "results.md"), *more]


def lines_of(folder: Path, start: str) -> list[str]:
    return [line for line in (folder / "results.md").read_text().splitlines() if line.startswith(start)]


def test_a_killed_run_goes_on(results, opened: Red, tmp_path):
    given = arguments(tmp_path, "--dataset", "world-en", "--dataset", "people", "--limit", "20")
    opened.die_after = 27  # 20 of world, 7 of people
    with pytest.raises(KeyboardInterrupt):
        results.main(given)
    assert not (tmp_path / "results.md").exists()
    opened.asked, opened.die_after = 0, None
    assert results.main(given) == 0
    assert opened.asked == 20  # of people none was written: a batch was under way
    (line,) = lines_of(tmp_path, "| world-en |")
    assert line.startswith("| world-en | `tiny` | 20 | 1.000 [1.000, 1.000] |")
    assert line.endswith("| `lisa eval tiny world-en --seed 300 --limit 20` |")
    page = (tmp_path / "results.md").read_text()
    assert "| `tiny` | `0000000000000000` |" in page and "free-running" in page and "torch" in page


def test_the_page_of_stored_figures_needs_no_model(results, opened: Red, tmp_path, monkeypatch):
    given = arguments(tmp_path, "--dataset", "world-en", "--dataset", "people")
    assert results.main(given) == 0
    whole = lines_of(tmp_path, "| ")
    monkeypatch.setattr(running, "run", lambda *_, **__: pytest.fail("a model was asked"))
    assert results.main([*given, "--stored"]) == 0
    assert lines_of(tmp_path, "| ") == whole
    (path,) = (tmp_path / "answers").glob("*/world-en.seed300/result.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "measured": "2001-02-03"}))
    assert results.main([*given, "--stored"]) == 0
    assert any(line.startswith("- 2001-02-03, ") for line in lines_of(tmp_path, "- "))
    path.write_text("{")
    assert results.main([*given, "--stored"]) == 0
    assert "result.json' is damaged" in lines_of(tmp_path, "- tiny on world-en:")[0]
    path.unlink()
    assert results.main([*given, "--stored"]) == 0
    assert "leave --stored out" in lines_of(tmp_path, "- tiny on world-en:")[0]


def test_what_is_not_there_is_left_out_and_said(results, opened: Red, tmp_path, capsys):
    given = arguments(tmp_path, "--limit", "4", "--data", str(tmp_path))
    assert results.main([*given, "--dataset", "world-en", "--dataset", "refcoco", "--dataset", "camvid"]) == 0
    assert {line.split(":")[0] for line in lines_of(tmp_path, "- ")} >= {"- camvid", "- refcoco val", "- refcoco testB"}
    assert "Not measured: its files are not at hand." in (tmp_path / "results.md").read_text()
    assert results.main(arguments(tmp_path, "--dataset", "word")) == 2
    assert results.main(arguments(tmp_path, "--model", "nothing/here")) == 2
    assert results.main(arguments(tmp_path, "--limit", "0")) == 2
    assert "no dataset is called 'word'" in capsys.readouterr().err


def test_what_is_published_is_marked_and_has_a_source(results):
    papers = results.published()
    entries = {e.title for g in results.PLAN for e in g.entries}
    assert {p.title for p in papers} <= entries
    page = results.page(results.PLAN, [], {}, papers, made_by="this")
    rows = [line for line in page.splitlines() if line.startswith("| ") and "arxiv.org/abs/" in line]
    assert len(rows) == len(papers) > 20
    for row in rows:
        assert "| **published**, not measured here |" in row and "[" not in row.split("[arXiv")[0]
    (lisa,) = [row for row in rows if row.startswith("| reason-test | LISA-7B |")]
    assert "| 0.368 | 0.341 |" in lisa and "2308.00692" in lisa
    assert all(0 < v < 1 for p in papers for v in p.figures.values())


def test_a_figure_without_a_source_is_refused(results, tmp_path):
    path = tmp_path / "published.yaml"
    good = {"arxiv": "1", "where": "Table 1", "note": "", "figures": ["giou"], "rows": {"world-en": {"A": [50.0]}}}
    path.write_text(json.dumps([good]))
    assert results.published(path)[0].figures == {"giou": 0.5}
    for broken in ({**good, "rows": {"world-en": {"A": [1.0, 2.0]}}}, {k: v for k, v in good.items() if k != "arxiv"}):
        path.write_text(json.dumps([good, broken]))
        with pytest.raises(BadInput, match=r"published.yaml', table 2: .* it needs a source"):
            results.published(path)


def test_every_dataset_is_asked_about(results, tmp_path):
    entries = [e for g in results.PLAN for e in g.entries]
    assert {e.dataset for e in entries} == set(KNOWN) - {"own"} and len(set(entries)) == len(entries)
    assert all(set(g.figures) <= set(results.COLUMNS) for g in results.PLAN)
    (tmp_path / "pets.yaml").write_text("path: pets")
    options = results.Options(data=(tmp_path,), answers=tmp_path, models=("tiny",), datasets=("pets",))
    (entry,) = [e for g in results.plan(options) for e in g.entries]
    assert entry.dataset == "pets"
    with pytest.raises(Missing, match="no folder"):
        results.folder_of(entry, options)


def test_the_command_asks_the_same(results, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(running, "run", lambda *given, **_: asked.append(given) or ({"datasets": {}}, {}))
    options = results.Options(
        data=(tmp_path,), answers=tmp_path, models=("tiny",), limit=7, forced=True, device="cpu", dtype="float32"
    )
    entry = results.Entry(dataset="refcoco", split="testA", seed=3)
    told = shlex.split(results.command(entry, "a model", tmp_path, options))
    assert told[0] == "lisa"
    app(args=told[1:], standalone_mode=False)
    with pytest.raises(KeyError):  # the answer above holds no figures
        monkeypatch.setattr(results, "open_dataset", lambda *_, **__: None)
        monkeypatch.setattr(results, "home_of", lambda *_: tmp_path)
        results.measure(entry, "a model", options)
    assert asked[0] == asked[1] and asked[0][0] == "a model" and asked[0][2].split == "testA"


def test_a_row_is_what_its_command_says(results, tmp_path):
    """The whole way with the embedded model: four questions, by the page and by the command that it names."""
    assert results.main(arguments(tmp_path, "--dataset", "world-en", "--limit", "4")) == 0
    (line,) = lines_of(tmp_path, "| world-en |")
    told = shlex.split(line.split("`")[-2])
    app(args=[*told[1:], "--json", str(tmp_path / "eval.json")], standalone_mode=False)
    figures = json.loads((tmp_path / "eval.json").read_text())["datasets"]["world-en"]
    assert f"| {figures['questions']} | {value(figures['giou'])} | {value(figures['ciou'])} |" in line
    assert value(figures["chrf"]) in line
