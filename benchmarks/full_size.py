"""What LISA's training costs at full size, estimated: FLOPs of a step, memory of a card, hours and card-hours.

`python benchmarks/full_size.py [--utilisation 0.3] [--price "RTX 3090=PRICE"] [--out FILE.md]`: three minutes.

    layout of the published files ─► model on the meta device ─┐
    templates of the recipe ─► tokens of a forward ────────────┴─► products of a step, counted ─► ÷ (peak × share)

Nothing of that size is computed. Two measurements hold it: steps of the mid-size model that `step_cost.py` timed on a
CPU, counted in the same way, and what the authors say of their own run. Money is card-hours times the price given.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import textwrap
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from step_cost import TOKENIZER, conversations, mid_size
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode
from transformers import CLIPVisionConfig, LlamaConfig

from lisa.data import prompts
from lisa.model import legacy
from lisa.model.adapters import Trained, language_model, prepare
from lisa.model.expected import manifest
from lisa.model.segmenter import Batch, Segmenter
from lisa.recipes.base import Recipe
from lisa.recipes.lisa import lisa_7b, lisa_7b_code, lisa_13b, reasonseg_finetune
from lisa.train.memory import frozen_blocks, on_each, training_memory
from lisa.types import Sample, Target, Turn
from lisa.vlms.base import IGNORE
from lisa.vlms.llava_tokens import LlamaTokens
from lisa.vlms.llava_v1 import LlavaV1Dialogue

CARDS = 8
DAY = 24 * 3600
TERA = 1e12


@dataclass(frozen=True, kw_only=True)
class Card:
    """A kind of card."""

    name: str
    peak: float
    """FLOP/s of dense bf16 products that are summed in float32."""
    memory: float
    """Bytes."""
    count: int = CARDS


HARDWARE = (
    Card(name="RTX 3090", peak=71 * TERA, memory=24 * 2**30),
    Card(name="A100 40 GB", peak=312 * TERA, memory=40 * 2**30),
    Card(name="H100 80 GB", peak=989 * TERA, memory=80 * 2**30, count=1),
)
"""Peaks: NVIDIA's GA102 whitepaper, table 9; A100 whitepaper, table 4; H100 whitepaper 1.04, table 3 (SXM)."""

SAID = (
    ("7b", "7B: 10,000 steps in three days or so (issue 17; the paper: less than three days)", 3 * DAY / 10_000),
    ("13b", "13B: about 30 s a step (issue 19)", 30.0),
)
"""What the authors say of 8 RTX 3090, in the paper and in dvlab-research/LISA: size, words, seconds of a step."""

CPU_STEPS = {"the reference's": 135.4, "ours, cold": 79.3, "ours, warm": 23.1}
"""CPU-seconds of steps of `step_cost.py`; benchmarks/results/training_cpu2_2026-11.md."""

PIECES = {"sem_seg": 2, "refer_seg": 9, "reason": 18}
"""Tokens of what is asked about: a class name, an expression, a question."""
EXPLANATION, EXPLAINED = 45, 0.5
"""Tokens of an explanation, and how many of the reasoning answers have one."""
CHAT, CHATTED = 512, 200
"""Tokens of a conversation of LLaVA-Instruct with its picture (the reference cuts there), and of its answers."""
PER_PICTURE, DRAWS = 3, 200
PIECE = "image"
"""A word of one token."""
HEIGHT, WIDTH = 480, 640
MEASURED_ABOVE = 1.17
"""What was measured lay up to so much above the estimate of memory; benchmarks/results/training_cpu2_2026-11.md."""
FORMS = (("ddp", 2), ("ddp", 1), ("fsdp", 2), ("fsdp", 4), ("ZeRO-2", 2))
"""Engines, with pictures a forward."""
SIDE = 2048
"""Of the matrices by whose product this machine is known."""


@dataclass(frozen=True, kw_only=True)
class Load:
    """One forward."""

    pictures: int
    conversations: int
    tokens: int
    """Of the longest conversation, with its picture's; the others are padded to it."""
    learned: int
    """Supervised tokens of all conversations."""
    masks: int


