from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save, save_file
from small_hub import COMMIT, Repo, SmallHub

from lisa import fetch, hub, memory
from lisa.errors import BadCheckpoint, BadInput, DownloadFailed, LisaError, Missing, TooLarge

WEIGHTS = save({"a": np.arange(30_000, dtype=np.float32)})
LISA, CLIP = "xinlai/LISA-7B-v1", hub.CLIP


@pytest.fixture(autouse=True)
def small_steps(monkeypatch) -> None:
    """The client writes what it has in steps of 10 MB: take smaller ones, so that small files show it."""
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 10_000)


@pytest.fixture
def small() -> Iterator[SmallHub]:
    checkpoint = {
        "config.json": b'{"torch_dtype": "bfloat16"}',
        "added_tokens.json": b'{"[SEG]": 3}',
        "tokenizer.model": bytes(range(256)) * 8,
        "pytorch_model.bin": WEIGHTS,
        "pytorch_model.bin.index.json": b'{"weight_map": {"a": "pytorch_model.bin"}}',
        "README.md": b"# LISA",
        "modeling_evil.py": b"raise SystemExit",
        "training_args.bin": b"x" * 50,
        "runs/config.json": b"{}",
    }
    clip = {
        "config.json": b"{}",
        "preprocessor_config.json": b"{}",
        "model.safetensors": WEIGHTS,
        "pytorch_model.bin": b"y" * 5000,
        "tf_model.h5": b"z" * 5000,
    }
    repos = {
        LISA: Repo(checkpoint, {"license": "llama2"}),
        CLIP: Repo(clip),
        "some/gated": Repo({}, gated=True),
        "some/data": Repo({"config.json": b"{}"}),
    }
    with SmallHub(repos) as server:
        yield server


def fetched(small: SmallHub, tmp_path: Path, name: str = "lisa-7b", **options) -> Path:
    return hub.get(name, endpoint=small.endpoint, cache=tmp_path / "cache", **options)


def test_get_fetches_what_is_needed_and_says_the_licence(small, tmp_path):
    lines: list[str] = []
    folder = fetched(small, tmp_path, say=lines.append)
    assert "licence: llama2" in lines[0] and "not stated" in lines[1]
    wanted = {
        "config.json",
        "added_tokens.json",
        "tokenizer.model",
        "pytorch_model.bin",
        "pytorch_model.bin.index.json",
    }
    assert {path.name for path in folder.iterdir()} == wanted
    assert (folder / "pytorch_model.bin").read_bytes() == WEIGHTS
    assert hub.resolve("lisa-7b", cache=tmp_path / "cache") == folder == hub.resolve(LISA, cache=tmp_path / "cache")
    clip = hub.resolve(CLIP, cache=tmp_path / "cache")
    assert {path.name for path in clip.iterdir()} == {"config.json", "preprocessor_config.json", "model.safetensors"}
    assert COMMIT in str(folder)
    # a second call fetches no weights again
    before = len(small.gets("pytorch_model.bin"))
    assert fetched(small, tmp_path) == folder and len(small.gets("pytorch_model.bin")) == before


def test_what_is_here_in_another_revision_is_named(small, tmp_path):
    folder = fetched(small, tmp_path, revision=COMMIT)
    with pytest.raises(Missing, match=re.escape(str(folder))):
        hub.resolve("lisa-7b", cache=tmp_path / "cache")


def test_get_into_a_folder_puts_clip_where_the_checkpoint_finds_it(small, tmp_path):
    folder = fetched(small, tmp_path, folder=tmp_path / "lisa")
    assert folder == tmp_path / "lisa" and (folder / "pytorch_model.bin").read_bytes() == WEIGHTS
    assert (folder / CLIP / "model.safetensors").read_bytes() == WEIGHTS
    assert not list(folder.rglob("*.py"))
    assert hub.resolve(folder) == folder


