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
