"""The published LISA weights, opened unchanged: `config.json`, `tokenizer.model` and the original tensor files.

Unusual about it: the model is built without memory and takes over the files' memory-mapped tensors, so that weights in
the wanted dtype cost no anonymous memory on a CPU; SAM's sizes come from tensor shapes; in bf16 the position map of
the mask side is bf16 too, as it was in training.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import CLIPVisionConfig, LlamaConfig
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

from lisa.errors import BadCheckpoint, Missing, shown
from lisa.maskers import sam
from lisa.memory import memory_needed
from lisa.model.legacy_clip import find_tower, tower_config, tower_pixels, tower_weights
from lisa.model.legacy_files import read_weights
from lisa.model.legacy_keys import CLIP, IGNORED, to_ours, to_published
from lisa.model.legacy_shapes import sam_options, vocabulary
from lisa.model.legacy_training import is_training_layout, to_plain
from lisa.model.segmenter import Segmenter
from lisa.types import SEG
from lisa.vlms import llava_v1
from lisa.vlms.hf import HfVlm
from lisa.vlms.llava_tokens import LlamaTokens
from lisa.vlms.llava_v1 import IM_END, IM_START, LlavaV1Dialogue
from lisa.weights import read_json

_TOWER = "vlm.model.model.vision_tower."


def is_legacy(folder: str | Path) -> bool:
    """Whether a folder holds a checkpoint in the published LISA layout."""
    path = Path(folder) / "config.json"
    if not path.is_file():
        return False
    config = read_json(path)
    return "LISAForCausalLM" in (config.get("architectures") or []) or "train_mask_decoder" in config


def tower_bytes(folder: str | Path, vision_tower: str | os.PathLike[str] | None = None) -> int:
    """Bytes of the CLIP that a published checkpoint would be loaded with; 0 where it is not on this machine yet."""
    folder = Path(folder)
    config = read_json(folder / "config.json")
    named = str(vision_tower or config.get("mm_vision_tower") or config.get("vision_tower"))
    local = next((path for path in (folder / named, Path(named)) if path.is_dir()), None)
    return 0 if local is None else memory_needed(local)


def load_legacy(
    folder: str | Path,
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype | None = None,
    vision_tower: str | Path | None = None,
    conversation: str = "llava_v1",
) -> Segmenter:
    """A published checkpoint as a `Segmenter`, ready to answer.

    Args:
        folder: the checkpoint's folder.
        device: where the weights go.
        dtype: of all weights; the one named in `config.json` where left out.
        vision_tower: CLIP's folder or hub id; what `config.json` names where left out.
        conversation: the prompt's format, a name of `CONVERSATIONS`.

    Raises:
        Missing: files are not there.
        BadCheckpoint: they are not what they should be, or hold code.
    """
    tensors = read_weights(Path(folder))
    if is_training_layout(tensors):
        tensors = to_plain(tensors)
    return assemble(folder, tensors, device=device, dtype=dtype, vision_tower=vision_tower, conversation=conversation)


def assemble(
    folder: str | Path,
    tensors: dict[str, Tensor],
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype | None = None,
    vision_tower: str | Path | None = None,
    conversation: str = "llava_v1",
) -> Segmenter:
    """The `Segmenter` of a folder's configuration and tokenizer with these tensors, by published names; empties them.

    Arguments and errors are those of `load_legacy`.
    """
    folder = Path(folder)
    config = read_json(folder / "config.json")
    tokens = _tokens(folder)
    tower = find_tower(folder, config, vision_tower)
    clip = tower_weights(tower)
    wanted = dtype or _dtype(config)
    text = _llama_config(config, vocabulary(tensors))
    _check_tokens(tokens, text.vocab_size, folder)
    vision = tower_config(tower)
    image_tokens = (int(vision.image_size) // int(vision.patch_size)) ** 2  # type: ignore[arg-type]
    dialogue = LlavaV1Dialogue(tokens, image_tokens=image_tokens, pixels=tower_pixels(tower), conversation=conversation)
    segmenter = build(text, vision, dialogue, tensors, feature_layer=config.get("mm_vision_select_layer", -2))
    _assign(segmenter, tensors, clip, folder, torch.device(device), wanted)
    _fill_buffers(segmenter, torch.device(device))
    if wanted == torch.float16:
        segmenter.masker.guard_fp16()  # type: ignore[attr-defined]
    return segmenter.eval()


def build(
    text: LlamaConfig,
    vision: CLIPVisionConfig,
    dialogue: LlavaV1Dialogue,
    tensors: Mapping[str, Tensor],
    *,
    feature_layer: int = -2,
) -> Segmenter:
    """The model of a checkpoint on the meta device; of `tensors` (published names) only SAM's shapes are read."""
    options = sam_options(tensors)
    with torch.device("meta"):
        vlm = llava_v1.build(text, vision, dialogue, feature_layer=feature_layer)
        masker = sam.build(options)
        segmenter = Segmenter(vlm, masker)
    masker.prompt_encoder.shared_embedding.positional_embedding.requires_grad_(False)  # a constant, never trained
    return segmenter


