"""A client that writes a whole request before it reads the answer, as many HTTP libraries do."""

import socket
import time
from http.client import HTTPResponse
from typing import Final

PIECE: Final = bytes(256 * 1024)
LONG_BODY_BYTES: Final = 64 * len(PIECE)
"""16 MiB: more than a connection's buffers take unread."""


def head(path: str, length: int, *headers: str, version: str = "1.1") -> bytes:
    """The head of a POST that announces so many bytes."""
    lines = (f"POST {path} HTTP/{version}", "Host: x", f"Content-Length: {length}", *headers)
    return "\r\n".join((*lines, "", "")).encode()


def write_then_read(port: int, request: bytes, *, pause_s: float = 0.0) -> tuple[int, bytes]:
    """Write a request's head and `LONG_BODY_BYTES` of zeros, resting between the pieces, and only then read.

    Raises:
        ConnectionError: The connection was reset: such a client has lost the answer.
    """
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(request)
        for _ in range(LONG_BODY_BYTES // len(PIECE)):
            connection.sendall(PIECE)
            time.sleep(pause_s)
        with HTTPResponse(connection, method="POST") as answer:
            answer.begin()
            return answer.status, answer.read()


def send_until_cut_off(port: int, request: bytes, piece: bytes = PIECE, *, pause_s: float = 0.0) -> int:
    """Send a request's head and a body without an end; returns how many bytes of the body were taken."""
    taken_bytes = 0
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(request)
        try:
            while True:
                taken_bytes += connection.send(piece)
                time.sleep(pause_s)
        except ConnectionError:
            return taken_bytes
