"""What is wrong with a model that gives bad masks, told from how it behaves: each known fault is a guess with a remedy.

A remedy is tried from outside (colours exchanged, a picture made square before it is given, the state next to the one
that is read …). Where it makes the masks much better, beyond chance, that was the fault. No file is looked at.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from lisa.data.base import picture_of
from lisa.data.datasets import open_dataset
from lisa.data.prompts import ENGLISH
from lisa.errors import BadInput
from lisa.geometry import PIXEL_MEAN
from lisa.metrics.iou import iou, together
from lisa.metrics.paired import difference
from lisa.model.seg_head import generated_states, seg_positions
from lisa.model.segmenter import EncodedImage
from lisa.predictor import Predictor, load
from lisa.types import SEG, Image, Mask, Sample, Turn
from lisa.vlms.base import IGNORE, VlmBatch

GAIN = 0.1
"""gIoU that a remedy has to bring."""
DOUBT = 0.01
SHIFTS = (0, -1, 1)
LEAST = 8
"""Questions, below which chance could look like a fault."""
DIAGNOSIS = 190
"""Seed of drawn scenes that are asked about."""
MAX_NEW_TOKENS = 48
DEAD = 0.25
"""Below which the logits at the vocabulary's end vary too little, against those before, to have been trained."""
SAME = 0.03
"""How far features may move, against their size, when padding is given as the mean colour: it is rounded."""


@dataclass(frozen=True)
class Fault:
    """What is wrong, what was seen, and what to do."""

    name: str
    detail: str
    advice: str


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """Faults, none for a sound model; and what was measured."""

    faults: tuple[Fault, ...]
    measured: dict[str, float]

    def render(self) -> str:
        """For people."""
        lines = [f"  {label:<58}{value:.3f}" for label, value in self.measured.items()]
        for fault in self.faults:
            lines += [f"✗ {fault.name}", f"    {fault.detail}", f"    → {fault.advice}"]
        return "\n".join(lines if self.faults else [*lines, "✓ it behaves as it should"])


def examine_deeply(model: str, dataset: str, *, data: Path | None, count: int, device: str | None) -> Diagnosis:
    """A model by name, asked about a dataset. Raises BadInput where that has too few questions, and as `load` does."""
    opened = open_dataset(dataset, folder=data, split=None, seed=DIAGNOSIS, limit=8 * count)
    fitting = (s for s in opened if len(s.turns) == 1 and len(s.turns[0].targets) == 1)
    samples = list(islice((s for s in fitting if s.image.shape[0] != s.image.shape[1]), count))
    if len(samples) < LEAST:
        raise BadInput(
            f"{dataset} has {len(samples)} questions with one target in pictures that are not square: give another"
        )
    return diagnose(load(model, device=device), samples)


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """A sample with its picture encoded, and the conversation with an answer that fits it."""

    sample: Sample
    features: EncodedImage
    turns: tuple[Turn, ...]

    @property
    def truth(self) -> Mask:
        return together(np.stack([t.mask for t in self.sample.turns[-1].targets]))


def diagnose(predictor: Predictor, samples: Sequence[Sample]) -> Diagnosis:
    """Looks for the known faults on questions with one target each; pictures that are not square tell most.

    Raises ValueError for fewer than eight questions.
    """
    kept = [s for s in samples if len(s.turns) == 1 and len(s.turns[0].targets) == 1]
    if len(kept) < LEAST:
        raise ValueError("a diagnosis needs eight questions with one target each, or more")
    look = _Look(predictor, kept)
    faults: list[Fault] = []
    for guess in (look.constant, look.seg_id, look.colours, look.place, look.sides, look.padding, look.language):
        if (fault := guess()) is not None:
            faults.append(fault)
            if guess in (look.constant, look.seg_id, look.colours):  # nothing else can be seen behind these
                break
    return Diagnosis(faults=tuple(faults), measured=look.measured)


