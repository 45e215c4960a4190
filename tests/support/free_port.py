"""Ports for the servers that tests start."""

import os
import socket
from itertools import count
from typing import Final

_FIRST: Final = 12_000
"""All are below those that Linux gives to outgoing connections, from 32768 on: such a one may take a port that is free
now before its server listens."""
_PER_WORKER: Final = 1_000
_WORKERS: Final = 20
_turn = count(os.getpid())


def free_port() -> int:
    """A TCP port of the loopback interface that is free; each worker of xdist has ports of its own, in turn."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw-1").removeprefix("gw")) + 1
    first = _FIRST + worker % _WORKERS * _PER_WORKER
    for _ in range(_PER_WORKER):
        port = first + next(_turn) % _PER_WORKER
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise OSError(f"no TCP port from {first} to {first + _PER_WORKER - 1} is free")
