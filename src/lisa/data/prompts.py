"""Class names and expressions → instructions and answers, in the words of LISA's training code.

The English wordings, and how often each is drawn, are those of the reference implementation (dvlab-research/LISA),
which the published weights were trained on: facts to be kept, not to be improved. What is written in Chinese is asked
in Chinese.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Wording:
    """The templates of one language."""

    short: tuple[str, ...]
    """For a name or a short expression."""
    long: tuple[str, ...]
    """For a whole sentence."""
    explain: tuple[str, ...]
    """For a sentence whose answer is to be explained."""
    parts: tuple[str, str]
    """Two ways to name a part of a thing, half and half."""
    answers: tuple[str, ...]
    named: str
    """An answer that says what it masks, as the reference's do not."""
    nothing: tuple[str, ...]
    """Answers to what is not in the picture; the reference has none."""


ENGLISH = Wording(
    short=(
        "Can you segment the {name} in this image?",
        "Please segment the {name} in this image.",
        "What is {name} in this image? Please respond with segmentation mask.",
        "What is {name} in this image? Please output segmentation mask.",
    ),
    long=("{text} Please respond with segmentation mask.", "{text} Please output segmentation mask."),
    explain=(
        "{text} Please output segmentation mask and explain why.",
        "{text} Please output segmentation mask and explain the reason.",
        "{text} Please output segmentation mask and give some explanation.",
    ),
    parts=("{whole} {part}", "the {part} of the {whole}"),
    answers=("It is [SEG].", "Sure, [SEG].", "Sure, it is [SEG].", "Sure, the segmentation result is [SEG].", "[SEG]."),
    named="It is the {name} [SEG].",
    nothing=("There is no such thing in this image.", "It is not in this image.", "There is none in this image."),
)
WORDINGS = (
    "What is {name} in this image? Please output segmentation mask.",
    "Can you segment the {name} in this image?",
    "Please segment the {name} in this image.",
    "What is {name} in this image? Please respond with segmentation mask.",
)
"""The first is what the reference's validation says; the others are those it trains with."""

CHINESE = Wording(
    short=(
        "你能分割出图中的{name}吗？",
        "请分割出图中的{name}。",
        "图中的{name}在哪里？请用分割掩码回答。",
        "图中的{name}在哪里？请输出分割掩码。",
    ),
    long=("{text}请用分割掩码回答。", "{text}请输出分割掩码。"),
    explain=(
        "{text}请输出分割掩码并解释为什么。",
        "{text}请输出分割掩码并说明原因。",
        "{text}请输出分割掩码并加以解释。",
    ),
    parts=("{whole}{part}", "{whole}的{part}"),
    answers=("是 [SEG]。", "好的，[SEG]。", "好的，就是 [SEG]。", "好的，分割结果是 [SEG]。", "[SEG]。"),
    named="是{name} [SEG]。",
    nothing=("图中没有这样的东西。", "它不在这张图里。", "这张图里没有。"),
)
_HAN = re.compile(r"[\u3400-\u9fff]")


def wording_of(text: str) -> Wording:
    """The language that a name or sentence is written in."""
    return CHINESE if _HAN.search(text) else ENGLISH


def pick(options: Sequence[str], rng: np.random.Generator) -> str:
    """One of them, each as likely."""
    return options[int(rng.integers(len(options)))]


def ask_name(name: str, rng: np.random.Generator) -> str:
    """An instruction for a class name or a short expression."""
    return pick(wording_of(name).short, rng).format(name=name.strip().lower())


def ask_part(whole: str, part: str, rng: np.random.Generator) -> str:
    """An instruction for a part: "dog head" or "the head of the dog", half and half; in "the front of the head of the
    train" always the latter."""
    first, second = wording_of(whole + part).parts
    form = first if rng.random() < 0.5 and " of " not in part else second
    return ask_name(form.format(whole=whole, part=part), rng)


def ask_sentence(text: str, rng: np.random.Generator, *, explain: bool = False) -> str:
    """An instruction for a whole sentence."""
    words = wording_of(text)
    return pick(words.explain if explain else words.long, rng).format(text=text.strip())


def answer(rng: np.random.Generator, explanation: str = "", *, to: str = "") -> str:
    """An answer with one [SEG], with an explanation behind it if there is one; `to` says in which language."""
    return f"{pick(wording_of(explanation or to).answers, rng)} {explanation}".rstrip()


def nothing(rng: np.random.Generator, *, to: str = "") -> str:
    """An answer to what is not there."""
    return pick(wording_of(to).nothing, rng)
