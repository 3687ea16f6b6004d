"""What the embedded model's towers are taught, before any word: labels that agree with what is asked later."""

from __future__ import annotations

import pytest
import torch

from lisa.recipes.tiny import debug
from lisa.train.dense import (
    ENDS,
    ODDS,
    ORDERS,
    RELATIONS,
    SIDES,
    classes_of_world,
    dense_objective,
    label_maps,
    token_objective,
)
from lisa.world.draw import draw
from lisa.world.questions.view import View
from lisa.world.scene import Picture
from lisa.world.spec import scene_of

CLASSES = classes_of_world()
ROW = {
    "theme": "kitchen",
    "things": [
        {"kind": "kettle", "colour": "red", "at": [0.18, 0.8]},
        {"kind": "cup", "colour": "blue", "at": [0.5, 0.8]},
        {"kind": "cup", "colour": "green", "at": [0.8, 0.8]},
    ],
}


@pytest.fixture(scope="module")
def row() -> Picture:
    return draw(scene_of(ROW))


def label(picture: Picture, name: str, kind: str, colour: str) -> int:
    """What is to be read of one thing; the same all over it."""
    thing = next(t for t in picture.scene.things if (t.kind, t.colour) == (kind, colour))
    ids = picture.ids[2::4, 2::4]
    there = label_maps(picture, CLASSES, 256)[name][: ids.shape[0], : ids.shape[1]].numpy()[ids == thing.id]
    assert len(set(there.tolist())) == 1
    return int(there[0])


def test_neighbours_are_read_where_a_thing_is(row):
    cup, kettle = CLASSES.kinds.index("cup") + 1, CLASSES.kinds.index("kettle") + 1
    assert label(row, "right", "kettle", "red") == cup and label(row, "left", "kettle", "red") == 0
    assert label(row, "left", "cup", "blue") == kettle and label(row, "left", "cup", "green") == cup
    assert set(SIDES) <= set(CLASSES.token_sizes)


def test_so_is_the_place_among_all_and_among_its_like(row):
    left, right = (ENDS["across"].index(side) + 1 for side in ("left", "right"))
    assert label(row, "across", "kettle", "red") == left and label(row, "across", "cup", "green") == right
    assert label(row, "across", "cup", "blue") == 0
    assert label(row, "upright", "cup", "green") in (0, 1, 2)  # an end across says nothing of the ends upright
    assert label(row, "order", "kettle", "red") == ORDERS.index("alone") + 1
    assert label(row, "order", "cup", "blue") == ORDERS.index("leftmost") + 1
    assert label(row, "order", "cup", "green") == ORDERS.index("rightmost") + 1
    assert View(row).outermost("left").kind == "kettle"


def test_of_three_alike_the_one_of_another_colour_is_odd():
    things = [{"kind": "ball", "colour": c, "at": [x, 0.8]} for c, x in (("red", 0.2), ("blue", 0.5), ("red", 0.8))]
    picture = draw(scene_of({"theme": "beach", "things": things}))
    assert label(picture, "odd", "ball", "blue") == ODDS.index("of the other colour") + 1
    assert label(picture, "odd", "ball", "red") == ODDS.index("as the rest") + 1
    two = draw(scene_of({"theme": "beach", "things": things[:2]}))
    assert label(two, "odd", "ball", "blue") == 0


def test_every_label_lies_within_its_number_of_classes(row):
    maps = label_maps(row, CLASSES, 256)
    for name, size in CLASSES.token_sizes.items():
        assert int(maps[name].min()) >= -1 and int(maps[name].max()) < size
    assert int(maps["kind"][-1, 0]) == -1 or row.ids.shape[0] == 256  # padding
    assert CLASSES.token_sizes["role"] == 2 * len(RELATIONS) + 1


def test_middles_are_wanted_where_things_are(row):
    made = dense_objective(debug())
    maps = label_maps(row, CLASSES, 256)
    offset, thing = maps["offset"][None], maps["kind"][None] > 0
    cup = next(t for t in row.scene.things if t.colour == "blue")
    middle = torch.tensor([cup.box[1] + cup.box[3], cup.box[0] + cup.box[2]]) / 2 / 256
    only = torch.zeros_like(thing)
    only[0, : row.ids.shape[0] // 4] = torch.from_numpy(row.ids[2::4, 2::4] == cup.id)
    torch.nn.init.zeros_(made.module.middle.weight)
    with torch.no_grad():
        made.module.middle.bias.copy_(made.module.masker.waves(middle[None])[0])  # what every token is read as
    tokens = torch.zeros(1, 256, made.module.middle.in_features)
    assert made._middles(tokens, offset, only).item() < 1e-4 < 0.1 < made._middles(tokens, offset, thing).item()


def test_tokens_learn_on_over_a_trunk_that_stays():
    torch.manual_seed(0)
    heads = dense_objective(debug()).module
    made = token_objective(debug(), heads)
    before = {name: value.clone() for name, value in heads.state_dict().items()}
    batch = made.batch(range(2))
    assert len(batch.wanted.words) == 0
    made.losses(batch, made.counts(batch))["total"].backward()
    for optimizer in made.optimizers:
        optimizer.step()
    moved = {name for name, value in heads.state_dict().items() if not torch.equal(value, before[name])}
    assert any(name.startswith("tower.layers.0") for name in moved) and any(name.startswith("token.") for name in moved)
    assert all(name.startswith(("tower.", "token.", "middle.")) and "trunk" not in name for name in moved)


def test_both_stages_learn_the_same_in_bf16(monkeypatch):
    """Their errors and where these lead, as in float32 but for rounding."""
    found = {}
    for bf16 in (False, True):
        monkeypatch.setattr("lisa.train.dense.casts_small", lambda device, bf16=bf16: bf16)
        torch.manual_seed(0)
        seeing = dense_objective(debug())
        batch = seeing.batch(range(2))
        told = seeing.losses(batch, seeing.counts(batch))
        told["total"].backward()
        way = torch.cat([p.grad.flatten() for p in seeing.module.masker.parameters() if p.grad is not None])
        on = token_objective(debug(), seeing.module)
        tokens = on.losses(on.batch(range(2)), {"shares": 1.0})
        assert {x.dtype for x in [*told.values(), *tokens.values()]} == {torch.float32}
        found[bf16] = way, told["total"].item(), tokens["total"].item()
    (way, *exact), (rounded, *near) = found[False], found[True]
    assert near == pytest.approx(exact, rel=0.01) and near != exact
    assert torch.cosine_similarity(way, rounded, dim=0) > 0.98
