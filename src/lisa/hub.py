"""Published checkpoints: look, weigh, fetch with resume, verify. Torch-free.

The environment of huggingface_hub is honoured: HF_ENDPOINT, HF_HOME, HF_HUB_CACHE, HF_HUB_OFFLINE, HF_TOKEN.
Downloads land in its cache, so other programs find them, unless a folder is named.
"""

from __future__ import annotations

import contextlib
import difflib
import fnmatch
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lisa.errors import BadCheckpoint, BadInput, DownloadFailed, Missing, TooLarge, shown
from lisa.fetch import fetch_large, free_disk, sha256_matches
from lisa.files import expanded
from lisa.memory import GIB, MARGIN, check_fits, memory_needed, memory_total
from lisa.weights import weight_files

__all__ = ["ALIASES", "CLIP", "check_fits", "get", "hub_id", "make_plan", "memory_needed", "resolve"]

CLIP = "openai/clip-vit-large-patch14"

ALIASES = {
    "lisa-7b": "xinlai/LISA-7B-v1",
    "lisa-13b": "xinlai/LISA-13B-llama2-v1",
    "lisa-7b-explanatory": "xinlai/LISA-7B-v1-explanatory",
    "lisa-13b-explanatory": "xinlai/LISA-13B-llama2-v1-explanatory",
}
"""Short names of the published checkpoints. Each of them also needs `CLIP`."""

EMBEDDED = "tiny"
"""The model inside the package."""

WANTED = ("*.json", "*.safetensors", "pytorch_model*.bin", "*.model", "merges.txt", "vocab.txt", "*.jinja")
"""Files that are fetched: config, tokenizer, processor, weights. Never code."""

_UNWANTED = ("trainer_state.json", "training_args*", "optimizer*", "flax_*", "tf_*", "*.onnx*", "adapter_*")
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.\-]*/[A-Za-z0-9][\w.\-]*")
_DISK_MARGIN = 256 << 20

Say = Callable[[str], None]


@dataclass(frozen=True)
class RemoteFile:
    """A file on the hub."""

    path: str
    size: int
    """Bytes."""
    sha256: str | None
    """Of files in large-file storage; None for small ones, which git itself names by hash."""


@dataclass(frozen=True)
class Plan:
    """What fetching a repository would take."""

    repo: str
    revision: str
    """The commit."""
    licence: str | None
    """As its model card states it."""
    files: tuple[RemoteFile, ...]

    @property
    def bytes(self) -> int:
        """Size of all files."""
        return sum(file.size for file in self.files)

    @property
    def weight_bytes(self) -> int:
        """Size of the weights alone: about the memory they need as stored."""
        return sum(file.size for file in self.files if file.path.endswith((".safetensors", ".bin")))


