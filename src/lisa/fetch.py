"""One large file from a hub: continued where an earlier try stopped, and verified before it gets its name."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from urllib.parse import urlsplit

from lisa.errors import DownloadFailed

_CHUNK = 1 << 22


def free_disk(place: Path) -> int:
    """Bytes free on the disk that holds `place`, which need not exist yet."""
    while not place.exists() and place != place.parent:
        place = place.parent
    return shutil.disk_usage(place).free


def sha256_matches(path: Path, size: int, sha256: str) -> bool:
    """Whether the file is there with this size and hash. Reads all of it."""
    return path.is_file() and path.stat().st_size == size and _sha256(path) == sha256


def fetch_large(url: str, goal: Path, size: int, sha256: str, *, endpoint: str | None = None) -> None:
    """Fetches `url` to `goal` through `goal`.part, which a later call continues.

    huggingface_hub resumes within one process only; a 10 GB shard deserves more.

    Raises:
        DownloadFailed: the bytes have a wrong hash; they are deleted.
        OSError, httpx errors: the connection broke; the part stays for the next call.
    """
    from huggingface_hub import get_hf_file_metadata
    from huggingface_hub.utils import build_hf_headers

    about = get_hf_file_metadata(url, endpoint=endpoint) if endpoint else get_hf_file_metadata(url)
    headers = build_hf_headers()
    if urlsplit(about.location).netloc != urlsplit(url).netloc:
        # a token is for the hub, not for the store that it sends us to
        headers.pop("authorization", None)
    _fetch(about.location, goal, _name(url), size=size, sha256=sha256, headers=headers)


def fetch_any(url: str, goal: Path, sha256: str | None = None) -> None:
    """Fetches `url` from any server to `goal` in the same way; without a length from the server it cannot be continued.

    Raises DownloadFailed where it cannot be had, breaks off (the part stays), or has a wrong hash (it is deleted).
    """
    import httpx

    headers = {"Accept-Encoding": "identity"}  # so that a length is that of the file
    try:
        about = httpx.head(url, headers=headers, follow_redirects=True, timeout=60)
        length = about.headers.get("Content-Length") if about.is_success else None
        size = int(length) if length else None
        _fetch(str(about.url), goal, _name(url), size=size, sha256=sha256, headers=headers)
    except (httpx.HTTPError, OSError) as error:
        reason = " ".join(str(error).split())[:100] or type(error).__name__
        raise DownloadFailed(
            f"{_name(url)} could not be fetched ({reason}): check the connection, then run the same command again; "
            "it resumes"
        ) from error


def _fetch(url: str, goal: Path, name: str, *, size: int | None, sha256: str | None, headers: dict[str, str]) -> None:
    """Through `goal`.part, continued where a size is known; verified before it gets its name."""
    from huggingface_hub.file_download import http_get

    goal.parent.mkdir(parents=True, exist_ok=True)
    part = goal.with_name(f"{goal.name}.part")
    have = part.stat().st_size if part.exists() else 0
    if size is None or have > size:
        have = 0
    # r+b, not append: a server that ignores Range makes http_get start over in place
    with part.open("r+b" if have else "wb") as file:
        file.seek(have)
        if have != size:
            http_get(url, file, resume_size=have, headers=headers, expected_size=size, displayed_filename=name)
    if (size is not None and part.stat().st_size != size) or (sha256 is not None and _sha256(part) != sha256):
        part.unlink()
        raise DownloadFailed(f"{name} arrived with a wrong hash and was deleted: run the same command again")
    part.replace(goal)


def _name(url: str) -> str:
    return urlsplit(url).path.rsplit("/", 1)[-1]


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
