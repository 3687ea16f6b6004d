"""The drawing half of the world: scenes, pictures and exact masks."""

from collections import Counter

import numpy as np
import pytest

pytest.importorskip("skia")

from lisa.world.draw import design_box, draw
from lisa.world.make import BACKGROUNDS, HELD_OUT_BACKGROUNDS, SET_PIECES, THEMES, held_out_pair, make_scene
from lisa.world.scene import Scene, Thing
from lisa.world.shapes import kinds

SEEDS = range(5000, 5060)


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [make_scene(seed) for seed in SEEDS]


def _alone(kind: str, **words: object) -> Scene:
    thing = Thing(id=1, kind=kind, box=(0, 0, 1, 1), **words)  # type: ignore[arg-type]
    w, h = design_box(thing)
    s = 60 / max(w, h)
    thing = Thing(id=1, kind=kind, box=(40 - w * s / 2, 40 - h * s / 2, 40 + w * s / 2, 40 + h * s / 2), **words)  # type: ignore[arg-type]
    return Scene(seed=1, theme="park", background="park-trees", size=(80, 80), things=(thing,))


def test_same_seed_same_scene_and_picture() -> None:
    for seed in (1, 2, 3, 40):
        a, b = make_scene(seed), make_scene(seed)
        assert a == b
        p, q = draw(a), draw(b)
        assert np.array_equal(p.image, q.image) and np.array_equal(p.ids, q.ids) and np.array_equal(p.parts, q.parts)
    assert make_scene(1) != make_scene(2)


def test_masks_belong_to_the_things(scenes: list[Scene]) -> None:
    for scene in scenes[:30]:
        picture = draw(scene)
        assert picture.image.shape == (*scene.size, 3) and picture.image.dtype == np.uint8
        assert picture.ids.shape == picture.parts.shape == scene.size
        numbers = [t.id for t in scene.things]
        assert numbers == list(range(1, len(numbers) + 1))
        assert set(np.unique(picture.ids)) <= {0, *numbers}
        assert not picture.parts[picture.ids == 0].any()
        for thing in scene.things:
            assert 0.2 <= picture.visible(thing.id) <= 1.0, (scene.seed, thing)
            rows, columns = np.nonzero(picture.mask(thing.id))
            x0, y0, x1, y1 = thing.box
            pad = 0.08 * max(x1 - x0, y1 - y0) + 3
            assert columns.min() >= x0 - pad and columns.max() <= x1 + pad
            assert rows.min() >= y0 - pad and rows.max() <= y1 + pad


@pytest.mark.parametrize("kind", sorted(kinds()))
def test_every_kind_draws_itself_and_its_parts(kind: str) -> None:
    row = kinds()[kind]
    look = {"antlers": "yes"} if kind == "dog" else {}
    for state in row.states or (None,):
        colour = row.colours[0] if row.colours else None
        picture = draw(_alone(kind, look=look, colour=colour, state=state))
        assert picture.mask(1).mean() > 0.02
        for part in row.parts:
            assert picture.part_mask(1, part).sum() > 3, part
    assert set(picture.part_names) <= set(row.parts)


def test_mask_fits_the_drawn_pixels() -> None:
    from dataclasses import replace

    for kind in ("orange", "car", "kettle", "teddy"):
        scene = _alone(kind, colour="red" if kinds()[kind].colours else None, look={"shadow": "none"})
        with_it, without = draw(scene), draw(replace(scene, things=()))
        changed = np.abs(with_it.image.astype(int) - without.image).sum(-1) > 30
        mask = with_it.mask(1)
        assert (changed & mask).sum() / (changed | mask).sum() > 0.9, kind


def test_what_is_for_lessons_never_comes_by_chance() -> None:
    assert not any(make_scene(seed).set_piece == "odd_colour" for seed in range(300))


@pytest.mark.parametrize("piece", sorted(SET_PIECES))
def test_set_pieces_hold_what_they_say(piece: str) -> None:
    for seed in range(700, 706):
        scene = make_scene(seed, set_piece=piece)
        names = [t.kind for t in scene.things]
        said = {r.name for r in scene.relations}
        assert scene.set_piece == piece and scene.theme in SET_PIECES[piece]
        if piece == "vitamin_c":
            assert names.count("orange") == 1 and not {"lemon", "chilli"} & set(names) and len(names) >= 3
        if piece == "stand_higher":
            person = next(r.subject for r in scene.relations if r.name == "standing on")
            assert scene.thing(person).look["pose"] == "reaching up"
        if piece == "near_lens":
            assert {"camera", "short lens", "long lens"} <= set(names)
        if piece == "named":
            assert sum(t.kind in ("man", "woman", "boy", "girl") for t in scene.things) >= 3
            assert any(t.name for t in scene.things)
        if piece == "dog_antlers":
            assert sum(t.look.get("antlers") == "yes" for t in scene.things) == 1 and names.count("dog") >= 2
        if piece == "odd_colour":
            colours = Counter((t.kind, t.colour) for t in scene.things)
            kind = next(name for name in names if names.count(name) > 2 and (name, 1) in
                        {(k, n) for (k, _), n in colours.items()})  # fmt: skip
            assert len({c for k, c in colours if k == kind}) == 2
        if piece == "baby_fence":
            assert "behind" in said and names.count("fence") == 1
        if piece == "hat":
            assert "wearing" in said
        if piece == "dashboard":
            assert {"speedometer", "fuel gauge", "steering wheel"} <= set(names)


def test_nothing_held_out_is_in_training(scenes: list[Scene]) -> None:
    for scene in scenes:
        assert scene.background not in HELD_OUT_BACKGROUNDS
        assert not any(held_out_pair(t.kind, t.colour) for t in scene.things)
    for seed in range(8):
        assert make_scene(seed, split="backgrounds").background in HELD_OUT_BACKGROUNDS
        assert any(held_out_pair(t.kind, t.colour) for t in make_scene(seed, split="pairs").things)


def test_share_of_held_out_pairs() -> None:
    pairs = [held_out_pair(k, c) for k, row in kinds().items() for c in row.colours]
    assert 0.05 < np.mean(pairs) < 0.15
    assert all(any(not held_out_pair(k, c) for c in row.colours) for k, row in kinds().items() if row.colours)


def test_variety(scenes: list[Scene]) -> None:
    counts = [len(s.things) for s in scenes]
    assert np.median(counts) >= 6 and min(counts) >= 2 and max(counts) <= 18
    assert len(THEMES) >= 12 and all(len(names) >= 4 for names in BACKGROUNDS.values()) and len(kinds()) >= 60
    assert len({s.size for s in scenes}) == 4 and len({s.theme for s in scenes}) >= 10
    assert 0.1 < np.mean([s.set_piece is not None for s in scenes]) < 0.5


def test_other_sizes_and_themes() -> None:
    for i, theme in enumerate(THEMES):
        picture = draw(make_scene(i, theme=theme, size=(300, 400)))
        assert picture.scene.theme == theme and picture.image.shape == (300, 400, 3)
