"""`docs/claims.md`, from the answers in a run's folder: what holds, what does not, and how sure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from lisa.claims.data import is_written
from lisa.claims.drawn import write_curve, write_pictures
from lisa.claims.full_size import full_size
from lisa.claims.plan import ABLATIONS_1, ABLATIONS_2, LEARN, NEW, OLD, TEST, VAL, Run
from lisa.claims.run import Work, rows_of
from lisa.claims.seeds import Seeds, by_seed, change, holm, noise, share
from lisa.files import write_text
from lisa.metrics.intervals import Figure
from lisa.metrics.paired import Difference
from lisa.train.finetune import row_of

KEPT = 0.6
"""Of the gIoU of a model that learned with reasoning, which zero-shot has to reach."""
LOST = 0.02
"""gIoU of the old tasks that stage 2 may cost."""

MEANING: Mapping[str, str] = {
    "own-state": "[SEG]'s own state is read, not the one before it",
    "no-text-loss": "no loss on the words: nothing teaches it to say [SEG]",
    "bce-alone": "no DICE",
    "dice-alone": "no BCE",
    "paper-weights": "the paper's weights of the losses: words 1, BCE 2, DICE 0.5",
    "heavy-text": "words weigh 20, as in `lisa train tiny`",
    "lora-2": "LoRA of rank 2 in the place of full training",
    "lora-8": "LoRA of rank 8, the paper's",
    "lora-32": "LoRA of rank 32",
    "frozen-language": "the language model is frozen, its embeddings are not",
    "frozen-decoder": "the mask decoder is frozen",
    "trained-encoders": "both image encoders are trained, by the same optimizer",
    "unnamed": "answers do not name what they mask, as the paper's",
    "no-sem-seg": "no semantic segmentation",
    "no-refer": "no referring expressions",
    "no-vqa": "no questions answered in words",
    "with-239": "the 239 samples from the start, 9 : 3 : 3 : 1",
    "one-wording": "each of the 239 samples in one wording instead of up to four",
    "unexplained": "no explanations in the 239 samples",
}
"""Ablation → what is otherwise."""


class Found:
    """All answers of one repetition that are there."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.runs: dict[str, list[Run]] = {}
        for one in work.table():
            self.runs.setdefault(one.of, []).append(one)

    def __call__(self, of: str, test: str) -> Seeds | None:
        """A test of the runs of that kind; None where none of them was asked."""
        rows = {one.seed: found for one in self.runs.get(of, ()) if (found := rows_of(self.work, one, test))}
        return Seeds(rows) if rows else None

    def seen(self, of: str) -> Counter[str]:
        """Pictures that the first run of that kind learns from: dataset → how many are drawn, "… different" of them."""
        recipe = self.runs[of][0].recipe
        row, names = row_of(recipe), list(recipe.data)
        places = [row.where(place) for place in range(recipe.steps * recipe.samples)]
        counts = Counter(names[part] for part, _ in places)
        return counts + Counter(f"{names[part]} different" for part, _ in set(places))


def write_page(path: Path, work: Work, again: Work | None, command: str) -> None:
    """Writes the page; what is not there yet is said to be missing. `again`: the same with other seeds."""
    found, other = Found(work), None if again is None else Found(again)
    parts = [_head(found, command), _verdicts(found, other), _doses(found), _zero_shot(found, other)]
    parts += [_curve(found, other), _drawn(found, path), _forgetting(found, other), _ablations(found), full_size()]
    write_text(path, "\n".join(parts))


def _head(found: Found, command: str) -> str:
    sizes = found.work.sizes
    return f"""# The paper's two claims, in miniature

LISA (arXiv 2308.00692) says: trained on ordinary segmentation alone, the model already reasons; and 239 reasoning
samples raise it clearly. Here both are tested on drawn scenes, with the readers and trainer that the full size uses.

`lisa reproduce claims` works through everything, hours of two cores; with `--seed 2 --out FOLDER` it draws and trains
another repetition. `{command}` wrote this page.

- **What every training starts from** (`lisa train tiny-base`): a masker that can be prompted, as SAM, and a small VLM
  that answers in words, as LLaVA. It has met what things are for in words alone, and never [SEG]. Where to look was
  taught with questions that name a thing, its look or its place; with those that take a thought it was not.
- **Stage 1** (`stage-1`): pictures in the layouts of ADE20K, refCOCO and LLaVA-Instruct, drawn 9 : 3 : 3,
  {sizes.stage_1} steps. No question with a mask takes knowledge. The questions in words do, in the same wordings that
  are asked afterwards: what is new to the model is that their answer is to be masked.
- **Stage 2** (`reason239`): samples in ReasonSeg's layout, each in up to four wordings and with an explanation where it
  has one; {sizes.stage_2} steps, a picture of stage 1's data beside every two. Every sample comes before any comes
  again.
- **Asked**, free-running: `world-reason`'s 200 questions to choose by and 779 to test by, and {sizes.new} in wordings
  that were not taught in either form.
- **How sure**: intervals are of 95 % and say what other pictures and other trainings would have given. Their variances
  are jackknife estimates, over pictures and over trainings; Student's t knows that {sizes.seeds} trainings are few. p
  is the chance of a change so large where there is none. All trainings start from the same base: what another base
  would have given is told by the repetition alone.
- A small model says a thing's name before [SEG]. Teacher-forced, with "[SEG]." alone, it lacks that: the column is
  there because the field's figures are made so.
- On which machine, and how long it takes: [claims_cpu2_2026-11.md](../benchmarks/results/claims_cpu2_2026-11.md).
"""


