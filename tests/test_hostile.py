from __future__ import annotations

import pytest
from hostile import run_all


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0])
def test_three_hundred_hostile_inputs(seed):
    bad = [outcome for outcome in run_all(seed, 300, 30) if outcome.problems]
    assert not bad, "\n".join(f"{outcome.case.arguments}: {outcome.problems}" for outcome in bad)


def test_forty_hostile_inputs():
    bad = [outcome for outcome in run_all(1, 40, 1000) if outcome.problems]
    assert not bad, "\n".join(f"{outcome.case.arguments}: {outcome.problems}" for outcome in bad)
