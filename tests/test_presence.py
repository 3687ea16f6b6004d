"""How readily a small model says that something is not there."""

from __future__ import annotations

import pytest
import torch
from small_model import write_small

from lisa.errors import BadCheckpoint, BadInput
from lisa.evaluate.run import weights_hash
from lisa.model.presence import KEPT, MADE, PRESENCE, Presence, denials, margins
from lisa.predictor import load
from lisa.vlms.tiny import SPECIAL
from lisa.world.sets import make_picture


def logits(n: int, seed: int = 0, lean: float = 0.0) -> torch.Tensor:
    made = torch.randn(n, 12, generator=torch.Generator().manual_seed(seed))
    made[:, [3, 7]] += lean
    return made


def denied(which: Presence | None, rows: torch.Tensor) -> float:
    said = (rows if which is None else which.lean(rows)).argmax(-1)
    return float(((said == 3) | (said == 7)).float().mean())


@pytest.mark.parametrize("lean", [-4.0, 0.0, 4.0])
def test_one_in_forty_becomes_a_denial_whatever_the_model_leaned_to(lean):
    told = [*[(3, True)] * 50, *[(7, True)] * 50, *[(5, False)] * 3_900]  # no denial is told from other answers
    fitted = Presence.fit(told, logits(4_000, lean=lean))
    assert fitted.ids == (3, 7)
    assert denied(fitted, logits(4_000, seed=1, lean=lean)) == pytest.approx(1 - KEPT, abs=0.01)
    assert lean == 0 or abs(denied(None, logits(4_000, lean=lean)) - (1 - KEPT)) > 0.02


def test_it_leans_no_further_than_nineteen_of_twenty_denials_take():
    told = [*[(3, True)] * 1_000, *[(7, True)] * 1_000, *[(5, False)] * 2_000]
    rows = torch.cat([logits(2_000, lean=2.0), logits(2_000, seed=1, lean=-8.0)])
    fitted = Presence.fit(told, rows)
    assert denied(fitted, logits(2_000, seed=2, lean=2.0)) == pytest.approx(MADE, abs=0.02)
    assert denied(fitted, logits(2_000, seed=3, lean=-8.0)) < 0.01 < 1 - KEPT


def test_other_words_keep_their_order():
    rows = logits(5)
    leaned = Presence((3, 7), 2.5).lean(rows)
    assert torch.equal(leaned[:, [0, 1, 2, 4]], rows[:, [0, 1, 2, 4]])
    torch.testing.assert_close(leaned[:, [3, 7]], rows[:, [3, 7]] + 2.5)
    torch.testing.assert_close(margins((3, 7), leaned), margins((3, 7), rows) + 2.5)


def test_denials_begin_with_what_most_answers_that_begin_so_are():
    said = [(3, True)] * 9 + [(3, False)] * 6 + [(5, False)] * 30 + [(5, True)] * 3 + [(7, True)]
    assert denials(said) == [3, 7]
    for told in ([], [(5, False)] * 3, [(3, True)] * 3):
        with pytest.raises(BadInput, match="some have to deny"):
            Presence.fit(told, logits(len(told)))


def test_it_lies_beside_the_weights_and_is_part_of_them(tmp_path):
    folder = write_small(tmp_path / "small")
    before = weights_hash(str(folder))
    assert Presence.load(folder, vocabulary=12) is None
    Presence((3, 7), -1.25).save(folder)
    assert Presence.load(folder, vocabulary=12) == Presence((3, 7), -1.25)
    assert weights_hash(str(folder)) != before
    with pytest.raises(BadCheckpoint, match="does not fit"):
        Presence.load(folder, vocabulary=7)
    Presence((), 1.0).save(folder)
    with pytest.raises(BadCheckpoint, match="does not fit"):
        Presence.load(folder, vocabulary=12)
    (folder / PRESENCE).write_text('{"ids": 3}')
    with pytest.raises(BadCheckpoint, match="damaged"):
        Presence.load(folder, vocabulary=12)


def test_only_the_first_word_of_an_answer_leans(tmp_path):
    folder, image = write_small(tmp_path / "small"), make_picture(212, 0).image
    plain = load(folder).segment(image, "Where is it?", max_new_tokens=6).raw_text
    Presence((len(SPECIAL) + 40,), 1e2).save(folder)
    leaning = load(folder)
    word = leaning.segmenter.vlm.decode([len(SPECIAL) + 40])
    said = leaning.segment(image, "Where is it?", max_new_tokens=6).raw_text
    assert said.startswith(word) and not plain.startswith(word)
    assert leaning.segmenter.vlm.decode([len(SPECIAL) + 40] * 6) != said
    talk = leaning.chat(image)
    assert [talk.ask("Where?", max_new_tokens=3).raw_text.startswith(word) for _ in range(2)] == [True, True]
