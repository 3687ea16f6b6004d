"""What a run shows: a line while it goes, a log for programs, trackers, and a page that stands on its own at the end.

FOLDER/log.jsonl     a row for each report and evaluation
FOLDER/report.html   recipe, curves, pictures of the evaluations
"""

from __future__ import annotations

import base64
import contextlib
import html
import io
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import psutil

from lisa.drawing import draw_masks
from lisa.errors import Missing
from lisa.files import write_text
from lisa.segmentation import Segmentation
from lisa.train.loop import Report
from lisa.train.ranks import Ranks
from lisa.types import Image

LOG = "log.jsonl"
_WIDTH, _HEIGHT = 640, 180
_STYLE = (
    "body{font:16px system-ui;margin:2em auto;max-width:720px}svg{background:#f6f6f6}td{padding:0 1em 0 0}"
    "figure{display:inline-block;width:320px;margin:4px;vertical-align:top}"
)


class Tracker(Protocol):
    """What accelerate's trackers have."""

    def log(self, values: dict[str, Any], step: int | None = None) -> None:
        """Adds a row."""
        ...

    def finish(self) -> None:
        """Flushes."""
        ...


def open_tracker(name: str, folder: Path, recipe: Mapping[str, Any]) -> Tracker | None:
    """accelerate's tracker of that name, one of `CHOICES`. Raises Missing where its package is not installed."""
    if name == "none":
        return None
    from accelerate import tracking

    kinds = {"tensorboard": "TensorBoardTracker", "trackio": "TrackioTracker", "wandb": "WandBTracker"}
    try:
        kind = getattr(tracking, kinds[name])
        tracker = kind(folder.name, logging_dir=str(folder)) if name == "tensorboard" else kind(folder.name)
        tracker.store_init_configuration({k: v for k, v in recipe.items() if isinstance(v, int | float | str | bool)})
    except (ImportError, AttributeError, ModuleNotFoundError) as error:
        raise Missing(f"the tracker needs {name}: pip install {name}, or set tracker=none") from error
    return tracker


class Watch:
    """Told of every report and evaluation of a run; see the module."""

    def __init__(self, folder: Path, recipe: Mapping[str, Any], *, steps: int, samples: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.recipe, self.steps, self.samples = folder, recipe, steps, samples
        self._log = folder / LOG
        self._tracker = open_tracker(str(recipe.get("tracker", "none")), folder, recipe)
        self._began = time.monotonic()
        self.pictures: list[tuple[int, str, str, str]] = []
        """Step, question, answer, PNG as base64, of the newest evaluations."""

    def __call__(self, step: int, values: dict[str, float]) -> None:
        """A report of the loop: logged, tracked and printed."""
        self._write({"step": step, **values})
        print(line(step, values, self.steps, self.samples, time.monotonic() - self._began), flush=True)

    def evaluated(self, step: int, giou: float) -> None:
        """A score of the small free-running evaluation."""
        self._write({"step": step, "giou": giou})
        print(f"{time.monotonic() - self._began:7.0f} s  step {step:6d}  gIoU {giou:.3f}", flush=True)

    def picture(self, step: int, image: Image, instruction: str, answer: Segmentation) -> None:
        """An example of an evaluation; the last twelve are kept for the page."""
        drawn = draw_masks(image, answer.masks)
        drawn.thumbnail((320, 320))
        buffer = io.BytesIO()
        drawn.save(buffer, "PNG")
        self.pictures.append((step, instruction, answer.text, base64.b64encode(buffer.getvalue()).decode()))
        del self.pictures[:-12]

    def close(self) -> Path:
        """Writes the page; its path."""
        if self._tracker is not None:
            self._tracker.finish()
        path = self.folder / "report.html"
        write_text(path, page(self.folder.name, self.recipe, _rows(self._log), self.pictures))
        return path

    def _write(self, row: dict[str, float]) -> None:
        with self._log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        if self._tracker is not None:
            self._tracker.log({k: v for k, v in row.items() if k != "step"}, step=int(row["step"]))


def _rows(log: Path) -> list[dict[str, float]]:
    """What a log holds; a line that a full disk or a failing machine tore is left out."""
    found = []
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else ():
        with contextlib.suppress(ValueError):
            found.append(json.loads(line))
    return [row for row in found if isinstance(row, dict) and "step" in row]


def logged(report: Report, folder: Path, ranks: Ranks | None = None) -> Report:
    """`report`, with a row for each call in `folder`/log.jsonl as well; silent on all but the first process."""
    if ranks is not None and not ranks.first:
        return lambda step, values: None

    def told(step: int, values: dict[str, float]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / LOG).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, **values}) + "\n")
        report(step, values)

    return told


