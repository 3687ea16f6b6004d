"""The 7B model at full size with random weights in the published layout: `make parity-7b`; minutes, 20 GB of disk."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lisa.model.legacy import load_legacy
from lisa.model.segmenter import Answer, EncodedImage
from lisa.types import Turn

GIB = 2**30
LIMIT = 20 * GIB

pytestmark = pytest.mark.slow


class Memory:
    """Peaks of this process while it is open: anonymous memory, and all that is resident with mapped files."""

    def __enter__(self) -> Memory:
        self.anonymous = self.resident = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.05):
            lines = Path("/proc/self/status").read_text().splitlines()
            fields = {
                line.split(":")[0]: line.split()[1] for line in lines if line.startswith("Rss") or "VmRSS" in line
            }
            self.anonymous = max(self.anonymous, int(fields["RssAnon"]) * 1024)
            self.resident = max(self.resident, int(fields["VmRSS"]) * 1024)


@contextmanager
def timed(parts: dict[str, float], name: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    parts[name] = time.perf_counter() - start


@contextmanager
def forced(head: torch.nn.Module, ids: list[int]) -> Iterator[list[float]]:
    """Makes the model say `ids`, one per step, by raising their logits; gives the time of every step."""
    steps: list[float] = []

    def push(_: object, __: object, logits: torch.Tensor) -> torch.Tensor:
        logits[..., ids[len(steps)]] = 1e4
        steps.append(time.perf_counter())
        return logits

    handle = head.register_forward_hook(push)
    try:
        yield steps
    finally:
        handle.remove()


@pytest.fixture
def checkpoint_7b(reference: Path, tmp_path: Path) -> Iterator[Path]:
    if shutil.disk_usage(tmp_path).free < 20e9:
        pytest.skip("needs 20 GB of free disk")
    folder = tmp_path / "lisa-7b"
    # in another process, so that the memory it took does not hide what loading takes
    code = "import sys, pathlib, published as p; p.write_full_size(*map(pathlib.Path, sys.argv[1:]), '7b')"
    command = [sys.executable, "-c", code, str(reference), str(folder)]
    subprocess.run(command, cwd=Path(__file__).parent, check=True)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="reads Linux's /proc")
def test_7b(checkpoint_7b: Path, pictures, capsys: pytest.CaptureFixture[str]):
    files = sorted(checkpoint_7b.glob("pytorch_model-*.bin"))
    size = sum(file.stat().st_size for file in files)
    parts: dict[str, float] = {}
    with Memory() as memory:
        time.sleep(0.2)
        base = memory.anonymous
        with timed(parts, "load"):
            model = load_legacy(checkpoint_7b, device="cpu", dtype=torch.bfloat16)
        time.sleep(0.2)
        loaded = memory.anonymous
        answer, logits = ask(model, pictures[0], parts)
    assert answer.generated.ids[5] == model.vlm.seg_token_id and len(answer.generated.ids) == 8
    assert logits.shape == (1, *pictures[0].shape[:2]) and logits.isfinite().all()
    assert answer.seg_embeddings.isfinite().all() and np.ptp(logits.numpy()) > 0
    parameters = sum(p.numel() for p in model.parameters())
    rows = [f"{len(files)} shards, {size / 1e9:.1f} GB; {parameters:,} parameters; answer {answer.raw_text!r}"]
    rows += [f"{name:28s} {seconds:8.2f} s" for name, seconds in parts.items()]
    rows += [f"anonymous memory by loading  {(loaded - base) / GIB:8.2f} GiB"]
    rows += [f"peak anonymous memory        {memory.anonymous / GIB:8.2f} GiB"]
    rows += [f"peak resident, files with it {memory.resident / GIB:8.2f} GiB"]
    with capsys.disabled():
        print("\n" + "\n".join(rows))
    assert memory.resident <= LIMIT
    assert loaded - base <= GIB + 1.3e9  # the vision tower, converted from fp32, is the only copy


def ask(model: Any, picture: np.ndarray, parts: dict[str, float]) -> tuple[Answer, torch.Tensor]:
    """A picture and a question through the parts of `Segmenter.answer`, each timed."""
    with timed(parts, "SAM ViT-H encoder"), torch.no_grad():
        pixels, geometry = model.masker.prepare(picture)
        features = model.masker.encode(pixels[None])
    with timed(parts, "CLIP ViT-L + projector"), torch.no_grad():
        inputs = model.vlm.prepare_image(picture)
        tokens = model.vlm.encode_images(inputs)[0]
    image = EncodedImage(inputs=inputs, vlm_features=tokens, mask_features=features, geometry=geometry)
    added = model.vlm.dialogue.tokens.added
    wanted = [434, 483, 264, 464, 282, added["[SEG]"], 355, 2]  # Sure, it is [SEG].</s>
    start = time.perf_counter()
    with forced(model.vlm.head, wanted) as steps:
        answer = model.answer([image], [[Turn(instruction="Where is the dog in this image?")]], 8)[0]
    end = time.perf_counter()
    assert answer.generated.ids.tolist() == wanted
    parts["prefill and first token"] = steps[0] - start
    parts["each further token"] = (steps[-1] - steps[0]) / (len(steps) - 1)
    parts["[SEG] to low-res mask"] = end - steps[-1]
    with timed(parts, "to original size"):
        logits = geometry.restore(answer.low_res_logits)
    return answer, logits
