"""A hub of a few files on this machine: the routes that huggingface_hub asks for, and a connection that breaks."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Repo:
    """Files of one repository; those over `large` bytes are kept as large files are, with a sha256."""

    files: dict[str, bytes]
    card: dict = field(default_factory=dict)
    gated: bool = False
    large: int = 1000
    wrong_hash: set[str] = field(default_factory=set)

    def sha256(self, name: str) -> str:
        content = self.files[name] + (b"!" if name in self.wrong_hash else b"")
        return hashlib.sha256(content).hexdigest()


class SmallHub:
    """`with SmallHub(repos) as hub:` serves at `hub.endpoint`; `hub.seen` lists (method, path, Range)."""

    def __init__(self, repos: dict[str, Repo]) -> None:
        self.repos = repos
        self.seen: list[tuple[str, str, str | None]] = []
        self.cut_after: dict[str, list[int]] = {}
        """File name → how many bytes the next answers give before the connection breaks."""

    def __enter__(self) -> SmallHub:
        hub = self

        class Handler(_Handler):
            owner = hub

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def gets(self, name: str) -> list[str | None]:
        """The Range headers of every GET of a file."""
        return [span for method, path, span in self.seen if method == "GET" and path.endswith(f"/{name}")]


class _Handler(BaseHTTPRequestHandler):
    owner: SmallHub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, body: bool) -> None:
        path = self.path.split("?")[0]
        self.owner.seen.append((self.command, path, self.headers.get("Range")))
        if match := re.fullmatch(r"/api/models/([\w.-]+/[\w.-]+)(/revision/[^/]+)?", path):
            self._info(match[1])
        elif match := re.fullmatch(r"/([\w.-]+/[\w.-]+)/resolve/[^/]+/(.+)", path):
            self._file(match[1], match[2], body)
        else:
            self._send(404, b"{}")

    def _info(self, name: str) -> None:
        repo = self.owner.repos.get(name)
        if repo is None:
            return self._send(401, b"{}", {"X-Error-Code": "RepoNotFound"})
        if repo.gated:
            return self._send(403, b"{}", {"X-Error-Code": "GatedRepo"})
        siblings = []
        for file, content in repo.files.items():
            entry: dict = {"rfilename": file, "size": len(content), "blobId": hashlib.sha1(content).hexdigest()}
            if len(content) > repo.large:
                entry["lfs"] = {"sha256": repo.sha256(file), "size": len(content), "pointerSize": 130}
            siblings.append(entry)
        info = {"id": name, "modelId": name, "sha": COMMIT, "siblings": siblings, "cardData": repo.card, "tags": []}
        self._send(200, json.dumps(info).encode())

    def _file(self, name: str, file: str, body: bool) -> None:
        repo = self.owner.repos.get(name)
        if repo is None or file not in repo.files:
            return self._send(404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT})
        content = repo.files[file]
        large = len(content) > repo.large
        etag = repo.sha256(file) if large else hashlib.sha1(content).hexdigest()
        headers = {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        if large:
            headers |= {"X-Linked-ETag": f'"{etag}"', "X-Linked-Size": str(len(content))}
        start = 0
        if match := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or ""):
            start = int(match[1])
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        cuts = self.owner.cut_after.get(file) if body else None
        self._send(206 if start else 200, content[start:], headers, body, cuts.pop(0) if cuts else None)

    def _send(
        self, code: int, content: bytes, headers: dict | None = None, body: bool = True, cut: int | None = None
    ) -> None:
        self.send_response(code)
        for key, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(key, value)
        self.end_headers()
        if body:
            self.wfile.write(content[:cut])
            self.wfile.flush()
        if cut is not None:
            self.close_connection = True
            self.connection.shutdown(2)
