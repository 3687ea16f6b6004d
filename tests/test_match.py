"""The embedded model's masker: words and prompts are matched with pixels alike, and pixels teach words."""

from __future__ import annotations

import pytest
import torch

from lisa.maskers.match import MatchMasker, build
from lisa.recipes.tiny import MODEL, debug
from lisa.towers import double
from lisa.train.dense import DenseObjective, dense_objective

WIDTHS, DEPTHS = [16, 16, 16], [1, 1, 1]
SMALL = {**MODEL.masker.options, "square": 64, "widths": WIDTHS, "depths": DEPTHS, "middle": 16, "features": 16}


@pytest.fixture
def masker() -> MatchMasker:
    torch.manual_seed(0)
    return build(SMALL).eval()


def quiet(masker: MatchMasker, *parts: str) -> None:
    """Leaves out what those parts say."""
    for name in parts:
        last = getattr(masker, name)[2]
        torch.nn.init.zeros_(last.weight)
        torch.nn.init.zeros_(last.bias)


@torch.no_grad()
def test_a_fresh_masker_takes_a_prompt_for_the_word_it_was_made_of(masker):
    quiet(masker, "to_where", "to_outline")
    features, words = masker.encode(torch.randint(0, 255, (2, 4, 64, 64)).byte()), torch.randn(3, 128)
    low_res, _ = masker.decode(features, words, torch.tensor([1, 1, 1]))
    wanted = double(masker.meant(masker.embed(features), words))[1]
    torch.testing.assert_close(low_res, wanted, atol=0.01 * float(wanted.abs().max()), rtol=0)


@torch.no_grad()
def test_a_place_that_is_meant_is_found_by_the_votes(masker):
    quiet(masker, "to_what", "to_outline")
    torch.nn.init.zeros_(masker.vote.weight)
    torch.nn.init.zeros_(masker.vote.bias)  # every pixel says that its thing is where it is itself
    masker.norm, masker.to_where = torch.nn.Identity(), torch.nn.Identity()  # type: ignore[assignment]
    features = masker.encode(torch.randint(0, 255, (1, 4, 64, 64)).byte())
    place = torch.tensor([[0.25, 0.7]])
    low_res, _ = masker.decode(features, masker.waves(place), torch.tensor([0]))
    row, column = divmod(int(low_res[0].argmax()), 32)
    assert abs(row + 0.5 - 0.25 * 32) <= 1 and abs(column + 0.5 - 0.7 * 32) <= 1
    assert 5 < float(low_res.max()) <= 8  # √(P / 2) at the very place, which lies between pixels
    assert float(low_res[0, 16:].max()) < float(low_res.max()) - 3


@pytest.fixture(scope="module")
def objective() -> DenseObjective:
    torch.manual_seed(0)
    return dense_objective(debug())


def test_pixels_teach_also_the_words_that_no_prompt_has(objective):
    batch = objective.batch(range(2))
    prompted = set(batch.wanted.words[:, 0].tolist())
    shown = set(batch.kind.unique().tolist()) - {-1, 0}
    losses = objective.losses(batch, objective.counts(batch))
    losses["total"].backward()
    taught = objective.module.word[0].weight.grad.abs().sum(1)
    assert shown - prompted
    assert bool((taught > 0).all())  # what is not shown learns that it is not


def test_the_first_word_of_each_table_says_nothing_in_a_prompt(objective):
    none, place = torch.zeros(1, 3, dtype=torch.int64), torch.tensor([[0.0, 0.4, 0.4]])
    assert not objective.module.prompts(none, place).any()
    assert not objective.module.waves(place).any()
