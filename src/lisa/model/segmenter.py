"""LISA: a VLM answers; where it says [SEG], the state behind that word prompts a mask decoder.

    image ──► Vlm ─────► answer tokens, states [S, D] at [SEG] ──► SegProjector ──► prompts [S, P] ─┐
      └─────► Masker.encode ───────────────────────► features [B, C, g, g] ─► Masker.decode ◄───────┘ ─► masks

Neither side knows the other. Pictures are encoded once, whatever is asked of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from lisa.geometry import Geometry, wide
from lisa.maskers.base import Masker
from lisa.model.losses import LossWeights, mask_losses, score_loss, text_loss
from lisa.model.seg_head import SegProjector, generated_states, seg_positions
from lisa.types import SEG, Image, Sample, Size, Turn
from lisa.vlms.base import IGNORE, Generated, Vlm, VlmBatch, join_images


@dataclass(frozen=True, kw_only=True)
class EncodedImage:
    """A picture as both sides see it, computed once and asked many times."""

    inputs: dict[str, Tensor]
    vlm_features: Tensor
    """`[tokens, D]`, or as `Vlm.encode_images` says."""
    mask_features: Tensor
    """`[1, C, g, g]`."""
    geometry: Geometry


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the model said to one instruction, still as tensors."""

    raw_text: str
    generated: Generated
    seg_embeddings: Tensor
    """`[N, P]`, the prompts of the masks."""
    low_res_logits: Tensor
    """`[N, h, w]`."""
    predicted_iou: Tensor
    """`[N]`."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Samples ready for training: conversations, mask-side pixels and one target mask per [SEG]."""

    vlm: VlmBatch
    pixels: Tensor
    """`[I, 4, square, square]` uint8, one row per picture; see `Geometry.raw`."""
    geometries: tuple[Geometry, ...]
    targets: tuple[Tensor, ...]
    """Per picture `[N_i, H_i, W_i]` bool, in the order of conversations and of [SEG] inside them."""
    pictures: tuple[str, ...] = ()
    """Per picture a hash of its pixels as they were read: what a cache knows it by."""
    unreadable: tuple[str, ...] = ()
    """What was wrong with records that others stand in for."""


@dataclass(frozen=True, kw_only=True)
class Output:
    """A teacher-forced pass."""

    hidden: Tensor
    """`[B, T, D]`."""
    seg_embeddings: Tensor
    """`[S, P]`, by conversation, then by place in it."""
    seg_image: Tensor
    """`[S]` int64, the picture of each."""
    low_res_logits: Tensor
    """`[S, h, w]`."""
    predicted_iou: Tensor
    """`[S]`."""


@dataclass(frozen=True, kw_only=True)
class Losses:
    """Scalars of one batch; `total` is the weighted sum that is minimised."""

    total: Tensor
    text: Tensor
    bce: Tensor
    dice: Tensor
    score: Tensor | None = None


