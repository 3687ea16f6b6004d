"""A conversation in pieces of text and tokens, before it becomes ids."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Piece:
    """A stretch of a conversation: plain text, or one token by name."""

    text: str
    token: bool = False
    learned: bool = False
    """Part of an answer, on which the text loss is taken."""


def runs(pieces: Iterable[Piece]) -> list[list[Piece]]:
    """Neighbouring texts joined to one run, since they are encoded as one; a token is a run of its own."""
    found: list[list[Piece]] = []
    for piece in pieces:
        if piece.token or not found or found[-1][0].token:
            found += [[piece]] if piece.token or piece.text else []
        elif piece.text:
            found[-1].append(piece)
    return found
