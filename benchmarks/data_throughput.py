"""Samples a core prepares for training in a second: picture read, resized, CLIP's crop, masks decoded.

    python benchmarks/data_throughput.py FOLDER [--side 1024] [--samples 2000]

FOLDER holds one's own data, such as COCO's photographs with their instances. A sample is one question with its mask; as
in training, all that are drawn of a picture share its pixels. Times are CPU seconds of this process.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import psutil
import torch

from lisa.data.datasets import open_training
from lisa.geometry import Geometry
from lisa.vlms.llava_v1 import ClipPixels


def main() -> None:
    """Reads the arguments, prepares samples, prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--samples", type=int, default=2000)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    reader = open_training("own", 1.0, folder=asked.folder)[0].dataset
    clip, process = ClipPixels(), psutil.Process()
    samples = pictures = place = 0
    memory: list[float] = []
    start = time.process_time()
    while samples < asked.samples:
        drawn = reader.draw(place % len(reader), np.random.default_rng(place))
        place += 1
        if not drawn:
            continue
        image = drawn[0].image
        pixels = Geometry.fit((image.shape[0], image.shape[1]), asked.side).raw(image)
        crop = clip(image)
        masks = torch.stack([torch.from_numpy(t.mask) for s in drawn for turn in s.turns for t in turn.targets])
        assert pixels.dtype == torch.uint8 and crop.shape[-1] == clip.size and masks.dtype == torch.bool
        samples, pictures = samples + len(drawn), pictures + 1
        if pictures % 100 == 0:
            memory.append(process.memory_info().rss / 1e6)
    seconds = time.process_time() - start
    print(f"{samples / seconds:.0f} samples, {pictures / seconds:.0f} pictures a second of one core at {asked.side} px")
    if memory:
        print(f"memory: {memory[0]:.0f} MB after 100 pictures, {max(memory):.0f} at most, {memory[-1]:.0f} at the end")


if __name__ == "__main__":
    main()
