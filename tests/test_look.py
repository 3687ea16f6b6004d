"""What the embedded model is asked on the side: where it is to look, word by word."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from small_model import write_small

from lisa.model.checkpoint import load
from lisa.recipes.tiny import SEG
from lisa.train.dense import classes_of_world, label_maps
from lisa.train.look import LookBatch, LookHeads, LookObjective, lines_of, shares_of
from lisa.train.loop import FitConfig, train_step
from lisa.train.tiny import FreshDialogues, seg_objective
from lisa.vlms.tiny import CONTROL, SPECIAL
from lisa.world.mentions import mentions
from lisa.world.questions.view import View


@pytest.fixture(scope="module")
def objective(tmp_path_factory: pytest.TempPathFactory):
    torch.manual_seed(0)
    folder: Path = write_small(tmp_path_factory.mktemp("small") / "small")
    segmenter = load(folder, device=torch.device("cpu"), dtype=torch.float32).train()
    return seg_objective(segmenter, replace(SEG, pictures=3, dialogues=6))


def test_every_seg_has_words_that_lead_to_it(objective):
    dialogue = objective.segmenter.vlm.dialogue
    seen = 0
    for place in range(12):
        samples = objective._draw(place)
        batch = objective._collate([samples])
        assert isinstance(batch, LookBatch)
        ids = batch.vlm.input_ids
        marks = [
            (b, t) for b, row in enumerate(ids.tolist()) for t, id in enumerate(row) if id == dialogue.seg_token_id
        ]
        ends: dict[int, tuple[int, int]] = {}
        for b, t, row in batch.words.tolist():
            ends[row] = (b, max(t, ends.get(row, (b, 0))[1]))
        absent = [s for s in samples if s.group == "absent" and not s.turns[-1].targets]
        assert len(ends) == len(batch.wanted) == len(marks) + len(absent)
        assert {(b, t + 1) for (b, t), row in zip(ends.values(), batch.wanted) if not row[0]} == set(marks)
        assert torch.allclose(batch.wanted.sum(1), torch.ones(len(batch.wanted)))
        assert torch.allclose(batch.begin_rows.sum(1), torch.ones(len(batch.begins)))
        assert all(ids[b, t] == dialogue.assistant for b, t in batch.begins.tolist())
        seen += len(absent)
    assert seen > 3


def test_shares_lie_where_the_mask_lies():
    mask = np.zeros((48, 64), bool)
    mask[16:32, 32:48] = True
    shares = shares_of([mask], 64)
    assert shares.shape == (17,) and shares[1 + 1 * 4 + 2] == 1.0 and shares.sum() == 1.0
    assert shares_of([], 64)[0] == 1.0
    half = shares_of([mask[:, :32]], 64)  # nothing of it is left
    assert half[0] == 1.0


def test_lines_of_two_targets_follow_each_other(objective):
    dialogue = objective.segmenter.vlm.dialogue
    for place in range(60):
        for sample in objective._draw(place):
            if len(sample.turns) == 1 and len(sample.turns[0].targets) == 2:
                ids = objective._collate([[sample]]).vlm.input_ids[0].tolist()
                ((start, lines),) = lines_of(ids, sample, dialogue.assistant, dialogue.seg_token_id, dialogue.eos)
                first, second = (places for places, _ in lines)
                assert first.start == start and first.stop == second.start and ids[second.stop] == dialogue.seg_token_id
                return
    pytest.fail("no question with two targets was drawn")


def test_words_that_speak_of_something_look_at_all_that_they_may_mean(objective):
    dialogue = objective.segmenter.vlm.dialogue
    nothing = 0
    for place in range(6):
        samples = objective._draw(place)
        batch = objective._collate([samples])
        ids = batch.vlm.input_ids
        expected = [
            (
                number,
                text[: mention.end].lower().split()[-1] if sample.meta["language"] == "en" else text[mention.end - 1],
            )
            for number, sample in enumerate(samples)
            for turn in sample.turns
            for text in (turn.instruction, turn.answer or "")
            for mention in mentions(text, sample.meta["language"])
        ]
        assert len(expected) == len(batch.mentions.places) == len(batch.mentions.rows) > 5
        for (number, word), (row, at) in zip(expected, batch.mentions.places.tolist()):
            read = dialogue.tokenizer.decode(ids[row, : at + 1].tolist())
            if word.endswith("]"):  # a place, told by tokens of its own
                assert row == number and len(CONTROL) <= ids[row, at] < len(SPECIAL)
            else:
                assert row == number and read.lower().rstrip(".,?").endswith(word)
        assert torch.allclose(batch.mentions.rows.sum(1), torch.ones(len(expected)))
        nothing += int(batch.mentions.rows[:, 0].sum())
    assert nothing


def test_questions_look_first_at_what_they_go_out_from(objective):
    classes, sides = classes_of_world(), list(classes_of_world().token_sizes)
    beside = 0
    for place in range(30):
        samples = objective._draw(place)
        batch = objective._collate([samples])
        firsts, ids = batch.firsts, batch.vlm.input_ids
        expected = [(n, about) for n, s in enumerate(samples) for about in s.meta["about"] if about]
        assert firsts.places[:, 0].tolist() == [number for number, _ in expected]
        assert all(ids[b, t] == objective.segmenter.vlm.dialogue.assistant for b, t in firsts.places.tolist())
        picture = samples[0].meta["picture"]
        view = View(picture)
        for (number, about), row, facts in zip(expected, firsts.rows, firsts.facts.tolist()):
            shares = torch.from_numpy(shares_of([picture.mask(*about)], 64))
            assert torch.equal(row, shares)
            if len(about) > 1:
                assert set(facts) == {-1}
            else:
                left = view.beside(view.by_id[about[0]], "left")
                kind = classes.kinds.index(left.kind) + 1 if left else 0
                assert facts[sides.index("left")] == kind
                beside += bool(left) and about not in samples[number].meta["targets"]
    assert beside > 5


def test_looking_is_learned(objective):
    config = FitConfig(steps=200, samples=3, warmup=1)
    row = objective.batches([range(3)])
    curve = [train_step(objective, row, 1, config) for _ in range(8)]
    assert all(curve[-1][name] < curve[0][name] for name in ("read", "point", "attend", "first", "told", "recall"))
    assert "look" not in curve[0]  # the tower has learned to see before, and stays as it is


def test_a_tower_that_is_trained_learns_to_be_looked_at(objective):
    tower, classes = objective.segmenter.vlm.model.model.vision_tower.requires_grad_(True), classes_of_world()
    heads = LookHeads(objective.segmenter.vlm.width, classes.token_sizes)
    reading = LookObjective(
        objective.step,
        FreshDialogues(SEG),
        objective.optimizers,
        heads,
        labels_of=lambda s, n: label_maps(s.meta["picture"], classes, n),
    )
    batch = reading.batches([range(2)])[0]
    reading.losses(batch, reading.counts(batch))["look"].backward()
    assert tower.norm.weight.grad is not None and bool(tower.norm.weight.grad.any())
    tower.requires_grad_(False).zero_grad()
