"""An evaluation as one page that needs no network, in English and Chinese; and as Markdown. Torch-free."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageOps

from lisa.data.base import ABSENT
from lisa.drawing import draw_masks
from lisa.evaluate.figures import Evaluation
from lisa.evaluate.rows import Row
from lisa.segmentation import Segmentation
from lisa.types import Sample

SHOWN = 6
"""Pictures of each sort: worst, best, by chance."""
SIDE = 420
"""Pixels of the longer side of a picture."""

LABELS: dict[str, tuple[str, str]] = {
    "giou": ("gIoU, mean IoU of the questions with a target", "gIoU：有目标的问题的平均 IoU"),
    "ciou": ("cIoU, sum of intersections over sum of unions", "cIoU：交集之和除以并集之和"),
    "boundary_iou": ("boundary IoU", "边界 IoU"),
    "n_acc": ("N-acc, what is not there is said so", "N-acc：没有的东西说没有"),
    "t_acc": ("T-acc, what is there gets a mask", "T-acc：有的东西给出掩码"),
    "giou_with_absent": ("gIoU, questions without a target counted", "gIoU（含无目标的问题）"),
    "ciou_with_absent": ("cIoU, questions without a target counted", "cIoU（含无目标的问题）"),
    "matched_iou": ("IoU of several instances, best pairs", "多个实例的配对 IoU"),
    "ap50": ("AP at IoU 0.5, by the masks' scores", "AP50（按掩码得分）"),
    "ece": ("calibration error of the scores", "得分的校准误差"),
    "teacher_forced_giou": ("gIoU, teacher-forced", "gIoU（教师强制）"),
    "teacher_forced_ciou": ("cIoU, teacher-forced", "cIoU（教师强制）"),
    "text_exact": ("answers right to the letter", "回答逐字相同"),
    "chrf": ("chrF, words like the expected ones", "chrF：与应答文字的相似度"),
    "named": ("answers that name the right thing", "回答说对了名称"),
    "explained": ("explanations that are true of the target", "对目标而言为真的解释"),
    "other_question": ("another question of the picture, against this target", "同图另一问题对本目标"),
    "class_miou": ("mIoU over classes", "各类平均 mIoU"),
    "class_miou_present": ("mIoU over classes, asked where they are", "各类平均 mIoU（只问图中有的类）"),
    "questions": ("questions", "问题数"),
    "seconds_per_question": ("seconds a question", "每题秒数"),
    "by_kind": ("by kind", "按类型"),
    "by_language": ("by language", "按语言"),
    "by_class": ("by class", "按类别"),
    "by_round": ("by round of the conversation", "按对话轮次"),
    "by_size": ("by size of the target", "按目标大小"),
    "by_length": ("by length of the question", "按问题长度"),
    "by_targets": ("by number of targets", "按目标个数"),
}
FAILURES: tuple[tuple[str, str, Callable[[Row], bool]], ...] = (
    ("no mask where there is something", "有目标却没有掩码", lambda r: bool(r.wanted) and not r.given),
    (
        "a mask where there is nothing",
        "没有目标却给出掩码",
        lambda r: not r.wanted and r.group == ABSENT and r.given > 0,
    ),
    (
        "the right name, other pixels (IoU under 0.1)",
        "名称对，像素错（IoU 低于 0.1）",
        lambda r: bool(r.wanted and r.given and r.named) and r.iou < 0.1,
    ),
    (
        "another name, other pixels (IoU under 0.1)",
        "名称错，像素也错（IoU 低于 0.1）",
        lambda r: bool(r.wanted and r.given) and r.named is False and r.iou < 0.1,
    ),
    (
        "other pixels (IoU under 0.1)",
        "像素错（IoU 低于 0.1）",
        lambda r: bool(r.wanted and r.given) and r.named is None and r.iou < 0.1,
    ),
    ("partly (IoU 0.1 to 0.5)", "部分正确（IoU 0.1 到 0.5）", lambda r: bool(r.wanted) and 0.1 <= r.iou < 0.5),
)


@dataclass(frozen=True)
class Shown:
    """A question with its picture: what was wanted, and what came."""

    row: Row
    sample: Sample
    result: Segmentation


def chosen(rows: Sequence[Row], *, seed: int = 0, count: int = SHOWN) -> dict[tuple[str, str], list[Row]]:
    """Worst, best and random questions, by (English, Chinese) title."""
    target = sorted((r for r in rows if r.wanted), key=lambda r: r.iou)
    dice = np.random.default_rng(seed).permutation(len(rows))
    return {
        ("worst", "最差"): target[:count],
        ("best", "最好"): target[::-1][:count],
        ("by chance", "随机"): [rows[int(k)] for k in dice[:count]],
    }


def gather(rows: Iterable[Row], samples: Iterable[Sample], answers: Mapping[int, Segmentation]) -> dict[int, Shown]:
    """The pictures of some rows, by their places; the dataset is read once, as far as needed."""
    wanted = {r.index: r for r in rows if r.index in answers}
    last = max(wanted, default=-1)
    found = {}
    for index, sample in enumerate(islice(samples, last + 1)):
        if index in wanted:
            found[index] = Shown(wanted[index], sample, answers[index])
    return found


def page(
    report: Mapping[str, Any],
    evaluations: Mapping[str, Evaluation],
    shown: Mapping[str, Mapping[int, Shown]],
    controls: Mapping[str, Mapping[str, Any]] | None = None,
) -> str:
    """The whole report."""
    parts = [_head(report)]
    for name, figures in report["datasets"].items():
        rows = evaluations[name].rows
        parts.append(f"<h2>{html.escape(name)}</h2>")
        parts += [f'<p class="leak">⚠ {html.escape(told)}</p>' for told in report.get("leaks", {}).get(name, ())]
        parts += [_headline(figures), _figures(figures)]
        if found := (controls or {}).get(name):
            parts.append(_controls(found))
        parts.append(_failures(rows))
        parts += [_cards(title, of, shown.get(name, {})) for title, of in chosen(rows).items()]
    style = (files("lisa") / "evaluate" / "report.css").read_text(encoding="utf-8")
    script = "for(const b of document.querySelectorAll('nav button'))b.onclick=()=>document.body.className=b.value"
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        '<link rel="icon" href="data:,">'
        f"<title>{html.escape(str(report['model']))}</title><style>{style}</style>"
        f'<body class="en">{"".join(parts)}<script>{script}</script></body></html>\n'
    )


def markdown(report: Mapping[str, Any]) -> str:
    """The figures as tables."""
    lines = [f"# {report['model']}", "", f"`{report.get('command', '')}`", ""]
    about = (f"{k} {report[k]}" for k in ("protocol", "weights", "lisa", "seed") if k in report)
    lines += ["; ".join(about) + ". In brackets 95 % intervals, resampled by picture.", ""]
    for name, figures in report["datasets"].items():
        lines += [f"## {name}", ""]
        lines += [f"> ⚠ {told}\n" for told in report.get("leaks", {}).get(name, ())]
        lines += ["| figure | value |", "|---|---|"]
        lines += [f"| {LABELS.get(k, (k,))[0]} | {value(v)} |" for k, v in figures.items() if not k.startswith("by_")]
        for k, table in ((k, v) for k, v in figures.items() if k.startswith("by_")):
            lines += ["", f"| {LABELS[k][0]} | value | n |", "|---|---|---|"]
            lines += [f"| {label} | {value(v)} | {v['count']} |" for label, v in table.items()]
        lines.append("")
    return "\n".join(lines)


def value(figure: Any) -> str:
    """A figure of a report in words: 0.712 [0.690, 0.731]."""
    if not isinstance(figure, Mapping):
        return "–" if figure is None else f"{figure:g}"
    if figure.get("value") is None:
        return "–"
    low, high = figure.get("low"), figure.get("high")
    return f"{figure['value']:.3f}" + ("" if low is None or high is None else f" [{low:.3f}, {high:.3f}]")


def _both(english: str, chinese: str) -> str:
    return f'<span class="en">{html.escape(english)}</span><span class="zh">{html.escape(chinese)}</span>'


def _label(name: str) -> str:
    return _both(*LABELS.get(name, (name, name)))


def _head(report: Mapping[str, Any]) -> str:
    about = " · ".join(f"{k} {html.escape(str(report[k]))}" for k in ("weights", "lisa", "seed") if k in report)
    return (
        '<nav><button value="en">English</button> <button value="zh">中文</button></nav>'
        f"<h1>{html.escape(str(report['model']))}</h1>"
        f'<p class="note">{html.escape(str(report.get("protocol", "")))} · {about}<br>'
        f"<code>{html.escape(str(report.get('command', '')))}</code></p>"
    )


def _headline(figures: Mapping[str, Any]) -> str:
    name = next((k for k in ("class_miou", "class_miou_present", "matched_iou") if k in figures), "giou")
    if name == "matched_iou" and 2 * figures[name]["count"] < figures["giou"]["count"]:
        name = "giou"
    number = figures.get(name) or {}
    if number.get("value") is None:
        return ""
    interval = f"95 %: {number['low']:.3f} … {number['high']:.3f}, n = {number['count']}"
    return f'<p class="big">{number["value"]:.3f} <small>{_label(name)}; {interval}</small></p>'


def _table(rows: Iterable[tuple[str, Any]], title: str = "") -> str:
    body = "".join(f"<tr><td>{label}</td><td>{value(v)}</td></tr>" for label, v in rows)
    return f'<div class="scroll">{title}<table>{body}</table></div>'


def _figures(figures: Mapping[str, Any]) -> str:
    parts = [_table((_label(k), v) for k, v in figures.items() if not k.startswith("by_"))]
    for k, table in ((k, v) for k, v in figures.items() if k.startswith("by_")):
        parts.append(_table(((html.escape(n), v) for n, v in table.items()), f"<h3>{_label(k)}</h3>"))
    return f'<div class="tables">{"".join(parts)}</div>'


def _controls(found: Mapping[str, Any]) -> str:
    title = _both("Does it listen, does it look?", "它在听、在看吗？")
    rows: list[tuple[str, Any]] = [(_both("as asked", "原问题"), found["asked"])]
    rows += [(html.escape(k), v) for k, v in found["changed"].items()]
    rows += [(f"{_both('no model', '无模型')}: {html.escape(k)}", v) for k, v in found["floors"].items()]
    rows += [(_both("the targets at the masks' resolution", "掩码分辨率下的上限"), found["ceiling"])]
    rows += [(_both("answers to two wordings, IoU of each other", "两种说法的回答之间的 IoU"), found["consistency"])]
    rows += [
        (_both(f"share carried by the {k}", f"由{'语言' if k == 'language' else '图像'}承担的份额"), v)
        for k, v in found["shares"].items()
    ]
    return _table(rows, f"<h3>{title}</h3>")


def _failures(rows: Sequence[Row]) -> str:
    counts = [(e, c, sum(fits(r) for r in rows)) for e, c, fits in FAILURES]
    listed = [(_both(e, c), f"{n} ({n / max(len(rows), 1):.1%})") for e, c, n in counts if n]
    body = "".join(f"<tr><td>{label}</td><td>{text}</td></tr>" for label, text in listed)
    return f"<h3>{_both('What goes wrong', '错在哪里')}</h3><table>{body}</table>" if listed else ""


def _cards(title: tuple[str, str], rows: Sequence[Row], shown: Mapping[int, Shown]) -> str:
    cards = [_card(shown[r.index]) for r in rows if r.index in shown]
    sides = f'<small class="note">{_both("left: wanted, right: given", "左：应有，右：所答")}</small>'
    return f'<h3>{_both(*title)} {sides}</h3><div class="cards">{"".join(cards)}</div>' if cards else ""


def _card(shown: Shown) -> str:
    sample, row = shown.sample, shown.row
    targets = sample.turns[-1].targets
    truth = np.stack([t.mask for t in targets]) if targets else np.zeros((0, *sample.image.shape[:2]), np.bool_)
    pictures = (_picture(sample, masks, alt) for masks, alt in ((truth, "wanted"), (shown.result.masks, "given")))
    return (
        f'<figure><div>{"".join(pictures)}</div><figcaption><span class="iou">{row.iou:.2f}</span>'
        f"<p><b>{html.escape(row.instruction)}</b></p><p>{html.escape(shown.result.text)}</p>"
        f'<p class="note">{_both("wanted", "应答")}: {html.escape(row.expected)} · {html.escape(sample.id)}</p>'
        "</figcaption></figure>"
    )


def _picture(sample: Sample, masks: np.ndarray, alt: str) -> str:
    picture: PIL.Image.Image = PIL.ImageOps.contain(draw_masks(sample.image, masks), (SIDE, SIDE))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=82)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return f'<img src="data:image/jpeg;base64,{data}" alt="{alt}" width="{picture.width}" height="{picture.height}">'


def write(folder: Path, text: str, report: Mapping[str, Any]) -> list[Path]:
    """`report.html`, `report.md` and `report.json` in a folder."""
    from lisa.files import write_json, write_text

    paths = [folder / f"report.{kind}" for kind in ("html", "md", "json")]
    write_text(paths[0], text)
    write_text(paths[1], markdown(report))
    write_json(paths[2], report)
    return paths
