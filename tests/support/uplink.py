"""A TCP line between two programs that can be cut: packets vanish, nobody is told."""

import contextlib
import socket
import threading
from typing import Final

from support.free_port import free_port

_CHUNK_BYTES: Final = 65536


class Uplink:
    """Listens on a port of its own and carries each connection to another port of this machine."""

    def __init__(self, far_port: int) -> None:
        self.port: Final = free_port()
        self._far_port = far_port
        self._is_open = threading.Event()
        self._is_open.set()
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Let nothing through any more; connections that stand hear nothing, new ones are accepted and left alone."""
        self._is_open.clear()

    def mend(self) -> None:
        """Let new connections through; those of before the cut are dead and end now."""
        self._end_connections()
        self._is_open.set()

    def close(self) -> None:
        self._listener.close()
        self._end_connections()

    def _end_connections(self) -> None:
        for line in self._sockets:
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
            line.close()
        self._sockets = []

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                self._sockets.append(near)
                if self._is_open.is_set():
                    self._carry(near)

    def _carry(self, near: socket.socket) -> None:
        try:
            far = socket.create_connection(("127.0.0.1", self._far_port), timeout=30)
        except OSError:
            near.close()
            return
        far.settimeout(None)
        self._sockets.append(far)
        for source, target in ((near, far), (far, near)):
            threading.Thread(target=self._pump, args=(source, target), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while chunk := source.recv(_CHUNK_BYTES):
                if self._is_open.is_set():
                    target.sendall(chunk)
            # an end is told like any other packet: not through a cut line
            if self._is_open.is_set():
                target.shutdown(socket.SHUT_RDWR)