def test_a_connection_that_breaks_is_continued_at_once(small, tmp_path):
    small.cut_after["pytorch_model.bin"] = [50_000]
    folder = fetched(small, tmp_path)
    assert (folder / "pytorch_model.bin").read_bytes() == WEIGHTS
    spans = small.gets("pytorch_model.bin")
    assert len(spans) == 2 and spans[0] is None and spans[1] is not None


def test_a_fetch_that_was_stopped_is_continued_by_the_next(small, tmp_path, monkeypatch):
    from huggingface_hub import file_download

    def give_up(*args):
        raise KeyboardInterrupt

    small.cut_after["pytorch_model.bin"] = [50_000]
    with monkeypatch.context() as patch:
        patch.setattr(file_download.time, "sleep", give_up)
        with pytest.raises(KeyboardInterrupt):
            fetched(small, tmp_path)
    with pytest.raises(Missing, match="lisa get lisa-7b"):
        hub.resolve("lisa-7b", cache=tmp_path / "cache")
    parts = list((tmp_path / "cache").rglob("*.part"))
    assert len(parts) == 1 and parts[0].stat().st_size > 0
    have = parts[0].stat().st_size
    folder = fetched(small, tmp_path)
    assert small.gets("pytorch_model.bin")[-1] == f"bytes={have}-"
    assert (folder / "pytorch_model.bin").read_bytes() == WEIGHTS
    assert not list((tmp_path / "cache").rglob("*.part"))


def test_a_wrong_hash_is_found_and_nothing_stays(small, tmp_path):
    small.repos[LISA].wrong_hash.add("pytorch_model.bin")
    with pytest.raises(DownloadFailed, match="wrong hash"):
        fetched(small, tmp_path)
    assert not [
        path for path in (tmp_path / "cache").rglob("*") if path.is_file() and path.read_bytes() == WEIGHTS[:-1]
    ]
    assert not list((tmp_path / "cache").rglob("*.part"))
    with pytest.raises(Missing):
        hub.resolve("lisa-7b", cache=tmp_path / "cache")


def test_a_damaged_file_on_the_disk_is_fetched_again(small, tmp_path):
    folder = fetched(small, tmp_path, folder=tmp_path / "lisa")
    (folder / "pytorch_model.bin").write_bytes(bytes(len(WEIGHTS)))
    fetched(small, tmp_path, folder=tmp_path / "lisa")
    assert (folder / "pytorch_model.bin").read_bytes() == WEIGHTS


def test_disk_and_memory_are_looked_at_before_anything_is_fetched(small, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(hub, "free_disk", lambda place: 1000)
        with pytest.raises(TooLarge, match="disk"):
            fetched(small, tmp_path)
    monkeypatch.setattr(hub, "memory_total", lambda: 1000)
    with pytest.raises(TooLarge, match="--force"):
        fetched(small, tmp_path)
    assert not small.gets("pytorch_model.bin")
    assert fetched(small, tmp_path, force=True).is_dir()


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("nobody/nothing", Missing, "no model"),
        ("some/gated", Missing, "HF_TOKEN"),
        ("some/data", Missing, "no weights"),
        ("lisa7b", Missing, "did you mean lisa-7b"),
        ("a/b/c", Missing, "no model"),
        ("..//x", Missing, "no model"),
        ("some/--bad..", LisaError, "."),
    ],
)
def test_names_that_lead_nowhere(small, tmp_path, name, kind, words):
    with pytest.raises(kind, match=words):
        fetched(small, tmp_path, name)


def test_no_connection(tmp_path):
    with pytest.raises(DownloadFailed, match="resume"):
        hub.get("lisa-7b", endpoint="http://127.0.0.1:9", cache=tmp_path)


