"""A model is asked a dataset's questions: samples → answers. Free-running, so that a missing mask costs what it should.

samples ─► ask ─► Answered ─► predictions (a line of JSON each) ─► rows ─► figures ─► report
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from lisa.evaluate.figures import Evaluation
from lisa.evaluate.rows import Row, score
from lisa.predictor import Encoded, Predictor
from lisa.segmentation import Segmentation
from lisa.types import SEG, Sample, Turn


@dataclass(frozen=True, kw_only=True)
class Answered:
    """A sample and what was answered; `control` is the answer to another question of the same picture.

    `forced`: the masks of an answer that was put into the model's mouth, as the reference's validation does.
    """

    index: int
    sample: Sample
    result: Segmentation
    seconds: float
    control: Segmentation | None = None
    forced: Segmentation | None = None

    def scored(self) -> Row:
        """Measured."""
        return score(self.sample, self.result, self.seconds, control=self.control, forced=self.forced, index=self.index)


def ask(
    predictor: Predictor,
    samples: Iterable[tuple[int, Sample]],
    *,
    others: Callable[[Sample], Sample | None] | None = None,
    forced: bool = False,
    batch: int = 8,
    max_new_tokens: int = 64,
) -> Iterator[Answered]:
    """Asks every sample's conversation, the model's own answers being the history; gives answers as they come.

    `samples`: (place in the dataset, sample). `others` gives another question of the same picture. `forced`: also
    teacher-forced, where there is a target; nothing could go wrong with other questions then.
    """
    for chunk in _chunks(samples, batch):
        start = time.perf_counter()
        encoded = _encoded(predictor, [s for _, s in chunk])
        turns = [s.turns for _, s in chunk]
        results = converse(predictor, encoded, turns, max_new_tokens)
        seconds = (time.perf_counter() - start) / len(chunk)
        controls: dict[int, Segmentation] = {}
        if others is not None:
            asked = [(i, o) for i, (_, s) in enumerate(chunk) if (o := others(s)) is not None]
            told = converse(predictor, [encoded[i] for i, _ in asked], [o.turns for _, o in asked], max_new_tokens)
            controls = dict(zip((i for i, _ in asked), told))
        given: dict[int, Segmentation] = {}
        if forced and (some := [i for i, t in enumerate(turns) if t[-1].targets]):
            masks = predictor.masks_of([encoded[i] for i in some], [_given(turns[i]) for i in some])
            given = dict(zip(some, masks))
        for i, (k, s) in enumerate(chunk):
            yield Answered(
                index=k, sample=s, result=results[i], seconds=seconds, control=controls.get(i), forced=given.get(i)
            )


def evaluate(
    predictor: Predictor,
    samples: Iterable[Sample],
    *,
    others: Callable[[Sample], Sample | None] | None = None,
    forced: bool = False,
    batch: int = 8,
    max_new_tokens: int = 64,
    progress: Callable[[int], None] | None = None,
) -> Evaluation:
    """`ask`, measured."""
    evaluation = Evaluation()
    answers = ask(
        predictor, enumerate(samples), others=others, forced=forced, batch=batch, max_new_tokens=max_new_tokens
    )
    for a in answers:
        evaluation.rows.append(a.scored())
        if progress:
            progress(1)
    return evaluation


def converse(
    predictor: Predictor, images: Sequence[Encoded], conversations: Sequence[Sequence[Turn]], max_new_tokens: int
) -> list[Segmentation]:
    """Answers to the last turns of conversations, each earlier one answered by the model itself."""
    histories: list[list[Turn]] = [[] for _ in conversations]
    results: list[Segmentation | None] = [None] * len(conversations)
    for depth in range(max((len(c) for c in conversations), default=0)):
        live = [i for i, c in enumerate(conversations) if depth < len(c)]
        turns = [[*histories[i], Turn(instruction=conversations[i][depth].instruction)] for i in live]
        for i, result in zip(live, predictor.answer_turns([images[i] for i in live], turns, max_new_tokens)):
            histories[i].append(Turn(instruction=conversations[i][depth].instruction, answer=result.raw_text))
            results[i] = result
    return [r for r in results if r is not None]


def _given(turns: Sequence[Turn]) -> list[Turn]:
    """The conversation with a last answer that says [SEG] and nothing else, as the reference's validation has it.

    Where several masks are wanted, which the reference does not have, the expected answer is given with its names.
    """
    wanted = len(turns[-1].targets)
    answer = turns[-1].answer or ""
    if wanted == 1 or answer.count(SEG) != wanted:
        answer = ", ".join([SEG] * wanted) + "."
    return [*turns[:-1], replace(turns[-1], answer=answer)]


def _encoded(predictor: Predictor, samples: Sequence[Sample]) -> list[Encoded]:
    """Each picture once, where several questions about it come one after the other."""
    found: list[Encoded] = []
    for i, sample in enumerate(samples):
        same = i > 0 and sample.image is samples[i - 1].image
        found.append(found[-1] if same else predictor.encode(sample.image))
    return found


def _chunks(samples: Iterable[tuple[int, Sample]], size: int) -> Iterator[list[tuple[int, Sample]]]:
    it = iter(samples)
    while chunk := list(islice(it, size)):
        yield chunk
