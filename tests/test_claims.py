"""The whole of `lisa reproduce claims` with everything as small as it can be."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from xml.etree import ElementTree

import numpy as np
import PIL.Image
import pytest
import torch

from lisa.claims import data, page
from lisa.claims.data import _read, ordinary, write_data
from lisa.claims.page import MEANING, write_page
from lisa.claims.plan import ABLATIONS_1, ABLATIONS_2, Run, Sizes, folder_of
from lisa.claims.run import PLAN, Work, check_plan, chosen_of, reproduce, rows_of
from lisa.claims.seeds import Seeds, _estimated, beyond, by_seed, change, holm, noise, share, within
from lisa.cli import main
from lisa.data.datasets import open_training
from lisa.data.mixture import Mixture, Part
from lisa.data.world import REASON_KINDS, WorldDataset
from lisa.errors import BadInput
from lisa.evaluate.rows import Overlap, Row
from lisa.recipes.tiny import base, debug
from lisa.train.finetune import objective_of, start_of
from lisa.train.ranks import Ranks
from lisa.world.sets import make_picture

small = debug()
BASE = replace(
    small,
    model=base().model,
    words=replace(small.words, masks=False, chinese=0.0),
    seg=replace(small.seg, masks=False, chinese=0.0),
    domain_pictures=0,
    presence_pictures=0,
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
    for place in range(6):
        for turns in ordinary(make_picture(31, place), np.random.default_rng(place)):
            masked = [turn for turn in turns if turn.targets]
            assert all(turn.kind in ("name", "colour", "attribute", "location", "relation") for turn in masked)
            assert all("[SEG]" not in turn.answer for turn in turns if not turn.targets)


@pytest.mark.parametrize("name", ["ade20k", "refcoco", "vqa", "reason", "reason_3", "reason_many", "reason_5_bare"])
def test_every_set_is_read_by_the_real_readers(work, name):
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
    assert reproduce(work, only="reason*-s11", report=said.append)
    names = [one.name for one in chosen_of(work, "reason3-s11")]
    assert names == ["stage-1-s11", "reason3-s11"]
    assert all((folder_of(work.out, name) / "checkpoint" / "config.json").is_file() for name in names)
    first, one = (next(one for one in work.table() if one.name == name) for name in names)
    assert first.recipe.seed != one.recipe.seed
    assert len(rows_of(work, one, "test")) == 3 and {r.id for r in rows_of(work, first, "old")} == {"0"}
    said.clear()
    assert reproduce(work, only="reason*-s11", report=said.append) and not said
    path = work.out / "claims.md"
    write_page(path, work, None, "lisa reproduce claims")
    text = path.read_text()
    assert "| 3 |" in text and "not measured yet" in text and "| stage-1 | ade20k" in text
    drawn = ElementTree.parse(path.with_name("claims-curve.svg")).getroot()
    assert len(drawn.findall("{*}circle")) == 3 and drawn.findall("{*}polyline")
    with PIL.Image.open(path.with_name("claims-answers.png")) as sheet:
        assert sheet.width > sheet.height > 100
    assert "(claims-curve.svg)" in text and "(claims-answers.png)" in text


@pytest.mark.parametrize("name", ABLATIONS_1)
def test_every_choice_has_something_to_train(work, tmp_path, name):
    assert reproduce(work, only="stage-1-s11", report=lambda line: None)
    recipe = next(one.recipe for one in work.table() if one.of == name)
    start = start_of(recipe, tmp_path, torch.device("cpu"))
    objective = objective_of(recipe, start, tmp_path, Ranks())
    listed = [p for optimizer in objective.optimizers for group in optimizer.param_groups for p in group["params"]]
    trained = [p for p in objective.segmenter.parameters() if p.requires_grad]
    assert len(listed) == len({id(p) for p in listed}) == len(trained) > 0


def test_several_patterns_choose_trainings(work):
    names = {one.of for one in chosen_of(work, "no-replay-*, lora-2-*")}
    assert names == {"stage-1", "no-replay", "lora-2"}


def test_another_plan_is_refused(work):
    assert reproduce(work, only="stage-1-s11", report=lambda line: None)
    other = Work(out=work.out, sizes=replace(SIZES, stage_1=3), seed=1)
    with pytest.raises(BadInput, match=r"another plan.*stage_1"):
        reproduce(other, only="stage-1-*", report=lambda line: None)


def test_an_older_plan_is_told_of_and_gone_on_with_where_nothing_was_chosen_otherwise(work):
    plan = work.plan()
    for one in plan["runs"].values():
        del one["blend"]  # as if there had been no such choice then
    work.out.mkdir(parents=True, exist_ok=True)
    (work.out / PLAN).write_text(json.dumps(plan))
    check_plan(work)
    plan["base"]["dense_steps"] += 1
    (work.out / PLAN).write_text(json.dumps(plan))
    check_plan(work, to_read=True)
    with pytest.raises(BadInput, match="dense_steps"):
        check_plan(work)


def row(index: int, iou: int) -> Row:
    half = Overlap(intersection=iou, union=10, near_intersection=1, near_union=1, area=10)
    return Row(index=index, id=str(index), group="", instruction="?", expected="", answer="", overlaps=(half,), given=1)


def test_only_trainings_of_one_seed_are_compared():
    first = Seeds({11: [row(0, 2), row(1, 4)], 12: [row(0, 0), row(1, 0)]})
    second = Seeds({12: [row(0, 3), row(1, 3)], 13: [row(0, 9), row(1, 9)]})
    assert change(first, second).figure.value == pytest.approx(0.3)
    assert share(second, first.only(11)).count == 0
    with pytest.raises(BadInput, match="different questions"):
        change(first, Seeds({11: [row(0, 1), replace(row(1, 1), instruction="!")]}))


def test_intervals_and_chances_know_of_other_trainings():
    before = Seeds({seed: [row(i, 4) for i in range(40)] for seed in (1, 2, 3)})
    after = Seeds({seed: [row(i, iou) for i in range(40)] for seed, iou in ((1, 3), (2, 7), (3, 6))})
    moved = change(before, after)
    assert moved.figure.value == pytest.approx(4 / 30) and moved.figure.low < 0 and moved.p > 0.05
    assert change(before.only(2), after.only(2)).p < 0.001  # here all pictures agree
    figure, deviation = after.figure(), float(np.std([0.3, 0.7, 0.6], ddof=1) / np.sqrt(3))
    assert figure.high - figure.value == pytest.approx(4.303 * deviation, rel=1e-3)  # Student's t of two degrees


@pytest.mark.parametrize(
    ("seeds", "trainings", "pictures"), [(3, 0.5, 0.0), (3, 0.0, 2.0), (3, 0.3, 2.0), (1, 0.0, 1.0)]
)
def test_intervals_hold_the_truth_as_often_as_they_say(seeds, trainings, pictures):
    rng, held, sure = np.random.default_rng(0), 0, 0
    for _ in range(800):
        trained, drawn = rng.normal(0, trainings, seeds), rng.normal(0, pictures, 60)
        cells = [(s, str(p), trained[s] + drawn[p] + rng.normal(0, 0.3), 1.0) for s in range(seeds) for p in range(60)]
        found = _estimated(cells)
        held += found.figure.low <= 0 <= found.figure.high
        sure += found.p <= 0.05
    assert held >= 0.92 * 800 and sure <= 0.08 * 800 and held + sure == 800


def test_students_t_is_the_tables():
    for freedom, t in ((1, 12.706), (2, 4.303), (4, 2.776), (30, 2.042), (1000, 1.962)):
        assert within(freedom) == pytest.approx(t, rel=2e-3) and beyond(t, freedom) == pytest.approx(0.05, rel=5e-3)
    assert beyond(0.0, 3) == 1.0 and within(1.5) > within(2)


def test_the_noise_of_training_is_that_of_a_difference():
    scipy = pytest.importorskip("scipy.stats")
    same = [Seeds({s: [row(0, iou)] for s, iou in enumerate(ious)}) for ious in ((2, 3, 4), (5, 6, 7))]
    deviation, freedom = noise(same)
    assert deviation == pytest.approx(0.1) and freedom == 4
    for moved in (0.0, 0.1, -0.3, 2.0):
        t = abs(moved) / (np.sqrt(2) * deviation)
        assert by_seed(moved, deviation, freedom) == pytest.approx(2 * scipy.t.sf(t, freedom), rel=1e-3, abs=1e-6)
    unknown, none = noise([same[0].only(0)])
    assert unknown != unknown and by_seed(9.0, unknown, none) == 1.0


def test_many_questions_at_once_are_corrected_for():
    assert holm([0.01, 0.04, 0.03, 0.5]) == pytest.approx([0.04, 0.09, 0.09, 0.5])
    assert holm([]) == [] and holm([0.7, 0.9]) == [1.0, 1.0]


def test_the_page_tells_what_counts(tmp_path, monkeypatch):
    def answers(work: Work, one: Run, test: str) -> list[Row]:
        by_kind = {"frozen-decoder": 1, "lora-32": 5}
        return [row(i, by_kind.get(one.of, 5 + (one.seed + i) % 2)) for i in range(40)]

    monkeypatch.setattr(page, "rows_of", answers)
    for seeds, wanted in ((3, "worse"), (1, "within noise")):
        path = tmp_path / f"{seeds}.md"
        write_page(path, Work(out=tmp_path, sizes=Sizes(seeds=seeds), seed=1), None, "lisa reproduce claims")
        here = path.read_text().split("## The same at full size")[0]
        lines = {line.split("|")[1].strip(): line for line in here.splitlines() if line.startswith("| ")}
        assert lines[MEANING["frozen-decoder"]].endswith(f"| {wanted} |")
        assert lines[MEANING["lora-2"]].endswith("| 1.000 | within noise |")
        assert lines["the samples raise it, over stage 1"].endswith("| does not hold |")  # nothing moved
        assert lines["what the old tasks change by it, with replay"].endswith("| holds |")


@dataclass
class Counted:
    """A dataset of which only its size is known."""

    count: int

    def __len__(self) -> int:
        return self.count


@pytest.mark.parametrize("count", Sizes().curve)
def test_every_sample_of_the_curve_is_seen(tmp_path, count):
    table = Work(out=tmp_path, sizes=Sizes(), seed=1).table()
    for one in (one for one in table if one.of == f"reason{count}"):
        parts = [Part(Counted(count if "reason" in name else 3000), s) for name, s in one.recipe.data.items()]  # type: ignore[arg-type]
        row = Mixture(parts, seed=one.recipe.seed, order=one.recipe.order)
        drawn = [row.where(place) for place in range(one.recipe.steps * one.recipe.samples)]
        counts = np.bincount([index for part, index in drawn if part == 0], minlength=count)
        assert len(counts) == count and counts.min() >= 1 and np.ptp(counts) <= 1
        again = Mixture(parts, seed=one.recipe.seed, order=one.recipe.order)
        assert [again.where(place) for place in (500, 3, 119, 120)] == [drawn[place] for place in (500, 3, 119, 120)]


def test_one_wording_means_as_many_conversations(work):
    sets = work.out / "learn" / "sets"
    for path in (work.out / "learn" / data.REASONSEG / "train").glob("*.json"):
        texts = json.loads(path.read_text())["text"]
        plain = json.loads((sets / "reason_5_plain" / "train" / path.name).read_text())["text"]
        assert plain == texts[:1] * len(texts)


def test_repetitions_share_no_scene_to_learn_from(tmp_path):
    used: list[set[int]] = []
    for seed in range(1, data.MOST + 1):
        base = Work(out=tmp_path, sizes=Sizes(), seed=seed).base()
        leap = data.BEYOND * (seed - 1)
        used.append({base.tokenizer_seed, base.dense_seed, base.token_seed, base.words.seed, base.seg.seed})
        used[-1] |= {n + leap for n in (data.SCENES, data.REASON, data.MANY)}
        assert len(used[-1]) == 8 and max(used[-1]) < 100
    assert len(set().union(*used)) == 8 * data.MOST


def test_every_ablation_says_what_it_changes():
    assert set(MEANING) == {*ABLATIONS_1, *ABLATIONS_2}


def test_an_unknown_name_is_said_kindly(capsys):
    with pytest.raises(SystemExit) as end:
        main(["reproduce", "everything"])
    assert end.value.code == 2 and "lisa reproduce claims" in capsys.readouterr().err
