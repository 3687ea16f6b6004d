"""`lisa compare A B`: whether B answers the same questions better, on what, and where it changed most."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lisa.data.base import ABSENT
from lisa.errors import BadInput
from lisa.evaluate.figures import length_of, size_of, split_by
from lisa.evaluate.rows import Row
from lisa.metrics.paired import Difference, difference


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Differences B − A of gIoU, whole and by group; of questions without a target, of saying so."""

    whole: Difference
    absent: Difference
    tables: Mapping[str, Mapping[str, Difference]]
    changed: Sequence[tuple[Row, Row]]
    """The pairs of rows that changed most, gains and losses by turns."""


def compare(first: Sequence[Row], second: Sequence[Row], *, show: int = 12) -> Comparison:
    """Rows of two models. Raises BadInput where they were not asked the same."""
    a, b = ({r.index: r for r in rows} for rows in (first, second))
    both = sorted(a.keys() & b.keys())
    if not both:
        raise BadInput("the two have no question in common: give two runs of `lisa eval` on the same dataset")
    for k in both:
        if (a[k].id, a[k].instruction) != (b[k].id, b[k].instruction):
            raise BadInput(f"question {k} is another one in each: {a[k].instruction!r} and {b[k].instruction!r}")
    pairs = [(a[k], b[k]) for k in both]
    target = [p for p in pairs if p[0].wanted]
    labels: dict[str, Callable[[Row], str]] = {
        "kind": lambda r: r.group,
        "language": lambda r: r.language,
        "size": size_of,
        "length": length_of,
    }
    tables = {
        name: {k: _difference(of) for k, of in split_by(target, lambda pair, label=label: label(pair[0])).items()}
        for name, label in labels.items()
    }
    return Comparison(
        whole=_difference(target),
        absent=_difference([p for p in pairs if p[0].group == ABSENT and not p[0].wanted]),
        tables={name: table for name, table in tables.items() if len(table) > 1},
        changed=_most_changed(target, show),
    )


def _difference(pairs: Sequence[tuple[Row, Row]]) -> Difference:
    return difference([a.iou for a, _ in pairs], [b.iou for _, b in pairs], [a.id for a, _ in pairs])


def _most_changed(pairs: Sequence[tuple[Row, Row]], count: int) -> list[tuple[Row, Row]]:
    ordered = sorted(pairs, key=lambda p: p[1].iou - p[0].iou)
    losses, gains = ordered[: count // 2], ordered[::-1][: count - count // 2]
    return [p for pair in zip(gains, losses) for p in pair if p[0].iou != p[1].iou]
