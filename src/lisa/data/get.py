"""Fetching datasets: what anyone may have is downloaded, verified and unpacked where its reader looks for it."""

from __future__ import annotations

import json
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from lisa.data.sources import SOURCES, Remote
from lisa.errors import BadInput, DownloadFailed, TooLarge, nearest, shown
from lisa.fetch import fetch_any, free_disk
from lisa.files import write_json

NOTE = ".fetched.json"
"""In the folder of the datasets: URL → what was unpacked, so that nothing is fetched twice."""
GB = 10**9

Say = Callable[[str], None]


def plan(name: str, folder: Path) -> tuple[list[Remote], tuple[str, ...]]:
    """What is still to be fetched for a dataset, and what a person has to do. Raises BadInput for an unknown name."""
    if name not in SOURCES:
        raise BadInput(f"no dataset is called {shown(name)}; {nearest(name, SOURCES)}")
    source, done = SOURCES[name], _done(folder)
    return [file for file in source.files if file.url not in done], source.by_hand


def get(name: str, folder: Path, *, say: Say) -> tuple[str, ...]:
    """Fetches and unpacks a dataset's files below `folder`; returns the steps that are left to a person.

    A call after an interruption goes on where it was. Raises DownloadFailed, TooLarge or BadInput.
    """
    files, by_hand = plan(name, folder)
    need = sum(2 * (file.size or 0) for file in files)
    if need > (have := free_disk(folder)):
        raise TooLarge(
            f"{name} needs about {need / GB:.0f} GB while it is unpacked, {shown(folder)} has {have / GB:.0f} GB free: "
            "choose another disk with --data"
        )
    for file in files:
        size = f" ({file.size / GB:.1f} GB)" if file.size else ""
        say(f"fetching {_name(file)}{size}")
        archive = folder / ".downloads" / _name(file)
        fetch_any(file.url, archive, file.sha256)
        say(f"unpacking {_name(file)} to {folder / file.into}")
        unpack(archive, folder / file.into, file.top)
        write_json(folder / NOTE, {**_done(folder), file.url: file.into})
        archive.unlink(missing_ok=True)
    return by_hand


def unpack(archive: Path, into: Path, top: str = "") -> None:
    """Puts an archive's content, or that of its folder `top`, into a folder; a plain file is moved there.

    Raises DownloadFailed where it is broken, or would write elsewhere.
    """
    into.mkdir(parents=True, exist_ok=True)
    if not (zipfile.is_zipfile(archive) or tarfile.is_tarfile(archive)):
        if archive.suffix in (".zip", ".tar", ".gz", ".tgz"):
            archive.unlink()
            raise DownloadFailed(f"{archive.name} is no archive and was deleted: run the same command again")
        archive.replace(into / archive.name)
        return
    with tempfile.TemporaryDirectory(dir=into, prefix=".unpacking-") as beside:
        try:
            _extract(archive, Path(beside))
        except (zipfile.BadZipFile, tarfile.TarError, EOFError) as error:
            raise DownloadFailed(f"{archive.name} cannot be unpacked ({error}): delete it and run again") from error
        found = Path(beside) / top
        if not found.is_dir():
            raise DownloadFailed(f"{archive.name} has no folder {shown(top)}: its makers changed it; unpack it by hand")
        _merge(found, into)


def _extract(archive: Path, into: Path) -> None:
    if tarfile.is_tarfile(archive):
        with tarfile.open(archive) as tar:
            tar.extractall(into, filter="data")
        return
    with zipfile.ZipFile(archive) as packed:
        for member in packed.namelist():
            parts = PurePosixPath(member.replace("\\", "/")).parts
            if ".." in parts or member.startswith(("/", "\\")):
                raise DownloadFailed(f"{archive.name} wants to write to {shown(member)}, outside of its folder")
        packed.extractall(into)


def _merge(source: Path, into: Path) -> None:
    """Moves everything; what is there already stays, folders are joined."""
    for entry in list(source.iterdir()):
        goal = into / entry.name
        if entry.is_dir() and goal.is_dir():
            _merge(entry, goal)
        elif not goal.exists():
            shutil.move(entry, goal)


def _done(folder: Path) -> dict[str, str]:
    try:
        return dict(json.loads((folder / NOTE).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def _name(file: Remote) -> str:
    return urlsplit(file.url).path.rsplit("/", 1)[-1]
