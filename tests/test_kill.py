"""A handful of the kills that `make kill` does by the hundred."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lisa.errors import TooLarge
from lisa.train import checkpoints
from lisa.train.checkpoints import Saver, best_state, load_latest, save_state, saved_states

HERE = Path(__file__).parent


def test_killed_runs_end_with_the_same_bits():
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(HERE), "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, str(HERE / "kill.py"), "--kills", "8", "--seed", "5"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    assert " 8 resumes" in done.stdout and " 0 problems" in done.stdout


def test_a_full_disk_leaves_the_old_states_alone(tmp_path, monkeypatch):
    save_state(tmp_path, 1, {"step": 1}, keep=1)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoints.os, "fsync", full)
    saver = Saver(tmp_path, keep=1)
    saver.save(2, {"step": 2})
    with pytest.raises(TooLarge, match="No space left"):
        saver.wait()
    saver.close()
    assert load_latest(tmp_path) == {"step": 1}
    assert [p.name for p in tmp_path.iterdir()] == [saved_states(tmp_path)[0].name]


def test_a_folder_that_is_a_file_is_an_error_before_anything(tmp_path):
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(TooLarge, match="--out"):
        checkpoints.check_space(tmp_path / "taken", 1)
    assert (tmp_path / "taken").read_text() == "mine"


def test_the_best_state_stays_when_newer_ones_come(tmp_path):
    save_state(tmp_path, 1, {"step": 1}, keep=1, best=True)
    for step in (2, 3):
        save_state(tmp_path, step, {"step": step}, keep=1)
    best = best_state(tmp_path)
    assert best is not None and checkpoints.load_state(best) == {"step": 1}
    save_state(tmp_path, 4, {"step": 4}, keep=1, best=True)
    assert len(list(tmp_path.glob("best-*"))) == 1 and len(saved_states(tmp_path)) == 1
