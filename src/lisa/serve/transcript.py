"""A conversation as HTML: questions, answers with their words in the colours of the masks, and the masks to keep."""

from __future__ import annotations

import base64
import html
import io
from weakref import WeakKeyDictionary

import numpy as np
import PIL.Image

from lisa.drawing import color_of
from lisa.predictor import Chat
from lisa.segmentation import Segmentation
from lisa.types import Mask

WELCOME = "Click an example, or put in a picture of your own and ask about it."
WAITING = '<p class="waiting" role="status">Looking<i>.</i><i>.</i><i>.</i></p>'

_ANSWERS: WeakKeyDictionary[Segmentation, str] = WeakKeyDictionary()
"""Answers already written, since the page shows the whole conversation after every turn."""


def transcript(chat: Chat | None, *, pending: str | None = None, problem: str = "") -> str:
    """The conversation, newest last.

    Args:
        chat: what was said so far; None before there is a picture.
        pending: a question that is being answered; empty while a picture is read, None when nothing goes on.
        problem: what is wrong with the last thing a person did, in one sentence.
    """
    turns = [] if chat is None else list(zip(chat.turns, chat.results))
    parts = [_asked(turn.instruction) + _answered(number, result) for number, (turn, result) in enumerate(turns, 1)]
    if pending is not None:
        parts.append((_asked(pending) if pending else "") + WAITING)
    elif turns and len(turns[-1][1]):
        parts.append(f'<p class="aside">{_score_note(turns[-1][1])}</p>')
    if problem:
        parts.append(f'<p class="problem" role="alert">{escape(problem)}</p>')
    inside = "".join(parts) or f'<p class="aside">{_welcome(chat)}</p>'
    return f'<div class="log" role="log" tabindex="0" aria-label="Conversation"><div>{inside}</div></div>'


def escape(text: str) -> str:
    """Text as HTML that no template language takes for its own."""
    safe = html.escape(text)
    for character in "{}$`":
        safe = safe.replace(character, f"&#{ord(character)};")
    return safe.replace("\n", "<br>")


def _welcome(chat: Chat | None) -> str:
    return WELCOME if chat is None else "Now ask about the picture. Later questions may refer to earlier answers."


def _asked(question: str) -> str:
    return f'<p class="asked">{escape(question)}</p>'


def _answered(turn: int, result: Segmentation) -> str:
    if result not in _ANSWERS:
        items = "".join(_mask_line(turn, index, result) for index in range(len(result)))
        masks = f'<ul class="masks">{items}</ul>' if items else ""
        notice = f'<p class="warned">{escape(result.notice)}</p>' if result.notice else ""
        _ANSWERS[result] = f'<div class="answered"><p>{_highlighted(result)}</p>{masks}{notice}</div>'
    return _ANSWERS[result]


def _highlighted(result: Segmentation) -> str:
    """The answer with each phrase on its mask's colour."""
    pieces, position = [], 0
    for index, (start, end) in enumerate(result.spans):
        if start < position:
            continue
        pieces.append(escape(result.text[position:start]))
        pieces.append(f'<mark style="{_hue(index)}">{escape(result.text[start:end])}</mark>')
        position = end
    return "".join(pieces) + escape(result.text[position:])


def _mask_line(turn: int, index: int, result: Segmentation) -> str:
    """One mask: colour, name, score, and the mask itself as a file to keep."""
    number = f"{index + 1} " if len(result) > 1 else ""
    phrase = escape(number + result.phrases[index])
    name = f'<span class="dot" style="{_hue(index)}"></span><b>{phrase}</b>'
    mask = result.masks[index]
    if not mask.any():
        return f"<li>{name}<span>no pixel marked</span></li>"
    link = f'<a download="answer-{turn}.mask-{index + 1}.png" href="{_png(mask)}">Save mask</a>'
    return f"<li>{name}{_score(float(result.scores[index]))}{link}</li>"


def _score(score: float) -> str:
    if not np.isfinite(score):
        return ""
    return f'<span class="score"><meter min="0" max="1" value="{score:.3f}"></meter>{score:.2f}</span>'


def _score_note(result: Segmentation) -> str:
    return (
        f"The number is the {escape(result.score_kind)}, from 0 to 1: how well the model believes the outline to fit. "
        "It does not say whether the right thing was taken."
    )


def _hue(index: int) -> str:
    return "--hue: rgb({}, {}, {})".format(*color_of(index))


def _png(mask: Mask) -> str:
    """255 on the object, 0 elsewhere, at the picture's own size: a data address, so that nothing is left on a disk."""
    file = io.BytesIO()
    PIL.Image.fromarray(mask.astype(np.uint8) * np.uint8(255)).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")
