"""Can this checkpoint work? Looks at tokenizer, config and weights without loading the model."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from lisa.errors import LisaError
from lisa.hub import resolve
from lisa.model.expected import Shape, expected_shapes, is_ignored
from lisa.model.seg_token import SegToken, find_seg, vocabulary_size
from lisa.model.tensors import OpenTensors, open_tensors
from lisa.weights import read_json

BLANK = "masks will be blank or missing"
"""The most frequent report of LISA's users, by the name they give it."""

Level = Literal["error", "warning"]
_PROJECTOR = re.compile(r"(^|\.)(text_hidden_fcs|projector)\.")
_DECODER = re.compile(r"(^|\.)mask_decoder\.|^masker\.(?!image_encoder\.)")
_EMBEDDING = re.compile(r"(^|\.)embed_tokens\.weight$")
_HEAD = re.compile(r"(^|\.)lm_head\.weight$")


@dataclass(frozen=True)
class Finding:
    """Something wrong or doubtful."""

    level: Level
    title: str
    detail: str
    advice: str
    """What to do about it."""


@dataclass
class Report:
    """What was seen. `ok` says whether the checkpoint can work."""

    folder: Path
    facts: dict[str, str] = field(default_factory=dict)
    """Label → value, for people."""
    findings: list[Finding] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """No finding is an error."""
        return not any(finding.level == "error" for finding in self.findings)

    @property
    def first_error(self) -> str:
        """The title of the first finding that is an error, or nothing."""
        return next((finding.title for finding in self.findings if finding.level == "error"), "")

    def error(self, title: str, detail: str, advice: str) -> None:
        """Notes what keeps the checkpoint from working."""
        self.findings.append(Finding("error", title, detail, advice))

    def warning(self, title: str, detail: str, advice: str) -> None:
        """Notes what may be meant so."""
        self.findings.append(Finding("warning", title, detail, advice))

    def render(self) -> str:
        """One screen of plain text."""
        lines = [f"Checkpoint {self.folder}"]
        lines += [f"  {label:<14}{value}" for label, value in self.facts.items()]
        for finding in self.findings[:8]:
            mark = "✗" if finding.level == "error" else "!"
            lines += [f"{mark} {finding.title}", f"    {finding.detail}", f"    → {finding.advice}"]
        if len(self.findings) > 8:
            lines.append(f"… and {len(self.findings) - 8} more findings")
        lines.append("✓ this checkpoint can work" if self.ok else "✗ this checkpoint cannot work as it is")
        return "\n".join(lines)


def examine(path: str | Path) -> Report:
    """Looks at a checkpoint folder (or alias or hub id that is on this machine).

    Reads the headers and some thousand values per tensor, memory-mapped; runs nothing that lies in the folder.

    Raises:
        Missing, BadCheckpoint: there is no folder with a readable config and weights to look at.
    """
    folder = resolve(path)
    report = Report(folder)
    config = read_json(folder / "config.json")
    tensors = open_tensors(folder)
    count = sum(int(np.prod(shape, dtype=np.int64)) for shape in tensors.shapes.values())
    report.facts["layout"] = "lisa" if config.get("format") == "lisa" else "published LISA"
    report.facts["weights"] = f"{len(tensors.shapes):,} tensors, {count:,} numbers"
    if config.get("format") == "lisa":
        _check_native(report, folder, config, tensors)
    else:
        _check_published(report, folder, config, tensors)
    _check_parts(report, tensors)
    _check_values(report, tensors)
    return report


def _check_published(report: Report, folder: Path, config: Mapping[str, Any], tensors: OpenTensors) -> None:
    try:
        _check_seg(report, find_seg(folder), config, tensors)
    except LisaError as error:
        report.error(f"[SEG] is not known: {BLANK}", str(error), "copy the tokenizer files of the same checkpoint here")
    tensors.forget(is_ignored)
    try:
        _check_keys(report, expected_shapes(config, tensors.shapes), tensors)
    except (KeyError, ValueError, TypeError) as error:
        detail = f"{type(error).__name__}: {error}"
        report.error("config.json cannot be used", detail, "take it from the same checkpoint")


