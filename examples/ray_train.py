"""`lisa train` on a Ray cluster: `python examples/ray_train.py lisa-7b runs/lisa-7b data_dir=/all/see/data
sam=/all/see/sam_vit_h_4b8939.pth --workers 8 --gpu`.

Every worker is one process of the training, as under torchrun, in a folder of its own: give whole paths, to what
all of them see. Started again after a failure, the run goes on from its last state.
"""

import argparse
from pathlib import Path
from typing import Any

from ray.train import FailureConfig, RunConfig, ScalingConfig
from ray.train.torch import TorchTrainer


def work(choices: dict[str, Any]) -> None:
    """What each worker does."""
    from lisa.train import run

    run(choices["recipe"], overrides=choices["changes"], out=Path(choices["out"]))


def main() -> None:
    """Reads the command line, asks Ray for workers, waits for the end."""
    parser = argparse.ArgumentParser(description="lisa train, on Ray")
    parser.add_argument("recipe")
    parser.add_argument("out", type=Path)
    parser.add_argument("changes", nargs="*", help="key=value")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--gpu", action="store_true")
    asked = parser.parse_intermixed_args()  # changes may stand behind options
    trainer = TorchTrainer(
        work,
        train_loop_config={"recipe": asked.recipe, "changes": asked.changes, "out": str(asked.out.resolve())},
        scaling_config=ScalingConfig(num_workers=asked.workers, use_gpu=asked.gpu),
        run_config=RunConfig(failure_config=FailureConfig(max_failures=3)),
    )
    trainer.fit()


if __name__ == "__main__":
    main()
