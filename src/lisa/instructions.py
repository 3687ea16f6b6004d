"""What counts as an instruction. Everything a person can type is text, `[SEG]` and `</s>` included."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from lisa.boxes import boxes_of
from lisa.errors import BadInput, shown
from lisa.types import Size

Place = Sequence[float] | NDArray[np.bool_]
"""A point (x, y) or box (x0, y0, x1, y1) in pixels of the picture, or a mask of it, `[H, W]` or `[1, H, W]` bool."""

_SHARE = r"(?:0?\.\d+|[01](?:\.0*)?)"
_PLACE = re.compile(rf"\[\s*{_SHARE}(?:\s*,\s*{_SHARE}(?:\s*,\s*{_SHARE}\s*,\s*{_SHARE})?)\s*\]")

MAX_CHARACTERS = 4000
"""Longer instructions are refused unread; how many tokens a model takes is seen when they are known."""

EXAMPLE = '"Which food has the most vitamin C?"'


def check_instruction(instruction: object) -> str:
    """The instruction, without white space around it.

    Names of tokens (`[SEG]`, `<image>`, `</s>`), emoji and any script pass unchanged: they are text.

    Raises:
        BadInput: it is no text, empty, longer than `MAX_CHARACTERS`, or holds control characters or broken Unicode.
    """
    if not isinstance(instruction, str):
        raise BadInput(f"the instruction is {type(instruction).__name__}, not text: give a string such as {EXAMPLE}")
    text = instruction.strip()
    if not any(unicodedata.category(c)[0] in "LMNPS" for c in text):
        raise BadInput(f"the instruction is empty: say what to find, such as {EXAMPLE}")
    if len(text) > MAX_CHARACTERS:
        raise BadInput(f"the instruction has {len(text):,} characters: shorten it to {MAX_CHARACTERS:,} or fewer")
    for position, character in enumerate(text):
        kind = unicodedata.category(character)
        if kind == "Cs":
            raise BadInput(f"the instruction is not valid Unicode at character {position + 1}: type it as UTF-8 text")
        if kind == "Cc" and character not in "\n\r\t":
            raise BadInput(f"the instruction has control character U+{ord(character):04X}: remove it and try again")
    return text


def pointing(instruction: str, place: Place | None, size: Size) -> str:
    """The instruction with a place of the picture behind it as shares: "What is this? [0.12, 0.30, 0.45, 0.62]".

    That is how LLaVA's line of models writes boxes. Raises BadInput for a place that is none, or outside.
    """
    if place is None:
        return instruction
    height, width = size
    numbers = _numbers(place, size)
    sides = (width, height) * (len(numbers) // 2)
    if len(numbers) not in (2, 4) or not all(math.isfinite(v) and 0 <= v <= s for v, s in zip(numbers, sides)):
        raise BadInput(
            f"a place is x, y or x0, y0, x1, y1 in pixels of a picture of {width} × {height}, or a mask of it; "
            f"not {shown(place)}"
        )
    if len(numbers) == 4 and not (numbers[0] < numbers[2] and numbers[1] < numbers[3]):
        raise BadInput("a box is x0, y0, x1, y1 with its upper left corner first")
    return f"{instruction} [{', '.join(f'{v / s:.2f}' for v, s in zip(numbers, sides))}]"


def places_in(instruction: str) -> Iterator[tuple[int, int, tuple[float, ...]]]:
    """The places that stand in an instruction as `pointing` writes them: start, end, and two or four shares."""
    for match in _PLACE.finditer(instruction):
        yield match.start(), match.end(), tuple(float(v) for v in match.group()[1:-1].split(","))


def read_place(text: str | None) -> list[float] | None:
    """ "120,80" or "100,60,180,140" as numbers; None for None. Raises BadInput for anything else."""
    if text is None:
        return None
    try:
        return [float(part) for part in text.replace(",", " ").split()]
    except ValueError as error:
        raise BadInput(f"--at is x,y or x0,y0,x1,y1 in pixels, such as 100,60,180,140; not {text!r}") from error


def _numbers(place: Place, size: Size) -> list[float]:
    """A point's or box's numbers, or the box around a mask; none for what is neither."""
    if isinstance(place, np.ndarray) and place.ndim > 1:
        return _box_of(place[0] if place.ndim == 3 and len(place) == 1 else place, size)
    try:
        return [] if isinstance(place, str) else [float(v) for v in place]
    except (TypeError, ValueError, OverflowError):
        return []


def _box_of(mask: NDArray[np.generic], size: Size) -> list[float]:
    """Around a mask's pixels. Raises BadInput for an empty one, or of another size."""
    if mask.shape != tuple(size) or not mask.any():
        raise BadInput(f"the mask pointed with is empty, or is not {size[0]} × {size[1]} as the picture is")
    return boxes_of(mask[None] != 0)[0].tolist()