def _check_native(report: Report, folder: Path, config: Mapping[str, Any], tensors: OpenTensors) -> None:
    """Our own layout: the model is built without memory for its weights, and asked for its [SEG] and its shapes."""
    import torch

    from lisa.model.checkpoint import build, read_config

    try:
        with torch.device("meta"):
            model = build(read_config(folder), folder)
    except Exception as error:  # whatever a damaged config or tokenizer makes of the parts
        detail = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        report.error(f"no model can be built: {BLANK}", detail, "take config.json and tokenizer of the same checkpoint")
        return
    seg = SegToken(model.vlm.seg_token_id, ("the model's own dialogue",), "", None)
    _check_seg(report, seg, config, tensors)
    _check_keys(report, {key: tuple(tensor.shape) for key, tensor in model.state_dict().items()}, tensors)


def _check_seg(report: Report, seg: SegToken, config: Mapping[str, Any], tensors: OpenTensors) -> None:
    report.facts["[SEG]"] = f"id {seg.id} in {', '.join(seg.sources)}"
    if seg.conflicts:
        report.error(f"[SEG] has several ids: {BLANK}", seg.conflicts, "keep the tokenizer files of one checkpoint")
    size = vocabulary_size(config)
    embedding, head = _rows(tensors, _EMBEDDING), _rows(tensors, _HEAD)
    rows = {"config vocab_size": size, "embedding rows": embedding, "lm_head rows": head}
    known = {label: number for label, number in rows.items() if number is not None}
    report.facts["vocabulary"] = ", ".join(f"{label} {number}" for label, number in known.items()) or "not found"
    sizes = ", ".join(f"{label} {number}" for label, number in known.items())
    if seg.id < 0 or any(seg.id >= number for number in known.values()):
        title, advice = "[SEG] is outside the vocabulary", "take weights and tokenizer of the same checkpoint"
        report.error(f"{title}: {BLANK}", f"its id is {seg.id}, {sizes}", advice)
        return
    if len(set(known.values())) > 1:
        advice = "take config.json and weights from the same checkpoint"
        report.error(f"the vocabulary has several sizes: {BLANK}", sizes, advice)
    if seg.tokens is not None and size is not None and seg.tokens != size:
        _report_tokenizer_size(report, seg, size)
    _check_seg_rows(report, seg, tensors)


def _report_tokenizer_size(report: Report, seg: SegToken, size: int) -> None:
    detail = f"the tokenizer has {seg.tokens} tokens, config.json says {size}"
    advice = "if answers lack masks, take the tokenizer files from where the weights come from"
    if seg.tokens is not None and seg.tokens > size:
        report.error(f"tokenizer and weights do not fit: {BLANK}", detail, advice)
    else:
        # padded vocabularies are larger than their tokenizer and work
        report.warning("the tokenizer is smaller than the vocabulary", detail, advice)


def _check_seg_rows(report: Report, seg: SegToken, tensors: OpenTensors) -> None:
    for label, pattern in (("embedding", _EMBEDDING), ("lm_head", _HEAD)):
        for key in _matching(tensors.shapes, pattern):
            row = tensors.row(key, seg.id)
            if not np.isfinite(row).all() or np.ptp(row) == 0:
                report.error(
                    f"the {label} row of [SEG] is empty: {BLANK}",
                    f"row {seg.id} of {key} is constant or not a number",
                    "the tokens were added after training: take weights that were trained with [SEG]",
                )