def hub_id(name: str) -> str:
    """The hub's id of an alias or id. Raises Missing, with the nearest alias, for anything else."""
    if name in ALIASES:
        return ALIASES[name]
    if _HUB_ID.fullmatch(name) and ".." not in name:
        return name
    near = difflib.get_close_matches(name.lower(), [*ALIASES, EMBEDDED], n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"give a folder, a hub id such as {CLIP}, or {', '.join(ALIASES)}"
    raise Missing(f"there is no model {shown(name)}: {hint}")


def get(
    name: str,
    *,
    folder: str | Path | None = None,
    revision: str = "main",
    force: bool = False,
    endpoint: str | None = None,
    cache: str | Path | None = None,
    say: Say | None = None,
) -> Path:
    """Fetches a checkpoint, and CLIP beside the published ones; returns the folder that `lisa.load` opens.

    Licence, disk and memory are looked at first. What an earlier, interrupted call fetched is kept and continued.

    Args:
        name: an alias of `ALIASES` or a hub id.
        folder: put the files here instead of the hub's cache; CLIP goes to a sub-folder of its id.
        revision: branch, tag or commit.
        force: fetch it although this machine has too little memory to run it.
        endpoint: another hub's address; None takes HF_ENDPOINT.
        cache: another cache folder; None takes the environment's.
        say: is told each step, one line at a time.

    Raises:
        Missing: there is no such model, or access must be asked for.
        TooLarge: too little disk or memory.
        DownloadFailed: the hub cannot be reached, or sent bytes with a wrong hash.
    """
    say = say or (lambda line: None)
    if name == EMBEDDED:
        return resolve(name)
    repo = hub_id(name)
    target = expanded(folder) if folder is not None else None
    with _as_lisa_errors(repo):
        return _get(repo, target, revision, force, endpoint, cache, say)
    raise AssertionError("unreachable")


def _get(
    repo: str,
    target: Path | None,
    revision: str,
    force: bool,
    endpoint: str | None,
    cache: str | Path | None,
    say: Say,
) -> Path:
    plans = [make_plan(repo, revision, endpoint)]
    if repo in ALIASES.values():
        plans.append(make_plan(CLIP, "main", endpoint))
    for plan in plans:
        say(f"{plan.repo}: {plan.bytes / GIB:.2f} GiB, licence: {plan.licence or 'not stated on its model card'}")
    if not force:
        _check_memory(plans)
    _check_disk(plans, target or _cache(cache))
    # CLIP comes first, so that a checkpoint is found only when its CLIP is there
    for extra in plans[1:]:
        _download(extra, target / extra.repo if target is not None else None, "main", endpoint, cache, say)
    return _download(plans[0], target, revision, endpoint, cache, say)


def resolve(name: str | Path, *, cache: str | Path | None = None) -> Path:
    """The folder of a model that is on this machine: `tiny`, an alias, a folder, or a hub id in the cache.

    Never downloads. An alias is looked for in the cache first, then as a folder of that name.

    Raises:
        Missing: it is not here; the message has the command that fetches it.
        BadCheckpoint: it is a file.
    """
    text = str(name)
    if not text.strip() or "\0" in text:
        raise BadInput("the model has no name: give a folder, a hub id or tiny")
    if text == EMBEDDED:
        return _embedded()
    path = expanded(text)
    if text in ALIASES:
        try:
            return _cached(text, ALIASES[text], cache)
        except Missing:
            if (path / "config.json").is_file():  # where `lisa get NAME --folder NAME` has put it
                return path
            raise
    with contextlib.suppress(OSError):
        if path.is_dir():
            return path
        if path.is_file():
            raise BadCheckpoint(f"{shown(path)} is a file: give the folder it lies in, with its config.json")
    if text.startswith((".", "/", "~")) or text.count("/") > 1:
        raise Missing(
            f"there is no folder {shown(path)}: check the path, or give a hub id such as {ALIASES['lisa-7b']}"
        )
    return _cached(text, hub_id(text), cache)


def _embedded() -> Path:
    folder = Path(__file__).parent / "assets" / EMBEDDED
    if not folder.is_dir():
        raise Missing("the embedded model is not in this installation: install lisa-seg again, or run: lisa train tiny")
    return folder


def _cached(name: str, repo: str, cache: str | Path | None) -> Path:
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(repo, "config.json", cache_dir=_cache(cache))
    if not isinstance(found, str):
        home = Path(_cache(cache), f"models--{repo.replace('/', '--')}", "snapshots")
        if others := sorted(home.glob("*/config.json")):
            raise Missing(f"{shown(repo)} is here in another revision only: give its folder, {others[0].parent}, as "
                          f"the model, or fetch the usual one with: lisa get {name}")  # fmt: skip
        raise Missing(f"{shown(repo)} is not on this machine: fetch it first with: lisa get {name}")
    folder = Path(found).parent
    try:
        weight_files(folder)
    except Missing as error:
        raise Missing(f"{shown(repo)} is here only in part: continue with: lisa get {name}") from error
    return folder


def make_plan(repo: str, revision: str = "main", endpoint: str | None = None) -> Plan:
    """What the hub says about a repository: commit, licence, and the files that would be fetched."""
    from huggingface_hub import HfApi

    info = HfApi(endpoint=endpoint).model_info(repo, revision=revision, files_metadata=True)
    files = tuple(
        RemoteFile(entry.rfilename, entry.size or 0, entry.lfs.sha256 if entry.lfs else None)
        for entry in info.siblings or []
    )
    wanted = _choose(files)
    if not any(file.path.endswith((".safetensors", ".bin")) for file in wanted):
        raise Missing(f"{shown(repo)} has no weights of a kind that is read here: give another id")
    card = info.card_data
    licence = getattr(card, "license_name", None) or getattr(card, "license", None) if card else None
    return Plan(repo, info.sha or revision, str(licence) if licence else None, wanted)


def _choose(files: tuple[RemoteFile, ...]) -> tuple[RemoteFile, ...]:
    """The wanted files of the top folder; where weights are there twice, safetensors only."""
    wanted = [
        file
        for file in files
        if "/" not in file.path
        and any(fnmatch.fnmatch(file.path, pattern) for pattern in WANTED)
        and not any(fnmatch.fnmatch(file.path, pattern) for pattern in _UNWANTED)
    ]
    if any(file.path.endswith(".safetensors") for file in wanted):
        wanted = [file for file in wanted if ".bin" not in file.path]
    return tuple(wanted)


def _check_memory(plans: list[Plan]) -> None:
    need = sum(plan.weight_bytes for plan in plans) + MARGIN
    have = memory_total()
    if need > have:
        smaller = "lisa-7b or tiny" if "13b" in plans[0].repo.lower() else "tiny, which is already here"
        raise TooLarge(
            f"{plans[0].repo} needs {need / GIB:.1f} GiB of memory to run, this machine has {have / GIB:.1f} GiB: "
            f"take {smaller}, or fetch it for another machine with --force"
        )


def _check_disk(plans: list[Plan], place: Path) -> None:
    need = sum(plan.bytes for plan in plans) - sum(_already(plan, place) for plan in plans) + _DISK_MARGIN
    have = free_disk(place)
    if need > have:
        raise TooLarge(
            f"{plans[0].repo} needs {need / GIB:.1f} GiB of disk, {shown(place)} has {have / GIB:.1f} GiB free: "
            f"free some space, or choose another disk with --folder or HF_HOME"
        )


def _already(plan: Plan, place: Path) -> int:
    """Bytes of the plan that are on the disk, whole or in part."""
    blobs = place / f"models--{plan.repo.replace('/', '--')}" / "blobs"
    total = 0
    for file in plan.files:
        names = [
            blobs / str(file.sha256),
            blobs / f"{file.sha256}.part",
            place / file.path,
            place / f"{file.path}.part",
        ]
        total += max((path.stat().st_size for path in names if path.is_file()), default=0)
    return total


def _download(
    plan: Plan, target: Path | None, revision: str, endpoint: str | None, cache: str | Path | None, say: Say
) -> Path:
    from huggingface_hub import hf_hub_download, hf_hub_url

    blobs = _cache(cache) / f"models--{plan.repo.replace('/', '--')}" / "blobs"
    place = target
    for file in sorted(plan.files, key=lambda file: (file.path == "config.json", file.path)):
        if file.sha256:
            goal = target / file.path if target is not None else blobs / file.sha256
            if not sha256_matches(goal, file.size, file.sha256):
                say(f"fetching {file.path} ({file.size / GIB:.2f} GiB)")
                url = hf_hub_url(plan.repo, file.path, revision=plan.revision, endpoint=endpoint)
                fetch_large(url, goal, file.size, file.sha256, endpoint=endpoint)
            if target is not None:
                continue
        found = hf_hub_download(
            plan.repo, file.path, revision=revision, endpoint=endpoint, cache_dir=_cache(cache), local_dir=target
        )
        place = place or Path(found).parent
    assert place is not None  # a plan has at least one file
    return place


def _cache(cache: str | Path | None) -> Path:
    from huggingface_hub import constants

    return expanded(cache) if cache is not None else Path(constants.HF_HUB_CACHE)


@contextlib.contextmanager
def _as_lisa_errors(repo: str) -> Iterator[None]:
    """huggingface_hub's exceptions → one sentence that says what to do."""
    from huggingface_hub import constants, errors

    try:
        yield
    except errors.GatedRepoError as error:
        raise Missing(f"{shown(repo)} is given on request: ask on its page, then set HF_TOKEN to your token") from error
    except errors.RepositoryNotFoundError as error:
        raise Missing(f"the hub has no model {shown(repo)}, or it is private: check the id, or set HF_TOKEN") from error
    except errors.RevisionNotFoundError as error:
        raise Missing(f"{shown(repo)} has no such revision: leave --revision out to take the newest") from error
    except errors.OfflineModeIsEnabled as error:
        raise DownloadFailed(
            f"HF_HUB_OFFLINE is set, so {shown(repo)} cannot be fetched: unset it, or copy the folder "
            "from another machine and give its path"
        ) from error
    except (errors.HTTPError, errors.LocalEntryNotFoundError) as error:  # pyright: ignore[reportPrivateImportUsage]
        reason = " ".join(str(error).split())[:100] or type(error).__name__
        raise DownloadFailed(
            f"the hub at {constants.ENDPOINT} did not answer ({reason}): check the connection, HF_ENDPOINT and "
            "HTTPS_PROXY, then run the same command again; it will resume"
        ) from error
    except errors.HFValidationError as error:
        raise BadInput(f"{shown(repo)} is no hub id: write OWNER/NAME") from error
    except OSError as error:
        raise DownloadFailed(
            f"fetching {shown(repo)} stopped ({error}): free some disk space or check the connection, then run the "
            "same command again; it will resume"
        ) from error
