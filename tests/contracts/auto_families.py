"""Tiny random models of several transformers families, published as their makers would: a folder of files each.

Chat templates and special tokens are those of the real models; vocabularies are trained on a few sentences.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import CONFIG_MAPPING, AutoModelForImageTextToText, PreTrainedTokenizerFast

SENTENCES = [
    "Which food has the most vitamin C? It is the orange.",
    "Where is the cat? The cat is on the red chair, and the dog is under the table.",
    "Segment the television on the left. Who is Lisa? She is the girl with the yellow spikes.",
    "You are a helpful assistant. user assistant User Assistant USER ASSISTANT system model",
] * 4

LLAVA = (
    "{% for message in messages %}{% if message['role'] != 'system' %}{{ message['role'].upper() + ': '}}{% endif %}"
    "{% for content in message['content'] | selectattr('type', 'equalto', 'image') %}{{ '<image>\n' }}{% endfor %}"
    "{% for content in message['content'] | selectattr('type', 'equalto', 'text') %}{{ content['text'] + ' '}}"
    "{% endfor %}{% endfor %}{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
)
CHATML = (
    "{% for message in messages %}{% if loop.first %}<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
    "{% endif %}<|im_start|>{{ message['role'] }}\n{% for content in message['content'] %}"
    "{% if content['type'] == 'image' %}PICTURE{% else %}{{ content['text'] }}{% endif %}{% endfor %}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
GEMMA = (
    "{{ bos_token }}{% for message in messages %}{% set role = 'model' if message['role'] == 'assistant' else 'user' %}"
    "{{ '<start_of_turn>' + role + '\n' }}{% for item in message['content'] %}{% if item['type'] == 'image' %}"
    "{{ '<start_of_image>' }}{% else %}{{ item['text'] | trim }}{% endif %}{% endfor %}{{ '<end_of_turn>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
)
IDEFICS = (
    "<|begin_of_text|>{% for message in messages %}{{ message['role'] | capitalize }}"
    "{{ ':' if message['content'][0]['type'] == 'image' else ': ' }}{% for line in message['content'] %}"
    "{{ line['text'] if line['type'] == 'text' else '<image>' }}{% endfor %}<end_of_utterance>\n{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)
QWEN_TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>"]
QWEN_TOKENS += ["<|video_pad|>"]
GEMMA_TOKENS = ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"]
GEMMA_TOKENS += ["<start_of_image>", "<end_of_image>", "<image_soft_token>"]
IDEFICS_TOKENS = ["<|finetune_right_pad_id|>", "<|begin_of_text|>", "<|end_of_text|>", "<end_of_utterance>"]
IDEFICS_TOKENS += ["<fake_token_around_image>", "<image>", "<global-img>"]
IDEFICS_TOKENS += [f"<row_{i}_col_{j}>" for i in range(1, 7) for j in range(1, 7)]
TEXT = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 2048,
}
CLIP = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": 28,
    "patch_size": 14,
}


@dataclass(frozen=True, kw_only=True)
class Family:
    """What makes one family different."""

    tokens: list[str]
    """Special tokens in the order of their ids."""
    template: str
    picture: dict[str, Any]
    """Image processor: its type and settings."""
    processor: dict[str, Any]
    config: Callable[[dict[str, int]], dict[str, Any]]
    """Token ids → fields of the model's configuration."""
    named: dict[str, str] = field(default_factory=dict)
    """Tokens that the tokenizer knows by a role."""
    style: str = "bytes"
    words: list[str] = field(default_factory=list)
    """Added tokens that are not special."""


def _llava(ids: dict[str, int]) -> dict[str, Any]:
    text = {"model_type": "llama", **TEXT, "bos_token_id": ids["<s>"], "eos_token_id": ids["</s>"]}
    vision = {"model_type": "clip_vision_model", **CLIP}
    return {"text_config": text, "vision_config": vision, "image_token_index": ids["<image>"]}


def _llava_next(ids: dict[str, int]) -> dict[str, Any]:
    return {**_llava(ids), "image_grid_pinpoints": [[28, 56], [56, 28], [56, 56]]}


