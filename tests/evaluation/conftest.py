"""A dataset of red squares, and a model that finds red."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from lisa.segmentation import Segmentation
from lisa.types import Sample, Target, Turn


class Squares:
    """`count` pictures with a red square each; of every fifth one it is asked for what is not there."""

    def __init__(self, count: int = 20, *, seed: int = 0) -> None:
        self.count, self.seed = count, seed

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Sample]:
        return (self[k] for k in range(self.count))

    def __getitem__(self, index: int) -> Sample:
        rng = np.random.default_rng([self.seed, index])
        height, width = (int(n) for n in rng.integers(24, 60, 2))
        y, x, side = int(rng.integers(0, 10)), int(rng.integers(0, 10)), int(rng.integers(6, 14))
        image = rng.integers(0, 90, (height, width, 3)).astype(np.uint8)
        mask = np.zeros((height, width), np.bool_)
        mask[y : y + side, x : x + side] = True
        if index % 5 == 4:
            turn = Turn(instruction=f"Where is the star {index}?", answer="There is no star here.")
            return Sample(id=f"squares/{index}", image=image, turns=(turn,), group="absent", meta=called(index))
        image[mask] = (250, 20, 20)
        target = Target(mask=mask, phrase="the square")
        turn = Turn(instruction=f"Where is square {index}?", answer="It is the square [SEG].", targets=(target,))
        group = "even" if index % 2 == 0 else "odd"
        return Sample(id=f"squares/{index}", image=image, turns=(turn,), group=group, meta=called(index))

    def other(self, sample: Sample) -> Sample | None:
        return None


def called(index: int) -> dict[str, str]:
    """What other people's results may call a picture and its question."""
    return {"ref_id": str(index + 700), "image_id": str(index + 100), "file_name": f"{index}.png"}


@dataclass
class Red:
    """Masks what is red, less what it misses; `asked` counts its answers."""

    misses: int = 0
    asked: int = 0
    die_after: int | None = None

    def encode(self, image: Any) -> np.ndarray:
        return image

    def _found(self, image: np.ndarray, answer: str | None = None) -> Segmentation:
        self.asked += 1
        if self.die_after is not None and self.asked > self.die_after:
            raise KeyboardInterrupt
        mask = image[..., 0] > 200
        if self.misses:
            mask = mask & (np.arange(mask.shape[0]) % (self.misses + 1) > 0)[:, None]
        score = np.float32(0.1 + 0.8 * ((int(mask.sum()) * 7919) % 1000) / 1000)
        if answer is None and not mask.any():
            return Segmentation.from_raw("There is no star here.", mask[None][:0], image=image)
        return Segmentation.from_raw(answer or "It is the square [SEG].", mask[None], [score], image=image)

    def answer_turns(self, images: Any, turns: Any, max_new_tokens: int) -> list[Segmentation]:
        return [self._found(image) for image in images]

    def masks_of(self, images: Any, turns: Any) -> list[Segmentation]:
        return [self._found(image, t[-1].answer) for image, t in zip(images, turns)]


@pytest.fixture
def squares() -> Squares:
    return Squares()


@pytest.fixture
def opened(monkeypatch, squares) -> Red:
    """`lisa.evaluate.run` asks red squares, and loads the model that finds red."""
    from lisa.evaluate import run

    red = Red()
    monkeypatch.setattr(run, "open_dataset", lambda name, **_: squares)
    monkeypatch.setattr(run, "load", lambda *_, **__: red)
    monkeypatch.setattr(run, "weights_hash", lambda model: "0" * 16)
    return red
