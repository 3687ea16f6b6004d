"""A recipe from start to end on the embedded model: the same numbers however the work is shared out, nothing lost."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
import threading
import time
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch
from checkpoints import edit_json, published
from safetensors.torch import load_file, save_file
from small_model import SMALL, all_double, as_double, write_small

import lisa
from lisa.cli import main
from lisa.errors import BadCheckpoint, BadInput, LisaError, Missing
from lisa.files import write_text
from lisa.hub import resolve
from lisa.maskers.sam import SamMasker
from lisa.model import checkpoint
from lisa.model.domain import DOMAIN
from lisa.model.presence import PRESENCE, Presence
from lisa.recipes.lisa import debug
from lisa.recipes.tiny import TinyRecipe
from lisa.train import feature_cache, finetune, run, seg
from lisa.train.checkpoints import saved_states
from lisa.train.dense import dense_objective
from lisa.train.feature_cache import Disk
from lisa.train.loop import FitConfig, _Row, fit, train_step
from lisa.train.ranks import Ranks
from lisa.train.watch import Watch
from lisa.types import Sample, Target, Turn

PEOPLE = Path(__file__).parents[1] / "examples" / "people.png"
LITTLE = ["steps=1", "samples=1", "micro=1", "per_picture=1", "evaluate_limit=1"]
"""For SAM's square, which takes a CPU seconds."""
QUIET = {"evaluate": "", "evaluate_every": 0, "log_every": 1}


@pytest.fixture(scope="module")
def start_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small(tmp_path_factory.mktemp("start") / "small")


@pytest.fixture
def published_folder(shared: Path, tmp_path: Path) -> Path:
    """The golden tiny checkpoint in the published layout, with its CLIP in it."""
    return with_clip(shared, published(shared, tmp_path / "published"))


def with_clip(shared: Path, folder: Path) -> Path:
    shutil.copytree(shared / "reference" / "hub" / "tiny-clip", folder / "tiny-clip", copy_function=shutil.copyfile)
    shutil.copyfile(shared / "reference" / "tiny_clip_vision.safetensors", folder / "tiny-clip" / "model.safetensors")
    return folder


def parts_of(folder: Path, out: Path) -> dict[str, str]:
    """A published checkpoint taken to the parts that it may be put together from, as a recipe names them."""
    tensors = load_file(folder / "model.safetensors")
    sam = "model.visual_model."
    llava = {k: t for k, t in tensors.items() if not k.startswith((sam, "model.text_hidden_fcs."))}
    for name in ("model.embed_tokens.weight", "lm_head.weight"):
        llava[name] = llava[name][:512].clone()
    (out / "llava").mkdir(parents=True)
    save_file(llava, out / "llava" / "model.safetensors")
    for name in ("config.json", "tokenizer.model"):
        shutil.copyfile(folder / name, out / "llava" / name)
    edit_json(out / "llava" / "config.json", architectures=["LlavaLlamaForCausalLM"], train_mask_decoder=None)
    torch.save({k.removeprefix(sam): t for k, t in tensors.items() if k.startswith(sam)}, out / "sam.pth")
    shutil.copytree(folder / "tiny-clip", out / "clip")
    return {"start": "parts", "llava": str(out / "llava"), "sam": str(out / "sam.pth"), "clip": str(out / "clip")}


def objective(folder: Path, **changes):
    recipe = replace(debug(), **QUIET, lora_dropout=0.0, **changes)
    torch.manual_seed(0)
    start = finetune.start_of(recipe, folder, torch.device("cpu"))
    return recipe, finetune.objective_of(recipe, start, folder, Ranks())


def curve(folder: Path, *, double: bool = False, steps: int = 2, **changes) -> list[float]:
    """Losses of a few steps, in float64 if wanted."""
    recipe, made = objective(folder, steps=steps, samples=4, **changes)
    if double:
        all_double(made.segmenter)
    config = finetune.fit_config(recipe)
    found = []
    for step in range(steps):
        row = made.batches(config.micro_batches(step, Ranks()))
        if double:
            row = [as_double(batch) for batch in row]
        found.append(train_step(made, row, step, config)["total"])
    return found


