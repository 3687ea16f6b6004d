"""What the terminal shows: answers on stdout, everything else on stderr. Torch-free."""

from __future__ import annotations

import hashlib
import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lisa.checks import check_device, check_dtype, check_out_folder
from lisa.errors import BadInput, LisaError, shown

if TYPE_CHECKING:
    from lisa.evaluate.compare import Comparison
    from lisa.predictor import Predictor
    from lisa.segmentation import Segmentation
    from lisa.types import Image

LEAVE = frozenset({"/quit", "/exit", "/q"})


@dataclass(frozen=True, kw_only=True)
class Request:
    """The checked arguments of a question about a picture."""

    image: Image
    file: str
    """The picture's file name; results are named after it."""
    model: str
    device: str | None
    dtype: str | None
    out: Path | None


def check_request(
    image: str, model: str, device: str | None, dtype: str | None, out: Path | None, max_pixels: int
) -> Request:
    """Everything that can be checked before a model is loaded. Raises BadImage, BadInput, Missing, TooLarge."""
    from lisa.hub import resolve
    from lisa.images import open_image

    options = {"device": check_device(device), "dtype": check_dtype(dtype)}
    folder = check_out_folder(out) if out is not None else None
    pixels = open_image(image, max_pixels=max_pixels)
    if model != "tiny":
        resolve(model)
    name = Path(image).name.encode("utf-8", "replace").decode()  # names on disks may be no Unicode
    return Request(image=pixels, file=name, model=model, out=folder, **options)


def load(request: Request) -> Predictor:
    """The model of a request, with a line on the terminal while it loads."""
    with working(f"loading {request.model}"):
        import lisa

        return lisa.load(request.model, device=request.device, dtype=request.dtype)


@contextmanager
def working(what: str) -> Iterator[None]:
    """A moving line on stderr while something takes its time; silent where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(f"{what} …"):
        yield


@contextmanager
def counting(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A progress bar on stderr; yields what to call with the number of things done since. Silent without a terminal."""
    if not sys.stderr.isatty():
        yield lambda done: None
        return
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn(what), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.advance(task, done)


def tell(line: str) -> None:
    """A line about progress, on stderr."""
    print(line, file=sys.stderr, flush=True)


def options_for(max_new_tokens: int | None) -> dict[str, Any]:
    """Keyword arguments of `segment` and `ask`: only what the person gave."""
    return {} if max_new_tokens is None else {"max_new_tokens": max_new_tokens}


def deliver(
    result: Segmentation, request: Request, instruction: str, *, as_json: bool = False, name: str | None = None
) -> None:
    """Prints an answer, as one line of JSON or for people, and saves it where the request says so.

    It is saved last, since that may fail, and under `name` or one after the picture that takes no other answer's place.
    """
    from lisa.writers import name_for, save, shortened, to_json

    if as_json:
        print(to_json(result), flush=True)
    else:
        _show(result)
    if request.out is not None:
        picture = hashlib.blake2b(request.image.tobytes(), digest_size=8).hexdigest()
        question = {"image": request.file, "picture": picture, "model": request.model, "instruction": instruction}
        name = name or name_for(request.out, shortened(Path(request.file).stem), question)
        paths = save(result, request.out, name=name, question=question)
        if not as_json:
            print(f"  {paths[0]}")


def _show(result: Segmentation) -> None:
    """An answer for people."""
    print(result.text)
    for number, phrase in enumerate(result.phrases):
        share = float(result.masks[number].mean())
        empty = "" if share else " (empty mask)"
        print(f"  mask {number + 1}: {phrase}, {share:.1%} of the picture{empty}")
    if not len(result):
        print("  no mask: this answer points at nothing")
    sys.stdout.flush()
    if result.notice:
        tell(f"note: {result.notice}")


