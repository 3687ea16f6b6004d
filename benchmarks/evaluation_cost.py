"""What evaluation costs: 779 pictures of ReasonSeg's size scored from a file; and beside a model's own time.

python benchmarks/evaluation_cost.py files   # ReasonSeg's layout and a result file are written to a temporary folder
python benchmarks/evaluation_cost.py beside  # `tiny` on drawn scenes: its own time, and what is done around it
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import PIL.Image

PICTURES = 779
SIZES = ((768, 1024), (1024, 683), (1080, 1920), (640, 480))
"""Heights and widths, of which ReasonSeg's are like."""


def write(folder: Path) -> Path:
    """`ReasonSeg/test` with smooth pictures and round targets, and a result file that is a little off."""
    import cv2

    from lisa import rle

    home = folder / "reason_seg" / "ReasonSeg" / "test"
    home.mkdir(parents=True)
    rng, rows = np.random.default_rng(0), []
    for k in range(PICTURES):
        height, width = SIZES[k % len(SIZES)]
        small = rng.integers(0, 255, (12, 16, 3)).astype(np.uint8)
        PIL.Image.fromarray(cv2.resize(small, (width, height))).save(home / f"{k:04}.jpg", quality=85)
        angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
        radius = rng.uniform(0.1, 0.3) * min(height, width) * (1 + 0.2 * np.sin(5 * angle))
        x, y = width / 2 + radius * np.cos(angle), height / 2 + radius * np.sin(angle)
        points = np.stack([x, y], 1).round(1).tolist()
        note = {
            "shapes": [{"label": "target", "points": points}],
            "text": ["what is round?"],
            "is_sentence": bool(k % 2),
        }
        (home / f"{k:04}.json").write_text(json.dumps(note))
        mask = np.zeros((height, width), np.uint8)
        cv2.fillPoly(mask, [np.array(points).round().astype(np.int32) + 5], 1)
        rows.append({"image": f"{k:04}.jpg", "segmentation": rle.encode(mask > 0), "score": 0.5})
    path = folder / "results.json"
    path.write_text(json.dumps(rows))
    return path


def files() -> None:
    """Seconds and memory of scoring."""
    from lisa.evaluate.run import Asking, run

    with tempfile.TemporaryDirectory() as name:
        path = write(Path(name))
        start, before = time.perf_counter(), time.process_time()
        report, _ = run(str(path), ["reason-test"], Asking(data=Path(name)))
        wall, cpu = time.perf_counter() - start, time.process_time() - before
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    figures = report["datasets"]["reason-test"]
    print(f"{figures['questions']} pictures in {wall:.1f} s ({cpu:.1f} CPU-seconds), {memory:.2f} GB, ")
    print(f"gIoU {figures['giou']['value']:.3f}")


def beside(count: int = 200) -> None:
    """What is done around the model's answers, by part; the questions are drawn before."""
    from lisa.data.datasets import open_dataset
    from lisa.evaluate import report as pages
    from lisa.evaluate.ask import ask
    from lisa.evaluate.figures import Evaluation
    from lisa.evaluate.predictions import PredictionFile
    from lisa.predictor import load

    predictor = load("tiny")
    samples = list(open_dataset("world", folder=None, split=None, seed=300, limit=count))
    list(ask(predictor, enumerate(samples[:8])))  # warm
    clock, evaluation, answers = _Clock(), Evaluation(), {}
    with tempfile.TemporaryDirectory() as name:
        file = PredictionFile(Path(name) / "answers.jsonl", {})
        for answered in ask(predictor, enumerate(samples)):
            clock("the model")
            file.add(answered)
            clock("writing answers")
            evaluation.rows.append(answered.scored())
            clock("scoring")
            answers[answered.index] = answered.result
        file.close()
        report = {"model": "tiny", "datasets": {"world": evaluation.to_json()}}
        clock("figures with intervals")
        kept = {row.index for rows in pages.chosen(evaluation.rows).values() for row in rows}
        cards = pages.gather((evaluation.rows[k] for k in kept), samples, answers)
        pages.page(report, {"world": evaluation}, {"world": cards})
        clock("the report")
    own = clock.seconds.pop("the model")
    around = sum(clock.seconds.values())
    print(f"{count} questions: {own:.1f} s of the model, {around:.2f} s around it: {around / own:.1%}")
    print(", ".join(f"{part} {seconds:.2f} s" for part, seconds in clock.seconds.items()))


class _Clock:
    """Seconds of each part: since the last call."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.last = time.perf_counter()

    def __call__(self, part: str) -> None:
        now = time.perf_counter()
        self.seconds[part] = self.seconds.get(part, 0.0) + now - self.last
        self.last = now


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("files", "beside"))
    {"files": files, "beside": beside}[parser.parse_args().what]()
