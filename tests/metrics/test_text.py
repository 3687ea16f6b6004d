"""chrF against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from lisa.evaluate.figures import Evaluation
from lisa.evaluate.rows import Row
from lisa.metrics.text import chrf, says_something, words


def row(answer: str, expected: str, index: int = 0, id: str = "a") -> Row:
    return Row(index=index, id=id, group="", instruction="?", expected=expected, answer=answer)


def test_by_hand():
    # runs of 1, 2, 3 characters in common: 5 of 6, 3 of 5, 1 of 4; of the longer ones none; as many on both sides
    assert chrf(["the cat"], ["the hat"])[0] == pytest.approx(101 / 360)
    # precision 1; recall 2 of 3 and 1 of 2, mean 7/12; the answer has no run of three. F2 = 5·1·7/12 / (4·1 + 7/12)
    assert chrf(["ab"], ["abc"])[0] == pytest.approx(7 / 11)
    # the same the other way round: precision 7/12, recall 1. F2 = 5·7/12 / (4·7/12 + 1): too much costs less
    assert chrf(["abc"], ["ab"])[0] == pytest.approx(35 / 40)
    # 是杯 of 是杯子: as ab of abc
    assert chrf(["是杯"], ["是杯子"])[0] == pytest.approx(7 / 11)
    assert chrf(["", "x", "abc"], ["abc", "abc", "abc"]).tolist() == [0.0, 0.0, 1.0]


def test_what_is_no_part_of_the_words():
    assert words(" It is the cup\n[SEG] .</s>") == "It is the cup ."
    assert chrf(["It is the cup [SEG] .</s>"], ["It is the cup [SEG]."])[0] == 1.0
    assert chrf(["[SEG]"], ["It is the cup [SEG]."])[0] == 0.0
    assert not any(says_something(t) for t in ("[SEG].", "", "[SEG], [SEG].</s>"))
    assert says_something("是 [SEG]。") and says_something("2")
    with pytest.raises(ValueError, match="1 answers, but 0"):
        chrf(["a"], [])


def test_the_figure_is_a_mean_over_answers_with_an_interval_over_pictures():
    told = [("the cat", "the hat"), ("ab", "abc"), ("abc", "abc"), ("anything", "[SEG].")]
    figure = Evaluation([row(a, e, k, id=str(k)) for k, (a, e) in enumerate(told)]).figures()["chrf"]
    assert figure.value == pytest.approx((101 / 360 + 7 / 11 + 1) / 3) and figure.count == 3
    assert figure.low < figure.value < figure.high
    alike = Evaluation([row("ab", "abc", k, id=str(k)) for k in range(5)]).figures()["chrf"]
    assert np.allclose([alike.low, alike.high], 7 / 11)
    assert "chrf" not in Evaluation([row("[SEG].", "[SEG].")]).figures()
