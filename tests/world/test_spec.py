from __future__ import annotations

import contextlib
import json
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lisa.data.base import picture_of
from lisa.data.world import People
from lisa.data.world_files import read_scenes, write_stated
from lisa.errors import BadInput
from lisa.world.draw import draw
from lisa.world.sets import make_picture
from lisa.world.spec import record_of, scene_of

STATED = {
    "theme": "living room",
    "seed": 4,
    "things": [
        {"kind": "table"},
        {"kind": "cup", "colour": "red", "on": 0},
        {"kind": "dog", "at": [0.25, 0.95]},
        {"kind": "girl", "name": "Lisa", "at": [0.8, 0.9]},
    ],
}


def test_a_written_scene_is_drawn_again_as_it_was():
    for index in range(6):
        picture = make_picture(3, index)
        scene = scene_of(json.loads(json.dumps(record_of(picture.scene))))
        assert scene == picture.scene
        again = draw(scene)
        assert np.array_equal(again.image, picture.image) and np.array_equal(again.ids, picture.ids)


def test_a_stated_scene_has_what_was_stated():
    picture = draw(scene_of(STATED))
    things = {t.kind: t for t in picture.scene.things}
    assert set(things) == {"table", "cup", "dog", "girl"} and things["cup"].colour == "red"
    assert things["girl"].name == "Lisa"
    foot = things["dog"].box
    assert abs((foot[0] + foot[2]) / 2 - 0.25 * 256) < 1 and abs(foot[3] - 0.95 * 192) < 1
    assert [(r.subject, r.name, r.object) for r in picture.scene.relations] == [
        (things["cup"].id, "on", things["table"].id)
    ]
    assert draw(scene_of(STATED)).image.tobytes() == picture.image.tobytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"theme": "kitchn"}, "did you mean kitchen"),
        ({"things": [{"kind": "ornage"}]}, "did you mean orange"),
        ({"things": [{"kind": "cup", "colour": "mauve"}]}, "known: red"),
        ({"things": [{"kind": "cup", "on": 0}]}, "an earlier thing"),
        ({"things": [{"kind": "cup", "at": [0.5]}]}, "no pair"),
        ({"things": [{"kind": "cup", "at": [float("nan"), 0]}]}, "no number"),
        ({"things": [{"kind": "cup", "sise": "large"}]}, "known are"),
        ({"things": [{"kind": "man", "name": "Lisa"}]}, "cannot be 'Lisa'"),
        ({"things": ["cup"]}, "thing 0"),
        ({"size": [10, 10]}, "64 to 2048"),
        ({"things": [{"kind": "cup"}] * 61}, "too crowded"),
    ],
)
def test_what_cannot_be_drawn_is_named(change, message):
    with pytest.raises(BadInput, match=message):
        scene_of(STATED | change)


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*STATED, "kind", "at"]), inner),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(key=st.sampled_from(["theme", "size", "seed", "background", "things"]), value=junk)
def test_no_junk_gives_a_traceback(key, value):
    with contextlib.suppress(BadInput):
        scene_of(STATED | {key: value})


def test_stated_scenes_are_written_in_every_layout(tmp_path):
    file = tmp_path / "scene.json"
    file.write_text(json.dumps(STATED))
    assert write_stated(tmp_path / "out", read_scenes(file), seed=0) > 0
    assert read_scenes(tmp_path / "out" / "scenes.jsonl") == [scene_of(STATED)]


def test_peoples_questions_have_masks_or_none():
    people = People()
    assert len(people) == 400 and len(People("zh")) == 200
    first, second = (picture_of(sample) for sample in islice(people, 2))
    assert first == second  # two questions about one picture, of which intervals have to know
    for sample, _ in zip(people, range(40)):
        targets = sample.turns[0].targets
        assert all(t.mask.any() for t in targets) and (sample.group == "absent") == (not targets)
