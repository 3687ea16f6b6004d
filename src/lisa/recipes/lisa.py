"""The paper's trainings (arXiv 2308.00692, and FACTS B for the code's defaults), and shorter ones on top of them."""

from __future__ import annotations

from lisa.recipes.base import Recipe

# so many pictures that none comes again before a cache in memory is full: cache="none"
_PARTS = {
    "start": "parts",
    "llava": "liuhaotian/LLaVA-Lightning-7B-v1-1",
    "sam": "sam_vit_h_4b8939.pth",
    "clip": "openai/clip-vit-large-patch14",
}


def lisa_7b() -> Recipe:
    """10,000 steps as published: three days on eight 24-GB cards.

    `torchrun --nproc_per_node 8 -m lisa train lisa-7b`
    """
    return Recipe(**_PARTS, cache="none")  # type: ignore[arg-type]


def lisa_7b_code() -> Recipe:
    """The defaults of the published code: 5,000 steps of 20 samples a card, losses a mean of each micro-batch."""
    return Recipe(**_PARTS, steps=5_000, normalise="micro", cache="none")  # type: ignore[arg-type]


def lisa_7b_24gb() -> Recipe:
    """One 24-GB card: frozen weights in 4 bits, only [SEG]'s rows of the embeddings, one sample a forward."""
    return Recipe(**_PARTS, micro=1, samples=16, quantise="nf4", embeddings="seg", cache="disk", cache_gb=200.0)  # type: ignore[arg-type]


def lisa_13b() -> Recipe:
    """13B on LLaMA 2, weights shared out over the cards."""
    parts = {**_PARTS, "llava": "liuhaotian/llava-llama-2-13b-chat-lightning-preview"}
    return Recipe(**parts, engine="fsdp", cache="none")  # type: ignore[arg-type]


def reasonseg_finetune() -> Recipe:
    """The published weights on the 239 reasoning samples."""
    return Recipe(
        start="lisa-7b",
        data={"reason": 1.0},
        order="shuffled",
        steps=500,
        samples=10,
        learning_rate=1e-4,
        warmup=25,
        evaluate="reason-val",
    )


def own_data() -> Recipe:
    """One's own pictures: `lisa train own-data data_dir=FOLDER`; starts from the published 7B unless told otherwise."""
    return Recipe(
        start="lisa-7b",
        data={"own": 1.0},
        order="shuffled",
        steps=500,
        samples=8,
        micro=1,
        learning_rate=1e-4,
        warmup=25,
        embeddings="seg",
    )


def own_tiny() -> Recipe:
    """One's own pictures on the embedded model, with drawn scenes between: minutes on a laptop.

    From 60 photographs it learns to find large things in a quarter of an hour. Its drawn world falls by 0.03 of gIoU
    (0.08 with blend=1, which finds more in photographs): see docs/log.md.

    `lisa train own-tiny data='{NAME: 1, world: 1}' data_dir=FOLDER --minutes 15`
    """
    return Recipe(
        start="tiny",
        data={"own": 1.0, "world": 1.0},
        augment=True,
        named=True,
        per_picture=8,
        steps=400,
        samples=6,
        micro=6,
        optimizer="muon",
        learning_rate=3e-4,
        weight_decay=0.01,
        warmup=20,
        schedule="linear",
        text_weight=1.0,
        bce_weight=5.0,
        dice_weight=1.0,
        language="full",
        encoders="masks",
        blend=0.7,
        precision="fp32",
        checkpointing=False,
        cache="none",
    )


def debug() -> Recipe:
    """`lisa train debug`: two steps of the embedded model on drawn scenes, to see that all of it runs."""
    return Recipe(
        start="tiny",
        data={"world": 1.0},
        steps=2,
        samples=4,
        micro=2,
        learning_rate=1e-4,
        warmup=1,
        precision="fp32",
        checkpointing=False,
        workers=0,
        log_every=1,
        evaluate="world",
        evaluate_every=2,
        evaluate_limit=4,
    )
