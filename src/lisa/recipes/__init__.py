"""Complete named choices as Python values. A recipe's docstring says its command, time and figures."""

from __future__ import annotations

from collections.abc import Mapping

RECIPES: Mapping[str, str] = {
    "tiny": "lisa.recipes.tiny:TinyRecipe",
    "tiny-debug": "lisa.recipes.tiny:debug",
}
"""Name → "module:callable" that gives the recipe."""