def test_the_command_honours_the_environment(small, tmp_path):
    def lisa(*arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        keep = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
        environment = {**keep, "HF_ENDPOINT": small.endpoint, "HF_HOME": str(tmp_path / "home"), **extra}
        return subprocess.run(
            [sys.executable, "-m", "lisa", *arguments], env=environment, capture_output=True, text=True, timeout=60
        )

    offline = lisa("get", "lisa-7b", HF_HUB_OFFLINE="1")
    assert offline.returncode == 2 and "HF_HUB_OFFLINE" in offline.stderr and "Traceback" not in offline.stderr
    done = lisa("get", "lisa-7b")
    assert done.returncode == 0 and "llama2" in done.stderr
    assert Path(done.stdout.strip()).is_relative_to(tmp_path / "home")


@pytest.mark.parametrize("name", ["", " ", "a\0b", "/nowhere", "./nowhere", "xinlai/LISA-7B-v1", "x" * 5000])
def test_resolve_says_what_to_do(tmp_path, name):
    with pytest.raises((Missing, BadInput)):
        hub.resolve(name, cache=tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(BadCheckpoint, match="folder"):
        hub.resolve(tmp_path / "file")


def test_a_folder_named_like_an_alias_is_taken_where_the_cache_has_none(small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lisa-7b").mkdir()
    with pytest.raises(Missing, match="lisa get lisa-7b"):
        hub.resolve("lisa-7b", cache=tmp_path / "cache")
    fetched(small, tmp_path, folder="lisa-7b")
    assert hub.resolve("lisa-7b", cache=tmp_path / "cache") == Path("lisa-7b")
    folder = fetched(small, tmp_path)
    assert hub.resolve("lisa-7b", cache=tmp_path / "cache") == folder


def test_files_named_like_a_model_are_in_nobodys_way(small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("tiny", "lisa-7b"):
        (tmp_path / name).write_text("x")
    assert hub.resolve("tiny").is_dir()
    folder = fetched(small, tmp_path)
    assert hub.resolve("lisa-7b", cache=tmp_path / "cache") == folder


def test_memory_needed(tmp_path):
    save_file({"a": np.zeros((10, 10), np.float32), "b": np.zeros(7, np.int64)}, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps({"torch_dtype": "float32"}))
    assert memory.memory_needed(tmp_path) == 400 + 56
    assert memory.memory_needed(tmp_path, "bfloat16") == 200 + 56
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    size = (tmp_path / "pytorch_model.bin").stat().st_size
    assert memory.memory_needed(tmp_path) == size and memory.memory_needed(tmp_path, "torch.float16") == size // 2


def test_check_fits_names_the_smaller_choice(tmp_path, monkeypatch):
    save_file({"a": np.zeros(1000, np.float32)}, tmp_path / "model.safetensors")
    assert memory.check_fits(tmp_path) == 4000
    monkeypatch.setattr(memory, "memory_free", lambda device=None: 4500)
    with pytest.raises(TooLarge, match="bfloat16"):
        memory.check_fits(tmp_path, "float32")
    monkeypatch.setattr(memory, "memory_free", lambda device=None: 100)
    with pytest.raises(TooLarge, match="tiny"):
        memory.check_fits(tmp_path, name="lisa-7b")
    monkeypatch.setattr(memory, "memory_free", lambda device=None: 20 * memory.GIB)
    with pytest.raises(TooLarge, match="lisa-7b"):
        memory.check_fits(tmp_path, name="lisa-13b", extra=30 * memory.GIB)


def test_a_model_too_large_for_the_gpu_is_sent_to_the_cpu_where_that_has_room(tmp_path, monkeypatch):
    save_file({"a": np.zeros(1000, np.float16)}, tmp_path / "model.safetensors")
    free = {"cuda": 100, "None": 1 << 20}
    monkeypatch.setattr(memory, "memory_free", lambda device=None: free[str(device)])
    with pytest.raises(TooLarge, match="--device cpu"):
        memory.check_fits(tmp_path, "bfloat16", "cuda", name="lisa-7b")
    free["None"] = 100
    with pytest.raises(TooLarge, match="take tiny"):
        memory.check_fits(tmp_path, "bfloat16", "cuda", name="lisa-7b")


def test_free_disk_of_a_place_that_is_not_there(tmp_path):
    assert fetch.free_disk(tmp_path / "a" / "b") > 0
    assert memory.memory_total() >= memory.memory_free() > 0