def _llava_onevision(ids: dict[str, int]) -> dict[str, Any]:
    return {
        "text_config": {"model_type": "qwen2", **TEXT, "eos_token_id": ids["<|im_end|>"]},
        "vision_config": {"model_type": "siglip_vision_model", **CLIP, "vision_use_head": False},
        "image_token_index": ids["<image>"],
        "video_token_index": ids["<video>"],
        "image_grid_pinpoints": [[28, 56], [56, 28], [56, 56]],
    }


def _qwen(ids: dict[str, int], vision: dict[str, Any], rope: dict[str, Any]) -> dict[str, Any]:
    text = {**TEXT, "eos_token_id": ids["<|im_end|>"], "rope_parameters": {"rope_type": "default", **rope}}
    return {
        "text_config": text,
        "vision_config": {"hidden_size": 32, "num_heads": 2, "intermediate_size": 48, "out_hidden_size": 64, **vision},
        "image_token_id": ids["<|image_pad|>"],
        "video_token_id": ids["<|video_pad|>"],
        "vision_start_token_id": ids["<|vision_start|>"],
        "vision_end_token_id": ids["<|vision_end|>"],
    }


def _qwen2_5_vl(ids: dict[str, int]) -> dict[str, Any]:
    vision = {"depth": 2, "fullatt_block_indexes": [1], "window_size": 56, "patch_size": 14}
    rope = {"rope_theta": 10000.0, "mrope_section": [2, 3, 3]}
    return {**_qwen(ids, vision, rope), "tie_word_embeddings": True}


def _qwen3_vl(ids: dict[str, int]) -> dict[str, Any]:
    vision = {"depth": 3, "deepstack_visual_indexes": [0, 1], "num_position_embeddings": 64, "patch_size": 16}
    config = _qwen(ids, vision, {"rope_theta": 10000.0, "mrope_section": [2, 3, 3], "mrope_interleaved": True})
    config["text_config"].update(head_dim=16, num_hidden_layers=3)
    return config


def _qwen3_5(ids: dict[str, int]) -> dict[str, Any]:
    vision = {"depth": 2, "num_position_embeddings": 64, "patch_size": 16}
    rope = {"rope_theta": 10000.0, "mrope_section": [2, 1, 1], "mrope_interleaved": True, "partial_rotary_factor": 0.5}
    config = _qwen(ids, vision, rope)
    heads = {"linear_key_head_dim": 16, "linear_value_head_dim": 16, "linear_num_key_heads": 2}
    layers = ["linear_attention", "full_attention"]
    config["text_config"].update(head_dim=16, linear_num_value_heads=4, layer_types=layers, **heads)
    return config


def _internvl(ids: dict[str, int]) -> dict[str, Any]:
    vision = {**CLIP, "image_size": [56, 56], "patch_size": [14, 14]}
    return {
        "text_config": {"model_type": "qwen2", **TEXT, "eos_token_id": ids["<|im_end|>"]},
        "vision_config": vision,
        "image_token_id": ids["<IMG_CONTEXT>"],
        "image_seq_length": 4,
    }


def _gemma3(ids: dict[str, int]) -> dict[str, Any]:
    text = {**TEXT, "head_dim": 16, "num_hidden_layers": 3, "sliding_window": 12, "query_pre_attn_scalar": 16}
    text["layer_types"] = ["sliding_attention", "full_attention", "sliding_attention"]
    return {
        "text_config": {**text, "bos_token_id": ids["<bos>"], "eos_token_id": ids["<eos>"], "pad_token_id": 0},
        "vision_config": {"model_type": "siglip_vision_model", **CLIP, "image_size": 56, "vision_use_head": False},
        "mm_tokens_per_image": 4,
        "boi_token_index": ids["<start_of_image>"],
        "eoi_token_index": ids["<end_of_image>"],
        "image_token_index": ids["<image_soft_token>"],
    }


def _idefics3(ids: dict[str, int]) -> dict[str, Any]:
    return {
        "text_config": {"model_type": "llama", **TEXT, "eos_token_id": ids["<end_of_utterance>"], "pad_token_id": 0},
        "vision_config": {**CLIP, "image_size": 32, "patch_size": 8},
        "image_token_id": ids["<image>"],
        "scale_factor": 2,
    }


_ANYRES = {
    "size": {"shortest_edge": 28},
    "crop_size": {"height": 28, "width": 28},
    "image_grid_pinpoints": [[28, 56], [56, 28], [56, 56]],
}

