"""The whole of `lisa reproduce claims` with everything as small as it can be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lisa.claims import data
from lisa.claims.data import _read, ordinary, write_data
from lisa.claims.page import MEANING, Seeds, change, share, write_page
from lisa.claims.plan import ABLATIONS_1, ABLATIONS_2, Sizes, folder_of
from lisa.claims.run import Work, chosen_of, reproduce, rows_of
from lisa.cli import main
from lisa.data.datasets import open_training
from lisa.data.world import REASON_KINDS, WorldDataset
from lisa.errors import BadInput
from lisa.evaluate.rows import Overlap, Row
from lisa.recipes.tiny import base, debug
from lisa.world.sets import make_picture

small = debug()
BASE = replace(
    small,
    model=base().model,
    words=replace(small.words, masks=False, chinese=0.0),
    seg=replace(small.seg, masks=False, chinese=0.0),
    polish_steps=0,
    domain_pictures=0,
)
SIZES = Sizes(
    scenes=8, many=4, held=1, val=3, test=3, new=3, curve=(3, 5), samples=5, stage_1=2, stage_2=3, seeds=2, base=BASE
)


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    work = Work(out=tmp_path_factory.mktemp("claims"), sizes=SIZES, seed=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data, "TRIES", 2)
        write_data(work.out, SIZES, 1, lambda line: None)
    return work


def test_stage_1_masks_nothing_that_takes_knowledge():
    import numpy as np

    for place in range(6):
        for turns in ordinary(make_picture(31, place), np.random.default_rng(place)):
            masked = [turn for turn in turns if turn.targets]
            assert all(turn.kind in ("name", "colour", "attribute", "location", "relation") for turn in masked)
            assert all("[SEG]" not in turn.answer for turn in turns if not turn.targets)


@pytest.mark.parametrize("name", ["ade20k", "refcoco", "vqa", "reason", "reason_3", "reason_many", "reason_5_bare"])
def test_every_set_is_read_by_the_real_readers(work, name):
    import numpy as np

    reader = open_training(name, 1.0, folder=work.out / "learn")[0].dataset
    samples = [s for i in range(min(len(reader), 4)) for s in reader.draw(i, np.random.default_rng(i))]
    assert samples
    if name.startswith("reason"):
        assert all(t.mask.any() for s in samples for turn in s.turns for t in turn.targets)
        assert any(t.phrase for s in samples for turn in s.turns for t in turn.targets)


def test_wordings_of_a_sample_mean_the_same():
    scenes = WorldDataset(seed=41, count=26, split="train", kinds=REASON_KINDS)
    for i in range(26):
        sample, texts = _read(scenes, i)
        assert texts[0] == sample.turns[0].instruction and len(set(texts)) == len(texts) <= 4


def test_a_part_is_worked_through_and_continued(work):
    said: list[str] = []
    assert reproduce(work, only="reason3-s11", report=said.append)
    names = [one.name for one in chosen_of(work, "reason3-s11")]
    assert names == ["stage-1-s11", "reason3-s11"]
    assert all((folder_of(work.out, name) / "checkpoint" / "config.json").is_file() for name in names)
    first, one = (next(one for one in work.table() if one.name == name) for name in names)
    assert first.recipe.seed != one.recipe.seed
    assert len(rows_of(work, one, "test")) == 3 and {r.id for r in rows_of(work, first, "old")} == {"0"}
    said.clear()
    assert reproduce(work, only="reason3-s11", report=said.append) and not said
    page = work.out / "claims.md"
    write_page(page, work, None, "lisa reproduce claims")
    text = page.read_text()
    assert "| 3 |" in text and "not measured yet" in text and "| stage-1 | ade20k" in text


def test_another_plan_is_refused(work):
    assert reproduce(work, only="stage-1-s11", report=lambda line: None)
    other = Work(out=work.out, sizes=replace(SIZES, stage_1=3), seed=1)
    with pytest.raises(BadInput, match="another plan"):
        reproduce(other, only="stage-1-*", report=lambda line: None)


def row(index: int, iou: int) -> Row:
    half = Overlap(intersection=iou, union=10, near_intersection=1, near_union=1, area=10)
    return Row(index=index, id=str(index), group="", instruction="?", expected="", answer="", overlaps=(half,), given=1)


def test_only_trainings_of_one_seed_are_compared():
    first = Seeds({11: [row(0, 2), row(1, 4)], 12: [row(0, 0), row(1, 0)]})
    second = Seeds({12: [row(0, 3), row(1, 3)], 13: [row(0, 9), row(1, 9)]})
    assert change(first, second).figure.value == pytest.approx(0.3)
    assert share(second, first.only(11)).count == 0
    with pytest.raises(BadInput, match="another one"):
        change(first, Seeds({11: [row(0, 1), replace(row(1, 1), instruction="!")]}))


def test_repetitions_share_no_scene_to_learn_from(tmp_path):
    used: list[set[int]] = []
    for seed in (1, 2, 3):
        base = Work(out=tmp_path, sizes=Sizes(), seed=seed).base()
        leap = data.BEYOND * (seed - 1)
        used.append({base.tokenizer_seed, base.dense_seed, base.words.seed, base.seg.seed})
        used[-1] |= {n + leap for n in (data.SCENES, data.REASON, data.MANY)}
        assert len(used[-1]) == 7 and max(used[-1]) < 100
    assert not used[0] & used[1] and not used[1] & used[2]


def test_every_ablation_says_what_it_changes():
    assert set(MEANING) == {*ABLATIONS_1, *ABLATIONS_2}


def test_an_unknown_name_is_said_kindly(capsys):
    with pytest.raises(SystemExit) as end:
        main(["reproduce", "everything"])
    assert end.value.code == 2 and "lisa reproduce claims" in capsys.readouterr().err
