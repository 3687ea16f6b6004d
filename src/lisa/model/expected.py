"""Which tensors a checkpoint in the published layout must hold, and of what shape.

For 7B and 13B the lists of the published files are shipped. Any other size takes the 7B list as a pattern, with the
language model's measures from the config and SAM's from the tensors themselves.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from typing import Any

Shape = tuple[int, ...]

SAM = "model.visual_model.image_encoder."
_BRACES = re.compile(r"\{([\d,\-]+)\}")
_IGNORED = re.compile(r"rotary_emb\.inv_freq$|\bvision_tower\.|\.position_ids$|pixel_(mean|std)$")
"""Present in some files and not in others, and never read."""


def is_ignored(key: str) -> bool:
    """Whether a tensor may be there or not without any effect."""
    return _IGNORED.search(key) is not None


@lru_cache(maxsize=2)
def manifest(size: str) -> Mapping[str, Shape]:
    """Key → shape of the published "7b" or "13b" checkpoint, as its files hold them."""
    text = (resources.files("lisa") / "assets" / "manifests" / f"{size}.json").read_text(encoding="utf-8")
    keys: dict[str, list[int]] = json.loads(text)["keys"]
    return {name: tuple(shape) for pattern, shape in keys.items() for name in _expand(pattern)}


def _expand(pattern: str) -> list[str]:
    """`a.{0-2,5}.b` → a.0.b, a.1.b, a.2.b, a.5.b."""
    match = _BRACES.search(pattern)
    if match is None:
        return [pattern]
    numbers: list[int] = []
    for part in match[1].split(","):
        first, _, last = part.partition("-")
        numbers += range(int(first), int(last or first) + 1)
    return [f"{pattern[: match.start()]}{number}{pattern[match.end() :]}" for number in numbers]


def expected_shapes(config: Mapping[str, Any], found: Mapping[str, Shape]) -> dict[str, Shape]:
    """Key → shape that a checkpoint with this config must hold; keys of `is_ignored` are left out.

    Args:
        config: `config.json` of the checkpoint.
        found: key → shape of its tensors; SAM's measures are taken from them.

    Raises:
        KeyError, ValueError, TypeError: the config lacks a measure, or it is no number.
    """
    width, depth = int(config["hidden_size"]), int(config["num_hidden_layers"])
    vocabulary = int(config["vocab_size"])
    published = {(4096, 32): "7b", (5120, 40): "13b"}.get((width, depth))
    shapes = dict(manifest(published)) if published else {**_language(config, width, depth), **_sam(found)}
    rows = dict.fromkeys(("model.embed_tokens.weight", "lm_head.weight"), (vocabulary, width))
    return {key: shape for key, shape in {**shapes, **rows}.items() if not is_ignored(key)}


def _language(config: Mapping[str, Any], width: int, depth: int) -> dict[str, Shape]:
    """LLaMA, the projector of the picture, and text_hidden_fcs at other measures than 7B's."""
    heads = int(config["num_attention_heads"])
    groups = int(config.get("num_key_value_heads") or heads)
    measures = {4096: width, 11008: int(config["intermediate_size"]), 1024: int(config["mm_hidden_size"])}
    measures[256] = int(config.get("out_dim", 256))
    shapes: dict[str, Shape] = {}
    for key, shape in manifest("7b").items():
        if key.startswith("model.visual_model."):
            continue
        scaled = tuple(measures.get(side, side) for side in shape)
        if key.endswith(("k_proj.weight", "v_proj.weight")):
            scaled = (width // heads * groups, width)
        if not key.startswith("model.layers."):
            shapes[key] = scaled
        elif key.startswith("model.layers.0."):
            shapes.update({key.replace(".0.", f".{layer}.", 1): scaled for layer in range(depth)})
    return shapes


def _sam(found: Mapping[str, Shape]) -> dict[str, Shape]:
    """SAM of any width and depth. Relative positions tell by their length which blocks see the whole picture."""
    pattern = {key: shape for key, shape in manifest("7b").items() if key.startswith("model.visual_model.")}
    position = found.get(f"{SAM}pos_embed", (1, 64, 64, 1280))
    if len(position) != 4:
        return pattern
    grid, width = position[1], position[3]
    blocks = {int(match[1]) for key in found if (match := re.match(re.escape(SAM) + r"blocks\.(\d+)\.", key))}
    depth = max(blocks, default=31) + 1
    measures = {1280: width, 3840: 3 * width, 5120: 4 * width, 64: grid}
    shapes: dict[str, Shape] = {}
    for key, shape in pattern.items():
        if not key.startswith(SAM):
            shapes[key] = shape
        elif f"{SAM}blocks." not in key:
            shapes[key] = tuple(measures.get(side, side) for side in shape)
        elif key.startswith(f"{SAM}blocks.0."):
            scaled = tuple(measures.get(side, side) for side in shape)
            for layer in range(depth):
                name = key.replace("blocks.0.", f"blocks.{layer}.", 1)
                shapes[name] = _relative(found.get(name, shape), scaled, grid) if "rel_pos" in name else scaled
    return shapes


def _relative(found: Shape, windowed: Shape, grid: int) -> Shape:
    """Relative positions: of a window (any length up to the grid's) or of the whole grid; the head's width is free."""
    if len(found) == 2 and found[0] % 2 == 1 and found[0] <= 2 * grid - 1:
        return found
    return windowed