FAMILIES: dict[str, Family] = {
    "llava": Family(
        tokens=["<unk>", "<s>", "</s>", "<pad>", "<image>"],
        named={"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"},
        template=LLAVA,
        style="llama",
        picture={
            "image_processor_type": "CLIPImageProcessor",
            "size": {"shortest_edge": 28},
            "crop_size": {"height": 28, "width": 28},
        },
        processor={
            "processor_class": "LlavaProcessor",
            "patch_size": 14,
            "num_additional_image_tokens": 1,
            "vision_feature_select_strategy": "default",
        },
        config=_llava,
    ),
    "llava_next": Family(
        tokens=["<unk>", "<s>", "</s>", "<pad>", "<image>"],
        named={"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"},
        template=LLAVA,
        style="llama",
        picture={"image_processor_type": "LlavaNextImageProcessor", **_ANYRES},
        processor={
            "processor_class": "LlavaNextProcessor",
            "patch_size": 14,
            "num_additional_image_tokens": 1,
            "vision_feature_select_strategy": "default",
        },
        config=_llava_next,
    ),
    "llava_onevision": Family(
        tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<image>", "<video>"],
        named={"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"},
        template=CHATML.replace("PICTURE", "<image>\n"),
        picture={
            "image_processor_type": "LlavaOnevisionImageProcessor",
            **_ANYRES,
            "size": {"height": 28, "width": 28},
        },
        processor={
            "processor_class": "LlavaOnevisionProcessor",
            "num_image_tokens": 4,
            "vision_feature_select_strategy": "full",
            "vision_aspect_ratio": "anyres_max_9",
        },
        config=_llava_onevision,
    ),
    "qwen2_5_vl": Family(
        tokens=QWEN_TOKENS,
        named={"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"},
        template=CHATML.replace("PICTURE", "<|vision_start|><|image_pad|><|vision_end|>"),
        words=["<tool_call>", "</tool_call>"],
        picture={
            "image_processor_type": "Qwen2VLImageProcessor",
            "patch_size": 14,
            "size": {"shortest_edge": 56 * 56, "longest_edge": 84 * 84},
        },
        processor={"processor_class": "Qwen2_5_VLProcessor"},
        config=_qwen2_5_vl,
    ),
    "qwen3_vl": Family(
        tokens=QWEN_TOKENS,
        named={"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"},
        template=CHATML.replace("PICTURE", "<|vision_start|><|image_pad|><|vision_end|>"),
        words=["<think>", "</think>"],
        picture={
            "image_processor_type": "Qwen2VLImageProcessor",
            "patch_size": 16,
            "size": {"shortest_edge": 64 * 64, "longest_edge": 96 * 96},
        },
        processor={"processor_class": "Qwen3VLProcessor"},
        config=_qwen3_vl,
    ),
    "qwen3_5": Family(
        tokens=QWEN_TOKENS,
        named={"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"},
        template=CHATML.replace("PICTURE", "<|vision_start|><|image_pad|><|vision_end|>"),
        words=["<think>", "</think>"],
        picture={
            "image_processor_type": "Qwen2VLImageProcessor",
            "patch_size": 16,
            "size": {"shortest_edge": 64 * 64, "longest_edge": 96 * 96},
        },
        processor={"processor_class": "Qwen3VLProcessor"},
        config=_qwen3_5,
    ),
    "internvl": Family(
        tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<img>", "</img>", "<IMG_CONTEXT>", "<video>"],
        named={
            "eos_token": "<|im_end|>",
            "pad_token": "<|endoftext|>",
            "start_image_token": "<img>",
            "end_image_token": "</img>",
            "context_image_token": "<IMG_CONTEXT>",
            "video_token": "<video>",
        },
        template=CHATML.replace("PICTURE", "<IMG_CONTEXT>\n"),
        picture={
            "image_processor_type": "GotOcr2ImageProcessor",
            "size": {"height": 56, "width": 56},
            "crop_to_patches": True,
            "max_patches": 3,
        },
        processor={"processor_class": "InternVLProcessor", "image_seq_length": 4},
        config=_internvl,
    ),
    "gemma3": Family(
        tokens=GEMMA_TOKENS,
        named={
            "pad_token": "<pad>",
            "eos_token": "<eos>",
            "bos_token": "<bos>",
            "unk_token": "<unk>",
            "boi_token": "<start_of_image>",
            "eoi_token": "<end_of_image>",
            "image_token": "<image_soft_token>",
        },
        template=GEMMA,
        style="gemma",
        words=["\n\n", "\n\n\n", "<table>"],
        picture={"image_processor_type": "Gemma3ImageProcessor", "size": {"height": 56, "width": 56}},
        processor={"processor_class": "Gemma3Processor", "image_seq_length": 4},
        config=_gemma3,
    ),
    "idefics3": Family(
        tokens=IDEFICS_TOKENS,
        named={
            "bos_token": "<|begin_of_text|>",
            "eos_token": "<end_of_utterance>",
            "pad_token": "<|finetune_right_pad_id|>",
        },
        template=IDEFICS,
        picture={
            "image_processor_type": "Idefics3ImageProcessor",
            "size": {"longest_edge": 64},
            "max_image_size": {"longest_edge": 32},
        },
        processor={"processor_class": "Idefics3Processor", "image_seq_len": 4},
        config=_idefics3,
    ),
}