def _verdicts(found: Found, other: Found | None) -> str:
    """Each promise, what came of it here and in the repetition, and whether that is sure."""
    after = f"reason{found.work.sizes.samples}"
    asked: list[tuple[str, float, Callable[[Found], Figure | None]]] = [
        ("stage 1 ÷ as long a training with reasoning in it", KEPT, _between(share, TEST, "stage-1", "included")),
        ("the samples raise it, over stage 1", 0.0, _between(_moved, TEST, "stage-1", after)),
        ("… over as many steps without them", 0.0, _between(_moved, TEST, "more", after)),
        ("what the old tasks change by it, with replay", -LOST, _between(_moved, OLD, "stage-1", after)),
    ]
    lines = ["## What holds\n", "| | more than | here | again, other seeds | |", "|---|---|---|---|---|"]
    for name, least, measure in asked:
        both = [None if f is None else measure(f) for f in (found, other)]
        lines.append(
            f"| {name} | {least:.2f} | {both[0] or 'not measured yet'} | {both[1] or ''} | {_sure(both, least)} |"
        )
    return "\n".join([*lines, ""])


def _between(how: Callable[[Seeds, Seeds], Figure], test: str, a: str, b: str) -> Callable[[Found], Figure | None]:
    def measured(found: Found) -> Figure | None:
        first, second = found(a, test), found(b, test)
        return None if first is None or second is None else how(first, second)

    return measured


def _moved(before: Seeds, after: Seeds) -> Figure:
    return change(before, after).figure


def _sure(both: Sequence[Figure | None], least: float) -> str:
    """Whether figures are above what is wanted, and their intervals are."""
    there = [f for f in both if f is not None]
    if not all(f.value > least for f in there):
        return "does not hold"
    return "" if not there else "holds" if all(f.low > least for f in there) else "holds, but not surely"


def _drawn(found: Found, path: Path) -> str:
    """The curve and some answers, written beside the page."""
    sizes, parts = found.work.sizes, []
    stage, included = found("stage-1", TEST), found("included", TEST)
    taught = {n: rows.figure() for n in sizes.curve if (rows := found(f"reason{n}", TEST))}
    if stage is not None and taught:
        file = path.with_name(f"{path.stem}-curve.svg")
        lines = {} if included is None else {"with reasoning in stage 1": included.figure().value}
        write_curve(file, {0: stage.figure()} | taught, lines)
        parts.append(f"![gIoU over reasoning samples]({file.name})\n")
    file = path.with_name(f"{path.stem}-answers.png")
    seed = found.runs["stage-1"][0].seed
    if write_pictures(file, found.work, [f"stage-1-s{seed}", f"reason{sizes.samples}-s{seed}"]):
        parts.append(
            "The first question of each kind in the test: what is wanted, stage 1 alone, and after the "
            f"{sizes.samples} samples.\n\n![answers]({file.name})\n"
        )
    return "\n".join(parts)


def _doses(found: Found) -> str:
    lines = ["| training | pictures drawn (different ones) |", "|---|---|"]
    wanted = ["stage-1", "included", *(f"reason{n}" for n in found.work.sizes.curve), "no-replay", "with-239"]
    for of in wanted:
        if is_written(found.work.out / LEARN):
            seen = found.seen(of)
            told = (f"{name} {seen[name]} ({seen[f'{name} different']})" for name in found.runs[of][0].recipe.data)
            lines.append(f"| {of} | {', '.join(told)} |")
    return "\n".join([*lines, ""])


def _zero_shot(found: Found, other: Found | None) -> str:
    lines = ["## Claim 1: it masks what takes a thought without having been shown that\n"]
    after = f"reason{found.work.sizes.samples}"
    lines.append(f"| | questions | stage 1 alone, gIoU | with reasoning in it, as long | share | share of {after} |")
    lines.append("|---|---|---|---|---|---|")
    for name, here in (("here", found), ("again, other seeds", other)):
        for test, label in ((TEST, "`world-reason` test"), (NEW, "new wordings")):
            stage, included, taught = (here(of, test) if here else None for of in ("stage-1", "included", after))
            if stage is not None and included is not None:
                kept, of_taught = share(stage, included), "" if taught is None else share(stage, taught)
                lines.append(f"| {name} | {label} | {stage.figure()} | {included.figure()} | {kept} | {of_taught} |")
            elif here is found:
                lines.append(f"| {name} | {label} | not measured yet | | | |")
    return "\n".join([*lines, "", f"Wanted: a share of {KEPT:.2f} or more.\n"])


