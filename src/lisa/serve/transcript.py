"""A conversation as HTML: questions, answers with their words in the colours of the masks, and the masks to keep."""

from __future__ import annotations

import base64
import html
import io
import re

import numpy as np
import PIL.Image

from lisa.drawing import color_of
from lisa.errors import BadInput
from lisa.predictor import Chat
from lisa.segmentation import Segmentation
from lisa.serve.words import EN, ZH, Words
from lisa.types import Mask

MOST_TURNS = 20
"""Questions of a conversation."""


class Conversation:
    """A chat as the page keeps it for hours: of its answers the HTML alone, since masks would fill the memory."""

    def __init__(self, chat: Chat, note: str = "") -> None:
        self.chat = chat
        self.turns: list[str] = []
        """Questions and their answers, as HTML."""
        self.note = note
        """What the page says below the last of them, as HTML."""

    def ask(self, question: str, words: Words = EN) -> Segmentation:
        """Answers the next question. Raises BadInput, also after the last one that is allowed."""
        if len(self.turns) >= MOST_TURNS:
            raise BadInput(f"this conversation has {MOST_TURNS} questions already: start over to ask more")
        result = self.chat.ask(question)
        self.chat.results.clear()
        self.turns.append(_asked(question) + _answered(len(self.turns) + 1, result, words))
        self.note = _score_note(result, words) if len(result) else ""
        return result


def transcript(talk: Conversation | None, words: Words = EN, *, pending: str | None = None, problem: str = "") -> str:
    """The conversation, newest last.

    Args:
        talk: what was said so far; None before there is a picture.
        words: the language of what the page says of itself.
        pending: a question that is being answered; empty while a picture is read, None when nothing goes on.
        problem: what is wrong with the last thing a person did, in one sentence.
    """
    parts = [] if talk is None else list(talk.turns)
    if pending is not None:
        parts.append((_asked(pending) if pending else "") + _waiting(words))
    elif talk is not None and talk.note:
        parts.append(f'<p class="aside">{talk.note}</p>')
    if problem:
        parts.append(f'<p class="problem" role="alert">{escape(problem)}</p>')
    inside = "".join(parts) or f'<p class="aside">{words.welcome}</p>'
    about = f'role="log" tabindex="0" lang="{words.code}" aria-label="{words.conversation}"'
    return f'<div class="log" {about}><div>{inside}</div></div>'


def escape(text: str) -> str:
    """Text as HTML that no template language takes for its own."""
    safe = html.escape(text)
    for character in "{}$`":
        safe = safe.replace(character, f"&#{ord(character)};")
    return safe.replace("\n", "<br>")


def _waiting(words: Words) -> str:
    return f'<p class="waiting">{words.looking}<i>.</i><i>.</i><i>.</i></p>'


def _asked(question: str) -> str:
    return f'<p class="asked" lang="{_language(question)}">{escape(question)}</p>'


def _answered(turn: int, result: Segmentation, words: Words) -> str:
    items = "".join(_mask_line(turn, index, result, words) for index in range(len(result)))
    masks = f'<ul class="masks">{items}</ul>' if items else ""
    notice = f'<p class="warned">{escape(words.told(result.notice))}</p>' if result.notice else ""
    answer = f'<p lang="{_language(result.text)}">{_highlighted(result)}</p>'
    return f'<div class="answered">{answer}{masks}{notice}</div>'


def _language(text: str) -> str:
    """For HTML's `lang`: what people and models say need not be in the page's language."""
    return ZH.code if re.search("[一-鿿]", text) else EN.code


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


def _mask_line(turn: int, index: int, result: Segmentation, words: Words) -> str:
    """One mask: colour, name, score, and the mask itself as a file to keep."""
    number = f"{index + 1} " if len(result) > 1 else ""
    phrase = escape(number + result.phrases[index])
    name = f'<span class="dot" style="{_hue(index)}"></span><b lang="{_language(phrase)}">{phrase}</b>'
    mask = result.masks[index]
    if not mask.any():
        return f"<li>{name}<span>{words.no_pixel}</span></li>"
    link = f'<a download="answer-{turn}.mask-{index + 1}.png" href="{_png(mask)}">{words.save_mask}</a>'
    return f"<li>{name}{_score(float(result.scores[index]))}{link}</li>"


def _score(score: float) -> str:
    if not np.isfinite(score):
        return ""
    return f'<span class="score"><meter min="0" max="1" value="{score:.3f}"></meter>{score:.2f}</span>'


def _score_note(result: Segmentation, words: Words) -> str:
    return words.score_note.format(kind=escape(words.told(result.score_kind)))


def _hue(index: int) -> str:
    return "--hue: rgb({}, {}, {})".format(*color_of(index))


def _png(mask: Mask) -> str:
    """255 on the object, 0 elsewhere, at the picture's own size: a data address, so that nothing is left on a disk."""
    file = io.BytesIO()
    PIL.Image.fromarray(mask.astype(np.uint8) * np.uint8(255)).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")
