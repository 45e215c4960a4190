"""A way to inference that a test can close: requests then fail as those to a server that is away."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx


class GatedInference:
    """Forwards to a real server while it is open, and counts what passes."""

    def __init__(self, url: str) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler(url))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.is_open = True
        self.infers = 0
        self.closes_after: int | None = None
        """Closes itself after so many infer requests."""
        self._lock = threading.Lock()

    def __enter__(self) -> "GatedInference":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def _passes(self, path: str) -> bool:
        with self._lock:
            if not self.is_open:
                return False
            if path.endswith("/infer"):
                if self.closes_after is not None and self.infers >= self.closes_after:
                    self.is_open = False
                    return False
                self.infers += 1
            return True

    def _handler(self, url: str) -> type[BaseHTTPRequestHandler]:
        gate = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._forward()

            def do_POST(self) -> None:
                self._forward()

            def _forward(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if not gate._passes(self.path):
                    self.close_connection = True
                    return
                headers = {
                    name: value
                    for name, value in self.headers.items()
                    if name.lower() not in ("host", "connection", "content-length", "transfer-encoding")
                }
                answer = httpx.request(self.command, url + self.path, content=body, headers=headers, timeout=60)
                self.send_response(answer.status_code)
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        return Handler
