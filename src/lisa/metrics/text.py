"""How like the expected words an answer's are: chrF, as sacrebleu counts it. Torch-free."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lisa.answer_text import MARKERS
from lisa.types import SEG


def words(text: str) -> str:
    """What an answer says: without [SEG], without tokens that steer generation, white space collapsed."""
    return " ".join(MARKERS.sub(" ", text.replace(SEG, " ")).split())


def says_something(text: str) -> bool:
    """Whether there is a letter or digit of any script beside [SEG]."""
    return any(c.isalnum() for c in words(text))


def chrf(answers: Sequence[str], expected: Sequence[str]) -> NDArray[np.float64]:
    """chrF2 (Popović, 2015) of each answer against the one expected, `[n]`, 0 … 1.

    Runs of one to six characters, white space aside, recall counted twice: no tokens, so Chinese needs nothing of its
    own. [SEG] is no part of what is said. Raises ValueError where the two are not as many.
    """
    if len(answers) != len(expected):
        raise ValueError(f"{len(answers)} answers, but {len(expected)} expected ones")
    from sacrebleu.metrics.chrf import CHRF

    metric = CHRF()
    scores = [metric.sentence_score(words(a), [words(e)]).score for a, e in zip(answers, expected)]
    return np.asarray(scores, np.float64) / 100