# -- models ----------------------------------------------------------------------------------------------------------
def build(size: str) -> Segmenter:
    """LISA-7B ("7b") or -13B ("13b") on the meta device, in the layout of the published files."""
    shapes = manifest(size)
    rows, width = shapes["model.embed_tokens.weight"]
    gates = [shape for key, shape in shapes.items() if key.endswith("mlp.gate_proj.weight")]
    text = LlamaConfig(
        hidden_size=width, intermediate_size=gates[0][0], num_hidden_layers=len(gates),
        num_attention_heads=width // 128, vocab_size=rows, pad_token_id=0,
    )  # fmt: skip
    clip = CLIPVisionConfig(
        hidden_size=1024, intermediate_size=4096, num_hidden_layers=24, num_attention_heads=16, image_size=224,
        patch_size=14,
    )  # fmt: skip
    tensors = {key: torch.empty(shape, device="meta") for key, shape in shapes.items()}
    return legacy.build(text, clip, dialogue_of(rows), tensors)


def dialogue_of(rows: int) -> LlavaV1Dialogue:
    """LLaVA's prompts with the tests' tokenizer of 512 pieces, which has the templates' words whole."""
    tokens = LlamaTokens(TOKENIZER, {"[SEG]": rows - 1, "<im_start>": rows - 3, "<im_end>": rows - 2})
    return LlavaV1Dialogue(tokens, image_tokens=256)


def trained(segmenter: Segmenter) -> Segmenter:
    """As the paper trains it: LoRA, embeddings, projector, mask decoder."""
    return prepare(segmenter, Trained()).train()


# -- what goes through them ------------------------------------------------------------------------------------------
def turns_of(kind: str, rng: np.random.Generator) -> Turn:
    """A question and its answer in the words of the recipe, for data of a kind."""
    text = _words(PIECES[kind])
    if kind != "reason":
        return Turn(instruction=prompts.ask_name(text, rng), answer=prompts.answer(rng))
    told = _words(EXPLANATION) if rng.random() < EXPLAINED else ""
    return Turn(instruction=prompts.ask_sentence(text, rng, explain=bool(told)), answer=prompts.answer(rng, told))


def load_of(kind: str, dialogue: LlavaV1Dialogue, micro: int) -> Load:
    """The mean forward of `micro` pictures of a kind, by the templates; a picture has one chat, or three questions."""
    if kind == "vqa":
        return Load(pictures=micro, conversations=micro, tokens=CHAT, learned=CHATTED * micro, masks=0)
    rng = np.random.default_rng(0)
    count = micro * PER_PICTURE
    longest, learned = [], []
    for _ in range(DRAWS):
        found = [dialogue.prepare_text({}, [turns_of(kind, rng)]) for _ in range(count)]
        longest.append(max(len(prompt.input_ids) for prompt in found))
        learned.append(sum(int((prompt.labels != IGNORE).sum()) for prompt in found))
    return Load(
        pictures=micro,
        conversations=count,
        tokens=round(float(np.mean(longest))),
        learned=round(float(np.mean(learned))),
        masks=count,
    )


def batch_of(segmenter: Segmenter, micro: int) -> Batch:
    """`micro` pictures with three explained reasoning questions each: the largest forward of the recipe."""
    turn = Turn(
        instruction=prompts.ENGLISH.explain[0].format(text=_words(PIECES["reason"])),
        answer=f"{prompts.ENGLISH.answers[3]} {_words(EXPLANATION)}",
        targets=(Target(mask=np.ones((HEIGHT, WIDTH), bool)),),
    )
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    group = [Sample(id=str(i), image=image, turns=(turn,)) for i in range(PER_PICTURE)]
    return segmenter.collate([group] * micro)


def _words(count: int) -> str:
    return " ".join([PIECE] * count)


# -- FLOPs -----------------------------------------------------------------------------------------------------------
def flops_of(work: Callable[[], Any]) -> float:
    """FLOPs of matrix products, convolutions and attention, a product with its sum being two."""
    counter = FlopCounterMode(display=False)
    with counter:
        work()
    return float(counter.get_total_flops())


