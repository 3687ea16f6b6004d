"""Prompts, ids, texts and label masks: exact."""

from __future__ import annotations

from typing import Any

import pytest
from goldens import Golden, collapse, turns_of

from lisa.model.legacy import load_legacy
from lisa.types import Turn
from lisa.vlms.llava_tokens import LlamaTokens, Piece
from lisa.vlms.llava_v1 import CONVERSATIONS, LlavaV1Dialogue

PICTURE: dict[str, Any] = {}


@pytest.fixture(scope="module")
def tokens(checkpoint, golden: Golden) -> LlamaTokens:
    return LlamaTokens(checkpoint / "tokenizer.model", golden("tiny_tokenizer.json")["added_tokens"])


@pytest.fixture(scope="module")
def dialogues(tokens: LlamaTokens) -> dict[str, LlavaV1Dialogue]:
    return {name: LlavaV1Dialogue(tokens, image_tokens=256, conversation=name) for name in CONVERSATIONS}


def rendered(name: str, turns) -> str:
    return "".join(piece.text for piece in CONVERSATIONS[name](turns))


def llama_2_turns(prompt: str) -> tuple[Turn, ...]:
    body = prompt.partition("<</SYS>>\n\n")[2]
    turns = []
    for text in body.removesuffix(" </s>").split(" </s><s>[INST] "):
        instruction, _, answer = text.partition(" [/INST]")
        instruction = instruction.removeprefix("<im_start><image><im_end>").removeprefix("<image>").removeprefix("\n")
        turns.append(Turn(instruction=instruction, answer=answer.removeprefix(" ") or None))
    return tuple(turns)


def parse(kind: str, prompt: str) -> tuple[Turn, ...]:
    return llama_2_turns(prompt) if kind == "llava_llama_2" else turns_of(prompt)


def test_golden_encodings(tokens: LlamaTokens, golden: Golden):
    for text, expected in golden("prompts.json")["encode"].items():
        assert tokens.encode(tokens.split(text), bos=False)[0] == expected["ids"], text


def test_golden_prompts(tokens: LlamaTokens, dialogues, golden: Golden):
    for case in golden("prompts.json")["prompts"]:
        assert tokens.encode(tokens.split(case["prompt"]))[0] == case["input_ids"], case["name"]
        kind = "llava_llama_2" if case["name"].endswith("llama_2") else "llava_v1"
        turns = parse(kind, case["prompt"])
        assert rendered(kind, turns) == case["prompt"]
        prompt = dialogues[kind].prepare_text(PICTURE, turns)
        assert collapse(prompt.input_ids.tolist()) == case["input_ids"], case["name"]


def test_golden_conversation_texts(golden: Golden):
    templates = golden("prompts.json")["conv_templates"]
    for name in CONVERSATIONS:
        assert templates[name]["system"] in rendered(name, [Turn(instruction="x")])


def test_golden_decodings(tokens: LlamaTokens, golden: Golden):
    for case in golden("prompts.json")["decode"]:
        assert tokens.decode(case["ids"]) == case["text"]
        assert tokens.decode(case["ids"], skip_special=True) == case["text_skip"]


def test_golden_label_masks(dialogues, golden: Golden):
    for case in golden("prompts.json")["label_masking"]:
        prompt = dialogues[case["conv_type"]].prepare_text(PICTURE, parse(case["conv_type"], case["prompt"]))
        assert collapse(prompt.input_ids.tolist()) == case["input_ids"]
        labels = prompt.labels.tolist()
        at = case["input_ids"].index(-200)
        assert labels[at : at + 256] == [-100] * 256
        assert [*labels[:at], -100, *labels[at + 256 :]] == case["labels"]


@pytest.mark.parametrize("kind", list(CONVERSATIONS))
@pytest.mark.parametrize("typed", ["[SEG]", "</s>", "<s>", "<unk>", "<image>", "<im_start> x <im_end>", "a[SEG]b </s>"])
def test_typed_token_names_are_text(dialogues, kind: str, typed: str):
    dialogue = dialogues[kind]
    plain = dialogue.prepare_text(PICTURE, [Turn(instruction="find it")]).input_ids.tolist()
    ids = dialogue.prepare_text(PICTURE, [Turn(instruction=f"find {typed} it")]).input_ids.tolist()
    special = [0, 1, 2, 512, 513, 514]
    assert [i for i in ids if i in special] == [i for i in plain if i in special]
    assert typed in dialogue.tokens.decode(ids)


def test_seg_in_an_earlier_answer_is_the_token(dialogues):
    for answer in ("It is [SEG].", "It is [SEG] .</s>"):  # as written, and as `raw_text` gives it back
        turns = [Turn(instruction="where", answer=answer), Turn(instruction="and [SEG]?")]
        ids = dialogues["llava_v1"].prepare_text(PICTURE, turns).input_ids.tolist()
        assert ids.count(512) == 1
        assert ids.count(2) == 1


def test_unusual_texts(dialogues, tokens: LlamaTokens):
    assert tokens.encode([], bos=False) == ([], [])
    assert tokens.encode(tokens.split("")) == ([1], [False])
    assert tokens.decode([]) == "" and dialogues["llava_v1"].decode([]) == ""
    for text in ("", " ", "\n\n", "日本語で答えて", "🙂" * 50, "a\u2581b", "x" * 3000):
        prompt = dialogues["llava_v1"].prepare_text(PICTURE, [Turn(instruction=text, answer=text)])
        assert prompt.input_ids.shape == prompt.labels.shape
        assert (prompt.input_ids == 0).sum() == 256  # only the picture's tokens
        learned = prompt.labels[prompt.labels != -100].tolist()
        assert learned[-1] == 2
    assert dialogues["llava_v1"].decode([9999, 2]).endswith("</s>")


def test_labels_are_the_answers(dialogues, tokens: LlamaTokens):
    turns = [Turn(instruction="a b", answer="Sure, it is [SEG]."), Turn(instruction="c", answer="The dog.")]
    for dialogue in dialogues.values():
        labels = dialogue.prepare_text(PICTURE, turns).labels
        text = tokens.decode([i for i in labels.tolist() if i != -100]).replace(" ", "")
        assert text == "Sure,itis[SEG].</s>Thedog.</s>"


def test_training_cut(tokens: LlamaTokens):
    dialogue = LlavaV1Dialogue(tokens, image_tokens=256, max_length=512)
    long = dialogue.prepare_text(PICTURE, [Turn(instruction="word " * 900, answer="yes")])
    assert len(long.input_ids) == len(long.labels) == 512
    assert len(dialogue.prepare_text(PICTURE, [Turn(instruction="word " * 900)]).input_ids) > 512


def test_ids_come_from_the_folder(tokens: LlamaTokens):
    names = {"[SEG]": 517, "<im_start>": 512, "<im_end>": 513, "<im_patch>": 515}
    other = LlamaTokens(tokens.pieces.serialized_model_proto(), names)
    assert other.encode([Piece("[SEG]", token=True)], bos=False)[0] == [517]
    assert LlavaV1Dialogue(other, image_tokens=256).seg_token_id == 517


def test_either_conversation_loads(checkpoint, golden: Golden):
    case = golden("prompts.json")["prompts"][3]
    model = load_legacy(checkpoint, conversation="llava_llama_2")
    ids = model.vlm.prepare_text(PICTURE, llama_2_turns(case["prompt"])).input_ids.tolist()
    assert collapse(ids) == case["input_ids"]