def _curve(found: Found, other: Found | None) -> str:
    lines = [f"## Claim 2: {found.work.sizes.samples} samples raise it\n"]
    stage, more = found("stage-1", TEST), found("more", TEST)
    if stage is None:
        return "\n".join([*lines, "Not measured yet.\n"])
    lines.append(
        "| reasoning samples | gIoU | each seed | over stage 1 | over as many steps without | again, over stage 1 |"
    )
    lines.append("|---|---|---|---|---|---|")
    lines.append(f"| 0 | {stage.figure()} | {_each(stage)} | | | |")
    counts = [(f"reason{n}", str(n)) for n in found.work.sizes.curve]
    for of, label in (("more", "0, as many steps more"), *counts):
        if (rows := found(of, TEST)) is None:
            lines.append(f"| {label} | not measured yet | | | | |")
            continue
        over = "" if more is None or of == "more" else _told(change(more, rows))
        cells = (label, rows.figure(), _each(rows), _told(change(stage, rows)), over, _again(other, of))
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join([*lines, ""])


def _again(other: Found | None, of: str, test: str = TEST) -> str:
    if other is None or (before := other("stage-1", test)) is None or (after := other(of, test)) is None:
        return ""
    return _told(change(before, after))


def _forgetting(found: Found, other: Found | None) -> str:
    lines = ["## What stage 2 costs the old tasks\n"]
    before = found("stage-1", OLD)
    if before is None:
        return "\n".join([*lines, "Not measured yet.\n"])
    lines.append("| | gIoU of classes and expressions | change | again, change | gIoU on `world-reason` test |")
    lines.append("|---|---|---|---|---|")
    first = found("stage-1", TEST)
    lines.append(f"| before it | {before.figure()} | | | {first.figure() if first else ''} |")
    for of, label in ((f"reason{found.work.sizes.samples}", "with replay"), ("no-replay", "without, as many samples")):
        if rows := found(of, OLD):
            test = found(of, TEST)
            told = test.figure() if test else ""
            cells = (label, rows.figure(), _told(change(before, rows)), _again(other, of, OLD), told)
            lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join([*lines, "", f"Wanted: no more than {LOST:.2f} lost with replay.\n"])


def _ablations(found: Found) -> str:
    again = [seeds for of, trained in found.runs.items() if len(trained) > 1 and (seeds := found(of, VAL))]
    deviation, freedom = noise(again)
    lines = [
        f"""## What each choice is worth

One training each, asked the 200 questions that are chosen by, against the one of the same seed without the change.
Trainings that differ in their seed alone have a deviation of {deviation:.3f} ({freedom} degrees of freedom, over all
kinds that were trained with several). A difference counts where neither of two chances explains it: other pictures (p
as above, here of one seed), and another seed (Student's t, with √2 of that deviation for a difference). The larger p of
the two is corrected for all rows by Holm's procedure, and has to be 0.05 or less.
"""
    ]
    lines += ["| changed | gIoU | teacher-forced | difference | corrected p | |", "|---|---|---|---|---|---|"]
    tables = {"stage-1": ABLATIONS_1, f"reason{found.work.sizes.samples}": ABLATIONS_2}
    wholes = {of: _of_first_seed(found, of) for of in tables}
    asked = {name: rows for names in tables.values() for name in names if (rows := found(name, VAL))}
    moved = {
        name: change(whole, asked[name])
        for of, whole in wholes.items()
        for name in tables[of]
        if whole is not None and name in asked
    }
    larger = [max(d.p, by_seed(d.figure.value, deviation, freedom)) for d in moved.values()]
    corrected = dict(zip(moved, holm(larger)))
    for of, whole in wholes.items():
        if whole is None:
            lines.append(f"| **{of}** | not measured yet | | | | |")
            continue
        lines.append(f"| **{of} as it is** | {whole.figure()} | {whole.forced() or ''} | | | |")
        for name in tables[of]:
            if name not in moved:
                lines.append(f"| {MEANING[name]} | not measured yet | | | | |")
                continue
            rows, figure, p = asked[name], moved[name].figure, corrected[name]
            said = "within noise" if p > 0.05 else "worse" if figure.value < 0 else "better"
            lines.append(f"| {MEANING[name]} | {rows.figure()} | {rows.forced() or ''} | {figure} | {p:.3f} | {said} |")
    return "\n".join([*lines, ""])


def _of_first_seed(found: Found, of: str) -> Seeds | None:
    """Answers of the training that ablations are held against."""
    whole, seed = found(of, VAL), found.runs[of][0].seed
    return None if whole is None or seed not in whole.rows else whole.only(seed)


def _each(seeds: Seeds) -> str:
    return ", ".join(f"{value:.3f}" for value in seeds.values)


def _told(found: Difference) -> str:
    return f"{found.figure}, p {found.p:.3f}"
