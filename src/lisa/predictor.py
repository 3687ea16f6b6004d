"""The library's front door: a model that is asked about pictures."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from lisa.devices import pick_device, pick_dtype
from lisa.errors import BadInput, TooLarge
from lisa.images import MAX_PIXELS, open_image
from lisa.instructions import Place, check_instruction, pointing
from lisa.memory import FULL, check_fits, is_full
from lisa.model.domain import Domain
from lisa.model.presence import Presence
from lisa.model.segmenter import Answer, EncodedImage, Segmenter
from lisa.segmentation import Segmentation
from lisa.types import SEG, Image, Turn
from lisa.weights import holds_adapters

if TYPE_CHECKING:
    import PIL.Image

    Source = str | os.PathLike[str] | bytes | PIL.Image.Image | np.ndarray

MAX_NEW_TOKENS = 128
PREDICTED_IOU = "predicted IoU"
CONFIDENCE = "mean mask probability (this model's IoU head was never trained)"


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """A picture that has been through the encoders; ask it as often as you like."""

    image: Image
    features: EncodedImage
    notice: str = ""
    """Why answers about it are not to be trusted; empty where there is no reason."""


FAR = (
    "This picture is unlike anything this small model was trained on: do not trust its answer. "
    "For photographs take published weights: `lisa get lisa-7b`, then --model lisa-7b."
)


class Predictor:
    """A loaded model. `lisa.load()` makes one. Several threads may ask it; they are answered one after the other."""

    def __init__(self, segmenter: Segmenter, *, name: str, notice: str = "", domain: Domain | None = None) -> None:
        self.segmenter = segmenter
        self.name = name
        self.notice = notice
        """What the model cannot do, in one sentence; empty when there is nothing to say."""
        self.domain = domain
        """What pictures it knows, where that is a small world; answers about others come with a notice."""
        self._lock = threading.RLock()

    def __repr__(self) -> str:
        weight = self.segmenter.projector.out.weight
        return f"Predictor({self.name!r}, {weight.device}, {str(weight.dtype).removeprefix('torch.')})"

    @contextmanager
    def alone(self) -> Iterator[None]:
        """No other thread asks meanwhile: a pass keeps its states in the model. A full memory becomes TooLarge."""
        with self._lock:
            try:
                yield
            except (MemoryError, RuntimeError) as error:
                if not is_full(error):
                    raise
                raise TooLarge(FULL) from error

    def encode(self, image: Source, *, max_pixels: int = MAX_PIXELS) -> Encoded:
        """A picture (path, bytes, PIL image or array) through both encoders. Raises BadImage or TooLarge."""
        pixels = open_image(image, max_pixels=max_pixels)
        pixels.flags.writeable = False  # all answers about it share it
        with self.alone():
            features = self.segmenter.encode(pixels)
            known = self.domain is None or self.domain.holds(features)
        return Encoded(image=pixels, features=features, notice="" if known else FAR)

    def segment(
        self,
        image: Source | Encoded,
        instruction: str,
        *,
        at: Place | None = None,
        max_new_tokens: int = MAX_NEW_TOKENS,
        max_pixels: int = MAX_PIXELS,
    ) -> Segmentation:
        """Answers one instruction about one picture. Raises BadImage, BadInput or TooLarge.

        `at`: what "this" means, a point or box in pixels, or a mask. It goes into the words, so a model has to have
        been trained with such; the published ones were not.
        """
        encoded = self._encoded(image, max_pixels)
        turn = _turn(instruction, at, encoded)
        return self.answer_turns([encoded], [[turn]], max_new_tokens)[0]

    def segment_batch(
        self,
        images: Sequence[Source | Encoded],
        instructions: Sequence[str],
        *,
        at: Sequence[Place | None] | None = None,
        max_new_tokens: int = MAX_NEW_TOKENS,
        max_pixels: int = MAX_PIXELS,
    ) -> list[Segmentation]:
        """Answers `instructions[i]` about `images[i]`, all in one pass. The same `Encoded` may stand several times.

        `at`: a place for each, or None where there is none, as in `segment`.
        """
        places = [None] * len(images) if at is None else at
        if not len(images) == len(instructions) == len(places):
            raise BadInput(
                f"{len(images)} pictures, {len(instructions)} instructions, {len(places)} places: give as many of each"
            )
        if not images:
            return []
        asked = [check_instruction(instruction) for instruction in instructions]
        encoded = [self._encoded(image, max_pixels) for image in images]
        turns = [[_turn(i, place, e)] for i, place, e in zip(asked, places, encoded)]
        return self.answer_turns(encoded, turns, max_new_tokens)

    def chat(self, image: Source | Encoded, *, max_pixels: int = MAX_PIXELS) -> Chat:
        """A conversation about one picture."""
        return Chat(self, self._encoded(image, max_pixels))

    def _encoded(self, image: Source | Encoded, max_pixels: int = MAX_PIXELS) -> Encoded:
        return image if isinstance(image, Encoded) else self.encode(image, max_pixels=max_pixels)

    def answer_turns(
        self, images: Sequence[Source | Encoded], turns: Sequence[Sequence[Turn]], max_new_tokens: int
    ) -> list[Segmentation]:
        """Answers open conversations, `turns[i]` about `images[i]`, in one pass; their last turns have no answer."""
        if max_new_tokens < 1:
            raise BadInput(f"max_new_tokens is {max_new_tokens}: give 1 or more")
        with self.alone():
            encoded = [self._encoded(image) for image in images]
            answers = self.segmenter.answer([e.features for e in encoded], turns, max_new_tokens)
            return [self._result(e, a) for e, a in zip(encoded, answers)]

    def masks_of(self, images: Sequence[Source | Encoded], turns: Sequence[Sequence[Turn]]) -> list[Segmentation]:
        """Masks for answers that are given (teacher-forced), `turns[i]` about `images[i]`: to compare with, not to ask.

        Every turn has an answer, and the last one's [SEG] are what the masks are of.
        """
        with self.alone():
            encoded = [self._encoded(image) for image in images]
            found = self.segmenter.masks_of([e.features for e in encoded], turns)
            texts = [t[-1].answer or "" for t in turns]
            return [self._segmentation(e, text, low, iou) for e, text, (low, iou) in zip(encoded, texts, found)]

    def _result(self, encoded: Encoded, answer: Answer) -> Segmentation:
        starts = self._seg_starts(answer)
        return self._segmentation(encoded, answer.raw_text, answer.low_res_logits, answer.predicted_iou, starts)

    def _segmentation(
        self, encoded: Encoded, text: str, low_res: torch.Tensor, iou: torch.Tensor, starts: list[int] | None = None
    ) -> Segmentation:
        trained, geometry = self.segmenter.masker.scores_trained, encoded.features.geometry
        masks = np.zeros((len(low_res), *geometry.original), bool)
        scores = iou.clamp(0, 1).float().cpu().numpy().copy()
        for k in range(len(low_res)):  # one at a time: of a large picture, float logits take much memory
            logits = geometry.restore(low_res[k : k + 1])
            masks[k] = (logits[0] > 0).cpu().numpy()
            if not trained:
                scores[k] = float(mean_probability(logits))
        return Segmentation.from_raw(
            text,
            masks,
            scores,
            image=encoded.image,
            score_kind=PREDICTED_IOU if trained else CONFIDENCE,
            seg_starts=starts,
            notice=encoded.notice,
        )

    def _seg_starts(self, answer: Answer) -> list[int] | None:
        """Where the [SEG] tokens stand in the raw text, told from "[SEG]" spelled in letters; None when none is."""
        ids = answer.generated.ids.tolist()
        if answer.raw_text.count(SEG) == len(answer.seg_embeddings):
            return None
        places = [k for k, id in enumerate(ids) if id == self.segmenter.vlm.seg_token_id]
        decode = self.segmenter.vlm.decode
        return [decode(ids[: k + 1]).rindex(SEG) for k in places]


class Chat:
    """A conversation about one picture; every turn sees the ones before it."""

    def __init__(self, predictor: Predictor, encoded: Encoded) -> None:
        self._predictor = predictor
        self._encoded = encoded
        self.turns: list[Turn] = []
        """What was said so far; answers as the model wrote them."""
        self.results: list[Segmentation] = []

    def ask(self, instruction: str, *, at: Place | None = None, max_new_tokens: int = MAX_NEW_TOKENS) -> Segmentation:
        """Answers the next instruction, `at` as in `segment`.

        Raises BadInput or TooLarge, also where it gets longer than the model reads; the conversation is as it was then.
        """
        turn = _turn(instruction, at, self._encoded)
        with self._predictor.alone():
            result = self._predictor.answer_turns([self._encoded], [[*self.turns, turn]], max_new_tokens)[0]
            self.turns.append(Turn(instruction=turn.instruction, answer=result.raw_text))
            self.results.append(result)
        return result


def _turn(instruction: str, at: Place | None, encoded: Encoded) -> Turn:
    size = encoded.image.shape[0], encoded.image.shape[1]
    return Turn(instruction=pointing(check_instruction(instruction), at, size))


def mean_probability(logits: torch.Tensor) -> torch.Tensor:
    """Mean probability inside each mask, 0 for an empty one: `[N, H, W]` → `[N]`."""
    inside = (logits > 0).float()
    return (logits.sigmoid() * inside).flatten(1).sum(1) / inside.flatten(1).sum(1).clamp(min=1)


def load(
    model: str | os.PathLike[str] = "tiny",
    *,
    device: str | torch.device | None = None,
    dtype: str | torch.dtype | None = None,
    vision_tower: str | os.PathLike[str] | None = None,
) -> Predictor:
    """A model by name ("tiny", "lisa-7b"), folder or hub id, ready to be asked.

    Args:
        model: "tiny" is in the package; "lisa-7b" is looked up in the hub's cache, others as a folder first.
        device: "cpu", "cuda", …; None takes the best one here.
        dtype: "float32", "bfloat16" or "float16"; None takes float32 on CPUs where it fits, else bfloat16.
        vision_tower: folder or hub id of CLIP, for published weights whose own entry is not what you want.

    Raises:
        Missing, BadCheckpoint, TooLarge, BadInput: with what to do next.
    """
    from lisa.hub import resolve
    from lisa.model import checkpoint, legacy

    where = pick_device(device)
    name = os.fspath(model)
    folder = resolve(name)
    if holds_adapters(folder):
        from lisa.data.datasets import DRAWN
        from lisa.model import adapter_files  # brings peft, which takes seconds

        below = load(adapter_files.base_of(folder), device=device, dtype=dtype, vision_tower=vision_tower)
        whole = adapter_files.apply_adapters(below.segmenter, resolve(adapter_files.base_of(folder)), folder)
        _lean(whole, None)  # it was set by what these weights answered before
        drawn = {*adapter_files.learned_by(folder)} <= {*DRAWN}
        return Predictor(whole, name=folder.name, notice=below.notice if drawn else "")
    published = legacy.is_legacy(folder)
    extra = legacy.tower_bytes(folder, vision_tower) if published else 0
    kind = _fitting_dtype(folder, dtype, where, name=name, extra=extra)
    if published:
        tower = None if vision_tower is None else os.fspath(vision_tower)
        segmenter = legacy.load_legacy(folder, device=where, dtype=kind, vision_tower=tower)
        return Predictor(segmenter, name=Path(name).name)
    config = checkpoint.read_config(folder)
    segmenter = checkpoint.load(folder, device=where, dtype=kind)
    domain = Domain.load(folder, segmenter)
    _lean(segmenter, folder)
    return Predictor(segmenter, name=config.name or folder.name, notice=config.notice, domain=domain)


def _lean(segmenter: Segmenter, folder: Path | None) -> None:
    """Sets how readily a model denies to what lies beside its weights, if anything does."""
    from lisa.vlms.hf import HfVlm

    if isinstance(segmenter.vlm, HfVlm):
        width = segmenter.vlm.head.out_features
        presence = None if folder is None else Presence.load(folder, vocabulary=width)
        segmenter.vlm.first = None if presence is None else presence.lean


def _fitting_dtype(
    folder: Path, dtype: str | torch.dtype | None, device: torch.device, *, name: str, extra: int
) -> torch.dtype:
    """The type to load in, seen to fit before anything is loaded; an open choice falls back to half the size."""
    kind = pick_dtype(dtype, device)
    try:
        check_fits(folder, kind, device, name=name, extra=extra)
    except TooLarge:
        if dtype is not None or kind != torch.float32:
            raise
        kind = torch.bfloat16
        check_fits(folder, kind, device, name=name, extra=extra)
    return kind
