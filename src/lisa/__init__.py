"""Ask a picture a question and get the pixels back.

import lisa

p = lisa.load()
r = p.segment("breakfast.png", "Which food has the most vitamin C?")
print(r.text)
r.overlay().show()
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lisa._version import __version__

if TYPE_CHECKING:
    from lisa.errors import BadCheckpoint, BadImage, BadInput, DownloadFailed, LisaError, Missing, TooLarge
    from lisa.predictor import Chat, Predictor, load
    from lisa.segmentation import Segmentation

_PUBLIC = {
    "BadCheckpoint": "lisa.errors",
    "BadImage": "lisa.errors",
    "BadInput": "lisa.errors",
    "Chat": "lisa.predictor",
    "DownloadFailed": "lisa.errors",
    "LisaError": "lisa.errors",
    "Missing": "lisa.errors",
    "Predictor": "lisa.predictor",
    "Segmentation": "lisa.segmentation",
    "TooLarge": "lisa.errors",
    "load": "lisa.predictor",
}

__all__ = [
    "BadCheckpoint", "BadImage", "BadInput", "Chat", "DownloadFailed", "LisaError", "Missing", "Predictor",
    "Segmentation", "TooLarge", "__version__", "load",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Public names are imported when first used, so that `import lisa` stays quick."""
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'lisa' has no attribute {name!r}")
