"""The command line. Each command checks what is cheap first, and imports what it needs when it runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from lisa.cli import data as data_commands
from lisa.cli.options import (
    DeviceOption,
    DtypeOption,
    ImageArgument,
    LanguageOption,
    ModelOption,
    OutOption,
    PixelsOption,
    TokensOption,
)
from lisa.errors import LisaError, printable

app = typer.Typer(
    name="lisa",
    help="Ask a picture a question and get the pixels back.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(data_commands.app, name="data")

MAX_PIXELS = 100_000_000
OUT = Path("out")
CLAIMS = Path("runs/claims")


def _version(wanted: bool) -> None:
    if wanted:
        from lisa._version import __version__

        print(f"lisa {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """Ask a picture a question and get the pixels back."""


@app.command()
def segment(
    image: ImageArgument,
    instruction: Annotated[str, typer.Argument(metavar="INSTRUCTION", help="What to find, in your words.")],
    out: OutOption = None,
    json: Annotated[bool, typer.Option("--json", help="Print one line of JSON and nothing else.")] = False,
    at: Annotated[str | None, typer.Option(help='What "this" means, in pixels: x,y or x0,y0,x1,y1.')] = None,
    model: ModelOption = "tiny",
    device: DeviceOption = None,
    dtype: DtypeOption = None,
    max_new_tokens: TokensOption = None,
    max_pixels: PixelsOption = MAX_PIXELS,
) -> None:
    """Answer one instruction about a picture: text, masks, and a picture of both.

    Results go to the folder out (with --json nowhere, unless --out names one).
    """
    from lisa import console
    from lisa.instructions import check_instruction, pointing, read_place

    question = check_instruction(instruction)
    folder = out if out is not None or json else OUT
    request = console.check_request(image, model, device, dtype, folder, max_pixels)
    question = pointing(question, read_place(at), (request.image.shape[0], request.image.shape[1]))
    predictor = console.load(request)
    with console.working("answering"):
        options = console.options_for(max_new_tokens)
        result = predictor.segment(request.image, question, max_pixels=max_pixels, **options)
    console.deliver(result, request, question, as_json=json)


@app.command()
def chat(
    image: ImageArgument,
    out: OutOption = OUT,
    model: ModelOption = "tiny",
    device: DeviceOption = None,
    dtype: DtypeOption = None,
    max_new_tokens: TokensOption = None,
    max_pixels: PixelsOption = MAX_PIXELS,
) -> None:
    """Ask several questions about one picture; later ones may refer to earlier answers."""
    from lisa import console

    request = console.check_request(image, model, device, dtype, out, max_pixels)
    console.converse(console.load(request), request, console.options_for(max_new_tokens), max_pixels=max_pixels)


@app.command("eval")
def evaluate(
    model: Annotated[str, typer.Argument(help="tiny, lisa-7b, a folder, a hub id; or a file or folder of answers.")],
    datasets: Annotated[list[str], typer.Argument(help="Names of datasets, such as world.")],
    data: Annotated[Path | None, typer.Option(help="Folder the datasets lie in.")] = None,
    split: Annotated[str | None, typer.Option(help="Split, such as val.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of generated data.")] = 0,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first so many questions.")] = None,
    device: DeviceOption = None,
    dtype: DtypeOption = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder for answers and report; continued.")] = None,
    json: Annotated[Path | None, typer.Option("--json", help="File for the figures alone.")] = None,
    forced: Annotated[bool, typer.Option("--teacher-forced", help="Also as the reference validates.")] = False,
    controls: Annotated[int, typer.Option(min=0, help="So many questions again, changed: does it listen?")] = 0,
    wordings: Annotated[int, typer.Option(min=1, max=4, help="Ask in so many fixed wordings, averaged.")] = 1,
    trained_on: Annotated[
        list[str] | None, typer.Option(help="What it was trained on: flags pictures in both.")
    ] = None,
    part: Annotated[
        str | None, typer.Option(help="This process's share, such as 2/4; torchrun says it itself.")
    ] = None,
) -> None:
    """Measure a model, or answers in files, on datasets: gIoU, cIoU and more."""
    from lisa import console

    console.report_files(out, json)
    from lisa.evaluate.run import Asking, Share, run
    from lisa.files import write_json

    asking = Asking(
        data=data,
        split=split,
        seed=seed,
        limit=limit,
        forced=forced,
        controls=controls,
        wordings=wordings,
        trained_on=tuple(trained_on or ()),
        device=device,
        dtype=dtype,
    )
    share = Share.of(part)
    with console.counting("questions", limit) as progress:
        report, _ = run(model, datasets, asking, out=out, share=share, progress=progress)
    if share.rank == 0:
        if json is not None:
            write_json(json, report)
        console.show_report(report)


@app.command()
def compare(
    first: Annotated[Path, typer.Argument(help="The --out of one evaluation.")],
    second: Annotated[Path, typer.Argument(help="The --out of another, on the same questions.")],
    show: Annotated[int, typer.Option(min=0, help="So many of the questions that changed most.")] = 12,
) -> None:
    """Say whether the second model is better, on what, and where it changed most."""
    from lisa import console
    from lisa.errors import BadInput
    from lisa.evaluate.compare import compare as compared
    from lisa.evaluate.run import read_rows

    rows, others = read_rows(first), read_rows(second)
    names = [name for name in rows if name in others]
    if not names:
        raise BadInput("the two evaluations have no dataset in common")
    for name in names:
        console.show_comparison(name, compared(rows[name], others[name], show=show))


def _list_recipes(asked: bool) -> None:
    if asked:
        from lisa.recipes import ABOUT

        for name, about in ABOUT.items():
            print(f"{name:20} {about}")
        raise typer.Exit


@app.command()
def train(
    recipe: Annotated[str, typer.Argument(help="A recipe, as --list names it, or a YAML file.")],
    overrides: Annotated[list[str] | None, typer.Argument(help="Changes to it, as key=value.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say size, memory, disk and time; keep nothing.")] = False,
    minutes: Annotated[
        float | None, typer.Option(min=0.0, help="Plan as many steps as take so many minutes here.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder for checkpoints; continued if there.")] = None,
    listed: Annotated[
        bool, typer.Option("--list", help="Name the recipes.", is_eager=True, callback=_list_recipes)
    ] = False,
) -> None:
    """Train a model by a recipe."""
    from lisa.checks import check_out_folder

    if out is not None:
        check_out_folder(out)
    from lisa import train as training

    training.run(recipe, overrides=overrides or [], dry_run=dry_run, minutes=minutes, out=out)


@app.command()
def reproduce(
    what: Annotated[str, typer.Argument(help="claims: the paper's two claims and its ablations, in miniature.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of all runs; continued if there.")] = CLAIMS,
    seed: Annotated[int, typer.Option(min=1, help="Of scenes and trainings; runs take three from here on.")] = 1,
    only: Annotated[str, typer.Option(help='Only trainings of such names, as in "lora-*,stage-1-*".')] = "*",
    again: Annotated[Path | None, typer.Option(help="A folder of the same with another seed, for the page.")] = None,
    page: Annotated[Path | None, typer.Option(help="Write the page from what there is: docs/claims.md.")] = None,
) -> None:
    """Repeat the paper's claims on drawn scenes: many short trainings, continued where they were stopped."""
    from lisa.errors import BadInput

    if what != "claims":
        raise BadInput(f"{what!r} cannot be reproduced here: there is  lisa reproduce claims")
    from lisa.claims.run import reproduce_claims
    from lisa.evaluate.run import command

    reproduce_claims(out, seed=seed, only=only, again=again, page=page, command=command())


