"""New kinds of questions are learned by the truth, while of all others a model keeps what it said before.

batch ─┬─► model ────────► answers, [SEG] ◄── the truth, where a conversation is of a kind that is learned
       └─► as it was ────► answers, [SEG] ──► else: how far the two are apart

Learning without forgetting (Li and Hoiem, arXiv 1606.09282): a truth that was learned already pulls at random in small
steps; what was said before does not pull at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import kl_div
from torch.optim import Optimizer

from lisa.errors import BadInput
from lisa.model.seg_head import seg_positions
from lisa.model.segmenter import Batch, Output, Segmenter
from lisa.train.look import ATTEND, FIRST, LookBatch, LookHeads, LookObjective, looks, missed, unattended
from lisa.train.loop import shared
from lisa.train.seg import Draw, SegStep, computed
from lisa.train.shown import Shown
from lisa.types import Sample
from lisa.vlms.base import IGNORE

WORDS, PROMPT = 20.0, 10.0
"""Weights of how far words, and [SEG], are from what they were; those of the truth's words and masks stand beside."""


@dataclass(frozen=True, kw_only=True)
class KeptBatch(LookBatch):
    """A batch whose labels and targets are those of what is learned anew."""

    kept: Tensor
    """`[B, T]` int64: the labels of all other conversations."""
    prompts: int
    """Their masks."""


class KeptObjective(LookObjective):
    """Answers and masks of the samples whose group is one of `anew`; all others are held to what was said before.

    What is learned is told where to look, too, by the heads that the model has for that; see `lisa.train.look`.
    """

    def __init__(
        self,
        step: SegStep,
        draw: Draw,
        optimizers: Sequence[Optimizer],
        before: Segmenter,
        anew: Sequence[str],
        *,
        shown: Shown,
    ) -> None:
        """`before`: the model as it was; both share what the trunks and the masker see, which is not trained."""
        super().__init__(step, draw, optimizers, LookHeads(step.segmenter.vlm.width), shown=shown)
        self.module = step  # nothing is read by heads that are no part of the model
        self.before, self.anew = before.requires_grad_(False).eval(), frozenset(anew)

    def counts(self, batch: Batch) -> dict[str, float]:
        """Of words and masks that are learned anew, and of those that are kept; 1 where there are none."""
        assert isinstance(batch, KeptBatch)
        kept = float((batch.kept[:, 1:] != IGNORE).sum())
        found = super().counts(batch) | {"kept": kept, "prompts": float(batch.prompts)}
        return {name: max(n, 1.0) for name, n in found.items()}

    def losses(self, batch: Batch, counts: Mapping[str, float]) -> dict[str, Tensor]:
        """See `SegObjective`; then `words` and `prompt`, which are 0 where nothing has changed, and the looks."""
        assert isinstance(batch, KeptBatch)
        self._name(batch.unreadable)
        masks, seen, saw = self._seen(batch)
        assert masks is not None  # the masker is frozen
        now, before = self.segmenter, self.before
        where = seg_positions(batch.vlm.input_ids, now.vlm.seg_token_id, now.reads) & (batch.vlm.attention_mask == 1)
        rows = where.nonzero()[:, 0]
        anew = self._anew(batch)[rows]
        some = batch.kept[:, 1:] != IGNORE
        with torch.no_grad(), self._computed():
            was = before.vlm.hidden(batch.vlm, saw)
            prompts, said = before.projector(was[where])[~anew], before.vlm.logits(was[:, :-1][some])
        with self._computed():
            hidden = now.vlm.hidden(batch.vlm, seen)
            embeddings, logits = now.projector(hidden[where]), now.vlm.logits(hidden[:, :-1][some])
            image = batch.vlm.image_index[rows[anew]]
            low_res, iou = now.masker.decode(masks, embeddings[anew], image)
        output = Output(
            hidden=hidden, seg_embeddings=embeddings[anew], seg_image=image, low_res_logits=low_res, predicted_iou=iou
        )
        losses = self.step.losses(batch, output, counts)
        words = kl_div(log_probabilities(logits), log_probabilities(said), log_target=True, reduction="sum")
        apart = (embeddings[~anew].float() - prompts.float()).square().mean(1).sum()
        attend, first = self._looked(batch)
        beside = {"words": words / counts["kept"], "prompt": apart / counts["prompts"]}
        beside |= shared({"attend": attend, "first": first}, counts)
        weights = {"words": WORDS, "prompt": PROMPT, "attend": ATTEND, "first": FIRST}
        total = losses["total"] + sum(weights[name] * value for name, value in beside.items())
        return losses | beside | {"total": total}

    def _computed(self) -> Any:
        return computed(self.segmenter.device, bf16=self.step.bf16)

    @staticmethod
    def _anew(batch: KeptBatch) -> Tensor:
        """`[B]` bool: the conversations that are learned."""
        return (batch.kept == IGNORE).all(1)

    def _seen(self, batch: Batch) -> tuple[Tensor | None, Sequence[Tensor], Sequence[Tensor]]:
        """What the masker sees, and what the language side sees of each picture, now and before."""
        now, before = (model.vlm.model.model for model in (self.segmenter, self.before))  # type: ignore[attr-defined]
        with torch.no_grad():
            _, _, at8, at16 = now.vision_tower.trunk(batch.vlm.images["pixel_values"])
            with self._computed():
                saw = before.multi_modal_projector(before.vision_tower.attend(at8, at16))
        with self._computed():
            seen = now.multi_modal_projector(now.vision_tower.attend(at8, at16))
        return self._features(batch)[0], list(seen), list(saw)

    def _looked(self, batch: KeptBatch) -> tuple[Tensor, Tensor]:
        """How far what is learned looks elsewhere: its answers' words, then its questions."""
        inner: Any = self.segmenter.vlm
        anew = self._anew(batch)
        attend = unattended(inner.looked[self.late], batch.words[anew[batch.words[:, 0]]], batch.wanted)
        some = anew[batch.firsts.places[:, 0]]
        rows, places = batch.firsts.places[some].unbind(1)
        return attend, missed(looks(inner.looked[self.first], rows, places), batch.firsts.rows[some])

    def _collate(self, groups: Sequence[Sequence[Sample]]) -> KeptBatch:
        batch = super()._collate(groups)
        anew = torch.tensor([sample.group in self.anew for group in groups for sample in group])[:, None]
        labels, targets = batch.vlm.labels, [self._targets(*pair) for pair in zip(groups, batch.targets)]
        learned = {"vlm": replace(batch.vlm, labels=labels.masked_fill(~anew, IGNORE)), "targets": tuple(targets)}
        return KeptBatch(
            **vars(batch) | learned,
            kept=labels.masked_fill(anew, IGNORE),
            prompts=sum(map(len, batch.targets)) - sum(map(len, targets)),
        )

    def _targets(self, group: Sequence[Sample], targets: Tensor) -> Tensor:
        """Of a picture's target masks those that are learned anew."""
        anew = [sample.group in self.anew for sample in group for turn in sample.turns for _ in turn.targets]
        if len(anew) != len(targets):
            raise BadInput("a conversation is longer than the language side reads: ask for fewer turns")
        return targets[torch.tensor(anew, dtype=torch.bool)]


def log_probabilities(logits: Tensor) -> Tensor:
    """Of each word, in float32."""
    return logits.float().log_softmax(-1)
