from __future__ import annotations

import contextlib
import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import pytest
from small_hub import Repo, SmallHub

from lisa.data import get
from lisa.data.sources import SOURCES, Remote, Source
from lisa.errors import BadInput, DownloadFailed, TooLarge


def zipped(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def tarred(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return packed.getvalue()


@pytest.fixture
def served(monkeypatch):
    """A dataset of two archives and a plain file, on a server whose connection may break."""
    noise = bytes(hashlib.sha256(bytes([i])).digest()[0] for i in range(256)) * 40
    files = {
        "maps.zip": zipped({"Top/images/a.png": noise, "Top/names.txt": b"a"}),
        "more.tar.gz": tarred({"images/b.png": noise}),
        "labels.txt": b"1: a",
    }
    with SmallHub({"some/data": Repo(files)}) as hub:
        at = f"{hub.endpoint}/some/data/resolve/main"
        wanted = (
            Remote(
                url=f"{at}/maps.zip",
                into="small",
                top="Top",
                size=len(files["maps.zip"]),
                sha256=hashlib.sha256(files["maps.zip"]).hexdigest(),
            ),
            Remote(url=f"{at}/more.tar.gz", into="small"),
            Remote(url=f"{at}/labels.txt", into="small"),
        )
        source = Source(home="", terms="", pictures=None, files=wanted, by_hand=("ask the authors",))
        monkeypatch.setitem(SOURCES, "small", source)
        yield hub


def test_a_dataset_is_fetched_unpacked_and_not_fetched_again(served, tmp_path):
    said: list[str] = []
    assert get.get("small", tmp_path, say=said.append) == ("ask the authors",)
    found = sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file())
    assert found == [".fetched.json", "small/images/a.png", "small/images/b.png", "small/labels.txt", "small/names.txt"]
    before = len(served.seen)
    get.get("small", tmp_path, say=said.append)
    assert len(served.seen) == before and len(said) == 6


def test_a_broken_connection_is_continued(served, tmp_path):
    part = tmp_path / ".downloads" / "maps.zip.part"  # what a killed run left
    part.parent.mkdir()
    part.write_bytes(served.repos["some/data"].files["maps.zip"][:1500])
    served.cut_after["maps.zip"] = [3000, 2000]
    get.get("small", tmp_path, say=lambda _: None)
    assert served.gets("maps.zip")[0] == "bytes=1500-" and None not in served.gets("maps.zip")
    assert (tmp_path / "small" / "images" / "a.png").exists()


def test_a_wrong_hash_is_not_unpacked(served, tmp_path, monkeypatch):
    source = SOURCES["small"]
    wrong = Remote(url=source.files[0].url, into="small", top="Top", sha256="0" * 64)
    monkeypatch.setitem(SOURCES, "small", Source(home="", terms="", pictures=None, files=(wrong,)))
    with pytest.raises(DownloadFailed, match="wrong hash"):
        get.get("small", tmp_path, say=lambda _: None)
    assert not (tmp_path / "small").exists()


def test_what_cannot_be_fetched_is_said(served, tmp_path, monkeypatch):
    gone = Remote(url=f"{served.endpoint}/some/data/resolve/main/gone.zip", into="small")
    monkeypatch.setitem(SOURCES, "small", Source(home="", terms="", pictures=None, files=(gone,)))
    with pytest.raises(DownloadFailed, match=r"gone\.zip could not be fetched"):
        get.get("small", tmp_path, say=lambda _: None)
    large = Remote(url="http://127.0.0.1/large.zip", into="small", size=10**18)
    monkeypatch.setitem(SOURCES, "small", Source(home="", terms="", pictures=None, files=(large,)))
    with pytest.raises(TooLarge, match="choose another disk"):
        get.get("small", tmp_path, say=lambda _: None)
    with pytest.raises(BadInput, match="did you mean"):
        get.plan("smal", tmp_path)


@pytest.mark.parametrize("name", ["../evil.txt", "/tmp/evil.txt", "a/../../evil.txt"])
def test_an_archive_writes_nothing_outside(tmp_path, name):
    for made, ending in ((zipped({name: b"x"}), "zip"), (tarred({name: b"x"}), "tar.gz")):
        archive = tmp_path / f"evil.{ending}"
        archive.write_bytes(made)
        with contextlib.suppress(DownloadFailed):  # tar leaves out a leading slash
            get.unpack(archive, tmp_path / "in" / "here")
        assert not [p for p in tmp_path.rglob("evil.txt") if tmp_path / "in" / "here" not in p.parents]
        assert not Path("/tmp/evil.txt").exists()


def test_pictures_that_show_nothing_annotated_are_not_missed():
    assert SOURCES["coco"].complete(117_266) and SOURCES["lvis"].complete(100_000)
    assert not SOURCES["ade20k"].complete(20_209) and not SOURCES["coco"].complete(118_288)
    assert SOURCES["ade20k"].complete(20_210) and SOURCES["vqa"].complete(7)


def test_every_source_says_how_it_is_had():
    for name, source in SOURCES.items():
        assert source.files or source.by_hand, name
        assert all(file.url.startswith(("http://", "https://")) and file.into for file in source.files)
