"""Class names and expressions → instructions and answers, in the words of LISA's training code.

The wordings, and how often each is drawn, are those of the reference implementation (dvlab-research/LISA), which the
published weights were trained on: facts to be kept, not to be improved.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

SHORT = (
    "Can you segment the {name} in this image?",
    "Please segment the {name} in this image.",
    "What is {name} in this image? Please respond with segmentation mask.",
    "What is {name} in this image? Please output segmentation mask.",
)
"""For a name or a short expression."""
LONG = ("{text} Please respond with segmentation mask.", "{text} Please output segmentation mask.")
"""For a whole sentence."""
EXPLAIN = (
    "{text} Please output segmentation mask and explain why.",
    "{text} Please output segmentation mask and explain the reason.",
    "{text} Please output segmentation mask and give some explanation.",
)
"""For a sentence whose answer is to be explained."""
ANSWERS = ("It is [SEG].", "Sure, [SEG].", "Sure, it is [SEG].", "Sure, the segmentation result is [SEG].", "[SEG].")


def pick(options: Sequence[str], rng: np.random.Generator) -> str:
    """One of them, each as likely."""
    return options[int(rng.integers(len(options)))]


def ask_name(name: str, rng: np.random.Generator) -> str:
    """An instruction for a class name or a short expression."""
    return pick(SHORT, rng).format(name=name.strip().lower())


def ask_part(whole: str, part: str, rng: np.random.Generator) -> str:
    """An instruction for a part: "dog head" or "the head of the dog", half and half."""
    return ask_name(f"{whole} {part}" if rng.random() < 0.5 else f"the {part} of the {whole}", rng)


def ask_sentence(text: str, rng: np.random.Generator, *, explain: bool = False) -> str:
    """An instruction for a whole sentence."""
    return pick(EXPLAIN if explain else LONG, rng).format(text=text.strip())


def answer(rng: np.random.Generator, explanation: str = "") -> str:
    """An answer with one [SEG], with an explanation behind it if there is one."""
    return f"{pick(ANSWERS, rng)} {explanation}".rstrip()


NOTHING = ("There is no such thing in this image.", "It is not in this image.", "There is none in this image.")
"""Answers to what is not in the picture; the reference has none."""


def nothing(rng: np.random.Generator) -> str:
    """An answer to what is not there."""
    return pick(NOTHING, rng)