@pytest.mark.parametrize(("micro", "double", "tolerance"), [(1, True, 1e-9), (2, True, 1e-9), (2, False, 1e-4)])
def test_accumulation_does_not_change_the_curve(tmp_path, micro, double, tolerance):
    kind = {"cache": "none"} if double else {}
    whole = curve(tmp_path, double=double, micro=4, **kind)
    parts = curve(tmp_path, double=double, micro=micro, **kind)
    assert parts == pytest.approx(whole, rel=tolerance)
    assert whole[0] != whole[1]


def test_activations_computed_twice_change_nothing(tmp_path):
    kept = curve(tmp_path, micro=2, cache="none")
    again = curve(tmp_path, micro=2, cache="none", checkpointing=True)
    assert again == pytest.approx(kept, rel=1e-5)


def test_the_references_accumulation_is_another_mean(tmp_path):
    assert curve(tmp_path, micro=2, normalise="micro") != pytest.approx(curve(tmp_path, micro=2), rel=1e-4)


def test_micro_batches_are_of_like_length_and_lose_nothing(tmp_path):
    _, made = objective(tmp_path, samples=16)
    shares = [range(start, start + 4) for start in range(0, 16, 4)]
    grouped, made.grouped = made.batches(shares), False
    plain = made.batches(shares)
    assert sorted(p for b in grouped for p in b.pictures) == sorted(p for b in plain for p in b.pictures)
    wide = lambda row: [b.vlm.input_ids.shape[1] for b in row]  # noqa: E731
    assert sum(wide(grouped)) < sum(wide(plain))


@pytest.mark.parametrize("cache", ["memory", "disk"])
def test_a_cache_changes_no_bit(tmp_path, cache):
    cold = curve(tmp_path / "a", micro=2, cache="none")
    first = curve(tmp_path / "b", micro=2, cache=cache)
    warm = curve(tmp_path / "b", micro=2, cache=cache)
    assert cold == first == warm
    if cache == "disk":
        assert list((tmp_path / "b" / "features").glob("*/??/*.safetensors"))


def test_only_what_the_recipe_names_is_trained(tmp_path):
    _, lora = objective(tmp_path)
    names = {n for n, p in lora.segmenter.named_parameters() if p.requires_grad}
    assert any("lora_A" in n for n in names) and not any("image_encoder" in n for n in names)
    assert all("lora" in n or "embed_tokens" in n or "lm_head" in n for n in names if n.startswith("vlm."))
    _, none = objective(tmp_path, language="none", embeddings="none", mask_decoder=False)
    assert all(n.startswith("projector.") for n, p in none.segmenter.named_parameters() if p.requires_grad)
    with pytest.raises(BadInput, match="q_proj"):
        objective(tmp_path, lora_targets="q_projection")


