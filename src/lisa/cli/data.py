"""`lisa data`: what datasets there are, fetched, checked, shown, counted, converted and made."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lisa.cli.options import DataFolder, DataName, DeviceOption, DtypeOption, LanguageOption, ModelOption
from lisa.errors import LisaError

app = typer.Typer(help="What datasets there are, and whether their files are sound.", no_args_is_help=True)


@app.command("list")
def data_list(data: DataFolder = Path("data")) -> None:
    """Name what can be trained on, where its files have to lie, and what `lisa data add` noted."""
    from lisa import registry
    from lisa.data import datasets
    from lisa.data.sources import SOURCES

    for name in registry.names("datasets", registry.DATASETS):
        opener = registry.find("datasets", registry.DATASETS, name)
        print(f"{name:12} {(opener.__doc__ or '').strip().splitlines()[0]}")
        if origin := SOURCES.get(name):
            count = f"{origin.pictures:,} pictures; " if origin.pictures else ""
            print(f"{'':12} {count}{origin.terms}; {origin.home}")
    for name, members in registry.DATASET_GROUPS.items():
        print(f"{name:12} {', '.join(members)}, drawn evenly")
    for name, place in datasets.notes(data):
        print(f"{name:12} your own, noted in {data}: {place}")


@app.command("get")
def data_get(
    name: DataName,
    data: DataFolder = Path("data"),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be fetched.")] = False,
) -> None:
    """Fetch what may be fetched of a dataset and unpack it in its place; says what is left to do by hand."""
    from lisa import console
    from lisa.data import get
    from lisa.data.sources import SOURCES

    files, steps = get.plan(name, data)
    print(f"{name}: {SOURCES[name].terms}; {SOURCES[name].home}")
    for file in files:
        size = f"{file.size / get.GB:.2f} GB" if file.size else "size not published"
        hashed = "verified by hash" if file.sha256 else "nobody publishes its hash"
        print(f"  {file.url}\n    {size}, {hashed}, to {data / file.into}")
    if not dry_run and files:
        get.get(name, data, say=console.tell)
    for number, step in enumerate(steps, 1):
        print(f"by hand, step {number}: {step}")
    if not files:
        print("everything that can be fetched is here")
    print(f"next:  lisa data check {name} --data {data}")


@app.command("add")
def data_add(
    name: Annotated[str, typer.Argument(help="What to call it.")],
    path: Annotated[str, typer.Argument(help="Its folder or file, or hub:ID.")],
    data: Annotated[Path, typer.Option(help="Folder the datasets lie in; the note is written there.")] = Path("data"),
) -> None:
    """Note one's own data under a name: COCO, LabelMe, YOLO or VOC files, masks, sheets, shards, parquet, the hub."""
    from lisa.data.datasets import add

    reader = add(name, path, data)
    print(f"{name}: {len(reader)} pictures, noted in {data / name}.yaml")
    print(f"next:  lisa data check {name} --data {data}")
    print(f"then:  lisa train own-tiny data='{{{name}: 1, world: 1}}' data_dir={data} --minutes 15")


@app.command("check")
def data_check(
    name: DataName,
    data: DataFolder = Path("data"),
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first so many pictures.")] = None,
    against: Annotated[
        list[str] | None, typer.Option(help="Must share no picture with it, such as refcoco:val.")
    ] = None,
) -> None:
    """Read every picture and annotation once, and name what is wrong; exit code 2 if something is."""
    from lisa import console
    from lisa.data.alike import Gallery
    from lisa.data.check import check
    from lisa.data.datasets import open_training, pictures
    from lisa.data.sources import SOURCES

    readers = [part.dataset for part in open_training(name, 1.0, folder=data)]
    origin = SOURCES.get(name)
    if origin and not origin.complete(len(readers[0])):
        print(f"{len(readers[0]):,} pictures here, {origin.pictures:,} published ({origin.home})")
    others = {other: Gallery.of(pictures(other, folder=data)) for other in against or []}
    bad = 0
    for reader in readers:
        total = len(reader) if limit is None else min(limit, len(reader))
        with console.counting("reading", total) as progress:
            found = check(reader, limit=limit, against=others, progress=progress)
        print(found.render())
        bad += sum(found.kinds.values())
    if bad:
        raise LisaError(f"{bad} records of {name} want a look: put them right or take them out")


@app.command("annotate")
def data_annotate(
    folder: Annotated[Path, typer.Argument(help="A folder of pictures; the notes are kept in it.")],
    model: ModelOption = "tiny",
    device: DeviceOption = None,
    dtype: DtypeOption = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 7861,
    language: LanguageOption = None,
) -> None:
    """Open a page to make one's own reasoning set: outlines, instructions, explanations; ReasonSeg and COCO files."""
    from importlib.util import find_spec

    from lisa.errors import Missing

    if find_spec("fastapi") is None or find_spec("uvicorn") is None:
        raise Missing('the page needs fastapi and uvicorn: install them with: pip install "lisa-seg[serve]"')
    from lisa.serve import annotate

    annotate.launch(folder, model, host, port, language, device=device, dtype=dtype)


@app.command("stats")
def data_stats(
    name: DataName,
    data: DataFolder = Path("data"),
    limit: Annotated[int, typer.Option(min=1, help="Pictures that are read.")] = 200,
) -> None:
    """Count what is in a dataset: pictures, questions, sizes, classes."""
    from lisa import console
    from lisa.data.datasets import open_training
    from lisa.data.show import stats

    for part in open_training(name, 1.0, folder=data):
        with console.working("reading"):
            found = stats(part.dataset, limit=limit)
        print(found)


@app.command("show")
def data_show(
    name: DataName,
    data: DataFolder = Path("data"),
    out: Annotated[Path, typer.Option("--out", "-o", help="A .html or .png file.")] = Path("sheet.html"),
    count: Annotated[int, typer.Option(min=1, max=1000, help="Pictures on it.")] = 24,
) -> None:
    """Write a sheet of pictures with a question and its mask each."""
    from lisa import console
    from lisa.data.datasets import open_training
    from lisa.data.show import sheet

    reader = open_training(name, 1.0, folder=data)[0].dataset
    with console.working("drawing"):
        shown = sheet(reader, out, count=count)
    print(f"{shown} pictures in {out}")


@app.command("convert")
def data_convert(
    name: DataName,
    layout: Annotated[str, typer.Argument(help="coco, yolo, masks, or sheet (questions).")],
    out: Annotated[Path, typer.Argument(help="A new folder.")],
    data: DataFolder = Path("data"),
) -> None:
    """Write a dataset in another layout; says what that cannot hold as it was."""
    from lisa import console, registry
    from lisa.data.convert import convert
    from lisa.data.datasets import open_training
    from lisa.errors import BadInput

    if name in registry.DATASET_GROUPS:
        raise BadInput(f"{name} is several datasets: convert one of {', '.join(registry.DATASET_GROUPS[name])}")
    reader = open_training(name, 1.0, folder=data)[0].dataset
    with console.counting("writing", len(reader)) as progress:
        written = convert(reader, layout, out, progress=progress)
    print(f"{written.pictures} pictures and {written.masks} masks in {out}")
    for what, count in (+written.changed).items():
        print(f"{count} × {what}")
