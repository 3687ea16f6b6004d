"""`docs/claims.md`, from the answers in a run's folder: what holds, what does not, and how sure. Torch-free."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lisa.claims.plan import ABLATIONS_1, ABLATIONS_2, OLD, TEST, VAL, Run
from lisa.claims.run import Work, rows_of
from lisa.evaluate.rows import Row
from lisa.files import write_text
from lisa.metrics.intervals import Figure, ratio
from lisa.metrics.paired import Difference, difference

KEPT = 0.6
"""Of the gIoU of a model that learned with reasoning, which zero-shot has to reach."""
LOST = 0.02
"""gIoU of the old tasks that stage 2 may cost."""

MEANING: Mapping[str, str] = {
    "own-state": "[SEG]'s own state is read, not the one before it",
    "no-text-loss": "no loss on the words",
    "bce-alone": "no DICE",
    "dice-alone": "no BCE",
    "paper-weights": "the paper's weights of the losses: words 1, BCE 2, DICE 0.5",
    "lora-2": "LoRA of rank 2 in the place of full training",
    "lora-8": "LoRA of rank 8, as the paper has it",
    "lora-32": "LoRA of rank 32",
    "frozen-language": "the language model is frozen",
    "frozen-decoder": "the mask decoder is frozen",
    "trained-encoders": "both image encoders are trained",
    "unnamed": "answers do not name what they mask, as the paper's",
    "no-sem-seg": "no semantic segmentation",
    "no-refer": "no referring expressions",
    "no-vqa": "no questions answered in words",
    "with-239": "the 239 samples from the start, 9 : 3 : 3 : 1",
    "one-wording": "each of the 239 samples in one wording instead of up to four",
    "unexplained": "no explanations in the 239 samples",
}
"""Ablation → what is otherwise."""


@dataclass(frozen=True)
class Seeds:
    """Rows of one test for each seed that was run, joined."""

    rows: Sequence[Sequence[Row]]

    @property
    def values(self) -> list[float]:
        """gIoU of each seed."""
        return [float(np.mean([r.iou for r in rows])) for rows in self.rows]

    def figure(self) -> Figure:
        """gIoU over all seeds; a picture is resampled with its rows of every seed."""
        flat = [r for rows in self.rows for r in rows]
        return ratio([r.iou for r in flat], [1.0] * len(flat), [r.id for r in flat])

    def forced(self) -> Figure | None:
        """The same teacher-forced, where that was asked."""
        flat = [r for rows in self.rows for r in rows if r.forced]
        if not flat:
            return None
        return ratio([float(np.mean([o.iou for o in r.forced])) for r in flat], [1.0] * len(flat), [r.id for r in flat])

    def against(self, before: Seeds) -> Difference:
        """This − before, question by question and seed by seed."""
        pairs = [(a, b) for x, y in zip(before.rows, self.rows) for a, b in zip(x, y, strict=True)]
        return difference([a.iou for a, _ in pairs], [b.iou for _, b in pairs], [a.id for a, _ in pairs])


class Found:
    """All answers of one repetition that are there."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.runs: dict[str, list[Run]] = {}
        for one in work.table():
            self.runs.setdefault(one.of, []).append(one)

    def __call__(self, of: str, test: str) -> Seeds | None:
        """A test of the runs of that kind; None where none of them was asked."""
        rows = [found for one in self.runs.get(of, ()) if (found := rows_of(self.work, one, test))]
        return Seeds(rows) if rows else None


def write_page(path: Path, work: Work, again: Work | None, command: str) -> None:
    """Writes the page; what is not there yet is said to be missing. `again`: everything from other seeds."""
    found, other = Found(work), None if again is None else Found(again)
    parts = [_head(work, again, command), _zero_shot(found, other), _curve(found, other), _forgetting(found, other)]
    parts += [_ablations(found), _full_size()]
    write_text(path, "\n".join(parts))


def _head(work: Work, again: Work | None, command: str) -> str:
    sizes = work.sizes
    return f"""# The paper's two claims, in miniature

LISA (arXiv 2308.00692) says: trained on ordinary segmentation alone, the model already reasons; and {sizes.samples}
reasoning samples raise it clearly. Here both are tested on drawn scenes, with the readers and the trainer that the full
size uses.

`{command}`

- **What every training starts from** (`lisa train tiny-base`): a masker that can be prompted, as SAM, and a small VLM
  that answers in words, as LLaVA. It has been told in words what things are for, and has never met [SEG].
- **Stage 1**: {sizes.scenes:,} drawn pictures in the layouts of ADE20K, refCOCO and LLaVA-Instruct, drawn 9 : 3 : 3,
  {sizes.stage_1} steps of six pictures. No question with a mask takes knowledge, or more than one step.
- **Stage 2**: {sizes.samples} samples in ReasonSeg's layout, {sizes.stage_2} steps, as much old data beside them.
- **Asked**: `world-reason`, 200 questions to choose by and 779 to test by, in ReasonSeg's layout, free-running. All
  intervals are of 95 %, resampled by picture, over {sizes.seeds} seeds.
"""