class _Look:
    def __init__(self, predictor: Predictor, samples: Sequence[Sample]) -> None:
        self.predictor, self.model = predictor, predictor.segmenter
        self.measured: dict[str, float] = {}
        self.pictures = [picture_of(s) for s in samples]
        self.asked = [self._of(s) for s in samples]
        self.forced = self._overlaps(self._read())
        self.free = [
            predictor.answer_turns([s.image], [[Turn(instruction=s.turns[0].instruction)]], MAX_NEW_TOKENS)[0]
            for s in samples
        ]
        given = [together(r.masks) for r in self.free if len(r)]
        self.said = len(given) / len(samples)
        self.measured |= {
            "gIoU, free-running": self._mean([together(r.masks) for r in self.free]),
            "gIoU, teacher-forced": float(np.mean(self.forced)),
            "answers with [SEG]": self.said,
            "share of the picture that is masked": float(np.mean([m.mean() for m in given])) if given else 0.0,
        }

    # -- guesses -------------------------------------------------------------------------------------------------------
    def constant(self) -> Fault | None:
        """Always everything, or always nothing."""
        masks = [together(r.masks) for r in self.free if len(r)]
        masks = masks or self._read()
        share = np.array([m.mean() for m in masks])
        if (share > 0.95).mean() > 0.9:
            return Fault(
                "every mask is the whole picture",
                f"masks cover {share.mean():.0%} in the mean, whatever is asked",
                "the mask decoder or the projector is not the trained one: take the weights of one checkpoint",
            )
        if (share == 0).mean() > 0.9:
            return Fault(
                "every mask is blank",
                f"{(share == 0).mean():.0%} of the masks have no pixel",
                "the projector or the mask decoder was lost: look at the files with `lisa doctor`",
            )
        return None

    def seg_id(self) -> Fault | None:
        """Another token than the one that is read stands where [SEG] belongs."""
        if self.said > 0.2:
            return None
        generated = [self._generate(a) for a in self.asked]
        counts: Counter[int] = Counter()
        for ids, _ in generated:
            counts.update(set(ids.tolist()))
        often = [id for id, n in counts.most_common(12) if n >= 0.5 * len(generated)]
        best, found = 0.0, None
        for id in often:
            masks = []
            for a, (ids, states) in zip(self.asked, generated):
                rows = generated_states(ids, states, id, self.model.reads)[:1]
                masks.append(self._decode(a.features, rows) if len(rows) else np.zeros_like(a.truth))
            overlaps = self._overlaps(masks)
            if np.mean(overlaps) > best and self._gains(np.zeros(len(overlaps)), overlaps):
                best, found = float(np.mean(overlaps)), id
        if found is None or best < GAIN + 0.1:
            return None
        self.measured["gIoU, read at another token"] = best
        return Fault(
            "[SEG] has the wrong id",
            f"the model says token {found} where {self.model.vlm.seg_token_id} is read; read there gIoU is {best:.2f}",
            "take the tokenizer files of the same checkpoint, or add [SEG] to the tokenizer as its training did",
        )

    def colours(self) -> Fault | None:
        """Red and blue are exchanged."""
        turned = [
            self._of(replace(a.sample, image=np.ascontiguousarray(a.sample.image[..., ::-1]))) for a in self.asked
        ]
        overlaps = self._remedy("gIoU, red and blue exchanged", self._read(turned))
        if overlaps is None:
            return None
        return Fault(
            "red and blue are exchanged",
            f"with BGR pictures gIoU is {overlaps:.2f} instead of {np.mean(self.forced):.2f}",
            "give RGB: OpenCV's imread gives BGR, turn it with image[..., ::-1]",
        )

    def place(self) -> Fault | None:
        """The state beside the one that predicts [SEG] is read."""
        tried = {
            k: self._remedy(f"gIoU, read {k:+d} tokens from where it says it reads", self._read_at(k)) for k in SHIFTS
        }
        better = {shift: value for shift, value in tried.items() if value is not None}
        if not better:
            return None
        shift, value = max(better.items(), key=lambda item: item[1])
        return Fault(
            "the state is read at the wrong token",
            f"{shift:+d} tokens from where it should be gIoU is {value:.2f}, as it is {np.mean(self.forced):.2f}",
            "read the state that predicts [SEG], the one before it, as the published weights were trained"
            if self.model.reads == "before"
            else "read [SEG]'s own state, as the model's config.json says",
        )

    def sides(self) -> Fault | None:
        """Height and width are exchanged when masks are restored."""
        value = self._remedy("gIoU, pictures made square before", self._squared())
        if value is None:
            return None
        return Fault(
            "height and width are exchanged at restoration",
            f"of pictures made square before gIoU is {value:.2f}, of the same as they are {np.mean(self.forced):.2f}",
            "cut the padding away and resize with (height, width), height first",
        )

    def padding(self) -> Fault | None:
        """Padding has to be zero *after* normalising; given as the mean colour it is that in either case."""
        moved = []
        for a in self.asked:
            if len(set(a.sample.image.shape[:2])) == 2:
                square = self.model.encode(_square(a.sample.image)).mask_features.float()
                plain = a.features.mask_features.float()
                moved.append(float((square - plain).norm() / plain.norm().clamp(min=1e-9)))
        if not moved:
            return None
        self.measured["features moved by padding with the mean colour"] = float(np.median(moved))
        if np.median(moved) <= SAME:
            return None
        return Fault(
            "pictures are padded before they are normalised",
            f"with padding in the mean colour the features of the mask side move by {np.median(moved):.0%}",
            "normalise first, then pad with zeros, as SAM does",
        )

    def language(self) -> Fault | None:
        """The words themselves are wrong, of the whole vocabulary or of its end; or no mask is ever asked for."""
        vocabulary = math.log(self._vocabulary())
        costs, seg = self._costs(self.asked)
        if costs.mean() > 0.25 * vocabulary:  # another model's way of answering is no fault
            tried = [(costs, seg), *(self._costs(self._answered(way)) for way in ENGLISH.answers)]
            costs, seg = min(tried, key=lambda found: float(found[0].mean()))
        words, alive = float(costs.mean()), self._end_of_vocabulary()
        self.measured |= {"nats a word of the answer": words, "nats of [SEG]": seg}
        self.measured["logits of the vocabulary's last eighth, against its first half"] = alive
        if alive < DEAD:
            return Fault(
                "rows of the vocabulary are missing at its end",
                f"logits of its last eighth vary {alive:.2f} times as much as those of its first half",
                "embedding and lm_head were cut or lost on saving: take them whole, with every added token",
            )
        if words > 0.7 * vocabulary:
            return Fault(
                "the weights are random",
                f"a word of the answer costs {words:.1f} nats, where {vocabulary:.1f} is mere chance",
                "no trained weights were loaded: look at the files with `lisa doctor`",
            )
        if words > 0.25 * vocabulary and self._mean([together(r.masks) for r in self.free]) < 0.3:
            return Fault(
                "the language model is not the one that was trained",
                f"a word of the answer costs {words:.1f} nats and answers do not fit the pictures",
                "LoRA may not have been merged: `lisa convert RUN OUT` merges it",
            )
        if self.said < 0.05:
            return Fault(
                "the model answers in words alone",
                f"[SEG] came in {self.said:.0%} of the answers, though their words are right ({words:.1f} nats)",
                "this is a language model without segmentation, or its lm_head row of [SEG] was never trained",
            )
        return None

    # -- tools ---------------------------------------------------------------------------------------------------------
    def _of(self, sample: Sample) -> _Asked:
        turn = sample.turns[0]
        answer = turn.answer if (turn.answer or "").count(SEG) == 1 else ENGLISH.answers[0]
        return _Asked(sample=sample, features=self.model.encode(sample.image), turns=(replace(turn, answer=answer),))

    def _answered(self, way: str) -> list[_Asked]:
        return [replace(a, turns=(replace(a.turns[0], answer=way),)) for a in self.asked]

    @torch.no_grad()
    def _conversation(self, asked: _Asked) -> tuple[VlmBatch, Tensor]:
        """The conversation with its answer, and its states `[T, D]`."""
        prompt = self.model.vlm.prepare_text(asked.features.inputs, asked.turns)
        batch = self.model.vlm.collate([prompt], range(1), {}).to(self.model.device)
        return batch, self.model.vlm.hidden(batch, [asked.features.vlm_features])[0]

    def _read(self, asked: Sequence[_Asked] | None = None) -> list[Mask]:
        """The mask of each given answer, as the model itself reads it."""
        asked = asked or self.asked
        found = self.model.masks_of([a.features for a in asked], [a.turns for a in asked])
        return [self._restored(a.features, low) for a, (low, _) in zip(asked, found)]

    def _read_at(self, shift: int) -> list[Mask]:
        """The same, read by us, so many tokens after the one that predicts [SEG]."""
        masks = []
        for a in self.asked:
            batch, states = self._conversation(a)
            read = seg_positions(batch.input_ids, self.model.vlm.seg_token_id, self.model.reads)
            places = read[0].nonzero()[:, 0].tolist()
            place = min(max((places or [len(states) - 1])[-1] + shift, 0), len(states) - 1)
            masks.append(self._decode(a.features, states[place][None]))
        return masks

    @torch.no_grad()
    def _decode(self, features: EncodedImage, states: Tensor) -> Mask:
        return self._restored(features, self.model.decode(features, self.model.projector(states))[0])

    def _restored(self, features: EncodedImage, low: Tensor) -> Mask:
        return together((features.geometry.restore(low) > 0).cpu().numpy())

    def _squared(self) -> list[Mask]:
        masks = []
        for a in self.asked:
            height, width = a.sample.image.shape[:2]
            square = self._of(replace(a.sample, image=_square(a.sample.image)))
            masks.append(self._read([square])[0][:height, :width])
        return masks

    def _generate(self, asked: _Asked) -> tuple[Tensor, Tensor]:
        open_turn = replace(asked.turns[0], answer=None)
        prompt = self.model.vlm.prepare_text(asked.features.inputs, [open_turn])
        batch = self.model.vlm.collate([prompt], range(1), {}, left=True).to(self.model.device)
        (found,) = self.model.vlm.generate(batch, [asked.features.vlm_features], MAX_NEW_TOKENS)
        return found.ids, found.states

    @torch.no_grad()
    def _costs(self, asked: Sequence[_Asked]) -> tuple[NDArray[np.float64], float]:
        """What each word of the answers costs in nats, and what [SEG] costs in the mean."""
        ids, costs = [], []
        for a in asked:
            batch, states = self._conversation(a)
            following = batch.labels[0, 1:]
            kept = following != IGNORE
            logits = self.model.vlm.logits(states[:-1][kept]).float()
            inside = following[kept].clamp(max=logits.shape[-1] - 1)
            ids.append(following[kept].cpu().numpy())
            costs.append(cross_entropy(logits, inside, reduction="none").cpu().double().numpy())
        flat, cost = np.concatenate(ids), np.concatenate(costs)
        seg = flat == self.model.vlm.seg_token_id
        return cost[~seg], float(cost[seg].mean()) if seg.any() else float("nan")

    @torch.no_grad()
    def _end_of_vocabulary(self) -> float:
        """How much the last eighth of the logits varies from word to word, against the first half.

        Rows that are gone say the same whatever was said.
        """
        states = torch.cat([self._conversation(a)[1] for a in self.asked[:LEAST]])
        spread = self.model.vlm.logits(states).float().std(0)
        first, last = spread[: len(spread) // 2].median(), spread[-len(spread) // 8 :].median()
        return float(last / first.clamp(min=1e-9))

    def _vocabulary(self) -> int:
        state = torch.zeros(
            1, self.model.vlm.width, device=self.model.device, dtype=self.model.projector.out.weight.dtype
        )
        return int(self.model.vlm.logits(state).shape[-1])

    def _overlaps(self, masks: Sequence[Mask]) -> NDArray[np.float64]:
        return np.array([float(iou(mask[None], a.truth[None])[0]) for a, mask in zip(self.asked, masks)])

    def _mean(self, masks: Sequence[Mask]) -> float:
        return float(self._overlaps(masks).mean())

    def _remedy(self, name: str, masks: Sequence[Mask]) -> float | None:
        """gIoU with a remedy, where it is clearly better than without."""
        overlaps = self._overlaps(masks)
        self.measured[name] = float(overlaps.mean())
        return float(overlaps.mean()) if self._gains(self.forced, overlaps) else None

    def _gains(self, before: NDArray[np.float64], after: NDArray[np.float64]) -> bool:
        found = difference(before, after, self.pictures)
        return found.figure.value > GAIN and found.p <= DOUBT


def _square(image: Image) -> Image:
    """The picture in the corner of a square of the mean colour."""
    side = max(image.shape[:2])
    canvas = np.empty((side, side, 3), np.uint8)
    canvas[:] = np.rint(PIXEL_MEAN).astype(np.uint8)
    canvas[: image.shape[0], : image.shape[1]] = image
    return canvas
