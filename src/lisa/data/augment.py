"""A picture and what is known of it changed alike: cropped, mirrored, in another light. Torch-free.

picture, map or masks, words ─► one Change, by dice ─► the same, with "left" and "right" exchanged where it is mirrored

Not every "left" is a side ("what is left on the plate?", "the right tool", "左右"): only words that clearly are one are
exchanged, and a picture with other ones is not mirrored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from lisa.data.base import Reader
from lisa.types import Image, Sample, Target, Turn

Labels = NDArray[np.int64]
Pixels = TypeVar("Pixels", bound=NDArray[np.generic])
SIDES = {"left": "right", "right": "left", "左": "右", "右": "左"}
_ANY = re.compile(r"\b(?:left|right)(?:most)?\b|[左右]", re.IGNORECASE)
_BEFORE = r"\b(?:the|his|her|its|their|your|my|our|on|at|from|far|upper|lower|top|bottom)\s+"
"""What a side stands behind."""
_BEHIND = (
    r"\s+of\b|[\s-]+(?:(?:front|back|upper|lower)\s+)*(?:side|hand|half|edge|corner|end|part|one|neighbour|mirror|eye|ear|"
    r"eyebrow|shoulder|arm|elbow|leg|knee|foot|paw|hoof|horn|wing|shoe|sock|glove|wheel)\b"
)
"""What a side stands in front of, whatever is before it."""
_NONE = (
    r"-(?!hand\b|side\b)|\s+(?:of\s+way|to|(?!next\b)\w+\s+(?:to|for)|tool|way|answer|thing|time|place|size|order|angle|"
    r"direction|choice|turn|now|away)\b"
)
"""What stands behind a word that is no side: "the right tool", "the right knife to cut with", "left-over"."""
_SIDE = re.compile(
    rf"(?P<before>{_BEFORE})?\b(?P<side>left|right)(?:(?=most\b)|\b(?!{_NONE})(?(before)|(?={_BEHIND})))"
    r"|(?<![左右])(?:(?<=[最靠偏从])[左右](?![左右])|[左右](?=[边邊侧側面方手上下半端角前后数起眼耳脚腿臂]))",
    re.IGNORECASE,
)
KEPT = 0.7
"""Share of every target that a crop has to keep, so that what is asked about stays what it was."""
CROPS = 4
"""Crops that are tried."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """What happens to a picture."""

    rows: slice
    columns: slice
    mirror: bool
    light: NDArray[np.float64] | None
    """Of gamma, then of each channel's gain: logarithm of the one, twice the logarithms of the others."""

    def cut(self, pixels: Pixels) -> Pixels:
        """The part of `[H, W, …]` that stays, mirrored or not."""
        part = pixels[self.rows, self.columns]
        return np.ascontiguousarray(part[:, ::-1] if self.mirror else part)  # type: ignore[return-value]

    def picture(self, image: Image) -> Image:
        """The part of a picture that stays, in its new light."""
        part = self.cut(image)
        return part if self.light is None else _lit(part, self.light)

    def words(self, text: str) -> str:
        """A text about the picture as it is now."""
        return _SIDE.sub(_exchanged, text) if self.mirror else text


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """What may happen to a picture; the defaults are what helped on CamVid."""

    smallest: float = 0.5
    """The least share of a side that a crop keeps; 1: nothing is cropped."""
    square: bool = False
    """Whether a crop is as wide as it is high, so that nothing is padded where a square is learned from."""
    mirror: bool = True
    light: float = 0.25
    """How far gamma and the channels' gains may go from 1, as a share."""

    def __call__(self, image: Image, labels: Labels, rng: np.random.Generator) -> tuple[Image, Labels]:
        """Picture `[H, W, 3]` and map `[H, W]` → a crop of both, not resized, changed by `rng`; numbers stay."""
        change = self.change(labels.shape, rng)
        return change.picture(image), change.cut(labels)

    def samples(self, samples: Sequence[Sample], rng: np.random.Generator) -> list[Sample]:
        """Conversations about one picture, changed alike: those whose targets a crop keeps, if these are half of them.

        Not cropped where a few crops all lose more, not mirrored where a word may be no side.
        """
        if not samples:
            return []
        height, width = samples[0].image.shape[:2]
        changes = [self.change((height, width), rng) for _ in range(CROPS)]
        if not all(_ANY.search(_SIDE.sub("", text)) is None for s in samples for text in _texts(s)):
            changes = [replace(c, mirror=False) for c in changes]
        whole = replace(changes[0], rows=slice(0, height), columns=slice(0, width))
        change = next((c for c in changes if 2 * sum(not _loses(s, c) for s in samples) >= len(samples)), whole)
        samples = [s for s in samples if not _loses(s, change)]
        image = change.picture(samples[0].image)
        return [replace(changed_words(s, change), image=image) for s in samples]

    def change(self, size: tuple[int, ...], rng: np.random.Generator) -> Change:
        """One change of a picture of this height and width."""
        height, width = size
        share = float(rng.uniform(self.smallest, 1.0))
        sides = (min(height, width),) * 2 if self.square else (height, width)
        h, w = (min(max(round(side * share), 8), side) for side in sides)
        top, left = int(rng.integers(height - h + 1)), int(rng.integers(width - w + 1))
        return Change(
            rows=slice(top, top + h),
            columns=slice(left, left + w),
            mirror=bool(self.mirror and rng.random() < 0.5),
            light=rng.uniform(-self.light, self.light, 4) if self.light else None,
        )


