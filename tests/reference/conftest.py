"""Golden data of the reference implementation: found beside the checkout, or where LISA_SHARED points."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from goldens import Golden, Pictures
from published import write_tiny
from safetensors.torch import load_file
from torch import Tensor

from lisa.model.legacy import load_legacy
from lisa.model.segmenter import EncodedImage, Segmenter


@pytest.fixture(scope="session")
def reference() -> Path:
    shared = Path(os.environ.get("LISA_SHARED") or Path(__file__).parents[3] / "shared")
    if not (shared / "reference" / "FACTS.md").is_file():
        pytest.skip(f"no golden data in {shared}: set LISA_SHARED to the folder that holds reference/")
    return shared / "reference"


@pytest.fixture(scope="session")
def golden(reference: Path) -> Golden:
    """Reads a JSON or safetensors file of the golden data by name."""

    def read(name: str) -> Any:
        path = reference / name
        return load_file(path) if path.suffix == ".safetensors" else json.loads(path.read_text())

    return read


@pytest.fixture(scope="session")
def infer(golden: Golden) -> tuple[dict[str, Any], dict[str, Tensor]]:
    return golden("golden_infer.json"), golden("golden_infer.safetensors")


@pytest.fixture(scope="session")
def checkpoint(reference: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny reference checkpoint in the published layout."""
    return write_tiny(reference, tmp_path_factory.mktemp("published") / "tiny-lisa")


@pytest.fixture(scope="session")
def segmenter(checkpoint: Path) -> Segmenter:
    return load_legacy(checkpoint)


@pytest.fixture(scope="session")
def pictures(reference: Path) -> Pictures:
    files = sorted((reference / "images").glob("img[0-9]_[0-9]*.png"))
    return [np.asarray(PIL.Image.open(file).convert("RGB")) for file in files]


@pytest.fixture(scope="session")
def encoded(segmenter: Segmenter, pictures: Pictures) -> list[EncodedImage]:
    return [segmenter.encode(picture) for picture in pictures]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "slow" in (config.getoption("markexpr") or ""):
        return
    for item in items:
        if item.get_closest_marker("slow") and Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.skip(reason="minutes long: run with -m slow, or `make parity-7b`"))


FIGURES: dict[str, dict[str, float]] = {}


@pytest.fixture
def figures() -> Callable[..., None]:
    """Notes the largest differences of a group; printed at the end of the run with `-rA` or `make parity`."""

    def note(group: str, **values: float) -> None:
        for name, value in values.items():
            known = FIGURES.setdefault(group, {})
            known[name] = max(known.get(name, 0.0), value)

    return note


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if FIGURES:
        terminalreporter.section("parity with the reference: largest differences")
    for group, values in FIGURES.items():
        terminalreporter.write_line(f"{group:24s} " + "  ".join(f"{k} {v:.2e}" for k, v in values.items()))