def _check_keys(report: Report, expected: Mapping[str, Shape], tensors: OpenTensors) -> None:
    found = tensors.shapes
    missing = [key for key in expected if key not in found]
    unexpected = [key for key in found if key not in expected]
    wrong = [key for key in expected if key in found and found[key] != expected[key]]
    if missing:
        blank = any(_PROJECTOR.search(key) or _DECODER.search(key) for key in missing)
        title = _weights(missing, "missing") + (f": {BLANK}" if blank else "")
        report.error(title, _grouped(missing), "fetch the checkpoint again; a LoRA must be merged first")
    if wrong:
        shapes = f"{_grouped(wrong)}; {wrong[0]} is {list(found[wrong[0]])}, expected {list(expected[wrong[0]])}"
        report.error(_weights(wrong, "of a wrong shape"), shapes, "config.json and weights must be of one model")
    if unexpected:
        report.warning(_weights(unexpected, "not known"), _grouped(unexpected), "they are not read")


def _check_parts(report: Report, tensors: OpenTensors) -> None:
    """Without the two parts that make masks there are none, whatever the config promises."""
    for name, pattern in (("[SEG] projector (text_hidden_fcs)", _PROJECTOR), ("mask decoder", _DECODER)):
        if not any(pattern.search(key) for key in tensors.shapes):
            report.error(
                f"there is no {name}: {BLANK}",
                "this is a language model without the parts that LISA adds",
                "give the merged LISA checkpoint, not the model that it was trained from",
            )


def _check_values(report: Report, tensors: OpenTensors) -> None:
    bad: list[str] = []
    constant: list[str] = []
    fresh: list[str] = []
    for key, shape in tensors.shapes.items():
        values = tensors.sample(key)
        if not np.isfinite(values).all():
            bad.append(key)
        elif len(shape) >= 2 and len(values) > 16 and np.ptp(values) == 0:
            constant.append(key)
        elif _PROJECTOR.search(key) and len(shape) == 2 and _looks_untrained(values, shape[1]):
            fresh.append(key)
    if bad:
        report.error(_blank_title("NaN or infinite weights", bad), _grouped(bad), "fetch the checkpoint again")
    if constant:
        advice = "these weights were never filled: fetch the checkpoint again"
        report.error(_blank_title("weights that are all the same number", constant), _grouped(constant), advice)
    if fresh:
        advice = "if masks are bad, these weights were lost on saving: take another checkpoint"
        report.warning(f"the [SEG] projector looks untrained: {BLANK}", _grouped(fresh), advice)


def _blank_title(title: str, keys: Iterable[str]) -> str:
    concerned = any(_PROJECTOR.search(key) or _DECODER.search(key) for key in keys)
    return f"{title}: {BLANK}" if concerned else title


def _looks_untrained(values: np.ndarray, fan_in: int) -> bool:
    """Whether values are spread as torch draws a fresh linear layer: evenly within ±1/√fan_in."""
    if len(values) < 1000:
        return False
    bound = fan_in**-0.5
    even = abs(float(values.std()) * 3**0.5 / bound - 1) < 0.03
    # half precision rounds the bound itself up by under one per cent
    return even and float(np.abs(values).max()) <= bound * 1.01


def _matching(shapes: Mapping[str, Shape], pattern: re.Pattern[str]) -> list[str]:
    return [key for key, shape in shapes.items() if pattern.search(key) and len(shape) == 2]


def _rows(tensors: OpenTensors, pattern: re.Pattern[str]) -> int | None:
    keys = _matching(tensors.shapes, pattern)
    return tensors.shapes[keys[0]][0] if keys else None


def _weights(keys: list[str], what: str) -> str:
    return f"{len(keys)} weight{' is' if len(keys) == 1 else 's are'} {what}"


def _grouped(keys: list[str]) -> str:
    """Keys with their numbers as *, the most frequent first, on one line."""
    groups = Counter(re.sub(r"\.\d+(?=\.)", ".*", key) for key in keys).most_common()
    text = ", ".join(f"{name} ({count})" if count > 1 else name for name, count in groups[:3])
    return f"{text} and {len(groups) - 3} more kinds" if len(groups) > 3 else text
