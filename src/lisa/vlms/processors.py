"""transformers' processors from a folder, the same on every machine: pictures through Pillow, videos left out.

Without torchvision their video processors cannot even be made, and with it pictures would be resized by other code.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import transformers
from transformers import AutoImageProcessor, AutoTokenizer, ProcessorMixin

from lisa.errors import BadCheckpoint, shown
from lisa.weights import read_json

_NAMED_IN = ("processor_config.json", "preprocessor_config.json", "tokenizer_config.json")


class NoVideos:
    """In the place of a processor for videos."""

    _auto_class = None


def load_processor(folder: Path) -> ProcessorMixin:
    """The processor whose files lie in `folder`. Raises BadCheckpoint, with the reason, when it cannot be made."""
    kind = without_videos(_processor_class(folder))
    loaders = {
        "tokenizer": lambda: AutoTokenizer.from_pretrained(folder, local_files_only=True),
        "image_processor": lambda: AutoImageProcessor.from_pretrained(folder, backend="pil", local_files_only=True),
        "video_processor": NoVideos,
    }
    parts = kind.get_attributes()
    if unknown := [part for part in parts if part not in loaders]:
        raise BadCheckpoint(f"{kind.__name__} of {shown(folder)} needs {', '.join(unknown)}: take a family without")
    try:
        settings, _ = kind.get_processor_dict(folder, local_files_only=True)
        return kind.from_args_and_dict([loaders[part]() for part in parts], settings)  # type: ignore[return-value]
    except (OSError, ValueError, TypeError, KeyError, AttributeError, ImportError) as error:
        raise BadCheckpoint(f"the processor of {shown(folder)} cannot be made ({error}): fetch it again") from error


def without_videos(kind: type[ProcessorMixin]) -> type[ProcessorMixin]:
    """The processor class with anything in the place of its video processor; it saves itself as `kind`."""

    class PictureProcessor(kind):
        def check_argument_for_proper_class(self, argument_name: str, argument: Any) -> Any:
            if isinstance(argument, NoVideos):
                return NoVideos
            return super().check_argument_for_proper_class(argument_name, argument)

        def to_dict(self) -> dict[str, Any]:
            return {key: value for key, value in super().to_dict().items() if not isinstance(value, NoVideos)}

    PictureProcessor.__name__ = kind.__name__
    return PictureProcessor


def _processor_class(folder: Path) -> type[ProcessorMixin]:
    """The class that a processor folder names."""
    files = [folder / name for name in _NAMED_IN if (folder / name).is_file()]
    names = [name for file in files if (name := read_json(file).get("processor_class"))]
    if not names:
        raise BadCheckpoint(f"{shown(folder)} names no processor: it needs a processor_config.json")
    kind = getattr(transformers, str(names[0]), None)
    if not isinstance(kind, type) or not issubclass(kind, ProcessorMixin):
        raise BadCheckpoint(f"transformers has no processor {shown(names[0])}: a newer version may, or none at all")
    return kind
