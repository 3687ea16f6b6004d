"""Raw answers with [SEG] tokens → text for people, and the words each mask belongs to.

    It is the orange [SEG]. It is rich in vitamin C.   →  It is the orange. It is rich in vitamin C.
          ~~~~~~~~~~                                            ~~~~~~~~~~
    Sure, it is [SEG] .</s>                            →  Sure, it is [1].
                                                                      ~~~

A [SEG] that follows the words naming its object is left out, and the span lies on those words. A [SEG] that stands
in place of a name becomes the number of its mask in brackets, and the span lies on that. How the naming words are
found is a rule of thumb for English: what follows the last "is" or "are" of the clause, else from the last article
on (one step further left over "the person on the left"), else the whole clause when it is short. In Chinese: what
follows 是 or 和 and the like, else the whole of a short clause.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from lisa.types import SEG

Span = tuple[int, int]
"""(start, end) of characters in the readable text, end exclusive."""

MARKERS = re.compile(r"<s>|</s>|<unk>|<pad>|<\|im_end\|>|<\|im_start\|>|<\|endoftext\|>|<end_of_turn>|<eos>|<bos>")
"""Tokens that steer generation and never belong to what is said."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_CLAUSE_END = re.compile(r"[,.;:!?()\n。、，；：！？]|\s[–—-]\s")
_JOINERS = _words("and or but while so then because")
_COPULAS = _words("is are was were be being it's that's they're here's there's")
_ARTICLES = _words(
    "the a an this these those its his her their my your our both each every all one two three four some"
)
_LINKS = _words(
    "of on in at with near behind under above below beside by inside between over against beneath around from"
)
_NO_NAMES = _words(
    "it they he she this that these those here there sure yes no ok okay certainly the a an is are mask masks"
)
_NOT_AFTER_COPULA = _LINKS | {"that", "because", "not"}
_HAN = re.compile(r"[\u3400-\u9fff]")
_HAN_BEFORE_NAME = re.compile(r"是|和|与|及|或|还有")
_SHORT = 4
_LONGEST = 12
_LONGEST_HAN = 24


def readable(raw: str, starts: Sequence[int] | None = None) -> tuple[str, tuple[Span, ...]]:
    """The text for people and one span per [SEG].

    Args:
        raw: the answer as the model wrote it.
        starts: where in `raw` the [SEG] *tokens* stand; None takes every "[SEG]" for one. A "[SEG]" that a model
            spelled out in ordinary letters stays in the text.
    """
    pieces = _split(raw, starts)
    text = ""
    spans: list[Span] = []
    for number, piece in enumerate(pieces):
        if number:
            text, span = _place(text, number, spans[-1][1] if spans else 0)
            spans.append(span)
        text = _append(text, piece)
    return text.rstrip(), tuple(spans)


def _split(raw: str, starts: Sequence[int] | None) -> list[str]:
    """The stretches between [SEG] tokens, steering tokens removed and white space collapsed."""
    if starts is None:
        starts = [match.start() for match in re.finditer(re.escape(SEG), raw)]
    pieces, position = [], 0
    for start in starts:
        if raw[start : start + len(SEG)] != SEG or start < position:
            raise ValueError(f"no {SEG} stands at character {start} of the raw text: give places in rising order")
        pieces.append(raw[position:start])
        position = start + len(SEG)
    pieces.append(raw[position:])
    return [re.sub(r"\s+", " ", MARKERS.sub(" ", piece)) for piece in pieces]


def _append(text: str, piece: str) -> str:
    """Join without a blank before punctuation, nor two blanks, nor one at the start."""
    if not text or text.endswith((" ", "(")):
        return text + piece.lstrip()
    tight = piece.lstrip()
    if tight and tight[0] in ".,;:!?)。、，；：！？":
        return text + tight
    # a model may write the next word right after [SEG]
    apart = piece[:1].isalnum() and not _HAN.match(piece)
    return text + (f" {tight}" if apart else piece)


def _place(text: str, number: int, named: int) -> tuple[str, Span]:
    """Where mask `number`, whose [SEG] follows `text`, is named; the number in brackets is written if nowhere.

    Words before `named` belong to the masks before.
    """
    end = len(text.rstrip())
    start = _name_start(text[:end])
    if named <= start < end:
        return text[:end], (start, end)
    if text and not text.endswith((" ", "(")):
        text += " "
    label = f"[{number}]"
    return text + label, (len(text), len(text) + len(label))


def _name_start(text: str) -> int:
    """Where the words that name an object begin at the end of `text`; len(text) if there are none."""
    last = max((match.end() for match in _CLAUSE_END.finditer(text)), default=0)
    # the number of the mask before ends a clause too
    last = max(last, max((match.end() for match in re.finditer(r"\[\d+\]", text)), default=0))
    if _HAN.match(text[-1:]):
        start = max((match.end() for match in _HAN_BEFORE_NAME.finditer(text, last)), default=last)
        start += len(text[start:]) - len(text[start:].lstrip())
        return start if len(text) - start <= _LONGEST_HAN else len(text)
    words = list(re.finditer(r"\S+", text[last:]))
    lower = [word.group().lower() for word in words]
    first = _first_name_word(lower)
    while first < len(lower) and lower[first] in _JOINERS:
        first += 1
    if first >= len(lower) or all(word in _NO_NAMES for word in lower[first:]):
        return len(text)
    return last + words[first].start()


def _first_name_word(words: list[str]) -> int:
    """Index of the first word of the name among the words of a clause; len(words) if there is none."""
    verbs = [i for i, word in enumerate(words) if word in _COPULAS]
    after = verbs[-1] + 1 if verbs else 0
    # after "is on" or "is that" no name follows directly
    direct = after >= len(words) or words[after] not in _NOT_AFTER_COPULA
    if verbs and direct and len(words) - after <= _LONGEST:
        return after
    articles = [i for i, word in enumerate(words) if word in _ARTICLES and i >= after]
    if articles:
        return _widen(words, articles)
    return after if len(words) - after <= _SHORT else len(words)


def _widen(words: list[str], articles: list[int]) -> int:
    """The last article, or the one before it in phrases such as "the person on the left"."""
    last = articles[-1]
    if len(articles) < 2 or last == 0 or words[last - 1] not in _LINKS:
        return last
    between = words[articles[-2] + 1 : last - 1]
    verb_like = len(between) > 1 and between[-1].endswith(("s", "ed", "ing"))
    return articles[-2] if 1 <= len(between) <= 2 and not verb_like else last
