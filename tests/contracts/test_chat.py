"""Chat templates and tokenizers out of the ordinary, and folders that cannot be used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from auto_families import CHATML, publish
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from lisa.errors import BadCheckpoint, BadInput
from lisa.types import SEG, Turn
from lisa.vlms import auto
from lisa.vlms.base import IGNORE, join_images
from lisa.vlms.chat import ChatDialogue
from lisa.vlms.chat_tokens import ChatTokens
from lisa.vlms.pieces import Piece
from lisa.vlms.processors import load_processor

PICTURE = "<|vision_start|><|image_pad|><|vision_end|>"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return publish("qwen3_vl", tmp_path_factory.mktemp("qwen"))


def dialogue(folder: Path, template: str) -> ChatDialogue:
    processor: Any = load_processor(folder)
    processor.chat_template = processor.tokenizer.chat_template = template
    processor.tokenizer.add_tokens([AddedToken(SEG, lstrip=True)], special_tokens=True)
    return ChatDialogue(processor, image_token_id=processor.image_token_id)


def texts(found: ChatDialogue, *turns: Turn) -> tuple[str, str]:
    """The whole prompt from the picture's end on, and what of it is learned."""
    prompt = found.prepare_text(found.prepare_image(np.full((64, 64, 3), 99, np.uint8)), turns)
    read = found.processor.tokenizer.decode
    return read(prompt.input_ids).partition("<|vision_end|>")[2], read(prompt.labels[prompt.labels != IGNORE])


# --- templates ---


def test_a_thinking_template_reads_the_same_in_training(published):
    template = CHATML.replace("PICTURE", PICTURE).replace("assistant\n{%", "assistant\n<think>\n{%")
    found = dialogue(published, template)
    asked, _ = texts(found, Turn(instruction="Who?"))
    told, learned = texts(found, Turn(instruction="Who?", answer="Lisa [SEG]"))
    assert asked == "Who?<|im_end|>\n<|im_start|>assistant\n<think>\n" and told == f"{asked}Lisa[SEG]<|im_end|>"
    assert learned == "Lisa[SEG]<|im_end|>"


def test_an_end_token_that_raw_text_brings_along_stands_once(published):
    found = dialogue(published, CHATML.replace("PICTURE", PICTURE))
    answers = ("It is Lisa.", "It is Lisa.<|im_end|>")
    assert len({texts(found, Turn(instruction="Who?", answer=a), Turn(instruction="Why?")) for a in answers}) == 1


def test_one_turn_object_may_stand_twice(published):
    found = dialogue(published, CHATML.replace("PICTURE", PICTURE))
    turn = Turn(instruction="Who?", answer="Lisa.")
    whole, learned = texts(found, turn, turn)
    assert whole.count("Who?<|im_end|>") == 2 and learned == "Lisa.<|im_end|>" * 2


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("", "no chat template"),
        ("{{ messages[-1]['content'][-1]['text'] }}<|im_end|>", "leaves out or repeats"),
    ],
)
def test_templates_that_cannot_be_used(published, template, said):
    with pytest.raises(BadInput, match=said):
        texts(dialogue(published, template), Turn(instruction="a", answer="b"), Turn(instruction="c"))


# --- tokenizers ---


def words(**options: Any) -> ChatTokens:
    """A vocabulary whose ordinary words include the names of its special tokens."""
    letters = [(c, -3.0) for c in "▁abcdehirst</>[]SEG|n"]
    tokenizer = Tokenizer(models.Unigram([("<unk>", 0.0), ("</s>", -0.1), (SEG, -0.1), *letters], unk_id=0))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="never")
    tokenizer.add_special_tokens([AddedToken("</s>"), AddedToken(SEG), AddedToken("<|end|>", **options)])
    return ChatTokens(PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", eos_token="</s>"))


def test_names_in_the_vocabulary_are_spelled():
    tokens = words()
    assert tokens._plain.encode("a </s>[SEG]").ids[-2:] == [1, 2]  # else this test says nothing
    ids, _ = tokens.encode([Piece("a </s>[SEG] b?"), Piece("</s>", token=True)])
    assert set(ids) & set(tokens.ids.values()) - {0} == {1} and ids.count(1) == 1
    assert tokens.decode(ids[:-1]) == "a </s>[SEG] b<unk>"


@pytest.mark.parametrize("options", [{}, {"rstrip": True}, {"lstrip": True}, {"lstrip": True, "rstrip": True}])
def test_tokens_take_white_space_as_their_tokenizer_says(options):
    tokens = words(**options)
    text = "hi there <|end|> <|end|>  ab <|end|>"
    assert tokens.encode(tokens.split(text))[0] == tokens.tokenizer(text).input_ids


def test_what_is_no_fast_tokenizer():
    with pytest.raises(BadInput, match="no fast tokenizer"):
        ChatTokens(object())  # type: ignore[arg-type]


@pytest.mark.parametrize("rows", [0, 8])
def test_weights_tied_by_hand_stay_tied(published, rows):
    """`rows`: spare ones, as vocabularies padded to a round number have them."""
    model = auto.AutoModelForImageTextToText.from_pretrained(published)
    tokenizer = load_processor(published).tokenizer
    model.resize_token_embeddings(len(tokenizer) + rows, mean_resizing=False)
    table, head = model.get_input_embeddings(), model.get_output_embeddings()
    head.weight = table.weight
    id = auto.add_seg(model, tokenizer)
    table, head = model.get_input_embeddings(), model.get_output_embeddings()
    assert head.weight is table.weight and len(table.weight) == max(id + 1, id + rows)
    assert torch.allclose(table.weight[id], table.weight[:id].mean(0))
    before = table.weight.clone()
    assert auto.add_seg(model, tokenizer) == id and torch.equal(before, model.get_input_embeddings().weight)


# --- pictures ---


def test_pictures_of_different_size_are_padded():
    small, large = {"a": torch.ones(1, 2, 3, 1), "b": torch.ones(2)}, {"a": torch.ones(1, 4, 2, 1), "b": torch.ones(1)}
    joined = join_images([small, large])
    assert joined["a"].shape == (2, 4, 3, 1) and joined["b"].shape == (3,)
    assert joined["a"][0].sum() == 6 and joined["a"][0, :2, :3].sum() == 6 and joined["a"][1, :4, :2].sum() == 8


# --- folders ---


def test_folders_that_cannot_be_used(published, tmp_path):
    with pytest.raises(BadCheckpoint, match="names no processor"):
        load_processor(tmp_path)
    (tmp_path / "processor_config.json").write_text(json.dumps({"processor_class": "os.system"}))
    with pytest.raises(BadCheckpoint, match="has no processor"):
        load_processor(tmp_path)
    (tmp_path / "processor_config.json").write_text(json.dumps({"processor_class": "Qwen3VLProcessor"}))
    with pytest.raises(BadCheckpoint, match="cannot be made"):
        load_processor(tmp_path)
    with pytest.raises(BadCheckpoint, match="has no model"):
        auto.build({"config": {"model_type": "none"}}, published)


def test_a_family_without_encoded_pictures_is_refused(published):
    from transformers import GPT2Config, GPT2LMHeadModel

    model = GPT2LMHeadModel(GPT2Config(n_embd=8, n_head=1, n_layer=1, vocab_size=16))
    with pytest.raises(BadInput, match="gpt2 takes no pictures"):
        auto.wrap(model, load_processor(published))