@app.command()
def convert(
    source: Annotated[Path, typer.Argument(help="The folder of a training run, of a checkpoint, or of adapters.")],
    out: Annotated[Path, typer.Argument(help="A new folder for the result.")],
    best: Annotated[bool, typer.Option("--best", help="A run's best state instead of its newest.")] = False,
    adapters: Annotated[bool, typer.Option("--adapters", help="Only what the run changed, not merged.")] = False,
    blend: Annotated[
        float | None, typer.Option(help="How far a run's weights go from its start (0) to what it learned (1).")
    ] = None,
    dtype: DtypeOption = None,
) -> None:
    """Write a plain checkpoint from a run or another layout, LoRA merged; or a run's adapters alone."""
    from lisa import console
    from lisa.checks import check_new_folder

    check_new_folder(source, out)
    with console.working("converting"):
        from lisa.devices import pick_device, pick_dtype
        from lisa.train import finetune

        kind = None if dtype is None else pick_dtype(dtype, pick_device("cpu"))
        done = (
            finetune.export_adapters(source, out, best=best, share=blend)
            if adapters
            else finetune.convert(source, out, best=best, dtype=kind, share=blend)
        )
    print(done)


@app.command()
def world(
    out: Annotated[Path, typer.Option("--out", "-o", help="A new folder.")],
    n: Annotated[int, typer.Option("--n", min=1, help="Scenes.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Which set of scenes; 200 and above are for tests.")] = 1,
    split: Annotated[str, typer.Option(help="train, test, backgrounds, pairs or templates.")] = "train",
    show: Annotated[bool, typer.Option("--show", help="Also a sheet of the pictures, sheet.png.")] = False,
    spec: Annotated[
        Path | None, typer.Option(help="A JSON file of a scene, or of a list of scenes, to draw instead.")
    ] = None,
) -> None:
    """Draw scenes with their whole truth, also in the layouts of ADE20K, COCO, refCOCO, ReasonSeg and LLaVA."""
    from lisa import console
    from lisa.data.world_files import read_scenes, write_stated, write_world

    stated = [] if spec is None else read_scenes(spec)
    if spec is not None:
        questions, n = write_stated(out, stated, seed=seed), len(stated)
    else:
        with console.counting("drawing", n) as progress:
            questions = write_world(out, count=n, seed=seed, split=split, progress=progress)
    print(f"{n} scenes and {questions} questions in {out}")
    if show:
        from lisa.data.show import sheet
        from lisa.data.world import StatedScenes, WorldDataset

        drawn = StatedScenes(stated) if spec is not None else WorldDataset(seed=seed, count=n, split=split)
        sheet(drawn, out / "sheet.png", count=min(n, 24))
    print(f"train on it with the real readers:  lisa train own-data data='{{coco: 1, reason: 1}}' data_dir={out}")


