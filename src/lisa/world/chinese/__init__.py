"""Finished English dialogues, told again in Chinese: the same things are asked for, in words of their own.

Asked → slots (words) → a form of the same name (forms) → instruction;  its answer, sentence by sentence (answers)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lisa.world.chinese.answers import answer
from lisa.world.chinese.forms import NP_WRAPPERS, Q_WRAPPERS, SENTENCES, WHY, Forms, cores_of
from lisa.world.chinese.words import slots
from lisa.world.more_forms import more_forms, more_wrappers
from lisa.world.phrases import FILLED, HELD, Said, Say, gaps
from lisa.world.questions.asked import Asked


def tell(turns: Sequence[Asked], say: Say) -> list[Asked] | None:
    """A dialogue in Chinese, its words chosen by `say`; None where something in it cannot be said."""
    told = [_turn(turn, say) for turn in turns]
    found = [turn for turn in told if turn]
    return found if len(found) == len(told) else None


def _turn(turn: Asked, say: Say) -> Asked | None:
    replied = answer(turn)
    known = slots(turn.said) if turn.said else None
    asked = instruction(turn.said, known, say) if turn.said and known is not None else None
    if replied is None or asked is None:
        return None
    return replace(turn, instruction=asked[0], template=asked[1], answer=replied[0], phrases=replied[1], language="zh")


def instruction(said: Said, known: dict[str, str], say: Say) -> tuple[str, str] | None:
    """The instruction in Chinese, and the id of its template; None where no form has this name."""
    if said.core:
        nps, qs = cores_of(said.name, said.words.get("x", "")) or ((), ())
        forms = nps if said.core == "n" else qs
    else:
        forms = SENTENCES.get(said.name, ())
    fits = [form.startswith(HELD) for form in forms if gaps(form) <= set(known)]
    if False not in fits:
        return None
    if said.core:
        return _wrapped(said, forms, known, say, core_held=say.held and True in fits and say.chance(0.5))
    chosen = say.choose(forms, held=say.held and True in fits, known=known)
    i, form = say.again(chosen, more_forms("zh", said.name, ""), known)
    return form.format(**known), f"{said.name}/{i}"


def _wrapped(said: Said, cores: Forms, known: dict[str, str], say: Say, *, core_held: bool) -> tuple[str, str]:
    """A core in a wrapper, as `Say.ask` does it in English."""
    others = more_forms("zh", said.name, said.core, said.words.get("x", ""))
    i, core = say.again(say.choose(cores, held=core_held, known=known), others, known)
    wrappers = list(NP_WRAPPERS if said.core == "n" else Q_WRAPPERS), more_wrappers("zh", said.core)
    if "，" in core:  # nothing goes in front of 我想洗手，要去哪里
        wrappers = tuple([w if w.lstrip(HELD).startswith("{q}") else "{q}？" for w in some] for some in wrappers)
    j, wrapper = say.again(say.choose(wrappers[0], held=say.held and not core_held), wrappers[1], FILLED)
    core = core.format(**known)
    text, id = wrapper.format(np=core, q=core), f"{said.name}/{said.core}{i}/{j}"
    if said.why:
        k, form = say.choose(WHY)
        text, id = form.format(it=text if text[-1] in "。？！" else f"{text}。"), f"{id}/{k}"
    return text, id


VERBS = ("分割", "找", "标出", "指出", "圈出", "选中", "帮我", "数", "告诉我", "给我", "介绍", "解释")
SLIPS = (("哪", "那"), ("在", "再"), ("的", "得"), ("吗", "嘛"))
"""What people mistype for each other."""
HALF = str.maketrans("，。？！：", ",.?!:")


def noise(text: str, rng: np.random.Generator) -> str:
    """As people type: now and then politer, with half-width marks or no final one, rarely with a wrong character."""
    if text.startswith(VERBS) and rng.random() < 0.2:
        text = f"请{text}"
    if text.startswith(("分割", "请分割", "标出", "请标出")) and "一下" not in text and rng.random() < 0.1:
        text = text.replace("分割", "分割一下", 1).replace("标出", "标一下", 1)
    if rng.random() < 0.25:
        text = text.rstrip("。？！")
    if rng.random() < 0.15:
        text = text.translate(HALF)
    if rng.random() < 0.03:
        right, wrong = SLIPS[int(rng.integers(len(SLIPS)))]
        text = text.replace(right, wrong, 1)
    return text


__all__ = ["noise", "tell"]