def test_debug_trains_saves_resumes_and_loads(tmp_path, capsys):
    run("debug", out=tmp_path / "run")
    assert "gIoU" in capsys.readouterr().out
    page = (tmp_path / "run" / "report.html").read_text()
    assert page.count("<svg") >= 5 and page.count("data:image/png") == 4 and "://" not in page
    rows = [json.loads(row) for row in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [r["step"] for r in rows] == [1, 2, 2] and 0 <= rows[-1]["giou"] <= 1
    states = saved_states(tmp_path / "run" / finetune.STATES)
    predictor = lisa.load(tmp_path / "run" / finetune.RESULT)
    assert predictor.segment(PEOPLE, "Who is Lisa?").text
    run("debug", out=tmp_path / "run")  # everything is done: nothing is trained again
    assert saved_states(tmp_path / "run" / finetune.STATES) == states
    with pytest.raises(BadInput, match="seed"):
        run("debug", overrides=["seed=9"], out=tmp_path / "run")


def test_the_exported_model_is_the_one_that_was_trained(tmp_path):
    recipe, made = objective(tmp_path, steps=2, samples=4, learning_rate=1e-2)
    (tmp_path / "recipe.json").write_text(json.dumps(recipe.to_json()))
    fit(made, finetune.fit_config(recipe), tmp_path / finetune.STATES, lambda *_: None)
    again = lisa.load(finetune.export(tmp_path, tmp_path / "out", dtype=torch.float32)).segmenter
    batch = made.batch(range(2))
    with torch.no_grad():
        theirs, ours = again(batch), made.segmenter.eval()(batch)
    torch.testing.assert_close(theirs.low_res_logits, ours.low_res_logits, atol=1e-3, rtol=1e-4)
    torch.testing.assert_close(theirs.hidden, ours.hidden, atol=1e-4, rtol=1e-4)


def test_a_blend_lies_between_what_was_and_what_was_learned(start_folder, tmp_path):
    run_folder = tmp_path / "run"
    choices = ["steps=2", "embeddings=all", "learning_rate=0.01", "evaluate=", f"start={start_folder}"]
    run("debug", overrides=choices, out=run_folder)
    learned = load_file(run_folder / finetune.RESULT / "model.safetensors")
    made = finetune.convert(run_folder, tmp_path / "mixed", dtype=torch.float32, share=0.25)
    mixed = load_file(made / "model.safetensors")
    before = lisa.load(start_folder).segmenter.state_dict()
    moved = [k for k in mixed if not torch.allclose(before[k], mixed[k], atol=1e-6)]
    assert moved and all(
        torch.allclose(mixed[k], before[k] + 0.25 * (learned[k].float() - before[k]), atol=2e-4) for k in mixed
    )
    stored = json.loads((run_folder / "recipe.json").read_text())
    (run_folder / "recipe.json").write_text(json.dumps(stored | {"blend": 0.25}))
    with pytest.raises(BadInput, match="adapters"):
        finetune.export_adapters(run_folder, tmp_path / "adapters")
    with pytest.raises(BadInput, match="blend"):
        finetune.convert(start_folder, tmp_path / "again", share=0.5)


def test_adapters_alone_answer_as_the_merged_model(start_folder, tmp_path):
    run_folder = tmp_path / "run"
    choices = ["steps=2", "embeddings=seg", "learning_rate=0.01", "evaluate=", f"start={start_folder}"]
    run("debug", overrides=choices, out=run_folder)
    adapters = finetune.export_adapters(run_folder, tmp_path / "adapters")
    size = sum(f.stat().st_size for f in adapters.iterdir())
    assert size < (start_folder / "model.safetensors").stat().st_size / 2
    merged = finetune.convert(run_folder, tmp_path / "merged", dtype=torch.float32)
    again = finetune.convert(adapters, tmp_path / "again", dtype=torch.float32)
    a, b = (load_file(folder / "model.safetensors") for folder in (merged, again))
    assert a.keys() == b.keys() and all(torch.allclose(a[k], b[k], atol=1e-6) for k in a)
    before = load_file(start_folder / "model.safetensors")
    assert any(not torch.equal(a[k], before[k]) for k in a)
    loaded = lisa.load(adapters).segmenter.state_dict()
    assert all(torch.allclose(loaded[k], a[k], atol=1e-6) for k in a)


def test_how_readily_other_weights_denied_is_left_behind(start_folder, tmp_path):
    base = tmp_path / "base"
    shutil.copytree(start_folder, base)
    Presence((40,), 5.0).save(base)
    run("debug", overrides=["steps=1", "evaluate=", f"start={base}"], out=tmp_path / "run")
    assert lisa.load(base).segmenter.vlm.first is not None
    assert lisa.load(finetune.export_adapters(tmp_path / "run", tmp_path / "adapters")).segmenter.vlm.first is None
    assert not (finetune.convert(tmp_path / "run", tmp_path / "merged") / PRESENCE).exists()
    assert not (finetune.convert(tmp_path / "adapters", tmp_path / "whole") / PRESENCE).exists()
    assert (finetune.convert(base, tmp_path / "same") / PRESENCE).exists()


def test_a_wrong_choice_can_be_put_right(start_folder, tmp_path):
    out = tmp_path / "run"
    with pytest.raises(LisaError):
        run("debug", overrides=[f"start={tmp_path / 'nowhere'}", "steps=1"], out=out)
    with pytest.raises(LisaError):
        run("debug", overrides=[f"start={start_folder}", "evaluate=nothing"], out=out)
    run("debug", overrides=[f"start={start_folder}", "steps=1", "evaluate="], out=out)
    assert (out / finetune.RESULT / "config.json").exists()


def test_a_run_may_go_on_by_other_means_but_not_as_another(start_folder, tmp_path):
    choices = [f"start={start_folder}", "steps=1", "evaluate="]
    run("debug", overrides=choices, out=tmp_path / "run")
    run("debug", overrides=[*choices, "workers=0", "micro=1", "cache=none", "keep=1"], out=tmp_path / "run")
    with pytest.raises(BadInput, match="other choices"):
        run("debug", overrides=[*choices, "seed=9"], out=tmp_path / "run")
    run("debug", overrides=[*choices, "seed=9"], out=tmp_path / "run", dry_run=True)  # which writes nothing


def test_a_torn_line_of_the_log_is_left_out(tmp_path):
    watch = Watch(tmp_path, {"tracker": "none"}, steps=2, samples=1)
    watch(1, {"total": 2.0, "seconds": 1.0})
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"step": 2, "tot')
    watch(2, {"total": 1.5, "seconds": 1.0})
    watch(3, {"total": 1.0, "seconds": 1.0})
    assert "last 1" in watch.close().read_text()


def test_a_run_stays_with_the_weights_it_began_from(start_folder, tmp_path):
    base = tmp_path / "base"
    shutil.copytree(start_folder, base)
    choices = [f"start={base}", "steps=1", "evaluate="]
    run("debug", overrides=choices, out=tmp_path / "run")
    weights = load_file(base / "model.safetensors")
    save_file({k: v + 1 for k, v in weights.items()}, base / "model.safetensors", metadata={"format": "pt"})
    for again in (lambda: finetune.export(tmp_path / "run", tmp_path / "out"),
                  lambda: run("debug", overrides=choices, out=tmp_path / "run")):  # fmt: skip
        with pytest.raises(BadCheckpoint, match="other weights"):
            again()


def test_what_lies_beside_weights_goes_with_them(tmp_path):
    again = finetune.convert(resolve("tiny"), tmp_path / "again", dtype=torch.float32)
    assert {DOMAIN, PRESENCE, "tokenizer.json"} <= {file.name for file in again.iterdir()}


def test_changed_pictures_are_not_kept(tmp_path):
    recipe, made = objective(tmp_path, cache="memory")
    assert any(finetune.caches_of(recipe, made.segmenter, tmp_path, 1))
    assert not any(finetune.caches_of(replace(recipe, augment=True), made.segmenter, tmp_path, 1))


def test_a_gradient_may_have_any_norm(tmp_path):
    _, free = objective(tmp_path, steps=1)
    before = [p.clone() for p in free.segmenter.parameters() if p.requires_grad]
    train_step(free, free.batches([range(2)]), 1, FitConfig(steps=2, samples=2, clip=0.0, warmup=1))
    after = [p for p in free.segmenter.parameters() if p.requires_grad]
    assert any(not torch.equal(a, b) for a, b in zip(before, after))


def test_adapters_refuse_another_base(start_folder, tmp_path):
    base = tmp_path / "base"
    shutil.copytree(start_folder, base)
    run("debug", overrides=["steps=1", "evaluate=", f"start={base}"], out=tmp_path / "run")
    adapters = finetune.export_adapters(tmp_path / "run", tmp_path / "adapters")
    weights = load_file(base / "model.safetensors")
    save_file({k: v * 1.01 for k, v in weights.items()}, base / "model.safetensors")
    with pytest.raises(BadCheckpoint, match="another"):
        lisa.load(adapters)
    (adapters / "adapters.json").write_text("{}")
    with pytest.raises(BadCheckpoint, match="cannot be read"):
        lisa.load(adapters)


def test_convert_on_the_command_line(start_folder, tmp_path, capsys):
    with pytest.raises(SystemExit) as done:
        main(["convert", str(start_folder), str(tmp_path / "half"), "--dtype", "float16"])
    assert done.value.code == 0 and str(tmp_path / "half") in capsys.readouterr().out
    assert load_file(tmp_path / "half" / "model.safetensors")["projector.out.weight"].dtype == torch.float16
    for source, out in [(start_folder, start_folder), (tmp_path / "no", tmp_path / "new")]:
        with pytest.raises(SystemExit) as done:
            main(["convert", str(source), str(out)])
        assert done.value.code == 2
    assert not (tmp_path / "new").exists()


def test_four_bits_train_and_export(tmp_path):
    pytest.importorskip("bitsandbytes")
    recipe, made = objective(tmp_path, quantise="nf4", steps=3, samples=2, learning_rate=1e-3, embeddings="seg")
    (tmp_path / "recipe.json").write_text(json.dumps(recipe.to_json()))
    seen: list[float] = []
    fit(made, finetune.fit_config(recipe), tmp_path / finetune.STATES, lambda _, v: seen.append(v["total"]))
    assert len(seen) == 3
    assert curve(tmp_path, steps=1, quantise="nf4") == pytest.approx(curve(tmp_path, steps=1), rel=0.3)
    out = finetune.export(tmp_path, tmp_path / "out")
    assert lisa.load(out).segment(PEOPLE, "Who is Lisa?").text


def test_a_model_put_together_from_parts_is_exported(published_folder, tmp_path):
    choices = [f"{k}={v}" for k, v in parts_of(published_folder, tmp_path / "parts").items()]
    run("debug", overrides=[*choices, *LITTLE, "evaluate="], out=tmp_path / "run")
    shutil.rmtree(tmp_path / "parts")  # the result stands alone
    again = lisa.load(tmp_path / "run" / finetune.RESULT, device="cpu")
    assert again.segment(PEOPLE, "Who is Lisa?", max_new_tokens=4).text is not None
    assert "tiny" not in json.loads((tmp_path / "run" / finetune.RESULT / "config.json").read_text())["vision_tower"]


def test_files_of_a_start_are_replaced_not_emptied(published_folder, tmp_path):
    chosen = replace(debug(), **parts_of(published_folder, tmp_path / "parts"))
    numbers = []
    for _ in range(2):
        home = finetune.start_of(chosen, tmp_path / "run", torch.device("cpu")).folder
        numbers.append([(home / name).stat().st_ino for name in ("tokenizer.model", "added_tokens.json")])
    assert all(a != b for a, b in zip(*numbers))


def test_several_may_write_one_file(tmp_path):
    wrong: list[BaseException] = []

    def write(letter: str) -> None:
        try:
            for _ in range(100):
                write_text(tmp_path / "config.json", letter * 10_000)
                assert len({*(tmp_path / "config.json").read_text()}) == 1
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=write, args=(letter,)) for letter in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong and [path.name for path in tmp_path.iterdir()] == ["config.json"]


