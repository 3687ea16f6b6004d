"""Questions about a drawn scene, with true answers: one maker per kind, all fed by the facts and by what can be seen.

picture → View (measured once) → maker of a kind → words (phrases) → Asked [→ chinese] → lisa.types.Turn
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from lisa.types import Target, Turn
from lisa.world import chinese, phrases
from lisa.world.questions import follow, many, nothing, pieces, pointed, reason, related, simple
from lisa.world.questions.asked import Asked, Maker
from lisa.world.questions.view import View
from lisa.world.scene import Picture

MAKERS: dict[str, tuple[Maker, float]] = {
    "name": (simple.name, 10.0),
    "colour": (simple.colour, 9.0),
    "attribute": (simple.attribute, 7.0),
    "location": (simple.location, 8.0),
    "relation": (related.relation, 7.0),
    "part": (simple.part, 5.0),
    "function": (reason.function, 7.0),
    "knowledge": (reason.knowledge, 7.0),
    "multi_step": (reason.multi_step, 5.0),
    "explanation": (reason.explanation, 6.0),
    "several": (many.several, 5.0),
    "two": (many.two, 5.0),
    "odd_one_out": (reason.odd_one_out, 6.0),
    "named_person": (pieces.named_person, 14.0),
    "vitamin_c": (pieces.vitamin_c, 12.0),
    "stand_higher": (pieces.stand_higher, 16.0),
    "near_lens": (pieces.near_lens, 16.0),
    "baby_fence": (pieces.baby_fence, 16.0),
    "dog_antlers": (pieces.dog_antlers, 12.0),
    "sink_tap": (pieces.sink_tap, 6.0),
    "dashboard": (pieces.dashboard, 6.0),
    "chilli": (pieces.chilli, 8.0),
    "cold_sun": (pieces.cold_sun, 12.0),
    "hat": (pieces.hat, 6.0),
    "follow_up": (follow.follow_up, 12.0),
    "absent": (nothing.absent, 10.0),
    "plain": (nothing.plain, 8.0),
    "pointed": (pointed.pointed, 8.0),
}
"""Question kind → its maker and its share by default."""

QUESTION_KINDS: tuple[str, ...] = tuple(MAKERS)
PIECES: dict[str, str] = {"named": "named_person"} | {
    k: k for k in ("vitamin_c", "stand_higher", "near_lens", "baby_fence", "dog_antlers", "sink_tap", "dashboard",
                   "chilli", "cold_sun", "hat")
}  # fmt: skip
"""Set piece of a scene → the kind it was arranged for, which is then asked more often."""
LANGUAGES = ("en", "zh")
SEED_KINDS: tuple[str, ...] = ("vitamin_c", "stand_higher", "near_lens", "baby_fence", "named_person")


def ask(
    picture: Picture | View,
    rng: np.random.Generator,
    *,
    kind: str | None = None,
    split: str = "train",
    language: str = "en",
) -> list[Asked] | None:
    """One dialogue of 1–3 turns, or None where this kind cannot be asked of this picture (or chance found none).

    Who asks often gives a `View`, which is measured once.
    """
    if language not in LANGUAGES:
        return None
    view = picture if isinstance(picture, View) else View(picture)
    if kind is None:
        found = dialogues(view.picture, rng, 1, split=split, language=language)
        return found[0] if found else None
    return _ask(view, rng, kind, split, language)


def dialogues(
    picture: Picture,
    rng: np.random.Generator,
    n: int,
    *,
    split: str = "train",
    language: str = "en",
    weights: Mapping[str, float] | None = None,
    shares: Mapping[str, float] | None = None,
) -> list[list[Asked]]:
    """Up to `n` varied dialogues about one picture, with different targets as far as possible.

    Args:
        picture: what is asked about.
        rng: every choice comes from it.
        n: how many; fewer come where the picture does not give as many different ones.
        split: "templates" has held-out templates only, "train" also typing noise; other splits neither.
        language: "en" or "zh"; others give nothing.
        weights: question kind → its share, no other kind is asked; those of `MAKERS` by default.
        shares: in the place of some of the default shares.
    """
    if language not in LANGUAGES:
        return []
    view = View(picture)
    shares = dict(weights) if weights is not None else _shares(picture, shares or {})
    found: list[list[Asked]] = []
    said: set[str] = set()
    used: Counter[object] = Counter()
    for attempt in range(6 * n + 24):
        if len(found) == n or not shares:
            break
        turns = _ask(view, rng, _draw(shares, rng), split, language, shares)
        if turns is None or (turns[-1].instruction.lower() in said and len(turns) == 1):
            continue
        target = (turns[-1].targets, turns[-1].parts) if turns[-1].targets else turns[-1].answer
        if used[target] > (turns[-1].kind in PIECES.values()) and attempt < 4 * n + 8:
            continue
        used[target] += 1
        said.add(turns[-1].instruction.lower())
        found.append(turns)
    return found


def answerable(picture: Picture, rng: np.random.Generator) -> Iterator[str]:
    """The kinds that can be asked of this picture, as far as a few tries show."""
    view = View(picture)
    yield from (k for k in MAKERS if any(_ask(view, rng, k, "test") for _ in range(3)))


def targets_to_turn(picture: Picture, asked: Asked) -> Turn:
    """A turn with the masks that its [SEG] tokens stand for."""
    targets = []
    for ids, part, phrase in zip(asked.targets, asked.parts, asked.phrases):
        mask = picture.mask(*ids) if part is None else picture.part_mask(ids[0], part)
        targets.append(Target(mask=mask, phrase=phrase))
    return Turn(instruction=asked.instruction, answer=asked.answer, targets=tuple(targets))


def _shares(picture: Picture, changed: Mapping[str, float]) -> dict[str, float]:
    """Default shares, some changed, with more for what the scene was arranged for."""
    shares = {k: changed.get(k, w) for k, (_, w) in MAKERS.items()}
    if kind := PIECES.get(picture.scene.set_piece or ""):
        shares[kind] *= 8  # few scenes are arranged, and these are what people try first
    return shares


def _draw(shares: Mapping[str, float], rng: np.random.Generator) -> str:
    point = rng.random() * sum(shares.values())
    for kind, share in shares.items():
        point -= share
        if point < 0:
            return kind
    return next(reversed(list(shares)))


def _ask(
    view: View,
    rng: np.random.Generator,
    kind: str,
    split: str,
    language: str = "en",
    shares: dict[str, float] | None = None,
) -> list[Asked] | None:
    say = phrases.Say(rng, split)
    turns = MAKERS[kind][0](view, say)
    if turns and language == "zh":
        turns = chinese.tell(turns, say)
    if turns is None:
        if shares is not None and len(shares) > 1:
            shares[kind] *= 0.3  # seldom tried again
        return None
    if say.noisy:
        noise = chinese.noise if language == "zh" else phrases.noise
        turns = [replace(t, instruction=noise(t.instruction, rng)) for t in turns]
    return turns


__all__ = [
    "LANGUAGES",
    "MAKERS",
    "QUESTION_KINDS",
    "SEED_KINDS",
    "Asked",
    "answerable",
    "ask",
    "dialogues",
    "targets_to_turn",
]