def line(step: int, values: Mapping[str, float], steps: int, samples: int, seconds: float) -> str:
    """One line of progress: losses, samples a second, share of time that waited for data, memory, time left."""
    each = values.get("seconds", 0.0)
    losses = "  ".join(f"{k} {v:.3f}" for k, v in values.items() if k not in ("seconds", "wait", "skipped", "norm"))
    minutes = int((steps - step) * each // 60)
    memory = psutil.Process().memory_info().rss / 1e9
    skipped = f"  skipped {values['skipped']:.2f}" if values.get("skipped") else ""
    return (
        f"{seconds:7.0f} s  step {step:6d}/{steps}  {losses}{skipped}  {samples / max(each, 1e-9):.1f} samples/s  "
        f"wait {100 * values.get('wait', 0.0):.0f} %  {memory:.1f} GB  {minutes // 60}:{minutes % 60:02d} left"
    )


def page(
    name: str,
    recipe: Mapping[str, Any],
    rows: Sequence[Mapping[str, float]],
    pictures: Sequence[tuple[int, str, str, str]],
) -> str:
    """The report as one HTML file without anything outside it."""
    names = [k for k in dict.fromkeys(k for row in rows for k in row) if k not in ("step", "seconds", "skipped")]
    curves = "".join(f"<h3>{html.escape(k)}</h3>{_curve([(r['step'], r[k]) for r in rows if k in r])}" for k in names)
    figures = "".join(
        f'<figure><img src="data:image/png;base64,{png}" alt=""><figcaption>step {step}: {html.escape(asked)}<br>'
        f"<b>{html.escape(told)}</b></figcaption></figure>"
        for step, asked, told, png in pictures
    )
    cells = [(html.escape(k), html.escape(str(v))) for k, v in recipe.items()]
    choices = "".join(f"<tr><td>{k}</td><td>{v}</td></tr>" for k, v in cells)
    return (
        f"<!doctype html><meta charset=utf-8><title>{html.escape(name)}</title><style>{_STYLE}</style>"
        f"<h1>{html.escape(name)}</h1>{curves}<h2>Examples</h2>{figures}<h2>Recipe</h2><table>{choices}</table>"
    )


def _curve(points: Sequence[tuple[float, float]]) -> str:
    """A line of points as SVG, with the range of its values."""
    found = [(x, y) for x, y in points if y == y and abs(y) != float("inf")]
    if not found:
        return "<p>nothing yet</p>"
    xs, ys = [x for x, _ in found], [y for _, y in found]
    wide, high = max(max(xs) - min(xs), 1), max(max(ys) - min(ys), 1e-12)
    path = " ".join(
        f"{10 + (x - min(xs)) / wide * (_WIDTH - 20):.1f},{_HEIGHT - 10 - (y - min(ys)) / high * (_HEIGHT - 20):.1f}"
        for x, y in found
    )
    return (
        f'<svg width="{_WIDTH}" height="{_HEIGHT}"><polyline points="{path}" fill="none" stroke="#0072b2" '
        f'stroke-width="2"/></svg><p>{min(ys):.4g} to {max(ys):.4g}, last {ys[-1]:.4g}</p>'
    )
