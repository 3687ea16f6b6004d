"""One process of a training, `ranks_worker.py START OUT ENGINE TYPE STEPS STOP`: writes its curve and its samples.

Engine "plain": nothing is wrapped, the loop itself averages gradients.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from small_model import all_double, as_double

from lisa.model.segmenter import Batch
from lisa.recipes.lisa import debug
from lisa.train import finetune
from lisa.train.loop import fit
from lisa.train.ranks import Ranks, joined


def main(start: str, out: str, engine: str, kind: str, steps: str, stop: str) -> None:
    torch.set_num_threads(1)
    folder = Path(out)
    recipe = replace(
        debug(), start=start, engine="ddp" if engine == "plain" else engine, steps=int(steps), samples=4, micro=1,
        evaluate="", lora_dropout=0.0, learning_rate=1e-3, warmup=2, cache="none",
    )  # fmt: skip
    if kind == "rows":
        recipe = replace(recipe, embeddings="seg", weight_decay=0.1)
    curve: list[float] = []
    seen: list[tuple[int, str]] = []

    def report(step: int, values: dict[str, float]) -> None:
        curve.append(values["total"])
        if step == int(stop):
            os.kill(os.getpid(), signal.SIGTERM)

    with joined(torch.device("cpu")) as ranks:
        torch.manual_seed(3)
        begun = finetune.start_of(recipe, folder, ranks.device)
        if kind in ("double", "rows"):
            all_double(begun.segmenter)
        alone = Ranks(device=ranks.device)
        made = finetune.objective_of(recipe, begun, folder, alone if engine == "plain" else ranks)
        collated = made.batches
        made.grouped = False  # so that places and pictures stay in line

        def noted(shares: Sequence[range]) -> list[Batch]:
            row = collated(shares)
            for places, found in zip(shares, row):
                seen.extend(zip(places, found.pictures))
            return [as_double(found) for found in row] if kind in ("double", "rows") else row

        made.batches = noted  # type: ignore[method-assign]
        fit(made, finetune.fit_config(recipe), folder / "states", report, ranks=ranks)
        (folder / f"seen-{steps}-{stop}-{ranks.rank}.json").write_text(json.dumps(seen))
        if ranks.first:
            (folder / f"curve-{stop}.json").write_text(json.dumps(curve))


if __name__ == "__main__":
    main(*sys.argv[1:])
