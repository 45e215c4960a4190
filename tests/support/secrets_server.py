"""The part of a Kubernetes API server that the bootstrap uses: named Secrets, and what an account may do with them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


@dataclass
class SecretsServer:
    """Its Secrets by name. `allowed` are the verbs that its one account has for each name, as a Role lists them."""

    allowed: dict[str, set[str]]
    token: str = "token-of-the-pod"
    url: str = ""
    secrets: dict[str, dict[str, Any]] = field(default_factory=dict)
    written: list[str] = field(default_factory=list)

    def add(self, name: str) -> None:
        """An empty Secret, as `kubectl apply -k k8s/data` makes it."""
        self.secrets[name] = {"metadata": {"name": name, "resourceVersion": "1"}, "type": "Opaque"}

    def answer(self, verb: str, name: str, sent: dict[str, Any] | None) -> tuple[int, dict[str, Any]]:
        """The status and the body for a request."""
        if verb not in self.allowed.get(name, set()):
            return 403, {}
        if name not in self.secrets:
            return 404, {}
        held = self.secrets[name]
        if sent is None:
            return 200, held
        if sent["metadata"]["resourceVersion"] != held["metadata"]["resourceVersion"]:
            return 409, {}
        version = str(int(held["metadata"]["resourceVersion"]) + 1)
        self.secrets[name] = sent | {"metadata": sent["metadata"] | {"resourceVersion": version}}
        self.written.append(name)
        return 200, self.secrets[name]


@contextmanager
def serving(server: SecretsServer) -> Iterator[SecretsServer]:
    """Serve it on a free port of this machine; `url` says which."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer("get", None)

        def do_PUT(self) -> None:
            self._answer("update", json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _answer(self, verb: str, sent: dict[str, Any] | None) -> None:
            status, body = 401, {}
            if self.headers["Authorization"] == f"Bearer {server.token}":
                *_, namespace, kind, name = self.path.split("/")
                known = (namespace, kind) == ("idc-sentinel", "secrets")
                status, body = server.answer(verb, name, sent) if known else (404, {})
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=listener.serve_forever, daemon=True)
    thread.start()
    server.url = f"http://127.0.0.1:{listener.server_port}"
    try:
        yield server
    finally:
        listener.shutdown()
        thread.join()
        listener.server_close()
