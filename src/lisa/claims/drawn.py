"""What the page of the claims shows beside its tables: the curve over reasoning samples, and answers to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from lisa.claims.plan import TEST, TESTS, folder_of
from lisa.claims.run import Work
from lisa.data.datasets import open_dataset
from lisa.data.world import REASON_KINDS
from lisa.drawing import captioned, draw_masks, sheet_of
from lisa.evaluate.predictions import Answers
from lisa.files import write_text
from lisa.metrics.intervals import Figure
from lisa.segmentation import Segmentation

WIDTH, HEIGHT, EDGE = 640, 320, 46
"""Of the curve, in pixels."""
SIDE = 190
"""Of a picture."""


def write_curve(path: Path, curve: Mapping[int, Figure], lines: Mapping[str, float]) -> None:
    """Samples → gIoU with its interval as an SVG; `lines`: what else is told, at its height."""
    counts, figures = list(curve), list(curve.values())
    top = max(0.1, *(f.high for f in figures), *lines.values()) * 1.05
    x = [EDGE + (WIDTH - 2 * EDGE) * i / max(len(counts) - 1, 1) for i in range(len(counts))]

    def y(value: float) -> float:
        return HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * value / top

    points = " ".join(f"{a:.1f},{y(f.value):.1f}" for a, f in zip(x, figures))
    parts = [_line(EDGE, y(v), WIDTH - EDGE, y(v), "#ddd") for v in np.arange(0, top, 0.1)]
    parts += [_text(EDGE - 8, y(v) + 4, f"{v:.1f}", "end") for v in np.arange(0, top, 0.1)]
    for label, value in lines.items():
        parts += [_line(EDGE, y(value), WIDTH - EDGE, y(value), "#e69f00", dashed=True)]
        parts += [_text(WIDTH - EDGE, y(value) - 6, label, "end")]
    parts += [f'<polyline points="{points}" fill="none" stroke="#0072b2" stroke-width="2"/>']
    for a, count, f in zip(x, counts, figures):
        parts += [_line(a, y(f.low), a, y(f.high), "#0072b2"), f'<circle cx="{a:.1f}" cy="{y(f.value):.1f}" r="4"/>']
        parts += [_text(a, HEIGHT - EDGE + 18, str(count), "middle")]
    parts += [_text(WIDTH / 2, HEIGHT - 8, "reasoning samples of stage 2", "middle")]
    parts += [_text(EDGE, 20, "gIoU on world-reason test, with its 95 % interval", "start")]
    style = '<style>text { font: 13px sans-serif; fill: #333 } circle { fill: #0072b2 }</style><rect width="100%" '
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">{style}height="100%" fill="#fff"/>'
    write_text(path, "\n".join([head, *parts, "</svg>", ""]))


def _line(x0: float, y0: float, x1: float, y1: float, color: str, *, dashed: bool = False) -> str:
    dash = ' stroke-dasharray="6 4"' if dashed else ""
    return f'<line x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}" stroke="{color}"{dash}/>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text}</text>'


def write_pictures(path: Path, work: Work, runs: Sequence[str]) -> bool:
    """The first question of each kind in the test: what is wanted, and what each of some trainings answered.

    Whether there was anything to show.
    """
    (dataset,) = TESTS[TEST].datasets
    homes = [folder_of(work.out, name) / "tests" / TEST / dataset for name in runs]
    if not all(home.is_dir() for home in homes):
        return False
    answers, tiles = [Answers(home) for home in homes], []
    first = open_dataset(dataset, folder=work.out / TESTS[TEST].folder, split=None, seed=0, limit=len(REASON_KINDS))
    for index, sample in enumerate(first):
        turn = sample.turns[-1]
        given = [Segmentation.from_dict(some.record(index)["answer"]) for some in answers]
        pictures = [draw_masks(sample.image, np.stack([t.mask for t in turn.targets]))]
        pictures += [draw_masks(sample.image, answer.masks) for answer in given]
        told = [f"{name}: {answer.raw_text}" for name, answer in zip(runs, given)]
        tiles.append(captioned(pictures, [turn.instruction, *told], side=SIDE))
    sheet_of(tiles).quantize(128).save(path, optimize=True)
    return True
