"""Complete named choices as Python values. A recipe's docstring says its command, time and figures."""

from __future__ import annotations

from collections.abc import Mapping

RECIPES: Mapping[str, str] = {
    "camvid": "lisa.recipes.camvid:CamvidRecipe",
    "camvid-debug": "lisa.recipes.camvid:debug",
    "debug": "lisa.recipes.lisa:debug",
    "lisa-7b": "lisa.recipes.lisa:lisa_7b",
    "lisa-7b-code": "lisa.recipes.lisa:lisa_7b_code",
    "lisa-7b-24gb": "lisa.recipes.lisa:lisa_7b_24gb",
    "lisa-13b": "lisa.recipes.lisa:lisa_13b",
    "own-data": "lisa.recipes.lisa:own_data",
    "own-tiny": "lisa.recipes.lisa:own_tiny",
    "reasonseg-finetune": "lisa.recipes.lisa:reasonseg_finetune",
    "tiny": "lisa.recipes.tiny:TinyRecipe",
    "tiny-gpu": "lisa.recipes.tiny:on_gpu",
    "tiny-base": "lisa.recipes.tiny:base",
    "tiny-debug": "lisa.recipes.tiny:debug",
}
"""Name → "module:callable" that gives the recipe."""

ABOUT: Mapping[str, str] = {
    "lisa-7b": "the paper's: LLaVA-Lightning-7B, SAM ViT-H and CLIP, all its data; eight 24-GB cards, three days",
    "lisa-7b-code": "the same as the published code has it: 5,000 steps",
    "lisa-7b-24gb": "the same on one 24-GB card, frozen weights in 4 bits",
    "lisa-13b": "on LLaVA-Llama-2-13B, weights shared out over the cards",
    "reasonseg-finetune": "the published 7B on ReasonSeg's 239 samples",
    "own-data": "the published 7B on one's own pictures; a card",
    "own-tiny": "the embedded model on one's own pictures, drawn scenes between; minutes on two cores",
    "tiny": "the embedded model from nothing, on drawn scenes; hours on two cores",
    "tiny-gpu": "the same with many times the pictures a step; a GPU and some sixteen cores",
    "tiny-base": "the embedded model before it meets [SEG]: what the claims start from",
    "camvid": "367 street photographs from nothing; an hour and a half on two cores",
    "debug": "two steps of the embedded model: seconds",
    "tiny-debug": "every stage of tiny in two steps",
    "camvid-debug": "every stage of camvid in two steps",
}
"""Name → what it starts from and what it needs, as `lisa train --list` tells it."""