class Augmented:
    """A dataset whose pictures are another's, changed each time; see `Reader`."""

    def __init__(self, reader: Reader, augmentation: Augmentation) -> None:
        self.reader, self.augmentation = reader, augmentation

    def __len__(self) -> int:
        return len(self.reader)

    def draw(self, index: int, rng: np.random.Generator) -> list[Sample]:
        """What the other draws, changed by the same dice."""
        return self.augmentation.samples(list(self.reader.draw(index, rng)), rng)


def changed_words(sample: Sample, change: Change) -> Sample:
    """Its masks and words, changed as its picture is to be."""
    return replace(sample, turns=tuple(_turn(t, change) for t in sample.turns))


def _loses(sample: Sample, change: Change) -> bool:
    masks = [t.mask for turn in sample.turns for t in turn.targets]
    return any(change.cut(m).sum() < KEPT * m.sum() for m in masks)


def _turn(turn: Turn, change: Change) -> Turn:
    targets = tuple(_target(t, change) for t in turn.targets)
    answer = None if turn.answer is None else change.words(turn.answer)
    return replace(turn, instruction=change.words(turn.instruction), answer=answer, targets=targets)


def _target(target: Target, change: Change) -> Target:
    ignore = None if target.ignore is None else change.cut(target.ignore)
    return replace(
        target, mask=change.cut(target.mask), ignore=ignore, phrase=target.phrase and change.words(target.phrase)
    )


def _texts(sample: Sample) -> Iterator[str]:
    for turn in sample.turns:
        yield from (turn.instruction, turn.answer or "", *(t.phrase for t in turn.targets))


def _exchanged(match: re.Match[str]) -> str:
    """The other side, with the first one's capitals."""
    old = match["side"] or match[0]
    new = SIDES[old.lower()]
    new = new.upper() if old.isupper() else new.capitalize() if old[0].isupper() else new
    return f"{match['before'] or ''}{new}"


def _lit(image: Image, change: NDArray[np.float64]) -> Image:
    """Another gamma, and another gain for each channel."""
    levels = np.arange(256) / 255
    table = levels[:, None] ** np.exp(change[0]) * np.exp(0.5 * change[1:])
    table = np.rint(255 * table).clip(0, 255).astype(np.uint8)
    return np.stack([table[image[..., c], c] for c in range(3)], axis=-1)