def converse(predictor: Predictor, request: Request, options: dict[str, Any], *, max_pixels: int) -> None:
    """Questions from the keyboard or a pipe, one a line, until it ends; a question that fails ends nothing."""
    from lisa.writers import name_for_chat, shortened

    chat = predictor.chat(request.image, max_pixels=max_pixels)
    if isinstance(sys.stdin, io.TextIOWrapper):  # a line that is no text is refused alone
        sys.stdin.reconfigure(errors="surrogateescape")
    name = shortened(Path(request.file).stem)
    if request.out is not None:
        name = name_for_chat(request.out, name)
    asking = sys.stdin.isatty()
    if asking:
        tell("Ask about the picture; /quit or Ctrl-D ends.")
    number = 0
    while (line := _next_line(asking)) is not None and line.strip() not in LEAVE:
        if not line.strip():
            continue
        try:
            with working("answering"):
                result = chat.ask(line, **options)
            number += 1
            deliver(result, request, line.strip(), name=f"{name}.turn-{number}")
        except LisaError as error:
            tell(f"error: {error}")


def report_files(out: Path | None, json: Path | None) -> None:
    """Sees that the files of a report can be written; their folders are made."""
    files = [out / "report.json"] if out is not None else []
    files += [json] if json is not None else []
    for file in files:
        if file.is_dir():
            raise BadInput(f"{shown(file)} is a folder: give the name of a file")
        check_out_folder(file.parent).mkdir(parents=True, exist_ok=True)


def show_report(report: dict[str, Any]) -> None:
    """An evaluation's figures as tables on stdout; intervals in brackets."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from lisa.evaluate.report import value

    out = Console()
    for name, figures in report["datasets"].items():
        for told in report.get("leaks", {}).get(name, ()):
            out.print(f"⚠ {name}: {told}", style="yellow", markup=False)
        table = Table("figure", "value", title=escape(f"{report['model']} on {name}, {report['protocol']}"))
        for label, figure in figures.items():
            if not label.startswith("by_"):
                table.add_row(label, escape(value(figure)))
        out.print(table)
        for group in (k for k in figures if k.startswith("by_")):
            rows = Table(group.replace("_", " "), "value", "n")
            for label, figure in figures[group].items():
                rows.add_row(escape(label), escape(value(figure)), str(figure["count"]))
            out.print(rows)
        if found := report.get("controls", {}).get(name):
            rows = Table("does it listen, does it look?", "gIoU")
            rows.add_row("as asked", escape(value(found["asked"])))
            for label, figure in [*found["changed"].items(), *found["floors"].items()]:
                rows.add_row(label, escape(value(figure)))
            rows.add_row("the targets at the masks' resolution", escape(value(found["ceiling"])))
            rows.add_row("two wordings, against each other", escape(value(found["consistency"])))
            for label, share in found["shares"].items():
                rows.add_row(f"share carried by the {label}", f"{share:.2f}")
            out.print(rows)


def show_comparison(name: str, found: Comparison) -> None:
    """Differences as tables on stdout, and a verdict."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    out = Console()
    verdicts = {1: "the second is better", -1: "the first is better", 0: "no difference that chance could not make"}
    out.print(f"{name}: {verdicts[found.whole.better]}", markup=False)
    table = Table("second − first", "difference", "p", "n")
    rows = [("gIoU", found.whole), ("what is not there, said so", found.absent)]
    rows += [(f"{group}: {label}", d) for group, of in found.tables.items() for label, d in of.items()]
    for label, d in rows:
        if d.figure.count:
            table.add_row(escape(label), escape(str(d.figure)), f"{d.p:.3f}", str(d.figure.count))
    out.print(table)
    if found.changed:
        changed = Table("question", "first", "second", "IoU")
        for a, b in found.changed:
            said = (escape(text) for text in (f"{a.id}: {a.instruction}", a.answer, b.answer))
            changed.add_row(*said, f"{a.iou:.2f} → {b.iou:.2f}")
        out.print(changed)


def _next_line(asking: bool) -> str | None:
    try:
        return input("> ") if asking else input()
    except EOFError:
        return None
