"""Names → builders, imported when asked for; other packages add theirs as entry points of group `lisa.<table>`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from lisa.errors import BadInput, nearest

VLMS: Mapping[str, str] = {
    "auto": "lisa.vlms.auto:build",
    "tiny": "lisa.vlms.tiny:build",
}
MASKERS: Mapping[str, str] = {
    "pyramid": "lisa.maskers.pyramid:build",
    "match": "lisa.maskers.match:build",
    "sam": "lisa.maskers.sam:build",
}
DATASETS: Mapping[str, str] = {
    "world": "lisa.data.datasets:world",
    "world-reason": "lisa.data.datasets:reason_of_world",
    "ade20k": "lisa.data.label_maps:ade20k",
    "cocostuff": "lisa.data.label_maps:cocostuff",
    "mapillary": "lisa.data.label_maps:mapillary",
    "pascal_part": "lisa.data.instances:pascal_part",
    "paco_lvis": "lisa.data.instances:paco_lvis",
    "coco": "lisa.data.instances:coco",
    "lvis": "lisa.data.instances:lvis",
    "own": "lisa.data.own:own",
    "camvid": "lisa.data.camvid:camvid",
    "refclef": "lisa.data.datasets:refclef",
    "refcoco": "lisa.data.datasets:refcoco",
    "refcoco+": "lisa.data.datasets:refcoco_plus",
    "refcocog": "lisa.data.datasets:refcocog",
    "grefcoco": "lisa.data.datasets:grefcoco",
    "vqa": "lisa.data.datasets:vqa",
    "muse": "lisa.data.muse:muse",
    "lisa_plus": "lisa.data.lisa_plus:lisa_plus",
    "reason": "lisa.data.datasets:reason",
}
"""Name → what opens its training part in the folder that holds all datasets."""
DATASET_GROUPS: Mapping[str, tuple[str, ...]] = {
    "sem_seg": ("ade20k", "cocostuff", "mapillary", "pascal_part", "paco_lvis"),
    "refer_seg": ("refclef", "refcoco", "refcoco+", "refcocog"),
}
"""Name → datasets that share its share evenly, as the paper's recipe draws them."""


def names(table: str, own: Mapping[str, str]) -> list[str]:
    """Every known name of a table."""
    return sorted({*own, *(e.name for e in entry_points(group=f"lisa.{table}"))})


def find(table: str, own: Mapping[str, str], name: str) -> Callable[..., Any]:
    """The builder of that name. Raises BadInput, with the nearest name, where there is none."""
    if name in own:
        module, _, attribute = own[name].partition(":")
        return getattr(import_module(module), attribute)
    for entry in entry_points(group=f"lisa.{table}", name=name):
        return entry.load()
    known = names(table, own)
    raise BadInput(f"no {table[:-1]} is called {name!r}; {nearest(name, known)}")
