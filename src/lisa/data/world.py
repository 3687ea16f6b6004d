"""The procedural world as a dataset: pictures, and dialogues about them, as samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from lisa.types import Sample
from lisa.world.draw import draw
from lisa.world.make import make_scene
from lisa.world.questions import PIECES, Asked, dialogues, targets_to_turn
from lisa.world.scene import Picture
from lisa.world.sets import scene_seed


def samples_of(
    picture: Picture,
    rng: np.random.Generator,
    count: int,
    *,
    split: str = "train",
    weights: Mapping[str, float] | None = None,
    shares: Mapping[str, float] | None = None,
    name: str = "",
) -> list[Sample]:
    """Up to `count` dialogues about one picture; all share its pixels."""
    asked = dialogues(picture, rng, count, split=split, weights=weights, shares=shares)
    return [to_sample(picture, turns, f"{name}/{i}") for i, turns in enumerate(asked)]


def to_sample(picture: Picture, turns: list[Asked], id: str) -> Sample:
    """A dialogue as a sample; its group is the kind of its last question."""
    return Sample(
        id=id,
        image=picture.image,
        turns=tuple(targets_to_turn(picture, t) for t in turns),
        group=turns[-1].kind,
        meta={"template": turns[-1].template, "language": turns[-1].language, "targets": turns[-1].targets},
    )


class WorldDataset:
    """`count` questions from scenes of `seed`, one dialogue a picture; with `kinds` these take turns.

    Iterating draws the pictures as it goes; item i is the same whatever was read before.
    """

    def __init__(self, *, seed: int, count: int, split: str = "test", kinds: tuple[str, ...] = ()) -> None:
        self.seed, self.count, self.split, self.kinds = seed, count, split, kinds
        self._pieces = {kind: piece for piece, kind in PIECES.items()}

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Sample:
        kind = self.kinds[index % len(self.kinds)] if self.kinds else None
        for attempt in range(200):
            place = index + attempt * 1_000_003  # another picture where this kind cannot be asked
            picture = self._picture(place, kind)
            rng = np.random.default_rng([self.seed, place])
            weights = {kind: 1.0} if kind else None
            found = samples_of(picture, rng, 1, split=self.split, weights=weights, name=f"{self.seed}/{place}")
            if found:
                return replace(found[0], meta={**found[0].meta, "place": place, "asked": kind})
        raise LookupError(f"no scene of seed {self.seed} near {index} can be asked about {kind}")

    def draw(self, index: int, rng: np.random.Generator) -> list[Sample]:
        """See `Reader`; the question goes with the picture's number, `rng` decides nothing."""
        return [self[index]]

    def __iter__(self) -> Iterator[Sample]:
        return (self[i] for i in range(self.count))

    def other(self, sample: Sample) -> Sample | None:
        """Another valid question of the same picture, about none of the same things; None where there is none."""
        picture = self._picture(sample.meta["place"], sample.meta["asked"])
        mine = {id for ids in sample.meta["targets"] for id in ids}
        rng = np.random.default_rng([self.seed, sample.meta["place"], 1])
        for asked in dialogues(picture, rng, 12, split=self.split):
            ids = {id for targets in asked[-1].targets for id in targets}
            if len(asked) == 1 and ids and not ids & mine:
                return to_sample(picture, asked, f"{sample.id}/other")
        return None

    def _picture(self, place: int, kind: str | None) -> Picture:
        seed = scene_seed(self.seed, place)
        return draw(make_scene(seed, set_piece=self._pieces.get(kind or ""), split=self.split))
