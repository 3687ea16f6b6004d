"""Fixtures that several rooms use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of golden data beside the repository; tests that need it skip where there is none."""
    folder = Path(os.environ.get("LISA_SHARED") or Path(__file__).parents[2] / "shared")
    if not (folder / "reference").is_dir():
        pytest.skip("needs the golden data in ../shared (or LISA_SHARED=FOLDER)")
    return folder


LONG = ("test_ranks.py", "test_kill.py", "test_finetune.py", "test_infer.py")
"""Files that take longest: begun first, so that no process of the tests waits for them at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {name: i for i, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.path.name, len(LONG)))