def publish(name: str, folder: Path) -> Path:
    """Writes a random model of that family as a hub folder holds it, without [SEG]."""
    family = FAMILIES[name]
    tokenizer = _tokenizer(family)
    tokenizer.save_pretrained(folder)
    (folder / "chat_template.jinja").write_text(family.template)
    (folder / "preprocessor_config.json").write_text(json.dumps(family.picture))
    (folder / "processor_config.json").write_text(json.dumps(family.processor))
    fields = family.config(dict(tokenizer.get_vocab()))
    fields["text_config"]["vocab_size"] = len(tokenizer)
    torch.manual_seed(0)
    model = AutoModelForImageTextToText.from_config(CONFIG_MAPPING[name].from_dict(fields))
    with torch.no_grad():
        for weight in model.parameters():  # far enough from zero that every state and every choice differs
            weight.add_(torch.randn_like(weight) * 0.1)
    model.generation_config.repetition_penalty = 1.3
    model.generation_config.eos_token_id = [tokenizer.eos_token_id, 0]
    model.save_pretrained(folder)
    return folder


def _tokenizer(family: Family) -> PreTrainedTokenizerFast:
    backend = {"bytes": _byte_level, "llama": _llama, "gemma": _gemma}[family.style](family.tokens)
    backend.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in family.tokens])
    backend.add_tokens([AddedToken(word, normalized=False) for word in family.words])
    known = {"bos_token", "eos_token", "pad_token", "unk_token"}
    extra = {k: v for k, v in family.named.items() if k not in known}
    own = {k: v for k, v in family.named.items() if k in known}
    return PreTrainedTokenizerFast(tokenizer_object=backend, **own, extra_special_tokens=extra)


def _byte_level(tokens: list[str]) -> Tokenizer:
    """As Qwen's and Llama 3's."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    _train(tokenizer, tokens, initial_alphabet=alphabet)
    return tokenizer


def _llama(tokens: list[str]) -> Tokenizer:
    """As Llama 1's and 2's: a word begins with ▁, unknown letters are spelled in bytes."""
    tokenizer = _spelled(tokens)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    strip = decoders.Strip(" ", 1, 0)
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), strip])
    start = ("<s>", tokenizer.token_to_id("<s>"))
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[start])
    return tokenizer


def _gemma(tokens: list[str]) -> Tokenizer:
    """As Gemma's: the same without a mark on the first word."""
    tokenizer = _spelled(tokens)
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    start = ("<bos>", tokenizer.token_to_id("<bos>"))
    tokenizer.post_processor = processors.TemplateProcessing(single="<bos> $A", special_tokens=[start])
    return tokenizer


def _spelled(tokens: list[str]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    spelled = [f"<0x{byte:02X}>" for byte in range(256)]
    _train(tokenizer, [*tokens, *spelled])
    data = json.loads(tokenizer.to_str())
    data["added_tokens"], data["pre_tokenizer"] = [], None  # bytes are ordinary words
    return Tokenizer.from_str(json.dumps(data))


def _train(tokenizer: Tokenizer, tokens: list[str], **options: Any) -> None:
    size = len(tokens) + 256 + 120
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=tokens, show_progress=False, **options)
    tokenizer.train_from_iterator(SENTENCES, trainer)