@app.command()
def get(
    name: Annotated[str, typer.Argument(help="lisa-7b, lisa-13b, their -explanatory forms, or a hub id.")],
    folder: Annotated[Path | None, typer.Option(help="Put the files here instead of the hub's cache.")] = None,
    revision: Annotated[str, typer.Option(help="Branch, tag or commit.")] = "main",
    force: Annotated[bool, typer.Option("--force", help="Fetch it although it cannot run here.")] = False,
) -> None:
    """Fetch a published checkpoint; an interrupted fetch is continued."""
    from lisa import console, hub
    from lisa.checks import check_out_folder

    if folder is not None:
        check_out_folder(folder)
    print(hub.get(name, folder=folder, revision=revision, force=force, say=console.tell))


@app.command()
def doctor(
    path: Annotated[str, typer.Argument(help="A checkpoint: folder, alias or hub id on this machine.")],
    deep: Annotated[
        bool, typer.Option("--deep", help="Also load it, ask it, and name faults by how it behaves.")
    ] = False,
    dataset: Annotated[str, typer.Option(help="With --deep: what it is asked.")] = "world-en",
    data: Annotated[Path | None, typer.Option(help="With --deep: the folder the dataset lies in.")] = None,
    questions: Annotated[int, typer.Option(min=8, help="With --deep: how many.")] = 24,
    device: DeviceOption = None,
) -> None:
    """Say whether a checkpoint can work, and what to do if not."""
    from lisa import console

    with console.working("looking"):
        from lisa.model.doctor import examine

        report = examine(path)
    print(report.render())
    if not report.ok:
        raise LisaError(f"this checkpoint cannot work: {report.first_error}")
    if deep:
        with console.working("asking"):
            from lisa.evaluate.faults import examine_deeply

            found = examine_deeply(path, dataset, data=data, count=questions, device=device)
        print(found.render())
        if found.faults:
            raise LisaError(f"this model does not work as it should: {found.faults[0].name}")


@app.command()
def demo(
    model: ModelOption = "tiny",
    device: DeviceOption = None,
    dtype: DtypeOption = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 7860,
    share: Annotated[bool, typer.Option("--share", help="Also give it a public address for some days.")] = False,
    language: LanguageOption = None,
) -> None:
    """Open a page in the browser to ask pictures questions."""
    from importlib.util import find_spec

    from lisa.errors import Missing

    if find_spec("gradio") is None:
        raise Missing('the page needs gradio: install it with: pip install "lisa-seg[demo]"')
    from lisa.serve import demo as page

    page.launch(model, host, port, share, language, device=device, dtype=dtype)


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line and exits: 0 done, 2 something a person can put right, 130 Ctrl-C, 1 a bug.

    LISA_DEBUG=1 shows the traceback of any error.
    """
    _quiet()
    try:
        code = app(args=arguments, prog_name="lisa", standalone_mode=False)
        sys.stdout.flush()
        if code == 130:  # typer has turned Ctrl-C into a number
            _say("stopped", 130)
    except BaseException as error:
        if os.environ.get("LISA_DEBUG"):
            raise
        code = _explain(error)
    sys.exit(code if isinstance(code, int) else 0)


def _quiet() -> None:
    """Libraries' chatter would hide the one line that matters."""
    if os.environ.get("LISA_DEBUG"):
        return
    import warnings

    warnings.simplefilter("ignore")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def _explain(error: BaseException) -> int:
    """One line on stderr for an exception; returns the exit code."""
    from lisa.memory import FULL, is_full

    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 2
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        return _say("stopped", 130)
    if isinstance(error, BrokenPipeError):
        # whoever read our output has left; keep the interpreter from writing to it at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 2
    if isinstance(error, LisaError):
        return _say(f"error: {error}", 2)
    if is_full(error):
        return _say(f"error: {FULL}", 2)
    usage: Any = getattr(error, "format_message", None)
    if usage is not None:
        # empty after a bare "lisa", which has shown its help
        return _say(f"error: {usage()} See: lisa --help", 2) if usage() else 2
    if isinstance(error, OSError):
        return _say(f"error: {error.strerror or error} {error.filename or ''}: check the path and its rights", 2)
    return _say(f"error: a bug in lisa, {type(error).__name__}: {error}. Set LISA_DEBUG=1 to see where", 1)


def _say(line: str, code: int) -> int:
    print(" ".join(printable(line).split()), file=sys.stderr)
    return code