def _zero_shot(found: Found, other: Found | None) -> str:
    lines = ["## Claim 1: it reasons without having been shown reasoning\n"]
    rows = []
    for name, here in (("here", found), ("again, new seeds", other)):
        stage, included = (here(of, TEST) if here else None for of in ("stage-1", "included"))
        if stage is None or included is None:
            continue
        share = stage.figure().value / max(included.figure().value, 1e-9)
        rows.append(f"| {name} | {stage.figure()} | {included.figure()} | {share:.2f} |")
    if not rows:
        return "\n".join([*lines, "Not measured yet.\n"])
    many = f"with {found.work.sizes.many:,} reasoning pictures, trained equally long"
    table = [f"| | stage 1 alone, gIoU | {many} | share |", "|---|---|---|---|"]
    return "\n".join([*lines, *table, *rows, "", f"Asked: a share of {KEPT:.2f} or more.\n"])


def _curve(found: Found, other: Found | None) -> str:
    lines = [f"## Claim 2: {found.work.sizes.samples} samples raise it\n"]
    stage = found("stage-1", TEST)
    if stage is None:
        return "\n".join([*lines, "Not measured yet.\n"])
    lines += [
        "| reasoning samples | gIoU | each seed | gain over stage 1 | p | again, new seeds |",
        "|---|---|---|---|---|---|",
    ]
    lines.append(f"| 0 | {stage.figure()} | {_each(stage)} | | | {_other(other, 'stage-1')} |")
    for count in found.work.sizes.curve:
        lines.append(_gain(found, other, f"reason{count}", str(count), stage))
    lines.append(_gain(found, other, "more", "0, as many steps more of stage 1", stage))
    return "\n".join([*[line for line in lines if line], ""])


def _gain(found: Found, other: Found | None, of: str, label: str, stage: Seeds) -> str:
    rows = found(of, TEST)
    if rows is None:
        return ""
    gain = rows.against(Seeds(stage.rows[: len(rows.rows)]))
    again = ""
    if other and (second := other(of, TEST)) and (first := other("stage-1", TEST)):
        again = f"{second.against(Seeds(first.rows[: len(second.rows)])).figure}"
    return f"| {label} | {rows.figure()} | {_each(rows)} | {gain.figure} | {gain.p:.3f} | {again} |"


def _forgetting(found: Found, other: Found | None) -> str:
    lines = ["## What stage 2 costs the old tasks\n"]
    before = found("stage-1", OLD)
    if before is None:
        return "\n".join([*lines, "Not measured yet.\n"])
    lines += ["| after stage 2 | gIoU of classes and expressions | change |", "|---|---|---|"]
    lines.append(f"| before it | {before.figure()} | |")
    for of, label in ((f"reason{found.work.sizes.samples}", "with replay"), ("no-replay", "without")):
        if rows := found(of, OLD):
            change = rows.against(Seeds(before.rows[: len(rows.rows)]))
            lines.append(f"| {label} | {rows.figure()} | {change.figure} |")
    return "\n".join([*lines, "", f"Asked: no more than {LOST:.2f} lost with replay.\n"])


def _ablations(found: Found) -> str:
    lines = ["## What each choice is worth\n", "One seed, the 200 questions that are chosen by.\n"]
    lines += ["| changed | gIoU | teacher-forced | difference | |", "|---|---|---|---|---|"]
    for of, names in (("stage-1", ABLATIONS_1), (f"reason{found.work.sizes.samples}", ABLATIONS_2)):
        whole = found(of, VAL)
        if whole is None:
            continue
        first = Seeds(whole.rows[:1])
        label = "stage 1 as it is" if of == "stage-1" else "stage 2 as it is"
        lines.append(f"| **{label}** | {first.figure()} | {first.forced() or ''} | | |")
        for name in names:
            rows = found(name, VAL)
            if rows is None:
                lines.append(f"| {MEANING[name]} | not measured yet | | | |")
                continue
            change = rows.against(first)
            said = {1: "better", 0: "within noise", -1: "worse"}[change.better]
            lines.append(f"| {MEANING[name]} | {rows.figure()} | {rows.forced() or ''} | {change.figure} | {said} |")
    return "\n".join([*lines, ""])


def _each(seeds: Seeds) -> str:
    return ", ".join(f"{value:.3f}" for value in seeds.values)


def _other(other: Found | None, of: str) -> str:
    rows = other(of, TEST) if other else None
    return "" if rows is None else str(rows.figure())


def _full_size() -> str:
    return ""
