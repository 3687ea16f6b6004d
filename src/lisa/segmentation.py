"""The answer to an instruction: text, and a mask for each thing it points at. Torch-free."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lisa import rle
from lisa.answer_text import Span, readable
from lisa.boxes import boxes_of
from lisa.errors import BadInput
from lisa.types import Image, Size

if TYPE_CHECKING:
    import PIL.Image

SCORE_KIND = "mask confidence"
"""What a score is unless the model says otherwise."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Segmentation:
    """A text answer with N masks. Frozen; the arrays, the picture among them, are read-only.

    Make one with `from_raw`, which finds text, spans and boxes itself.

    Raises:
        ValueError: fields do not fit each other.
    """

    text: str
    """The answer for people: no [SEG] in it. See `lisa.answer_text` for how it is made."""
    raw_text: str
    """The answer as the model wrote it, [SEG] and all."""
    masks: NDArray[np.bool_]
    """`[N, H, W]` at the picture's own size, True on the object."""
    spans: tuple[Span, ...]
    """Per mask (start, end), characters of `text` that name its object, end exclusive."""
    scores: NDArray[np.float32]
    """`[N]`; `score_kind` says what the number is."""
    boxes: NDArray[np.float32]
    """`[N, 4]` x0, y0, x1, y1 in pixels, right and bottom exclusive; zeros for an empty mask."""
    size: Size
    """(H, W) of the picture."""
    score_kind: str = SCORE_KIND
    """What the scores are, in words."""
    image: Image | None = None
    """The picture `[H, W, 3]` uint8, kept for `overlay`; None after `from_dict`."""
    notice: str = ""
    """Why the answer is not to be trusted, for people; empty where there is no reason."""

    def __post_init__(self) -> None:
        _check(self)
        for name in ("masks", "scores", "boxes", "image"):
            if (array := getattr(self, name)) is not None:
                frozen = array.view()
                frozen.flags.writeable = False
                object.__setattr__(self, name, frozen)

    @classmethod
    def from_raw(
        cls,
        raw_text: str,
        masks: ArrayLike,
        scores: ArrayLike | None = None,
        *,
        size: Size | None = None,
        image: Image | None = None,
        score_kind: str = SCORE_KIND,
        seg_starts: Sequence[int] | None = None,
        notice: str = "",
    ) -> Segmentation:
        """An answer from what a model gives.

        Args:
            raw_text: the answer with [SEG] tokens.
            masks: `[N, H, W]` bool, one per [SEG] in order.
            scores: `[N]`; NaN where left out.
            size: (H, W); taken from `image` or `masks` where left out.
            image: the picture `[H, W, 3]` uint8.
            score_kind: what the scores are, in words.
            notice: why the answer is not to be trusted, if there is a reason.
            seg_starts: where the [SEG] *tokens* stand, for models that may also spell "[SEG]"; None takes every one.

        Raises:
            ValueError: the number of masks is not the number of [SEG], or shapes do not fit.
        """
        array = np.asarray(masks, dtype=np.bool_)
        size = size or _size_of(array, image)
        if array.size == 0 and array.shape[:1] in ((), (0,)):
            array = np.zeros((0, *size), np.bool_)
        text, spans = readable(raw_text, seg_starts)
        count = len(spans)
        values = np.full(count, np.nan) if scores is None else np.asarray(scores)
        return cls(
            text=text,
            raw_text=raw_text,
            masks=array,
            spans=spans,
            scores=values.astype(np.float32).reshape(-1),
            boxes=boxes_of(array) if array.ndim == 3 else np.zeros((count, 4), np.float32),
            size=size,
            score_kind=score_kind,
            image=image,
            notice=notice,
        )

    @property
    def phrases(self) -> tuple[str, ...]:
        """The words of `text` that name each mask's object; a number in brackets where nothing names it."""
        return tuple(self.text[start:end] for start, end in self.spans)

    def __len__(self) -> int:
        """N, the number of masks."""
        return len(self.masks)

    def __repr__(self) -> str:
        text = self.text if len(self.text) <= 60 else f"{self.text[:59]}…"
        masks = f"{len(self)} mask{'' if len(self) == 1 else 's'}"
        return f"Segmentation({text!r}, {masks}, {self.size[0]}×{self.size[1]})"

    def overlay(self, *, alpha: float = 0.15, labels: bool | None = None) -> PIL.Image.Image:
        """The picture with its masks outlined in colour, and the rest of it paled.

        Args:
            alpha: share of colour inside a mask, 0 to 1.
            labels: write each mask's number on it; None does so when there are several.

        Raises:
            ValueError: the picture is not here (after `from_dict`), or alpha is out of range.
        """
        from lisa.drawing import draw_masks

        if self.image is None:
            raise ValueError("there is no picture to draw on: set it with dataclasses.replace(result, image=…)")
        shown = len(self) > 1 if labels is None else labels
        numbers = [str(number + 1) for number in range(len(self))] if shown else None
        return draw_masks(self.image, self.masks, alpha=alpha, labels=numbers)

    def save(self, folder: str | os.PathLike[str], *, name: str = "result") -> list[Path]:
        """Writes `NAME.overlay.png`, `NAME.mask-1.png` …, and `NAME.answer.json` into a folder: all or nothing.

        An earlier answer of the same name makes way for it.

        Returns:
            the paths written, the overlay first.

        Raises:
            BadInput: the name is none for a file, or the folder cannot be written; nothing was changed.
        """
        from lisa.writers import save

        return save(self, folder, name=name)

    def to_dict(self) -> dict[str, Any]:
        """What goes into JSON: texts, masks (COCO RLE), spans, phrases, scores, score_kind, boxes, size, notice.

        A score that is no number (NaN) becomes None, since JSON has no NaN.
        """
        return {
            "text": self.text,
            "raw_text": self.raw_text,
            "masks": [rle.encode(mask) for mask in self.masks],
            "spans": [[int(start), int(end)] for start, end in self.spans],
            "phrases": list(self.phrases),
            "scores": [round(float(score), 6) if np.isfinite(score) else None for score in self.scores],
            "score_kind": self.score_kind,
            "boxes": [[float(edge) for edge in box] for box in self.boxes],
            "size": [int(side) for side in self.size],
            "notice": self.notice,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], *, image: Image | None = None) -> Segmentation:
        """The way back from `to_dict`. Raises BadInput when keys are missing or do not fit each other."""
        try:
            height, width = (int(side) for side in data["size"])
            masks = [rle.decode(mask) for mask in data["masks"]]
            scores = [float("nan") if score is None else float(score) for score in data["scores"]]
            return cls(
                text=str(data["text"]),
                raw_text=str(data["raw_text"]),
                masks=np.stack(masks) if masks else np.zeros((0, height, width), np.bool_),
                spans=tuple((int(start), int(end)) for start, end in data["spans"]),
                scores=np.array(scores, np.float32),
                boxes=np.array(data["boxes"], np.float32).reshape(-1, 4),
                size=(height, width),
                score_kind=str(data.get("score_kind", SCORE_KIND)),
                notice=str(data.get("notice", "")),
                image=image,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise BadInput(f"this is no saved answer ({error}): give what Segmentation.to_dict wrote") from error


def _size_of(masks: NDArray[np.bool_], image: Image | None) -> Size:
    if image is not None:
        return image.shape[0], image.shape[1]
    if masks.ndim == 3:
        return masks.shape[1], masks.shape[2]
    raise ValueError("the size of the picture is not known: give size=(H, W) or image=")


def _check(result: Segmentation) -> None:
    count, (height, width) = len(result.spans), result.size
    if result.masks.dtype != np.bool_ or result.masks.ndim != 3:
        raise ValueError(f"masks must be [N, H, W] bool, not {list(result.masks.shape)} {result.masks.dtype}")
    if len(result.masks) != count:
        raise ValueError(f"{len(result.masks)} masks for {count} [SEG] in the answer: give one mask per [SEG]")
    if result.masks.shape[1:] != (height, width):
        raise ValueError(f"masks are {result.masks.shape[1:]}, the picture is {(height, width)}")
    if result.image is not None and result.image.shape != (height, width, 3):
        raise ValueError(f"the image is {result.image.shape}, expected {(height, width, 3)}")
    if result.scores.shape != (count,) or result.boxes.shape != (count, 4):
        raise ValueError(f"scores {result.scores.shape} and boxes {result.boxes.shape} must be for {count} masks")
    for start, end in result.spans:
        if not 0 <= start <= end <= len(result.text):
            raise ValueError(f"span ({start}, {end}) lies outside the text of {len(result.text)} characters")
