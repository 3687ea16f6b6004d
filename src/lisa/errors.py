"""Errors a person can act on: each says in one line what is wrong and what to do next."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class LisaError(Exception):
    """Something a person can put right. The command line prints it as one line and exits with 2.

    Args:
        message: what is wrong and what to do. Line breaks become spaces, so that it stays one line.
    """

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(printable(message).split()))


class BadInput(LisaError):
    """An instruction, option or argument that cannot be used."""


class BadImage(BadInput):
    """A picture that cannot be read."""


class BadCheckpoint(LisaError):
    """A folder or file of weights that cannot be used, or must not be trusted."""


class TooLarge(LisaError):
    """It does not fit in the memory or on the disk; the message names the smaller choice."""


class Missing(LisaError):
    """A file, model or optional package that is not there; the message says how to get it."""


class DownloadFailed(LisaError):
    """The hub could not be reached or sent something else than it promised."""


def printable(text: str) -> str:
    """`text` with what a terminal cannot show (control characters, broken Unicode) written as escapes."""
    return "".join(c if c.isprintable() or c in " \n\t" else c.encode("unicode_escape").decode("ascii") for c in text)


def first_line(error: BaseException) -> str:
    """What an error of somebody else's says first; its kind where it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def shown(value: object, limit: int = 120) -> str:
    """A file name or other value as it is put into a message: quoted, and shortened in the middle over `limit`."""
    text = printable(str(value))
    if len(text) > limit:
        text = f"{text[: limit // 2]}…{text[-limit // 2 :]}"
    return f"'{text}'"


def nearest(value: object, known: Iterable[str]) -> str:
    """What somebody may have meant: "did you mean NAME?", or all that is known."""
    names = list(known)
    near = get_close_matches(str(value), names, n=1)
    return f"did you mean {near[0]}?" if near else f"known: {', '.join(names) or 'nothing'}"
