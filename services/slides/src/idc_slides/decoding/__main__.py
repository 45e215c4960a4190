"""The worker: answers its parent until that closes the connection.

Requests are JSON. An answer is JSON, and pixels follow it as plain bytes: the parent unpickles nothing of what a
hostile file may have made of this process.
"""

import json
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from idc_slides.decoding.blocks import Area, read_area
from idc_slides.decoding.fidelity import check_some_place, deviations
from idc_slides.decoding.open_source import open_source
from idc_slides.decoding.own_limits import limit_this_process
from idc_slides.decoding.source import CannotRead, Source


def main() -> None:
    """Serve one slide on the connection whose file descriptor is the first argument."""
    connection = Connection(int(sys.argv[1]))
    limit_this_process(memory_bytes=int(sys.argv[2]), cpu_s=int(sys.argv[3]))
    worker = Worker()
    while True:
        try:
            request = json.loads(connection.recv_bytes())
        except EOFError:
            return
        for part in worker.answer(request):
            connection.send_bytes(part)


class Worker:
    """Answers requests about one slide."""

    def __init__(self) -> None:
        self._source: Source | None = None
        self._levels: list[dict[str, Any]] = []

    def answer(self, request: dict[str, Any]) -> list[bytes]:
        """Give the answer's parts: JSON, and pixels where there are some."""
        try:
            return self._answer(request)
        except CannotRead as exc:
            return [_error(exc.code, exc.detail)]
        except MemoryError:
            return [_error("slide-too-costly", "it needs more memory than the reader may have")]
        except OSError as exc:
            return [_error("unreadable-slide", str(exc.strerror or exc))]
        except Exception as exc:  # noqa: BLE001 - whatever a library makes of a hostile file is the file's fault
            return [_error("unreadable-slide", f"{type(exc).__name__}: {exc}")]

    def _answer(self, request: dict[str, Any]) -> list[bytes]:
        if "open" in request:
            return [json.dumps(self._open(Path(request["open"]))).encode()]
        if "deviations" in request:
            found = deviations(self._opened(), self._levels, request["deviations"])
            return [json.dumps({"deviations": found}).encode()]
        return self._read(Area(**request["read"]))

    def _open(self, path: Path) -> dict[str, Any]:
        self._source = open_source(path)
        facts = self._source.facts()
        self._levels = facts["levels"]
        check_some_place(self._source, self._levels)
        return facts

    def _read(self, area: Area) -> list[bytes]:
        level = self._levels[area.level]
        pixels, unreadable = read_area(self._opened(), area, (level["width_px"], level["height_px"]))
        return [json.dumps({"unreadable": unreadable}).encode(), pixels.tobytes()]

    def _opened(self) -> Source:
        if self._source is None:
            raise CannotRead("unreadable-slide", "no slide is open")
        return self._source


def _error(code: str, detail: str) -> bytes:
    return json.dumps({"error": code, "detail": detail[:300]}).encode()


if __name__ == "__main__":
    main()
