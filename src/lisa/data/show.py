"""A dataset at a glance: counts of what is in it, and a sheet of its pictures with questions and masks."""

from __future__ import annotations

import base64
import html
import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageOps

from lisa.data.base import ABSENT, Classed, Reader
from lisa.drawing import captioned, draw_masks, sheet_of
from lisa.errors import BadInput
from lisa.files import write_text
from lisa.types import Sample

TILE = 320
"""Width of a picture on the sheet, in pixels."""
_MOST = 200


def stats(reader: Reader, *, limit: int = _MOST) -> str:
    """Pictures, questions, sizes of pictures and masks, and the most frequent classes, of up to `limit` pictures."""
    places = spread(len(reader), limit)
    questions: Counter[str] = Counter()
    classes: Counter[str] = Counter()
    shares: list[float] = []
    sizes: list[tuple[int, ...]] = []
    for i in places:  # one after another: pictures and masks are large
        for sample in reader.draw(i, np.random.default_rng(i)):
            sizes.append(sample.image.shape)
            shares += [float(t.mask.mean()) for turn in sample.turns for t in turn.targets]
            questions["all"] += len(sample.turns)
            questions["plain"] += sum(not turn.targets for turn in sample.turns)
            questions[ABSENT] += sample.group == ABSENT
        if isinstance(reader, Classed):
            classes.update(name for name, _ in reader.things(i))
    lines = [
        f"{len(reader)} pictures, {len(places)} of them read",
        f"{questions['all']} questions: {questions['plain']} without a mask, "
        f"{questions[ABSENT]} about what is not there",
    ]
    if sizes:
        heights, widths, _ = zip(*sizes)
        lines.append(f"pictures from {min(widths)} × {min(heights)} to {max(widths)} × {max(heights)}")
    if shares:
        low, middle, high = np.quantile(shares, [0.05, 0.5, 0.95])
        lines.append(f"masks cover {low:.1%} (5 %), {middle:.1%} (median), {high:.1%} (95 %) of their pictures")
    if isinstance(reader, Classed):
        lines.append(f"{len(classes)} classes: " + ", ".join(f"{name} {n}" for name, n in classes.most_common(30)))
    return "\n".join(lines)


def sheet(reader: Reader, out: Path, *, count: int = 24) -> int:
    """Pictures with one question each, as `.png` or `.html` that needs nothing beside it; returns how many.

    Raises BadInput for another ending.
    """
    if out.suffix.lower() not in (".png", ".html"):
        raise BadInput(f"a sheet is a .png or an .html, not {out.suffix or 'a file without an ending'}")
    chosen: list[Sample] = []
    for i in spread(len(reader), count):
        chosen += list(reader.draw(i, np.random.default_rng(i)))[:1]
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.suffix.lower() == ".png":
        sheet_of([_tile(s) for s in chosen], columns=4).save(out)
    else:
        write_text(out, _page(chosen))
    return len(chosen)


def spread(length: int, count: int) -> list[int]:
    """Up to `count` numbers below `length`, evenly spread."""
    return sorted({int(i) for i in np.linspace(0, length - 1, min(count, length)).round()}) if length else []


def _overlay(sample: Sample) -> PIL.Image.Image:
    masks = [t.mask for t in sample.turns[0].targets]
    stacked = np.stack(masks) if masks else np.zeros((0, *sample.image.shape[:2]), np.bool_)
    return PIL.ImageOps.contain(draw_masks(sample.image, stacked), (TILE, TILE))


def _tile(sample: Sample) -> PIL.Image.Image:
    return captioned([_overlay(sample)], [sample.turns[0].instruction], side=TILE)


def _page(samples: Sequence[Sample]) -> str:
    figures = []
    for sample in samples:
        buffer = io.BytesIO()
        _overlay(sample).save(buffer, "JPEG", quality=85)
        data = base64.b64encode(buffer.getvalue()).decode("ascii")
        turn = sample.turns[0]
        asked, told = html.escape(turn.instruction), html.escape(turn.answer or "")
        figures.append(
            f'<figure><img src="data:image/jpeg;base64,{data}" alt=""><figcaption><b>{asked}</b><br>{told}<br>'
            f"<small>{html.escape(sample.id)}</small></figcaption></figure>"
        )
    style = (
        "body{font:15px system-ui;margin:1rem;display:grid;gap:1rem;"
        "grid-template-columns:repeat(auto-fill,minmax(240px,1fr))}figure{margin:0}img{width:100%}"
    )
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    return f"<!doctype html><html>{head}<title>dataset</title><style>{style}</style>{''.join(figures)}</html>\n"