def step_flops(model: Segmenter, load: Load, *, reference: bool, blocks_to_end: bool = False) -> dict[str, float]:
    """Part → FLOPs of a forward with its backward, on the meta device.

    `reference`: CLIP once a conversation, and output logits of every token. `blocks_to_end`: the second forward of a
    block that checkpointing asks for runs to its end, as in the reference, and not just to the last state it needs.
    """
    language: Any = language_model(model)
    language.activation_checkpointing_enable({"use_reentrant": blocks_to_end})
    seen = load.conversations if reference else load.pictures
    tokens = load.conversations * load.tokens
    side = model.masker.square  # type: ignore[attr-defined]
    pixels = {"pixel_values": torch.zeros(seen, 3, 224, 224, device="meta")}

    def states() -> Tensor:
        return torch.zeros(tokens, model.vlm.width, device="meta", requires_grad=True)

    def talk() -> None:
        ids = torch.zeros(load.conversations, load.tokens, dtype=torch.int64, device="meta")
        seen_by = torch.ones(load.conversations, 1, load.tokens, load.tokens, dtype=torch.bool, device="meta")
        embeds = model.vlm.model.get_input_embeddings()(ids)  # type: ignore[attr-defined]
        language(inputs_embeds=embeds, attention_mask=seen_by, use_cache=False).last_hidden_state.sum().backward()

    def decode() -> None:
        features = torch.zeros(load.pictures, model.masker.prompt_width, side // 16, side // 16, device="meta")
        index = torch.zeros(load.masks, dtype=torch.int64, device="meta")
        model.masker.decode(features, model.projector(states()[: load.masks]), index)[0].sum().backward()

    with torch.no_grad():
        found = {
            "SAM": flops_of(partial(model.masker.encode, torch.zeros(load.pictures, 4, side, side, device="meta"))),
            "CLIP": flops_of(partial(model.vlm.encode_images, pixels)),
        }
    found["language model"] = flops_of(talk)
    kept = tokens if reference else load.learned
    found["output logits"] = flops_of(lambda: model.vlm.logits(states()[:kept]).sum().backward())
    found["mask decoder"] = flops_of(decode) if load.masks else 0.0
    return found


ENCODERS = ("SAM", "CLIP")


@dataclass(frozen=True)
class Size:
    """What was counted of one size of model."""

    reference: Mapping[str, Mapping[str, float]]
    """Kind of data → part → FLOPs of a sample."""
    ours: Mapping[str, Mapping[str, float]]
    weights: float
    """Bytes of all weights in bf16."""

    def sample(self, data: Mapping[str, float], *, reference: bool = False, cached: bool = False) -> float:
        """FLOPs of the mean sample of a mixture, kind → share."""
        counted = self.reference if reference else self.ours
        each = {k: sum(v for part, v in counted[k].items() if not (cached and part in ENCODERS)) for k in data}
        return sum(share * each[kind] for kind, share in data.items()) / sum(data.values())


def count(size: str, loads: Mapping[str, Load]) -> Size:
    """Both schedules of one size."""
    model = trained(build(size))
    found: list[dict[str, dict[str, float]]] = []
    for reference in (True, False):
        rows = {}
        for kind, load in loads.items():
            parts = step_flops(model, load, reference=reference, blocks_to_end=reference)
            rows[kind] = {part: value / load.pictures for part, value in parts.items()}
        found.append(rows)
    return Size(*found, weights=2.0 * sum(p.numel() for p in model.parameters()))


def product_rate() -> float:
    """FLOP/s of the best of some products of matrices on one thread of this machine, by its CPU time."""
    torch.set_num_threads(1)
    left, right = torch.randn(SIDE, SIDE), torch.randn(SIDE, SIDE)
    seconds = []
    for _ in range(8):
        began = time.process_time()
        torch.mm(left, right)
        seconds.append(time.process_time() - began)
    return 2 * SIDE**3 / min(seconds)


def cpu_flops() -> dict[str, float]:
    """Schedule of `step_cost.py` → FLOPs of its step."""
    with torch.device("meta"):
        model = mid_size(False)
    model = trained(model)
    batch = model.collate(conversations())
    counted = model.counts(batch)
    load = Load(
        pictures=len(batch.targets),
        conversations=len(batch.vlm.input_ids),
        tokens=batch.vlm.input_ids.shape[1],
        learned=int(counted["tokens"]),
        masks=int(counted["masks"]),
    )
    ours = step_flops(model, load, reference=False)
    warm = sum(value for part, value in ours.items() if part not in ENCODERS)
    reference = sum(step_flops(model, load, reference=True).values())
    return dict(zip(CPU_STEPS, (reference, sum(ours.values()), warm)))


# -- memory ----------------------------------------------------------------------------------------------------------
def memory_of(segmenter: Segmenter, engine: str, micro: int, recipe: Recipe) -> dict[str, float]:
    """Part → bytes on each of eight cards: `--dry-run`'s estimate, and what an engine copies or shares out."""
    parts = training_memory(segmenter, batch_of(segmenter, micro), recipe)
    return on_each(parts, segmenter, engine, CARDS)


def verdict(needed: float, card: Card) -> str:
    """Whether so many bytes fit, also if the estimate is as far below as it was on a CPU."""
    if needed * MEASURED_ABOVE <= card.memory:
        return "fits"
    return "just" if needed <= card.memory else "no"


# -- the page --------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, kw_only=True)
class Training:
    """A row of the table of times."""

    name: str
    size: str
    recipe: Recipe
    cached: bool = False

    def flops(self, sizes: Mapping[str, Size]) -> float:
        """Of the whole run."""
        each = sizes[self.size].sample(self.recipe.data, cached=self.cached)
        return self.recipe.steps * self.recipe.samples * each


ORDINARY = {"sem_seg": 9.0, "refer_seg": 3.0, "vqa": 3.0}
REPLAYED = {"reason": 2.0, "sem_seg": 0.6, "refer_seg": 0.2, "vqa": 0.2}


def trainings() -> list[Training]:
    """What is estimated: both stages, as the commands of docs/claims.md run them."""
    first, long = replace(lisa_7b(), data=ORDINARY), replace(lisa_13b(), data=ORDINARY)
    second = replace(reasonseg_finetune(), data=REPLAYED, samples=16)
    return [
        Training(name="7B, stage 1, 10,000 steps", size="7b", recipe=first),
        Training(name="7B, stage 1, 10,000 steps, every picture cached", size="7b", recipe=first, cached=True),
        Training(name="7B, stage 1, 5,000 steps", size="7b", recipe=replace(first, steps=lisa_7b_code().steps)),
        Training(name="7B, stage 2, 500 steps", size="7b", recipe=second),
        Training(name="13B, stage 1, 10,000 steps", size="13b", recipe=long),
        Training(name="13B, stage 2, 500 steps", size="13b", recipe=second),
    ]


HEAD = """No card was at hand: FLOPs are counted on the meta device (torch's `FlopCounterMode`, two for a product with
its sum), times are FLOPs divided by a share of what a card could do. Memory is `lisa train --dry-run`'s estimate. GB
are 10⁹ bytes."""


SECOND = """The second is not used below: the weights of 13B in bf16 do not lie whole on such a card, and how that run
kept them is not said."""


def page(utilisation: float, prices: Mapping[str, float], made_by: str) -> str:
    """The whole result as Markdown."""
    dialogue = dialogue_of(manifest("7b")["model.embed_tokens.weight"][0])
    loads = {kind: load_of(kind, dialogue, lisa_7b().micro) for kind in ("sem_seg", "refer_seg", "vqa", "reason")}
    sizes = {size: count(size, loads) for size in ("7b", "13b")}
    paper = lisa_7b()
    steps = {size: paper.samples * sizes[size].sample(paper.data, reference=True) for size in sizes}
    implied = {size: steps[size] / (CARDS * HARDWARE[0].peak * seconds) for size, _, seconds in SAID}
    parts = [
        ["# Full size, estimated, November 2026", f"`{made_by}`"],
        [_text(HEAD)],
        _assumed(loads, utilisation),
        _flops(sizes, paper),
        _checked(steps, implied),
        _times(sizes, utilisation, implied["7b"], prices),
        _memory(paper, sizes, utilisation),
    ]  # fmt: skip
    return "\n\n".join(text for part in parts for text in part) + "\n"


def _assumed(loads: Mapping[str, Load], utilisation: float) -> list[str]:
    rows = [[k, str(v.pictures), str(v.conversations), str(v.tokens), str(v.learned)] for k, v in loads.items()]
    peaks = ", ".join(f"{c.name} {c.peak / TERA:.0f} TFLOP/s" for c in HARDWARE)
    said = [
        f"A forward is two pictures with three conversations each (of chats one). A class name is {PIECES['sem_seg']} "
        f"tokens, an expression {PIECES['refer_seg']}, a reasoning question {PIECES['reason']}, an explanation "
        f"{EXPLANATION} in {_percent(EXPLAINED)} of the answers; a chat is {CHAT}, where the reference cuts. The "
        "templates around them are counted with the tests' tokenizer; ten tokens more are 3 % more time.",
        f"Peaks are NVIDIA's, dense bf16 with sums in float32 (whitepapers GA102, A100, H100): {peaks}. "
        f"{_percent(utilisation)} of it is assumed; what the paper's run implies stands beside.",
        "Reading pictures, the optimizer's step and what cards tell each other is part of the share that is lost.",
    ]
    head = ["data", "pictures", "conversations", "tokens of each", "learned tokens in all"]
    return ["## What is assumed", "\n".join(_text(line, "- ") for line in said), _table(head, rows)]


def _flops(sizes: Mapping[str, Size], paper: Recipe) -> list[str]:
    names = (*ENCODERS, "language model", "output logits", "mask decoder")
    rows = []
    for size, counted in sizes.items():
        for label, schedule in (("the reference's", counted.reference), ("ours", counted.ours)):
            share = sum(paper.data.values())
            mean = {n: sum(paper.data[k] * schedule[k][n] for k in paper.data) / share for n in names}
            cached = "–" if label != "ours" else _tera(sum(v for n, v in mean.items() if n not in ENCODERS))
            row = [size.upper(), label, *(_tera(mean[n]) for n in names), f"**{_tera(sum(mean.values()))}**", cached]
            rows.append(row)
    text = (
        "Forward, backward and checkpointing's second forward of the mean sample of the paper's mixture, "
        "9 : 3 : 3 : 1; frozen weights get no gradient. The reference sees a picture with CLIP once a conversation, "
        "makes logits of every token, and computes each block again to its end."
    )
    head = ["size", "schedule", *names, "in all", "features cached"]
    return ["## TFLOP of one sample", _text(text), _table(head, rows)]


def _checked(steps: Mapping[str, float], implied: Mapping[str, float]) -> list[str]:
    best, counted = product_rate(), cpu_flops()
    rows = []
    for name, seconds in CPU_STEPS.items():
        rate = counted[name] / seconds
        rows.append([name, f"{counted[name] / TERA:.2f}", f"{seconds:.1f}", f"{rate / 1e9:.1f}", _percent(rate / best)])
    said = []
    for size, words, seconds in SAID:
        each = f"{steps[size] / seconds / CARDS / TERA:.1f}"
        said.append([words, f"{steps[size] / 1e15:.2f}", f"{seconds:.1f}", each, f"**{_percent(implied[size])}**"])
    mid_size_text = (
        "The mid-size model of `step_cost.py` (616 M parameters, float32, one thread) by its measured CPU-seconds "
        f"([figures](training_cpu2_2026-11.md)), and their share of what a product of {SIDE}² matrices reaches on "
        f"such a core, {best / 1e9:.0f} GFLOP/s:"
    )
    said_text = (
        "What the authors say of 8 RTX 3090 (arXiv 2308.00692, section 4.1, and issues of dvlab-research/LISA), by the "
        "reference's schedule; a step is ten forwards of two samples on each card:"
    )
    return [
        "## Against measured steps",
        _text(mid_size_text),
        _table(["schedule", "TFLOP a step", "CPU-s", "GFLOP/s", "share"], rows),
        _text(said_text),
        _table(["said", "PFLOP a step", "s a step", "TFLOP/s a card", "share of the peak"], said),
        _text(SECOND),
    ]


def _times(sizes: Mapping[str, Size], utilisation: float, implied: float, prices: Mapping[str, float]) -> list[str]:
    rows = []
    for training in trainings():
        flops = training.flops(sizes)
        for card in HARDWARE:
            if sizes[training.size].weights > card.memory:
                continue
            hours = [flops / (card.count * card.peak * share) / 3600 for share in (utilisation, implied)]
            cards = [card.count * each for each in hours]
            row = [training.name, f"{flops / 1e18:.3g}", f"{card.count} × {card.name}", *map(_short, hours)]
            row.append(_short(cards[0]))
            if prices:
                row.append(_short(cards[0] * prices[card.name]) if card.name in prices else "–")
            rows.append(row)
    text = (
        "Stage 1 is the paper's recipe without reasoning data, 160 samples a step; stage 2 the 239 samples with an "
        "old picture beside every two, 16 samples a step. The share that the paper's run implies is one of an RTX "
        '3090; for other cards it is a guess. Money: `--price "CARD=PRICE OF AN HOUR"`.'
    )
    head = ["training", "EFLOP", "cards", f"hours at {_percent(utilisation)}"]
    head += [f"hours at {_percent(implied)}, as the paper's run"]
    head += [f"card-hours at {_percent(utilisation)}", *(["price at that"] if prices else [])]
    return ["## Time and cost", _text(text), _table(head, rows)]


def _memory(paper: Recipe, sizes: Mapping[str, Size], utilisation: float) -> list[str]:
    rows, loaded = [], []
    for size in sizes:
        segmenter = trained(build(size).to(torch.bfloat16))
        whole = float(sum(p.numel() * p.element_size() for p in segmenter.parameters()))
        loaded.append(f"{whole / 1e9:.1f}")
        for engine, micro in FORMS:
            found = memory_of(segmenter, engine, micro, paper)
            needed = sum(found.values())
            at_most = max(needed, whole)
            forwards = paper.samples / CARDS / micro
            gathered = forwards * 2 * (1 - 1 / CARDS) * sum(frozen_blocks(segmenter)) / 1e9
            row = [size.upper(), engine, str(micro), *(f"{v / 1e9:.1f}" for v in found.values())]
            row += [f"**{needed / 1e9:.1f}**", *(verdict(at_most, card) for card in HARDWARE)]
            rows.append([*row, f"{gathered:.0f}" if engine == "fsdp" else "–"])
    pixels = 12e6 - HEIGHT * WIDTH
    seconds = paper.samples * sizes["7b"].sample(paper.data) / (CARDS * HARDWARE[0].peak * utilisation)
    text = (
        f"Three explained reasoning questions a picture, pictures of {WIDTH} × {HEIGHT}. In the sums beside "
        "`--dry-run`'s parts: DDP's copy of the "
        "gradients; of FSDP2 two gathered blocks, and trained weights and gradients whole during a step; of ZeRO-2 its "
        f"buffer of gradients. *just*: not if the truth is {_percent(MEASURED_ABOVE - 1)} above, as it was on a CPU. A "
        f"12-megapixel picture of Mapillary takes {PER_PICTURE * pixels * 24 / 1e9:.1f} GB more. Before FSDP2 shares a "
        f"model out, each card loads it whole: {' and '.join(loaded)} GB. FSDP2 gathers the blocks twice a forward; a "
        f"step of 7B on RTX 3090 has {seconds:.0f} s at {_percent(utilisation)} to hide that in."
    )
    parts = ["frozen weights", "trained weights", "gradients", "optimizer", "activations"]
    head = ["size", "engine", "pictures a forward", *parts, "GB in all", *(card.name for card in HARDWARE)]
    return ["## Memory of each of eight cards", _text(text), _table([*head, "GB gathered a step"], rows)]


def _tera(flops: float) -> str:
    return f"{flops / TERA:.2f}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _short(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 else f"{number:.2g}"


def _text(text: str, mark: str = "") -> str:
    lines = textwrap.wrap(text, 120 - len(mark), break_long_words=False, break_on_hyphens=False)
    return "\n".join((mark if i == 0 else " " * len(mark)) + line for i, line in enumerate(lines))


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


def _price(text: str) -> tuple[str, float]:
    name, _, price = text.partition("=")
    if name not in {card.name for card in HARDWARE}:
        raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(card.name for card in HARDWARE)}")
    return name, float(price)


def main() -> None:
    """Writes the page, or prints it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--utilisation", type=float, default=0.3, help="share of a card's peak that is reached")
    parser.add_argument("--price", action="append", type=_price, default=[], help='"CARD=PRICE OF AN HOUR"; several')
    parser.add_argument("--out", type=Path, help="a Markdown file")
    given = parser.parse_args()
    text = page(given.utilisation, dict(given.price), shlex.join(["python", "benchmarks/full_size.py", *sys.argv[1:]]))
    if given.out is None:
        print(text)
    else:
        given.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
