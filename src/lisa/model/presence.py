"""When a small model says that something is not there: as readily as is right, by pictures it learned nothing from.

question ─► `<assistant>` ─► first word of the answer: "There [is no …]" or anything else? ◄── the bias, set beforehand

Trained on more and more questions for what is missing, a model denies too much or too little. How much it leans to a
denial is a single number: so far that nineteen of twenty denials are made, and no further than where one in forty of
the other answers would become one, since to words that are new to it a model says no more readily than it should.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from lisa.errors import BadCheckpoint, BadInput
from lisa.files import write_json

PRESENCE = "presence.json"
KEPT = 0.975
"""Share of the other answers that do not become denials."""
MADE = 0.95
"""Share of the denials that are made, as far as those are kept."""
DENYING = 0.5
"""Words are what denials begin with where at least such a share of the answers that begin with them deny."""
_REMEDY = "take it from the same checkpoint, or remove it"


@dataclass(frozen=True)
class Presence:
    """The words that denials begin with, and what is added to their logits."""

    ids: tuple[int, ...]
    """Tokens, in rising order."""
    bias: float

    @classmethod
    def fit(cls, told: Sequence[tuple[int, bool]], logits: Tensor) -> Presence:
        """From true answers, each one's first word and whether it denies, and the logits `[N, V]` of those words.

        Raises BadInput where no answer denies, or every one.
        """
        ids = denials(told)
        others = torch.tensor([word not in ids for word, _ in told], dtype=torch.bool)
        if not ids or not others.any():
            raise BadInput("no bias can be set by these answers: some have to deny, and others not")
        found = margins(ids, logits)
        kept, made = found[others].quantile(KEPT), found[~others].quantile(1 - MADE)
        return cls(tuple(ids), -float(torch.maximum(kept, made)))

    def lean(self, logits: Tensor) -> Tensor:
        """Logits `[..., V]` of a first word, with the bias."""
        leaned = logits.clone()
        leaned[..., list(self.ids)] += self.bias
        return leaned

    def save(self, folder: Path) -> None:
        """Writes it beside a model's weights."""
        write_json(folder / PRESENCE, {"ids": list(self.ids), "bias": self.bias})

    @classmethod
    def load(cls, folder: Path, *, vocabulary: int) -> Presence | None:
        """What lies beside the weights of a model with so many tokens, if anything.

        Raises BadCheckpoint for a file that is damaged, or of another model.
        """
        path = folder / PRESENCE
        if not path.is_file():
            return None
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            ids, bias = tuple(int(i) for i in found["ids"]), float(found["bias"])
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise BadCheckpoint(f"{path} is damaged ({error}): {_REMEDY}") from error
        if not ids or not all(0 <= i < vocabulary for i in ids) or not abs(bias) < 1e3:
            raise BadCheckpoint(f"{path} does not fit the model: {_REMEDY}")
        return cls(ids, bias)


def margins(ids: Sequence[int], logits: Tensor) -> Tensor:
    """By how much the likeliest denial is likelier than anything else: logits `[N, V]` → `[N]`."""
    denying = torch.zeros(logits.shape[-1], dtype=torch.bool)
    denying[list(ids)] = True
    return logits[:, denying].amax(1) - logits[:, ~denying].amax(1)


def denials(firsts: Iterable[tuple[int, bool]]) -> list[int]:
    """First words of answers, each with whether that answer denies → the words that denials begin with."""
    often, denied = Counter[int](), Counter[int]()
    for word, denies in firsts:
        often[word] += 1
        denied[word] += denies
    return sorted(word for word, count in often.items() if denied[word] >= DENYING * count)
