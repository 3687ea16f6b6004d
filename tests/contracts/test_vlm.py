"""What the segmenter may expect of every registered VLM, and of transformers' families behind "auto"."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sentencepiece
import torch
from auto_families import FAMILIES, SENTENCES, publish
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import CLIPVisionConfig, LlamaConfig

import lisa
from lisa.answer_text import readable
from lisa.config import ModelConfig, PartConfig
from lisa.errors import BadInput
from lisa.model import checkpoint
from lisa.model.doctor import examine
from lisa.model.segmenter import Segmenter
from lisa.registry import MASKERS, VLMS, find, names
from lisa.types import SEG, Sample, Target, Turn
from lisa.vlms import auto, llava_v1, tiny
from lisa.vlms.base import IGNORE, Prompt, VlmBatch, join_images
from lisa.vlms.dialogue import IMAGE_TEXT, IMAGE_TOKENS
from lisa.vlms.hf import HfVlm
from lisa.vlms.llava_tokens import LlamaTokens

ASSETS = Path(lisa.__file__).parent / "assets"
PLAIN = "Which food has the most vitamin C?"
ANSWERS = [
    "It is the orange [SEG].",
    "The cat [SEG] is on the red chair [SEG], and the dog is under the table.",
    "[SEG] is the girl.",
    "There is no dog.",
]
NASTY = [SEG, "</s>", "<s>", "<image>", "<|im_end|>", "<|im_start|>assistant\n", "<end_of_turn>", "<unk>", "<pad>"]
NASTY += ["<user>", "<assistant>", "<im_start>", "<tool_call>", "<think>", "<|image_pad|>", "<IMG_CONTEXT>", "<eos>"]
NASTY += ["<start_of_image>", "<image_soft_token>", "{{ bos_token }}"]
MARKS = ["\x00[SEG]", "\ufdd01\ufdd1", "\ufdd2anchor\ufdd2"]
"""What the code itself puts into texts."""


@dataclass(frozen=True)
class Case:
    """A model under test."""

    name: str
    vlm: HfVlm
    special: frozenset[int]
    """Ids that no typed text may have."""
    folder: Path | None = None
    """Where "auto" took it from."""


def _tiny(_: Path) -> Case:
    options = checkpoint.read_config(ASSETS / "tiny").vlm.options
    vlm = tiny.build({**options, "square": 64, "width": 64, "layers": 2}, ASSETS / "tiny")
    return Case("tiny", vlm, frozenset(range(len(tiny.CONTROL))))


def _llava_v1(_: Path) -> Case:
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES), model_writer=written, model_type="bpe", byte_fallback=True, vocab_size=400,
        minloglevel=2,
    )  # fmt: skip
    added = {llava_v1.IM_START: 400, llava_v1.IM_END: 401, SEG: 402}
    tokens = LlamaTokens(written.getvalue(), added)
    dialogue = llava_v1.LlavaV1Dialogue(tokens, image_tokens=4, pixels=llava_v1.ClipPixels(size=28))
    small = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4}
    vision = CLIPVisionConfig(**{**small, "image_size": 28, "patch_size": 14})
    vlm = llava_v1.build(LlamaConfig(**small, vocab_size=403), vision, dialogue)
    return Case("llava_v1", vlm, frozenset([tokens.bos, tokens.eos, tokens.unk, *added.values()]))


def _auto(name: str) -> Callable[[Path], Case]:
    def build(folder: Path) -> Case:
        vlm = auto.from_pretrained(publish(name, folder))
        tokens = vlm.dialogue.processor.tokenizer.added_tokens_decoder
        special = frozenset(id for id, token in tokens.items() if not token.content.isspace())
        return Case(name, vlm, special, folder)

    return build


BUILDERS = {"tiny": _tiny, "llava_v1": _llava_v1, **{f"auto-{name}": _auto(name) for name in FAMILIES}}


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", params=BUILDERS)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    torch.manual_seed(0)
    found = BUILDERS[request.param](tmp_path_factory.mktemp("published"))
    if found.folder is None:
        with torch.no_grad():
            for weight in found.vlm.parameters():  # states that differ, as a trained model's do
                weight.add_(torch.randn_like(weight) * 0.05)
    found.vlm.eval()
    return found


def picture(h: int = 60, w: int = 90, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (h, w, 3), dtype=np.uint8)


PICTURES = [picture(), picture(100, 48, seed=1)]


def batch_of(vlm: HfVlm, *conversations: list[Turn], left: bool = False) -> VlmBatch:
    """Each conversation about a picture of its own."""
    prepared = [vlm.prepare_image(p) for p, _ in zip(PICTURES, conversations)]
    prompts = [vlm.prepare_text(image, turns) for image, turns in zip(prepared, conversations)]
    return vlm.collate(prompts, range(len(prompts)), join_images(prepared), left=left)


def longer(prompt: Prompt, ids: torch.Tensor) -> Prompt:
    """A prompt with generated tokens behind it; they are text."""
    return Prompt(
        input_ids=torch.cat([prompt.input_ids, ids]),
        labels=torch.cat([prompt.labels, ids]),
        per_token={k: torch.cat([v, torch.zeros_like(ids)]) for k, v in prompt.per_token.items()},
        per_picture=prompt.per_picture,
    )


def close(a: torch.Tensor, b: torch.Tensor, limit: float) -> bool:
    return a.shape == b.shape and float((a - b).abs().max()) <= limit


# --- text ---


def test_every_registered_family_is_here():
    assert set(names("vlms", VLMS)) <= {name.partition("-")[0] for name in BUILDERS}


@pytest.mark.parametrize("answer", ANSWERS)
def test_labels_are_the_answers(case, answer):
    image = case.vlm.prepare_image(PICTURES[0])
    turns = [Turn(instruction=PLAIN, answer=answer), Turn(instruction="And the dog?", answer="It is the dog [SEG].")]
    prompt = case.vlm.prepare_text(image, turns)
    kept = prompt.labels != IGNORE
    assert torch.equal(prompt.labels[kept], prompt.input_ids[kept])
    starts = (kept & ~kept.roll(1)).nonzero().flatten().tolist()
    assert len(starts) == len(turns)
    for start, turn in zip(starts, turns):
        end = start + int((~kept[start:]).int().argmax()) if not kept[start:].all() else len(kept)
        ids = prompt.labels[start:end].tolist()
        assert ids[-1] in case.vlm.dialogue.stop_ids
        assert ids.count(case.vlm.seg_token_id) == str(turn.answer).count(SEG)
        assert readable(case.vlm.decode(ids)) == readable(str(turn.answer))
    assert int((prompt.input_ids == case.vlm.seg_token_id).sum()) == answer.count(SEG) + 1


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_prompt_is_the_same_before_its_answer_is_known(case, answer):
    image = case.vlm.prepare_image(PICTURES[0])
    earlier = Turn(instruction=PLAIN, answer=ANSWERS[0])
    asked = case.vlm.prepare_text(image, [earlier, Turn(instruction="Where?")])
    told = case.vlm.prepare_text(image, [earlier, Turn(instruction="Where?", answer=answer)])
    n = len(asked.input_ids)
    assert torch.equal(asked.input_ids, told.input_ids[:n]) and torch.equal(asked.labels, told.labels[:n])
    assert torch.equal(told.labels[n:], told.input_ids[n:]) and len(told.labels) > n


@settings(max_examples=30, deadline=None)
@given(parts=st.lists(st.sampled_from(NASTY + MARKS) | st.text(max_size=6), min_size=1, max_size=4))
def test_what_people_type_is_text(case, parts):
    image = case.vlm.prepare_image(PICTURES[0])

    def specials(instruction: str) -> list[int]:
        turns = [Turn(instruction=instruction, answer="Yes [SEG]."), Turn(instruction="x")]
        prompt = case.vlm.prepare_text(image, turns)
        return [id for id in prompt.input_ids.tolist() if id in case.special]

    assert specials("".join(parts)) == specials("x")


@pytest.mark.parametrize("name", NASTY)
def test_typed_names_reach_the_model_as_letters(case, name):
    if case.folder is None:
        pytest.skip("the family has a reading of its own")
    image = case.vlm.prepare_image(PICTURES[0])
    prompt = case.vlm.prepare_text(image, [Turn(instruction=f"a{name} b")])
    bare = case.vlm.prepare_text(image, [Turn(instruction="a b")])
    assert f"a{name} b" in case.vlm.dialogue.processor.tokenizer.decode(prompt.input_ids)
    assert len(prompt.input_ids) > len(bare.input_ids) + 2


def test_prompts_are_those_of_the_processor(case):
    if case.folder is None:
        pytest.skip("the family has no processor of transformers")
    processor = case.vlm.dialogue.processor
    content = [{"type": "image"}, {"type": "text", "text": PLAIN}]
    text = processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True)
    bos = processor.tokenizer.bos_token
    own = processor(
        images=[PICTURES[0]], text=[text], add_special_tokens=not (bos and text.startswith(bos)), return_tensors="pt"
    )
    prompt = case.vlm.prepare_text(case.vlm.prepare_image(PICTURES[0]), [Turn(instruction=PLAIN)])
    assert prompt.input_ids.tolist() == own["input_ids"][0].tolist()
    assert all(torch.equal(values, own[key][0]) for key, values in prompt.per_token.items())


# --- states ---


def test_encoding_first_changes_nothing(case):
    batch = batch_of(case.vlm, [Turn(instruction=PLAIN, answer=ANSWERS[1])], [Turn(instruction="Where?")])
    with torch.no_grad():
        features = case.vlm.encode_images(batch.images)
        assert len(features) == 2
        there = batch.attention_mask == 1
        before, during = case.vlm.hidden(batch, features)[there], case.vlm.hidden(batch)[there]
        alone = case.vlm.encode_images(case.vlm.prepare_image(PICTURES[1]))[0]
    assert close(before, during, 1e-5)
    assert close(alone, features[1], 1e-4)


def test_states_are_those_of_the_model_itself(case):
    batch = batch_of(case.vlm, [Turn(instruction=PLAIN, answer=ANSWERS[1])], [Turn(instruction="Where?")])
    there = batch.attention_mask == 1
    inputs = {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask}
    own = {k: v for k, v in batch.images.items() if k not in (IMAGE_TEXT, IMAGE_TOKENS)}
    with torch.no_grad():
        if case.name == "tiny":  # transformers knows its tower only through `encode_images`
            plain = copy.copy(case.vlm)
            plain.shares_prefix = False
            expected = case.vlm.logits(plain.hidden(batch))
        else:
            expected = case.vlm.model(**inputs, **own, **batch.per_token).logits
        found = case.vlm.logits(case.vlm.hidden(batch))
    assert close(found[there], expected[there], 1e-4)


def test_states_cost_no_logits(case):
    seen: list[int] = []
    handle = case.vlm.head.register_forward_hook(lambda _, args, out: seen.append(out.shape[1]))
    with torch.no_grad():
        case.vlm.hidden(batch_of(case.vlm, [Turn(instruction=PLAIN)]))
    handle.remove()
    assert seen in ([], [1])


def test_a_picture_matters(case):
    vlm, turns = case.vlm, [Turn(instruction=PLAIN)]
    batch = batch_of(vlm, turns, turns)
    with torch.no_grad():
        features = vlm.encode_images(batch.images)
        single = vlm.collate([vlm.prepare_text(vlm.prepare_image(PICTURES[0]), turns)], [0], {})
        same, other = vlm.hidden(single, features[:1]), vlm.hidden(single, [features[0].flip(0).flip(-2) + 0.5])
    assert not close(same[:, -1], other[:, -1], 1e-3)


def test_the_cache_changes_nothing(case):
    image = case.vlm.prepare_image(PICTURES[1])
    prompt = case.vlm.prepare_text(image, [Turn(instruction=PLAIN, answer=ANSWERS[0]), Turn(instruction="Why?")])
    with torch.no_grad():
        features = case.vlm.encode_images(image)
        generated = case.vlm.generate(case.vlm.collate([prompt], [0], {}, left=True), features, 8)[0]
        assert len(generated.ids) == 8 or int(generated.ids[-1]) in case.vlm.dialogue.stop_ids
        for k, (id, state) in enumerate(zip(generated.ids, generated.states)):
            whole = case.vlm.collate([longer(prompt, generated.ids[:k])], [0], {})
            expected = case.vlm.hidden(whole, features)[0, -1]
            assert close(state, expected, 1e-5)
            assert int(case.vlm.logits(expected).argmax()) == int(id)


def test_padding_on_the_left_changes_no_answer(case):
    turns = [[Turn(instruction="Why?")], [Turn(instruction=PLAIN, answer=ANSWERS[1]), Turn(instruction="Where is it?")]]
    batch = batch_of(case.vlm, *turns, left=True)
    assert int(batch.attention_mask.sum(1).min()) < batch.input_ids.shape[1]
    with torch.no_grad():
        features = case.vlm.encode_images(batch.images)
        together = case.vlm.generate(batch, features, 8)
        for i, (both, conversation) in enumerate(zip(together, turns)):
            prompt = case.vlm.prepare_text(case.vlm.prepare_image(PICTURES[i]), conversation)
            alone = case.vlm.generate(case.vlm.collate([prompt], [0], {}, left=True), [features[i]], 8)[0]
            assert both.ids.tolist() == alone.ids.tolist()
            assert close(both.states, alone.states, 1e-4)


def test_padding_on_the_right_changes_no_state(case):
    turns = [[Turn(instruction="Why?")], [Turn(instruction=PLAIN, answer=ANSWERS[1]), Turn(instruction="Where is it?")]]
    batch = batch_of(case.vlm, *turns)
    with torch.no_grad():
        features = case.vlm.encode_images(batch.images)
        together = case.vlm.hidden(batch, features)
        for i, conversation in enumerate(turns):
            prompt = case.vlm.prepare_text(case.vlm.prepare_image(PICTURES[i]), conversation)
            alone = case.vlm.hidden(case.vlm.collate([prompt], [0], {}), [features[i]])[0]
            assert close(together[i, : len(alone)], alone, 1e-4)


def test_what_is_longer_than_the_model_reads_is_refused(case):
    batch = batch_of(case.vlm, [Turn(instruction=PLAIN)], left=True)
    room = case.vlm.model.config.get_text_config().max_position_embeddings - batch.input_ids.shape[1]
    with torch.no_grad():
        features = case.vlm.encode_images(batch.images)
        with pytest.raises(BadInput, match="reads 2,048 in all"):
            case.vlm.generate(batch, features, room + 1)
        case.vlm.generate(batch, features, 1)


# --- in the segmenter ---


def small_masker() -> Any:
    torch.manual_seed(1)
    part = checkpoint.read_config(ASSETS / "tiny").masker
    return find("maskers", MASKERS, part.family)({**part.options, "square": 64})


@pytest.fixture
def segmenter(case: Case) -> Iterator[Segmenter]:
    kept = {k: v.clone() for k, v in case.vlm.state_dict().items()}
    torch.manual_seed(2)
    yield Segmenter(case.vlm, small_masker())
    case.vlm.load_state_dict(kept)
    case.vlm.zero_grad(set_to_none=True)
    case.vlm.eval()


def sample(*answers: str, image: np.ndarray = PICTURES[0]) -> Sample:
    target = Target(mask=np.ones(image.shape[:2], np.bool_))
    turns = (Turn(instruction=PLAIN, answer=a, targets=(target,) * a.count(SEG)) for a in answers)
    return Sample(id="", image=image, turns=tuple(turns))


def test_a_few_steps_lower_the_text_loss(segmenter):
    segmenter.train()
    batch = segmenter.collate([[sample(ANSWERS[0]), sample(ANSWERS[3])], [sample(ANSWERS[1], image=PICTURES[1])]])
    optimizer = torch.optim.Adam(segmenter.parameters(), lr=1e-3)
    seen = []
    for _ in range(5):
        losses = segmenter.losses(batch, segmenter(batch))
        optimizer.zero_grad()
        losses.total.backward()
        optimizer.step()
        seen.append(losses.text.item())
    assert np.isfinite(seen).all() and seen[-1] < 0.9 * seen[0]


def test_seg_in_earlier_turns(segmenter):
    with torch.no_grad():
        both = segmenter.collate([[sample(ANSWERS[1], ANSWERS[0])], [sample(ANSWERS[0], image=PICTURES[1])]])
        out = segmenter(both)
        first = segmenter(segmenter.collate([[sample(ANSWERS[1])]]))
    assert out.seg_image.tolist() == [0, 0, 0, 1] and len(out.low_res_logits) == 4
    assert close(out.seg_embeddings[:2], first.seg_embeddings, 1e-4)
    ids = both.vlm.input_ids[0].tolist()
    last = [k for k, id in enumerate(ids) if id == segmenter.vlm.seg_token_id][-1]
    assert close(segmenter.projector(out.hidden[0, last - 1]), out.seg_embeddings[2], 1e-6)


def test_without_seg_there_are_no_masks_and_every_gradient(segmenter):
    def reached(answer: str) -> tuple[set[str], torch.Tensor]:
        segmenter.zero_grad(set_to_none=True)
        batch = segmenter.collate([[sample(answer)]])
        out = segmenter(batch)
        assert len(out.low_res_logits) == answer.count(SEG)
        losses = segmenter.losses(batch, out)
        losses.total.backward()
        parts = [*segmenter.projector.named_parameters(), *segmenter.masker.named_parameters()]
        return {name for name, weight in parts if weight.grad is not None}, losses.total

    with_seg, _ = reached(ANSWERS[0])
    without, total = reached(ANSWERS[3])
    assert torch.isfinite(total) and len(with_seg) > 20 and with_seg <= without


# --- "auto" and its checkpoints ---


def test_seg_is_the_mean_of_all_words(case):
    if case.folder is None:
        pytest.skip("[SEG] is in its vocabulary from the start")
    model, id = case.vlm.model, case.vlm.seg_token_id
    published = auto.AutoModelForImageTextToText.from_pretrained(case.folder)
    tables = [(model.get_input_embeddings(), published.get_input_embeddings())]
    tables += [(model.get_output_embeddings(), published.get_output_embeddings())]
    for grown, old in tables:
        assert grown.weight.shape[0] == old.weight.shape[0] + 1 == id + 1
        assert torch.equal(grown.weight[:id], old.weight) and close(grown.weight[id], old.weight.mean(0), 1e-6)
    (table, old_table), (head, old_head) = tables
    assert (head.weight is table.weight) == (old_head.weight is old_table.weight)
    assert model.config.get_text_config().vocab_size == id + 1


def test_saved_and_loaded_it_answers_the_same(case, segmenter, tmp_path):
    if case.folder is None:
        pytest.skip("tests of its own")
    part = checkpoint.read_config(ASSETS / "tiny").masker
    masker = PartConfig(family=part.family, options={**part.options, "square": 64})
    config = ModelConfig(vlm=PartConfig(family="auto", options=auto.describe(case.vlm)), masker=masker, name="small")
    checkpoint.save(segmenter.eval(), config, tmp_path)
    again = lisa.load(tmp_path, device="cpu")
    assert {type(again.segmenter.vlm), again.name} == {HfVlm, "small"} and examine(tmp_path).ok
    images = [segmenter.encode(p) for p in PICTURES], [again.segmenter.encode(p) for p in PICTURES]
    turns = [[Turn(instruction=PLAIN, answer=ANSWERS[0]), Turn(instruction="Why?")], [Turn(instruction=SEG)]]
    old, new = (s.answer(i, turns, 8) for s, i in zip((segmenter, again.segmenter), images))
    assert [a.generated.ids.tolist() for a in old] == [a.generated.ids.tolist() for a in new]
    assert [a.raw_text for a in old] == [a.raw_text for a in new]
    assert all(close(a.generated.states, b.generated.states, 1e-5) for a, b in zip(old, new))
    assert segmenter.vlm.dialogue.stop_ids == again.segmenter.vlm.dialogue.stop_ids