def _assign(
    segmenter: Segmenter,
    tensors: dict[str, Tensor],
    clip: dict[str, Tensor],
    folder: Path,
    device: torch.device,
    dtype: torch.dtype,
) -> None:
    """Puts the tensors in place, each converted once; mapped tensors that fit already stay mapped. Empties both."""
    inner = "vision_model." if hasattr(_vlm(segmenter).model.model.vision_tower, "vision_model") else ""
    expected = {key: tuple(t.shape) for key, t in segmenter.state_dict().items()}
    state: dict[str, Tensor] = {}
    strangers: list[str] = []
    for key in list(tensors):
        tensor, ours = tensors.pop(key), to_ours(key)
        if key.startswith(CLIP):  # a tower that was stored along, as in training, goes before the one named
            clip[key.removeprefix(f"{CLIP}vision_model.")] = tensor
        elif ours in expected:
            state[ours] = tensor
        elif not IGNORED.fullmatch(key):
            strangers.append(key)
    state |= {f"{_TOWER}{inner}{key}": tensor for key, tensor in clip.items()}
    clip.clear()
    _check_keys({key: tuple(t.shape) for key, t in state.items()}, expected, strangers, folder)
    for key in state:
        state[key] = state[key].to(device=device, dtype=dtype)
    segmenter.load_state_dict(state, assign=True)


def _check_keys(
    found: Mapping[str, tuple[int, ...]], expected: Mapping[str, tuple[int, ...]], strangers: list[str], folder: Path
) -> None:
    """Raises BadCheckpoint that names what is missing, unknown or of the wrong shape, by its published name."""
    named = lambda keys: [to_published(key) or key for key in keys]  # noqa: E731
    missing = named(key for key in expected if key not in found)
    unknown = strangers + named(key for key in found if key not in expected)
    shapes = [
        f"{to_published(k) or k} {list(s)} instead of {list(expected[k])}"
        for k, s in found.items()
        if k in expected and s != expected[k]
    ]
    problems = [("missing", missing), ("unknown", unknown), ("wrongly shaped", shapes)]
    parts = [f"{len(keys)} {kind} ({', '.join(keys[:3])}{', …' * (len(keys) > 3)})" for kind, keys in problems if keys]
    if parts:
        raise BadCheckpoint(f"tensors of {shown(folder)}: {'; '.join(parts)}. Look at it with `lisa doctor {folder}`")


def _fill_buffers(segmenter: Segmenter, device: torch.device) -> None:
    """Computes what no file holds: rotary frequencies in float32 whatever the dtype, and CLIP's position numbers."""
    model = _vlm(segmenter).model.model
    model.language_model.rotary_emb = LlamaRotaryEmbedding(model.language_model.config).to(device)
    tower = getattr(model.vision_tower, "vision_model", model.vision_tower)
    tower.embeddings.position_ids = torch.arange(tower.embeddings.num_positions, device=device).expand(1, -1)


def _vlm(segmenter: Segmenter) -> Any:
    assert isinstance(segmenter.vlm, HfVlm)
    return segmenter.vlm


def _tokens(folder: Path) -> LlamaTokens:
    model = folder / "tokenizer.model"
    if not model.is_file():
        raise Missing(f"{shown(model)} is not there: get the whole checkpoint again with `lisa get`")
    added = read_json(folder / "added_tokens.json")
    if bad := [name for name in (SEG, IM_START, IM_END) if not isinstance(added.get(name), int)]:
        raise BadCheckpoint(f"{shown(folder / 'added_tokens.json')} lacks {', '.join(bad)}: see `lisa doctor {folder}`")
    try:
        return LlamaTokens(model, {str(name): int(id) for name, id in added.items()})
    except (RuntimeError, OSError, TypeError, ValueError) as error:
        raise BadCheckpoint(f"{shown(model)} is no SentencePiece model: get it again with `lisa get`") from error


def _check_tokens(tokens: LlamaTokens, rows: int, folder: Path) -> None:
    if beyond := [name for name, id in tokens.added.items() if not 0 <= id < rows]:
        raise BadCheckpoint(
            f"{', '.join(beyond[:3])} of added_tokens.json lies beyond the {rows} rows of the embedding: "
            f"see `lisa doctor {folder}`"
        )


def _llama_config(config: Mapping[str, Any], rows: int) -> LlamaConfig:
    names = (
        "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "rms_norm_eps",
        "max_position_embeddings", "hidden_act", "bos_token_id", "eos_token_id", "pad_token_id",
    )  # fmt: skip
    if missing := [name for name in names if name not in config]:
        raise BadCheckpoint(f"config.json lacks {', '.join(missing)}: get it again with `lisa get`")
    heads = config.get("num_key_value_heads") or config["num_attention_heads"]
    fields = {name: config[name] for name in names}
    return LlamaConfig(**fields, num_key_value_heads=heads, vocab_size=rows, tie_word_embeddings=False)


def _dtype(config: Mapping[str, Any]) -> torch.dtype:
    found = getattr(torch, str(config.get("torch_dtype") or "float32"), None)
    return found if isinstance(found, torch.dtype) else torch.float32