class Segmenter(nn.Module):
    """VLM + [SEG] projector + masker."""

    def __init__(
        self, vlm: nn.Module, masker: nn.Module, projector: SegProjector | None = None, *, reads: str = "before"
    ) -> None:
        """`reads`: one of `lisa.config.READS`; all published weights read the state before [SEG]."""
        super().__init__()
        self.reads = reads
        self.vlm = cast("Vlm", vlm)
        self.masker = cast("Masker", masker)
        self.projector = projector or SegProjector(self.vlm.width, self.masker.prompt_width)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.projector.out.weight.device

    # --- asking ---

    @torch.no_grad()
    def encode(self, image: Image) -> EncodedImage:
        """A picture through both encoders."""
        inputs = {k: v.to(self.device) for k, v in self.vlm.prepare_image(image).items()}
        pixels, geometry = self.masker.prepare(image)
        return EncodedImage(
            inputs=inputs,
            vlm_features=self.vlm.encode_images(inputs)[0],
            mask_features=self.masker.encode(pixels[None].to(self.device)),
            geometry=geometry,
        )

    @torch.no_grad()
    def answer(
        self, images: Sequence[EncodedImage], turns: Sequence[Sequence[Turn]], max_new_tokens: int
    ) -> list[Answer]:
        """Greedy answers to open conversations, the b-th about `images[b]`; one mask per [SEG] that was generated."""
        prompts = [self.vlm.prepare_text(image.inputs, t) for image, t in zip(images, turns)]
        batch = self.vlm.collate(prompts, range(len(prompts)), {}, left=True).to(self.device)
        generated = self.vlm.generate(batch, [i.vlm_features for i in images], max_new_tokens)
        return [self._with_masks(image, g) for image, g in zip(images, generated)]

    @torch.no_grad()
    def masks_of(self, images: Sequence[EncodedImage], turns: Sequence[Sequence[Turn]]) -> list[tuple[Tensor, Tensor]]:
        """Teacher-forced: what the [SEG] of given last answers mean, `[N, h, w]` logits and `[N]` predicted IoU each.

        The way in which most published figures were made; an answer that the model would not give costs nothing here.
        """
        prompts = [self.vlm.prepare_text(image.inputs, t) for image, t in zip(images, turns)]
        batch = self.vlm.collate(prompts, range(len(prompts)), {}).to(self.device)
        hidden = self.vlm.hidden(batch, [i.vlm_features for i in images])
        where = seg_positions(batch.input_ids, self.vlm.seg_token_id, self.reads) & (batch.attention_mask == 1)
        found = []
        for image, t, row, states in zip(images, turns, where, hidden):
            count = (t[-1].answer or "").count(SEG)
            found.append(self.decode(image, self.projector(states[row][-count:] if count else states[:0])))
        return found

    @torch.no_grad()
    def decode(self, image: EncodedImage, embeddings: Tensor) -> tuple[Tensor, Tensor]:
        """Prompts `[N, P]` for one picture → mask logits `[N, h, w]` and predicted IoU `[N]`."""
        index = torch.zeros(len(embeddings), dtype=torch.int64, device=self.device)
        return self.masker.decode(image.mask_features, embeddings, index)

    def _with_masks(self, image: EncodedImage, generated: Generated) -> Answer:
        states = generated_states(generated.ids, generated.states, self.vlm.seg_token_id, self.reads)
        embeddings = self.projector(states)
        low_res, iou = self.decode(image, embeddings)
        return Answer(
            raw_text=self.vlm.decode(generated.ids.tolist()),
            generated=generated,
            seg_embeddings=embeddings,
            low_res_logits=low_res,
            predicted_iou=iou,
        )

    # --- training ---

    def collate(self, samples: Sequence[Sequence[Sample]]) -> Batch:
        """Samples grouped by picture → a batch; each picture is prepared once, each sample is one conversation.

        Masks whose [SEG] lies beyond where the language side cuts a conversation are left out.
        """
        prepared = [self.vlm.prepare_image(group[0].image) for group in samples]
        masked = [self.masker.prepare(group[0].image) for group in samples]
        prompts = [self.vlm.prepare_text(i, s.turns) for i, group in zip(prepared, samples) for s in group]
        index = [i for i, group in enumerate(samples) for _ in group]
        marks = iter([int((p.input_ids == self.vlm.seg_token_id).sum()) for p in prompts])
        return Batch(
            vlm=self.vlm.collate(prompts, index, join_images(prepared)),
            pixels=torch.stack([pixels for pixels, _ in masked]),
            geometries=tuple(geometry for _, geometry in masked),
            targets=tuple(_stack_targets(group, [next(marks) for _ in group]) for group in samples),
            pictures=tuple(_hash(group[0].image) for group in samples),
        )

    def forward(
        self, batch: Batch, mask_features: Tensor | None = None, vlm_features: Sequence[Tensor] | None = None
    ) -> Output:
        """Teacher-forced states, and a mask for every [SEG] of the batch.

        `mask_features [I, C, g, g]`, and `vlm_features`, per picture `[tokens, D]`, if they are at hand.
        """
        hidden = self.vlm.hidden(batch.vlm, vlm_features)
        where = seg_positions(batch.vlm.input_ids, self.vlm.seg_token_id, self.reads) & (batch.vlm.attention_mask == 1)
        embeddings = self.projector(hidden[where])
        image = batch.vlm.image_index[where.nonzero()[:, 0]]
        features = self.masker.encode(batch.pixels) if mask_features is None else mask_features
        low_res, iou = self.masker.decode(features, embeddings, image)
        return Output(
            hidden=hidden, seg_embeddings=embeddings, seg_image=image, low_res_logits=low_res, predicted_iou=iou
        )

    def counts(self, batch: Batch) -> dict[str, float]:
        """What the losses of a batch are means over: its supervised tokens and its masks."""
        tokens = int((batch.vlm.labels[:, 1:] != IGNORE).sum())
        return {"tokens": float(tokens), "masks": float(sum(len(t) for t in batch.targets))}

    def losses(
        self,
        batch: Batch,
        output: Output,
        weights: LossWeights | None = None,
        counts: Mapping[str, float] | None = None,
    ) -> Losses:
        """CE over supervised tokens, BCE and DICE over the masks, by default at the pictures' original sizes.

        `counts`: of the whole batch of which this is a part, so that the parts' losses add up to the whole's.
        Raises ValueError when a picture has another number of [SEG] than of target masks.
        """
        w, n = weights or LossWeights(), counts or self.counts(batch)
        following = batch.vlm.labels[:, 1:]
        supervised = following != IGNORE
        text = text_loss(self.vlm.logits(output.hidden[:, :-1][supervised]), following[supervised], n["tokens"])
        logits, targets = self._compared(batch, output, w.original_size)
        bce, dice = mask_losses(logits, targets, n["masks"])
        total = w.text * text + w.bce * bce + w.dice * dice
        if not len(output.low_res_logits):  # every rank needs a gradient for every weight it shares
            total = total + 0.0 * (output.low_res_logits.sum() + output.seg_embeddings.sum())
        score = None
        if w.score:
            said = output.predicted_iou[output.seg_image.argsort(stable=True)]
            score = score_loss(said.split([len(rows) for rows in logits]), logits, targets, n["masks"])
            total = total + w.score * score
        return Losses(total=total, text=text, bce=bce, dice=dice, score=score)

    def _compared(self, batch: Batch, output: Output, original: bool) -> tuple[list[Tensor], list[Tensor]]:
        """Mask logits and targets, picture by picture: `[N_i, H_i, W_i]` at each one's size, or one `[N, h, w]`."""
        counts = output.seg_image.bincount(minlength=len(batch.targets)).tolist()
        for i, (found, target) in enumerate(zip(counts, batch.targets)):
            if found != len(target):
                raise ValueError(f"picture {i} of the batch has {found} [SEG] and {len(target)} masks")
        rows = output.low_res_logits[output.seg_image.argsort(stable=True)]
        if not original:
            return [wide(rows)], [_lowered(batch, (rows.shape[-2], rows.shape[-1]))]
        return [g.restore(some) for g, some in zip(batch.geometries, rows.split(counts))], list(batch.targets)


