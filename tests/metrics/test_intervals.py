"""Intervals that hold what they promise. `make thorough` runs as many simulated evaluations as the promise names."""

from __future__ import annotations

import os

import numpy as np
import pytest

from lisa.metrics.intervals import ratio, resampled
from lisa.metrics.paired import difference

TRIALS = int(os.environ.get("LISA_TRIALS", "150"))
SLACK = 0.02 + 2.5 * np.sqrt(0.05 * 0.95 / TRIALS) * (TRIALS < 1000)


def questions(rng: np.random.Generator, count: int, *, mean: float = 0.6) -> np.ndarray:
    """IoUs as the embedded model's are on the world: a third near nothing, the others around 0.85."""
    right = rng.random(count) < mean / 0.85
    return np.where(right, np.clip(rng.normal(0.85, 0.12, count), 0, 1), np.clip(rng.normal(0.02, 0.03, count), 0, 1))


def test_95_percent_intervals_hold_95_percent():
    rng = np.random.default_rng(0)
    truth = questions(rng, 2_000_000).mean()
    held = 0
    for trial in range(TRIALS):
        values = questions(rng, 300)
        figure = ratio(values, np.ones(300), np.arange(300), seed=trial)
        held += figure.low <= truth <= figure.high
    assert 0.95 - SLACK <= held / TRIALS <= 0.95 + SLACK


def test_questions_of_one_picture_are_not_counted_as_many():
    rng = np.random.default_rng(1)
    truth, held = 0.6, 0
    for trial in range(TRIALS):
        pictures = np.repeat(np.arange(60), 5)
        values = np.clip(truth + np.repeat(rng.normal(0, 0.15, 60), 5) + rng.normal(0, 0.02, 300), -1, 2)
        figure = ratio(values, np.ones(300), pictures, seed=trial)
        held += figure.low <= truth <= figure.high
    assert 0.94 - SLACK <= held / TRIALS <= 0.95 + SLACK


def pair(rng: np.random.Generator, count: int, gain: float) -> tuple[np.ndarray, np.ndarray]:
    """Two models that answer most questions alike; the second is better by `gain` in the mean."""
    first = questions(rng, count)
    second = np.where(
        rng.random(count) < 0.75, np.clip(first + rng.normal(0, 0.03, count), 0, 1), questions(rng, count)
    )
    return first, second + gain


def test_a_comparison_seldom_cries_wolf():
    rng = np.random.default_rng(2)
    alarms = 0
    for trial in range(TRIALS):
        one, other = pair(rng, 400, 0.05)
        swapped = rng.random(400) < 0.5  # so that neither is better, whatever the difference of the two is like
        a, b = np.where(swapped, one, other), np.where(swapped, other, one)
        alarms += difference(a, b, np.arange(400), seed=trial, draws=400).p <= 0.05
    assert alarms / TRIALS <= 0.06 + 2.5 * np.sqrt(0.05 * 0.95 / TRIALS) * (TRIALS < 1000)


def test_a_comparison_finds_two_points_on_2000_questions():
    rng = np.random.default_rng(3)
    trials = min(TRIALS, 200)
    found = sum(
        difference(*pair(rng, 2000, 0.02), np.arange(2000), seed=k, draws=400).better == 1 for k in range(trials)
    )
    assert found / trials >= 0.8


def test_the_sign_and_nothing_at_all():
    same = difference([0.5, 0.6], [0.5, 0.6], ["a", "b"])
    assert same.better == 0 and same.figure.value == 0 and same.p == 1.0
    worse = difference(np.full(50, 0.9), np.full(50, 0.1) + np.linspace(0, 0.1, 50), np.arange(50))
    assert worse.better == -1 and worse.figure.high < 0
    assert np.isnan(difference([], [], []).figure.value)


def test_any_statistic_can_be_resampled():
    items = [("a", 1.0), ("a", 3.0), ("b", 2.0), ("c", 6.0)]
    figure = resampled(items, lambda rows: float(np.median([v for _, v in rows])), lambda item: item[0])
    assert figure.value == 2.5 and figure.low <= 2.5 <= figure.high and figure.count == 4
    assert np.isnan(resampled([], lambda rows: 0.0, str).value)
    whole = resampled(items, lambda rows: sum(v for _, v in rows) / len(rows), lambda item: item[0], draws=2000)
    assert whole.low == pytest.approx(2.0) and whole.high == pytest.approx(6.0, abs=1.0)
