"""[SEG] is taught the words that the masker was taught with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from lisa.model.checkpoint import build
from lisa.recipes.tiny import debug
from lisa.train.dense import classes_of_world, dense_objective
from lisa.train.prompted import Called, PromptedWords, WorldWords, called_of
from lisa.train.tiny import PROMPT_IN_WORDS, FreshDialogues, make_tokenizer, seg_objective, tokenizer_texts
from lisa.world.sets import make_picture

CLASSES = classes_of_world()


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A segmenter and what its masker was taught with, both with random weights."""
    recipe = debug()
    home = tmp_path_factory.mktemp("small")
    make_tokenizer(home / "tokenizer.json", tokenizer_texts(recipe), recipe.vocabulary)
    torch.manual_seed(0)
    dense = dense_objective(recipe).module
    segmenter = build(recipe.model, home)
    segmenter.masker.load_state_dict(dense.masker.state_dict())
    return segmenter, dense, replace(recipe.seg, pictures=2, dialogues=3, shares={"several": 40.0})


def test_one_thing_has_its_kind_and_its_place_and_several_have_their_kind():
    square = 256
    pictures = [make_picture(7, index) for index in range(40)]
    kinds_seen = 0
    for picture in pictures:
        seen = [t for t in picture.scene.things if (picture.ids == t.id).any()]
        words, (said, y, x), known = called_of(picture, CLASSES, [seen[0].id], None, square)
        assert CLASSES.kinds[words[0] - 1] == seen[0].kind and words[1:] == (0, 0) and said == 1.0 and known
        assert 0 <= y <= 1 and 0 <= x <= 1
        same = [t.id for t in seen if t.kind == seen[0].kind]
        other = [t.id for t in seen if t.kind != seen[0].kind]
        if len(same) > 1:
            kinds_seen += 1
            assert called_of(picture, CLASSES, same, None, square)[1:] == ((0.0, 0.0, 0.0), True)
            assert len(same) < 3 or not called_of(picture, CLASSES, same[:-1], None, square)[2]
        if other:
            assert not called_of(picture, CLASSES, [same[0], other[0]], None, square)[2]
    assert kinds_seen > 3


def test_what_is_not_known_does_not_count(small):
    _, dense, _ = small
    words = torch.tensor([[3, 0, 0], [5, 0, 0]])
    place = torch.tensor([[1.0, 0.2, 0.7], [0.0, 0.0, 0.0]])
    exact = dense.prompts(words, place).detach()
    teacher, called = WorldWords(dense), Called(words, place, torch.tensor([True, False]))
    assert teacher.distances(exact, called)["prompt"].item() == 0.0
    assert teacher.distances(exact + torch.tensor([[0.0], [9.0]]), called)["prompt"].item() == 0.0
    assert float(teacher.distances(exact + torch.tensor([[2.0], [0.0]]), called)["prompt"]) == pytest.approx(
        4.0, rel=1e-5
    )
    assert float(teacher.distances(exact, called, seen=False)["prompt"]) > 0.0
    nothing = teacher.called([], 256)
    assert teacher.distances(torch.zeros(0, exact.shape[1]), nothing)["prompt"].item() == 0.0


def test_every_seg_is_called_and_learns(small):
    segmenter, dense, lesson = small
    objective = seg_objective(segmenter, lesson, dense=dense)
    batch = objective.batches([range(2)])[0]
    marks = int((batch.vlm.labels == segmenter.vlm.seg_token_id).sum())
    assert len(batch.called.words) == marks > 3
    losses = objective.losses(batch, objective.counts(batch))
    assert 0 < losses["prompt"].item() < 100
    losses["prompt"].backward()
    assert float(segmenter.projector.out.weight.grad.abs().sum()) > 0
    assert all(p.grad is None for p in dense.parameters())


def test_words_alone_teach_the_masker_s_names(small):
    segmenter, dense, lesson = small
    objective = PromptedWords(segmenter, FreshDialogues(lesson), WorldWords(dense), weight=PROMPT_IN_WORDS)
    batch = objective.batches([range(2)])[0]
    assert len(batch.called.words) == int((batch.labels[:, 1:] == segmenter.vlm.seg_token_id).sum())
    found = []
    for _ in range(8):
        losses = objective.losses(batch, objective.counts(batch))
        found.append(losses["prompt"].item())
        for optimizer in objective.optimizers:
            optimizer.zero_grad()
        losses["total"].backward()
        for optimizer in objective.optimizers:
            optimizer.step()
    assert np.isfinite(found).all() and found[-1] < 0.9 * found[0]
