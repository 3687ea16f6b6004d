"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ImageArgument = Annotated[str, typer.Argument(metavar="IMAGE", help="A picture: PNG, JPEG, WebP, TIFF …")]
ModelOption = Annotated[str, typer.Option("--model", "-m", help="tiny, lisa-7b, a folder, or a hub id.")]
DeviceOption = Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1, mps; the best one here if left out.")]
DtypeOption = Annotated[str | None, typer.Option(help="float32, bfloat16 or float16.")]
TokensOption = Annotated[int | None, typer.Option("--max-new-tokens", min=1, max=4096, help="Longest answer.")]
PixelsOption = Annotated[int, typer.Option("--max-pixels", min=1, help="Largest picture, width times height.")]
LanguageOption = Annotated[str | None, typer.Option(help="en or zh: the page's language; the browser's if left out.")]
OutOption = Annotated[Path | None, typer.Option("--out", "-o", help="Folder for results.")]
DataName = Annotated[str, typer.Argument(metavar="NAME", help="A dataset, as `lisa data list` names it.")]
DataFolder = Annotated[Path, typer.Option("--data", help="Folder the datasets lie in.")]
