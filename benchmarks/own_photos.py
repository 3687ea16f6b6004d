"""One's own data, tried: 60 photographs of CamVid as a COCO file, `tiny` fine-tuned on them, held-out ones asked about.

    python benchmarks/own_photos.py make FOLDER --camvid ../shared/data/camvid
    lisa data add street FOLDER/street --data FOLDER
    lisa train own-tiny data='{street: 1, world: 1}' data_dir=FOLDER --minutes 15 --out FOLDER/run
    python benchmarks/own_photos.py score FOLDER/run/checkpoint --camvid ../shared/data/camvid

`score` asks for every class that is in each validation photograph, and sets beside it what the places of the classes in
the 60 photographs alone would give: for each class the pixels where it was at least so often that these fit best.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import numpy as np

from lisa.data.camvid import CLASSES, IGNORED, Asked, CamVid
from lisa.data.convert import instance_record
from lisa.evaluate.ask import evaluate
from lisa.metrics.intervals import ratio
from lisa.metrics.iou import intersection_union
from lisa.predictor import load

COUNT = 60
LEVELS = np.arange(0.1, 0.95, 0.05)


def chosen(camvid: Path) -> tuple[CamVid, list[int]]:
    """The training photographs, and which of them are used: evenly spread."""
    data = CamVid(camvid)
    return data, sorted({int(i) for i in np.linspace(0, len(data) - 1, COUNT).round()})


def make(folder: Path, camvid: Path) -> None:
    """`folder/street/{images, annotations.json}`: one record for each class of each photograph."""
    data, numbers = chosen(camvid)
    home = folder / "street"
    (home / "images").mkdir(parents=True, exist_ok=True)
    images, annotations = [], []
    for number in numbers:
        path = data.pictures[number]
        shutil.copyfile(path, home / "images" / path.name)
        _, labels = data.read(number)
        images.append(
            {"id": len(images) + 1, "file_name": path.name, "height": labels.shape[0], "width": labels.shape[1]}
        )
        for k in np.unique(labels[labels != IGNORED]):
            annotations.append(instance_record(len(annotations) + 1, len(images), int(k) + 1, labels == k))
    categories = [{"id": i, "name": facts.name} for i, facts in enumerate(CLASSES, 1)]
    whole = {"images": images, "annotations": annotations, "categories": categories}
    (home / "annotations.json").write_text(json.dumps(whole))
    print(f"{len(images)} photographs and {len(annotations)} masks in {home}")


def priors(camvid: Path) -> np.ndarray:
    """For each class the pixels `[classes, H, W]` bool that fit its masks in the 60 photographs best, blindly."""
    data, numbers = chosen(camvid)
    maps = np.stack([data.read(n)[1] for n in numbers])
    found = []
    for number in range(len(CLASSES)):
        masks = maps == number
        masks = masks[masks.any((1, 2))]
        often = masks.mean(0) if len(masks) else np.zeros(maps.shape[1:])
        fits = [_mean_iou(np.broadcast_to(often >= level, masks.shape), masks) for level in LEVELS]
        found.append(often >= LEVELS[int(np.argmax(fits))])
    return np.stack(found)


def _mean_iou(predicted: np.ndarray, truth: np.ndarray) -> float:
    i, u = intersection_union(predicted, truth.astype(np.uint8))
    return float((i / np.maximum(u, 1)).mean()) if len(i) else 0.0


def score(checkpoint: str, camvid: Path) -> None:
    """Prints gIoU of the model, of the places alone, and their difference, paired by picture."""
    samples = [s for s in Asked(CamVid(camvid, "val"), "names") if s.turns[0].targets]
    rows = evaluate(load(checkpoint), samples).rows
    blind = priors(camvid)
    names = [facts.name for facts in CLASSES]
    places = []
    for s in samples:
        truth = s.turns[0].targets[0].mask.astype(np.uint8)
        truth[s.meta["ignore"]] = 255
        i, u = intersection_union(blind[names.index(s.meta["class"])][None], truth[None])
        places.append(float(i[0] / max(u[0], 1)))
    pictures, ones = [s.id for s in samples], np.ones(len(samples))
    model = [r.iou for r in rows]
    print("model      ", ratio(model, ones, pictures))
    print("places     ", ratio(places, ones, pictures))
    print("difference ", ratio(np.subtract(model, places), ones, pictures))
    for name in names:
        own = [k for k, s in enumerate(samples) if s.meta["class"] == name]
        print(
            f"  {name:14} {np.mean([model[k] for k in own]):.3f}  {np.mean([places[k] for k in own]):.3f}  {len(own)}"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("make", "score"))
    parser.add_argument("where")
    parser.add_argument("--camvid", type=Path, default=Path("../shared/data/camvid"))
    arguments = parser.parse_args()
    if arguments.what == "make":
        make(Path(arguments.where), arguments.camvid)
    else:
        score(arguments.where, arguments.camvid)
