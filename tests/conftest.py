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