def _lowered(batch: Batch, size: Size) -> Tensor:
    """All targets as a decoder's map of that size has them, `[N, h, w]`; pictures of one geometry together."""
    alike: dict[Geometry, list[int]] = {}
    for i, geometry in enumerate(batch.geometries):
        alike.setdefault(geometry, []).append(i)
    lowered: dict[int, Tensor] = {}
    for geometry, numbers in alike.items():
        some = geometry.lower(torch.cat([batch.targets[i] for i in numbers]), size)
        lowered |= zip(numbers, some.split([len(batch.targets[i]) for i in numbers]))
    return torch.cat([lowered[i] for i in range(len(batch.targets))])


def _hash(image: Image) -> str:
    return hashlib.sha256(repr(image.shape).encode() + image.tobytes()).hexdigest()[:32]


def _stack_targets(group: Sequence[Sample], marks: Sequence[int]) -> Tensor:
    """Target masks of one picture's conversations, `[N, H, W]` bool; `marks`: [SEG] tokens left of each of them."""
    masks: list[Tensor] = []
    for sample, left in zip(group, marks):
        targets = [target for turn in sample.turns for target in turn.targets]
        cut = sum((turn.answer or "").count(SEG) for turn in sample.turns) - left
        masks += [torch.from_numpy(target.mask) for target in targets[: len(targets) - cut]]
    h, w = group[0].image.shape[:2]
    return torch.stack(masks).bool() if masks else torch.zeros(0, h, w, dtype=torch.bool)
