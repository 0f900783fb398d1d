"""As much of a model hub as a download needs, on a port of this machine; it can break off."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"
PIECE = 64 * 1024


class FakeHub:
    """files: content by path. break_after: bytes after which each connection for a large file is
    cut, None: never. hold: while not set, no more than break_after bytes are sent. sent: bytes of
    file content, by path. asked: request lines."""

    def __init__(self, files: Mapping[str, bytes], repository: str = "maker/model") -> None:
        self.files = dict(files)
        self.repository = repository
        self.break_after: int | None = None
        self.hold: threading.Event | None = None
        self.sent: dict[str, int] = {}
        self.asked: list[str] = []
        self.url = ""

    def tree(self) -> list[dict]:
        return [
            {"type": "file", "path": path, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}
            for path, data in self.files.items()
        ]

    @contextmanager
    def serving(self) -> Iterator[str]:
        """The hub's address."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            if self.hold is not None:
                self.hold.set()
            server.shutdown()
            server.server_close()


def _handler(hub: FakeHub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *arguments: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def _answer(self, *, body: bool) -> None:
            hub.asked.append(f"{self.command} {self.path}")
            api = f"/api/models/{hub.repository}/"
            if self.path.startswith(f"{api}revision/"):
                self._json({"id": hub.repository, "sha": COMMIT, "siblings": []})
            elif self.path.startswith(f"{api}tree/{COMMIT}"):
                self._json(hub.tree())
            elif self.path.startswith(f"/{hub.repository}/resolve/{COMMIT}/"):
                self._file(self.path.split(f"/resolve/{COMMIT}/")[1].split("?")[0], body)
            else:
                self.send_response(404)
                self.send_header("X-Error-Code", "RepoNotFound")
                self.send_header("Content-Length", "0")
                self.end_headers()

        def _json(self, value: object) -> None:
            data = json.dumps(value).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _file(self, path: str, body: bool) -> None:
            data = hub.files[path]
            wanted = re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))
            start = int(wanted.group(1)) if wanted else 0
            self.send_response(206 if wanted else 200)
            self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("Content-Length", str(len(data) - start))
            if wanted:
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            self.end_headers()
            if not body:
                return
            end = len(data)
            if hub.break_after is not None and len(data) > hub.break_after:
                end = min(end, start + hub.break_after)
            for position in range(start, end, PIECE):
                piece = data[position : min(position + PIECE, end)]
                self.wfile.write(piece)
                hub.sent[path] = hub.sent.get(path, 0) + len(piece)
            if end < len(data):
                self.wfile.flush()
                if hub.hold is not None:
                    hub.hold.wait(30)
                self.close_connection = True
                self.connection.close()

    return Handler
