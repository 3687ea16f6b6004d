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
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers

    goal.parent.mkdir(parents=True, exist_ok=True)
    part = goal.with_name(f"{goal.name}.part")
    if part.exists() and part.stat().st_size > size:
        part.unlink()
    about = get_hf_file_metadata(url, endpoint=endpoint) if endpoint else get_hf_file_metadata(url)
    headers = build_hf_headers()
    if urlsplit(about.location).netloc != urlsplit(url).netloc:
        # a token is for the hub, not for the store that it sends us to
        headers.pop("authorization", None)
    have = part.stat().st_size if part.exists() else 0
    # r+b, not append: a server that ignores Range makes http_get start over in place
    with part.open("r+b" if have else "wb") as file:
        file.seek(have)
        if have < size:
            http_get(
                about.location,
                file,
                resume_size=have,
                headers=headers,
                expected_size=size,
                displayed_filename=urlsplit(url).path.rsplit("/", 1)[-1],
            )
    if not sha256_matches(part, size, sha256):
        part.unlink()
        name = urlsplit(url).path.rsplit("/", 1)[-1]
        raise DownloadFailed(f"{name} arrived with a wrong hash and was deleted: run the same command again")
    part.replace(goal)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
