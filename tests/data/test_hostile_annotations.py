"""500 annotation files made to break readers: no traceback, nothing run, and what is wrong is named with its file."""

from __future__ import annotations

import numpy as np
import pytest
from data.hostile import cases

from lisa.errors import LisaError


@pytest.mark.parametrize("part", range(4))
def test_hostile_annotations_are_named(tmp_path, part):
    unnamed = []
    named = 0
    for case in cases(tmp_path, 125, seed=part):
        before = set(tmp_path.rglob("*"))
        try:
            reader = case.opened()
            for index in range(len(reader)):
                reader.draw(index, np.random.default_rng(index))
        except LisaError as error:
            named += 1
            text = str(error)
            names = {p.name for p in case.folder.rglob("*")} | {case.folder.name, "annotation", "own"}
            if not any(name in text for name in names):
                unnamed.append((case.name, text))
        assert set(tmp_path.rglob("*")) == before, f"{case.name} left something behind"
        assert not (case.folder / "ran").exists(), f"{case.name} was run"
    assert not unnamed
    assert named > 60
