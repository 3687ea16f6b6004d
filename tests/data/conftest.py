"""The official samples beside the repository."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def formats(shared: Path) -> Path:
    folder = shared / "data" / "formats"
    if not folder.is_dir():
        pytest.skip("needs the official samples in ../shared/data/formats")
    return folder