def test_a_published_model_is_evaluated_in_bf16(published_folder, tmp_path, monkeypatch):
    blank = lambda self, pixels: torch.zeros(len(pixels), self.prompt_width, 8, 8, dtype=torch.bfloat16)  # noqa: E731
    monkeypatch.setattr(SamMasker, "encode", blank)  # bf16 is slow on most CPUs, so the grid is small
    run("debug", overrides=[f"start={published_folder}", "precision=bf16", *LITTLE], out=tmp_path / "run")
    rows = [json.loads(row) for row in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert 0 <= rows[-1]["giou"] <= 1
    assert finetune.convert(tmp_path / "run", tmp_path / "best", best=True)


def test_a_best_state_that_is_not_there_is_said(start_folder, tmp_path):
    run("debug", overrides=["steps=1", "evaluate=", f"start={start_folder}"], out=tmp_path / "run")
    with pytest.raises(Missing, match="leave --best out"):
        finetune.convert(tmp_path / "run", tmp_path / "out", best=True)
    assert not (tmp_path / "out").exists()


def test_shared_out_weights_are_not_asked(tmp_path):
    with pytest.raises(BadInput, match=r"engine=deepspeed.*evaluate="):
        run("debug", overrides=["engine=deepspeed"], out=tmp_path / "run")


@pytest.mark.slow
def test_several_processes_evaluate_together(start_folder, tmp_path):
    scores = []
    for world in (1, 2):
        out = tmp_path / f"run-{world}"
        launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={world}"]
        command = [*launch, "-m", "lisa", "train", "debug", f"start={start_folder}", "micro=2", "lora_dropout=0"]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
        subprocess.run([*command, "--out", str(out)], env=environment, check=True, timeout=300)
        rows = [json.loads(row) for row in (out / "log.jsonl").read_text().splitlines()]
        scores.append(rows[-1]["giou"])
        assert finetune.best_state(out / finetune.STATES)
    assert scores[0] == pytest.approx(scores[1], abs=1e-3)


def test_what_one_process_decides_is_not_for_several(tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(BadInput, match="steps="):
        run("debug", minutes=1.0, out=tmp_path / "run")
    with pytest.raises(BadInput, match="without torchrun"):
        run("camvid-debug", out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_dry_run_says_the_memory_first_and_trains_nothing(start_folder, tmp_path, monkeypatch, capsys):
    def full(*_):
        raise RuntimeError("[enforce fail at alloc_cpu.cpp] can't allocate memory: you tried to allocate 1 bytes")

    monkeypatch.setattr("lisa.train.probe.recipe_seconds", full)
    run("debug", overrides=[f"start={start_folder}"], dry_run=True, out=tmp_path / "run")
    told = capsys.readouterr().out
    assert "memory in all" in told and "it does not fit" in told and not (tmp_path / "run").exists()


def test_a_notice_goes_once_more_than_drawn_scenes_were_learned(start_folder, tmp_path):
    config = replace(SMALL, notice="It knows drawn scenes only.")
    start = finetune.start_of(replace(debug(), start=str(start_folder)), tmp_path, torch.device("cpu"))
    shutil.copytree(start_folder, tmp_path / "told")
    (tmp_path / "told" / "config.json").write_text(json.dumps(config.to_json()))
    start = replace(start, folder=tmp_path / "told")
    for learned, notice in [(("world",), config.notice), (("world", "own"), ""), ((), config.notice)]:
        out = finetune.write_like(start, tmp_path / "out", None, learned=learned)
        assert checkpoint.read_config(out).notice == notice


def test_a_disk_that_fills_up_is_left_to_the_states(tmp_path, monkeypatch):
    free = [1_000_000]
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(feature_cache.shutil, "disk_usage", lambda _: usage(0, 0, free[0]))
    store, row = Disk(tmp_path / "a", 100_000, spare=500_000), torch.zeros(1000)
    store.put("first", row)
    free[0] = 500_000
    store.put("second", row)
    free[0] = 1_000_000
    store.put("third", row)
    assert [store.get(key) is not None for key in ("first", "second", "third")] == [True, False, False]
    part = Disk(tmp_path / "a", 4000 * 5 + 1000, processes=2)  # of five rows one is there, two are each one's
    for number in range(5):
        part.put(f"{number}", row)
    assert sum(part.get(f"{number}") is not None for number in range(5)) == 2


def test_a_native_checkpoint_is_loaded_in_the_type_that_is_asked_for(start_folder):
    cpu = torch.device("cpu")
    for mixed in (False, True):
        loaded = checkpoint.load(start_folder, device=cpu, dtype=torch.bfloat16, mixed=mixed)
        for name, p in loaded.named_parameters():  # both sides of the embedded model compute in their own type
            own = mixed and not name.startswith("projector.")
            assert p.dtype == (torch.float32 if own else torch.bfloat16)
    assert not any(t.is_meta for t in [*loaded.parameters(), *loaded.buffers()])
    text = loaded.vlm.model.get_decoder()  # type: ignore[attr-defined]
    assert text.rotary_emb.inv_freq.dtype == torch.float32


def test_bf16_trains_a_native_checkpoint_too(start_folder, tmp_path):
    losses = curve(tmp_path, start=str(start_folder), precision="bf16", cache="memory")
    assert losses == pytest.approx(curve(tmp_path, start=str(start_folder)), rel=0.1)


def test_masks_go_where_a_conversation_is_cut(published_folder, tmp_path):
    _, made = objective(tmp_path, start=str(published_folder), max_length=400)
    mask = np.ones((8, 8), bool)
    turns = tuple(
        Turn(instruction="what is it?", answer="It is [SEG].", targets=(Target(mask=mask),)) for _ in range(30)
    )
    made._draw = lambda _: [Sample(id="0", image=np.zeros((8, 8, 3), np.uint8), turns=turns)]
    batch = made.batch(range(1))
    masks = int((batch.vlm.input_ids == made.segmenter.vlm.seg_token_id).sum())
    assert batch.vlm.input_ids.shape[1] == 400 and 0 < masks < 30 and len(batch.targets[0]) == masks
    assert torch.isfinite(made.losses(batch, made.counts(batch))["total"])
    _, whole = objective(tmp_path, start=str(published_folder), max_length=0)
    assert len(whole.segmenter.vlm.dialogue.prepare_text({}, turns).input_ids) > 400  # type: ignore[attr-defined]


def test_workers_get_the_data_without_the_weights(tmp_path):
    _, made = objective(tmp_path)
    config = FitConfig(steps=2, samples=2)
    for trained in (made, dense_objective(TinyRecipe())):
        sent = pickle.dumps(_Row(trained, config, Ranks()))
        assert len(sent) < 2_000_000
        here, there = (row[1][0] for row in (_Row(trained, config, Ranks()), pickle.loads(sent)))
        assert torch.equal(here.pixels, there.pixels)


def test_a_run_without_a_state_cannot_be_exported(tmp_path):
    with pytest.raises(Missing, match=r"recipe\.json"):
        finetune.export(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("lerning_rate=1", "did you mean learning_rate"),
        ("steps=many", "steps is a int"),
        ("blend=0", "blend is above 0"),
        ("workers=-1", "0 or more"),
        ("data=world", "data is a dict"),
        ("nonsense", "key=value"),
        ("samples=3", "shared out evenly"),
        ("samples=0", "samples is 1 or more"),
        ("log_every=0", "log_every is 1 or more"),
        ("order=shuffle", "order is random or"),
        ("precision=fp16", "precision is bf16 or fp32"),
        ("normalise=mikro", "normalise is batch or micro"),
        ("data={}", "shares above 0"),
        ("data={world: 0}", "shares above 0"),
    ],
)
def test_a_wrong_choice_is_named(tmp_path, change, message):
    with pytest.raises(BadInput, match=message):
        run("debug", overrides=[change], out=tmp_path / "run")


def test_four_bits_are_not_trained_themselves():
    with pytest.raises(BadInput, match="4-bit"):
        replace(debug(), quantise="nf4", language="full")


def test_what_is_shuffled_has_no_shares():
    with pytest.raises(BadInput, match="equal shares"):
        replace(debug(), data={"world": 2.0, "own": 1.0}, order="shuffled")
    assert replace(debug(), data={"world": 2.0, "own": 2.0}, order="shuffled").order == "shuffled"
    with pytest.raises(BadInput, match="muon needs engine=ddp"):
        replace(debug(), optimizer="muon", engine="fsdp")


def test_a_file_of_choices(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("recipe: debug\nlearning_rate: 1e-3\ndata: {world: 2}\n")
    from lisa.train import find_recipe

    name, recipe = find_recipe(str(path))
    assert name == "mine" and recipe == replace(debug(), learning_rate=1e-3, data={"world": 2.0})
    for text, message in [("recipe: [", "no YAML"), ("steps: 3", "has to name"), ("recipe: debug\nstep: 3", "did you")]:
        path.write_text(text)
        with pytest.raises(BadInput, match=message):
            find_recipe(str(path))


def test_shares_of_a_step_cover_it_once():
    config = FitConfig(steps=1, samples=12, micro=2)
    for world in (1, 2, 3, 6):
        found = [i for rank in range(world) for r in config.micro_batches(5, Ranks(rank, world)) for i in r]
        assert sorted(found) == list(range(60, 72))
    with pytest.raises(BadInput, match="multiple of"):
        config.micro_batches(0, Ranks(0, 5))


def own_pictures(folder: Path, *, good: int, bad: int) -> Path:
    """A COCO file of which some pictures cannot be read."""
    (folder / "images").mkdir(parents=True)
    for i in range(good + bad):
        path = folder / "images" / f"{i}.png"
        if i < good:
            PIL.Image.new("RGB", (64, 48), (40, 90, i)).save(path)
        else:
            path.write_bytes(b"broken")
    numbers = range(good + bad)
    data = {
        "images": [{"id": i, "file_name": f"{i}.png", "height": 48, "width": 64} for i in numbers],
        "categories": [{"id": 1, "name": "dog"}],
        "annotations": [
            {"id": i, "image_id": i, "category_id": 1, "segmentation": [[5, 5, 30, 5, 30, 30]]} for i in numbers
        ],
    }
    (folder / "own.json").write_text(json.dumps(data), encoding="utf-8")
    return folder


@pytest.mark.parametrize("order", ["random", "rounds"])
def test_unreadable_pictures_are_named_and_others_stand_in(start_folder, tmp_path, caplog, monkeypatch, order):
    began = time.monotonic()
    data = own_pictures(tmp_path / "own", good=4, bad=4)
    choices = {"start": str(start_folder), "data": {"own": 1.0}, "data_dir": str(data), "order": order, "micro": 2}
    losses = curve(tmp_path, **choices)
    assert time.monotonic() - began < 60  # a row is not counted up to a far place
    assert all(loss == loss for loss in losses)
    named = [record.getMessage() for record in caplog.records if "skipped: " in record.getMessage()]
    assert named and len(named) == len(set(named)) and all(".png" in line for line in named)
    monkeypatch.setattr(seg, "MOST_UNREADABLE", 1)
    with pytest.raises(BadInput, match=r"more than 1 records cannot be read.*\.png.*lisa data check"):
        curve(tmp_path, start=str(start_folder), data={"own": 1.0}, data_dir=str(data), order=order, steps=6, micro=2)


def test_data_of_which_nothing_can_be_read_ends_the_run(start_folder, tmp_path):
    data = own_pictures(tmp_path / "own", good=0, bad=3)
    with pytest.raises(BadInput, match=r"nothing to learn at place 0 \(.*png"):
        curve(tmp_path, start=str(start_folder), data={"own": 1.0}, data_dir=str(data))
