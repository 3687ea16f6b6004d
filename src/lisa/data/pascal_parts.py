"""PASCAL-Part's original files: `Annotations_Part/NAME.mat`, whose part codes are spelled out ("lfuleg").

anno.objects[i].class, .mask, .parts[j].part_name, .mask
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lisa.data import prompts
from lisa.data.base import some
from lisa.data.files import MALFORMED, read_lines
from lisa.data.instances import Name
from lisa.errors import BadInput, Missing, shown
from lisa.images import open_image
from lisa.types import Mask, Sample, Target, Turn

_LIMB = re.compile(
    r"(?P<side>[lr])(?P<end>[fb])?(?P<half>[ul])?(?P<stem>leg|arm|hand|foot|eye|ear|ebrow|pa|ho|horn|wing)"
)
_WORDS = {"l": "left", "r": "right", "f": "front", "b": "back", "u": "upper"}
_STEMS = {"ebrow": "eyebrow", "pa": "paw", "ho": "hoof"}
_WHOLE = {
    "fwheel": "front wheel", "bwheel": "back wheel", "fliplate": "front licence plate",
    "bliplate": "back licence plate", "leftmirror": "left mirror", "rightmirror": "right mirror",
    "frontside": "front", "backside": "back",
    "leftside": "left side", "rightside": "right side", "roofside": "roof", "handlebar": "handlebar",
    "hfrontside": "front of the head", "hleftside": "left side of the head", "hrightside": "right side of the head",
    "hbackside": "back of the head", "hroofside": "roof of the head", "cfrontside": "front of the coach",
    "cleftside": "left side of the coach", "crightside": "right side of the coach", "cbackside": "back of the coach",
    "croofside": "roof of the coach",
}  # fmt: skip
_CLASSES = {"aeroplane": "aeroplane", "diningtable": "dining table", "pottedplant": "potted plant", "tvmonitor": "tv"}


def spoken(code: str) -> str:
    """A part code as it is said: "lfuleg" → left front upper leg, "wheel_2" → wheel."""
    stem = re.sub(r"_\d+$", "", code)
    if stem in _WHOLE:
        return _WHOLE[stem]
    found = _LIMB.fullmatch(stem)
    if found is None:
        return stem
    half = {"u": "upper", "l": "lower"}.get(found["half"] or "", "")
    words = (_WORDS[found["side"]], _WORDS.get(found["end"] or "", ""), half, _STEMS.get(found["stem"], found["stem"]))
    return " ".join(word for word in words if word)


class PascalParts:
    """One question about all parts of one name, or all whole things of one class that have none."""

    def __init__(self, annotations: Path, pictures: Path, *, split: Path | None = None, most: int = 3) -> None:
        """`split` lists the pictures; all of them by default. Raises Missing without files, or without scipy."""
        kept = None if split is None else {line.strip() for line in read_lines(split)}
        self.files = [p for p in sorted(annotations.glob("*.mat")) if kept is None or p.stem in kept]
        self.pictures, self.most = pictures, most
        if not self.files:
            raise Missing(f"there are no .mat files in {shown(annotations)}: see `lisa data list` for the layout")
        try:
            import scipy.io  # noqa: F401
        except ImportError as error:
            raise Missing("PASCAL-Part's .mat files need scipy: pip install 'lisa-seg[data]'") from error

    def __len__(self) -> int:
        return len(self.files)

    def picture(self, index: int) -> Path:
        """The file of a picture."""
        return self.pictures / f"{self.files[index].stem}.jpg"

    def things(self, index: int) -> list[tuple[str, Mask]]:
        """ "thing:part" (or "thing") and mask of everything annotated in a picture; what has one name has one mask."""
        path = self.files[index]
        found: dict[str, Mask] = {}
        for thing in _listed(_annotation(path), "objects", path):
            name = str(_field(thing, "class", path))
            name = _CLASSES.get(name, name)
            parts = _listed(thing, "parts", path)
            named = [(f"{name}:{spoken(str(_field(p, 'part_name', path)))}", _mask(p, path)) for p in parts]
            for called, mask in named or [(name, _mask(thing, path))]:
                if found.setdefault(called, mask).shape != mask.shape:
                    raise BadInput(f"{shown(path)} has masks of several sizes: fetch it again")
                found[called] = found[called] | mask
        return list(found.items())

    def draw(self, index: int, rng: np.random.Generator) -> Sequence[Sample]:
        """See `Reader`: a conversation for each of a few parts of the picture."""
        image = open_image(self.picture(index))
        things = [(Name.of(called), mask) for called, mask in self.things(index)]
        if any(mask.shape != image.shape[:2] for _, mask in things):
            raise BadInput(f"{shown(self.files[index])} has masks of another size than its picture")
        return [
            Sample(
                id=f"pascal_part/{self.files[index].stem}/{i}",
                image=image,
                turns=(
                    Turn(
                        instruction=name.ask(rng),
                        answer=prompts.answer(rng, to=name.thing),
                        targets=(Target(mask=mask, phrase=_phrase(name)),),
                    ),
                ),
                group="pascal_part",
            )
            for i, (name, mask) in ((i, things[i]) for i in some(len(things), self.most, rng))
        ]


def _phrase(name: Name) -> str:
    """ "dog head", but "front of the head of the train"."""
    return f"{name.part} of the {name.thing}" if " of " in name.part else name.spoken


def _annotation(path: Path) -> Any:
    """The record of a file. Numbers, text and structures are all that this format is read for."""
    from scipy.io import loadmat

    try:
        return loadmat(path, simplify_cells=True, variable_names=["anno"])["anno"]
    except Exception as error:  # a broken file fails in many ways
        raise BadInput(
            f"{shown(path)} is no annotation of PASCAL-Part ({type(error).__name__}): fetch it again"
        ) from error


def _listed(record: Any, key: str, path: Path) -> list[Any]:
    """One of them is no list in MATLAB, and none is an empty array."""
    found = _field(record, key, path)
    if isinstance(found, dict):
        return [found]
    return list(np.atleast_1d(found)) if np.size(found) else []


def _field(record: Any, key: str, path: Path) -> Any:
    try:
        return record[key]
    except MALFORMED as error:
        raise BadInput(f"{shown(path)} lacks {key}: it is no annotation of PASCAL-Part") from error


def _mask(record: Any, path: Path) -> Mask:
    mask = np.asarray(_field(record, "mask", path))
    if mask.ndim != 2:
        raise BadInput(f"{shown(path)} has a mask that is no picture")
    return mask > 0
