"""The full-size section of docs/claims.md: its commands run in a shell whose `torchrun` only notes what it is given."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from functools import cache
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from typer.core import TyperGroup
from typer.main import get_command

from lisa import registry
from lisa.claims.full_size import full_size
from lisa.cli import app
from lisa.data.datasets import add, open_training
from lisa.data.world_layouts import ReasonSegFiles
from lisa.recipes.base import Recipe
from lisa.train import find_recipe, override
from lisa.train.finetune import fit_config, trained_of
from lisa.train.ranks import Ranks

RESULT = Path(__file__).parents[1] / "benchmarks" / "results" / "full_size_2026-11.md"
PICTURES = 121
TOOLS = ("bash", "shuf", "jq", "xargs")

pytestmark = pytest.mark.skipif(any(shutil.which(t) is None for t in TOOLS), reason=f"needs {', '.join(TOOLS)}")


@pytest.fixture(scope="module")
def said(tmp_path_factory) -> tuple[Path, list[list[str]]]:
    """The folder in which all blocks ran, and the arguments of each `lisa` in them."""
    home = tmp_path_factory.mktemp("full-size")
    write_reasonseg(home / "DATA" / "reason_seg" / "ReasonSeg")
    note = '#!/bin/bash\nprintf "%q " "$@" >> "$NOTED"; echo >> "$NOTED"\n'
    for name in ("torchrun", "lisa"):
        path = home / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(note)
        path.chmod(0o755)
    script = "set -e\n" + "\n".join(re.findall(r"```bash\n(.*?)```", full_size(), re.DOTALL))
    env = {"PATH": f"{home / 'bin'}:/usr/local/bin:/usr/bin:/bin", "NOTED": str(home / "noted")}
    subprocess.run(["bash", "-c", script], cwd=home, env=env, check=True)
    lines = [shlex.split(line) for line in (home / "noted").read_text().splitlines()]
    return home, [line[line.index("lisa") + 1 :] if "-m" in line else line for line in lines]


def write_reasonseg(home: Path) -> None:
    files = ReasonSegFiles(home, "train")
    mask = np.zeros((8, 8), bool)
    mask[2:6, 2:6] = True
    for i in range(PICTURES):
        path = files.picture(f"{i:03d}_a")
        path.parent.mkdir(parents=True, exist_ok=True)
        PIL.Image.new("RGB", (8, 8)).save(path)
        files.add(path.stem, ["what is it?", "and what is this?"], "It is [SEG]. It is square.", mask)
    files.close()


@cache
def commands() -> dict:
    command = get_command(app)
    assert isinstance(command, TyperGroup)
    return dict(command.commands)


def parsed(arguments: list[str]) -> dict:
    """What `lisa` reads in a command, which it refuses where it does not know something."""
    return commands()[arguments[0]].make_context(arguments[0], list(arguments[1:])).params


def recipes(said: list[list[str]]) -> list[Recipe]:
    rows = [parsed(line) for line in said if line[0] == "train"]
    return [override(find_recipe(row["recipe"])[1], row["overrides"]) for row in rows]


def test_every_training_is_one(said):
    home, lines = said
    found = recipes(lines)
    assert len(found) == 9
    assert found[0].data == {"sem_seg": 9.0, "refer_seg": 3.0, "vqa": 3.0} and found[0].start == "parts"
    for recipe in found:
        trained_of(recipe)
        fit_config(recipe).micro_batches(0, Ranks(rank=7, world=8))
        own = {path.name for path in (home / "DATA").glob("reason_*")}
        assert set(recipe.data) <= {*registry.DATASETS, *registry.DATASET_GROUPS, *own}
        raised = any(name.startswith("reason") and share == 2 for name, share in recipe.data.items())
        assert recipe.order == ("shuffled" if list(recipe.data) == ["reason"] else "rounds" if raised else "random")


def test_every_evaluation_asks_a_run_that_there_is(said):
    _, lines = said
    runs = {str(parsed(line)["out"]) for line in lines if line[0] == "train"}
    asked = [parsed(line) for line in lines if line[0] == "eval"]
    assert {str(Path(row["model"]).parent) for row in asked} == runs
    assert all(row["forced"] for row in asked if "reason-val" in row["datasets"])
    outs = [str(row["out"]) for row in asked]
    assert len(set(outs)) == len(outs) == 3 * len(runs)
    first = next(parsed(line) for line in lines if line[0] == "compare")
    assert {str(first["first"]), str(first["second"])} <= set(outs)


def test_the_sets_of_claim_2_are_read(said):
    home, lines = said
    sizes = {}
    for line in lines:
        if line[:2] == ["data", "add"]:
            name, path, option, folder = line[2:]
            assert option == "--data"
            add(name, str(home / path), home / folder)
            sizes[name] = open_training(name, 1.0, folder=home / folder)[0].dataset
    assert {name: len(reader) for name, reader in sizes.items()} == {
        "reason_60": 60, "reason_120": 120, "reason_plain": PICTURES, "reason_bare": PICTURES,
    }  # fmt: skip
    smaller, larger = ({p.name for p in sizes[name].pictures} for name in ("reason_60", "reason_120"))
    assert smaller < larger
    assert sizes["reason_plain"].annotation(0).texts == ["what is it?"] * 2
    assert sizes["reason_60"].annotation(0).texts == ["what is it?", "and what is this?"]
    assert sizes["reason_60"].explanations and not sizes["reason_bare"].explanations


def test_every_change_of_an_ablation_is_one():
    rows = [re.findall(r"`([^`]*)`", line) for line in full_size().splitlines() if line.startswith("| ")]
    changes = [text for row in rows for text in row if "=" in text]
    assert len(changes) == 15
    for text in changes:
        recipe = override(find_recipe("lisa-7b")[1], shlex.split(text))
        assert recipe != find_recipe("lisa-7b")[1]
        assert set(recipe.data) <= {*registry.DATASETS, *registry.DATASET_GROUPS}


def test_hours_and_memory_are_the_estimate_s():
    cells = [[c.strip(" *") for c in line.split("|")[1:-1]] for line in RESULT.read_text().splitlines() if "|" in line]
    shown = [[c.strip() for c in line.split("|")[1:-1]] for line in full_size().splitlines() if line.startswith("| ")]
    for name, *row in (row for row in shown if "stage" in row[0] and row[0][0].isdigit()):
        found = {c[2]: c[3:] for c in cells if c[0] == name}
        none = ["–", "–", "–"]
        cards = [found.get(card, none) for card in ("8 × RTX 3090", "8 × A100 40 GB", "1 × H100 80 GB")]
        hours = [cards[0][0], cards[0][1], cards[1][0], cards[2][0]]
        assert [h.removesuffix(" h") for h in row[:4]] == hours
        assert row[4] == ", ".join(card[2] for card in cards)
    for engine, pictures, *sizes in (row for row in shown if row[0] in ("ddp", "fsdp", "ZeRO-2")):
        for size, shown_size in zip(("7B", "13B"), sizes):
            found = next(c for c in cells if c[:3] == [size, engine, pictures])
            assert found[8] == shown_size.split(",")[0]
            assert (found[9] == "just") == ("just" in shown_size)
