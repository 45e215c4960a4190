"""Posts one body again and again over so many connections, and counts what comes back in time.

It speaks just enough HTTP/1.1 for that: on a small machine a whole client library would take the processor from the
service that is measured.
"""

import asyncio
import time
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit

WARM_UP_S = 0.5


@dataclass(frozen=True)
class LoadResult:
    """What a load run measured."""

    requests_per_s: float
    p50_ms: float
    p99_ms: float
    requests: int = 0
    """All that were answered."""


@dataclass
class _Run:
    request: bytes
    until_s: float = 0.0
    latencies_s: list[float] = field(default_factory=list)


class _Connection(asyncio.Protocol):
    """One connection that sends its next request when an answer is whole."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._answer = bytearray()
        self._sent_s = 0.0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def _send(self) -> None:
        self._sent_s = time.perf_counter()
        self._transport.write(self._run.request)

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head_end = self._answer.find(b"\r\n\r\n")
        if head_end < 0 or len(self._answer) < head_end + 4 + _content_length(self._answer[:head_end]):
            return
        now_s = time.perf_counter()
        if not self._answer.startswith(b"HTTP/1.1 2"):
            self.ended.set_exception(RuntimeError(f"the service answered {bytes(self._answer[:300])!r}"))
        self._answer.clear()
        self._run.latencies_s.append(now_s - self._sent_s)
        if now_s < self._run.until_s and not self.ended.done():
            self._send()
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.ended.done():
            return
        if exc is None and not self._answer:
            self.ended.set_result(None)
        else:
            self.ended.set_exception(exc or RuntimeError("the connection ended within an answer"))


def _content_length(head: bytearray) -> int:
    lower = bytes(head).lower()
    return int(lower.partition(b"content-length:")[2].partition(b"\r\n")[0])


async def load(
    url: str, body: bytes, headers: dict[str, str], *, connections: int, seconds: float, warm_up_s: float = WARM_UP_S
) -> LoadResult:
    """Keep `connections` connections busy for `seconds`, after a warm-up.

    Raises:
        RuntimeError: An answer is no success.
        OSError: The service cannot be reached.
    """
    parts = urlsplit(url)
    lines = [f"POST {parts.path} HTTP/1.1", f"Host: {parts.netloc}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    run = _Run("\r\n".join([*lines, "", ""]).encode() + body)
    if warm_up_s:
        await _keep_busy(parts.hostname or "", parts.port or 80, run, connections, warm_up_s)
    run.latencies_s.clear()
    elapsed_s = await _keep_busy(parts.hostname or "", parts.port or 80, run, connections, seconds)
    ordered_ms = sorted(latency_s * 1000 for latency_s in run.latencies_s)
    count = len(ordered_ms)
    return LoadResult(count / elapsed_s, ordered_ms[count // 2], ordered_ms[int(count * 0.99)], count)


async def _keep_busy(host: str, port: int, run: _Run, connections: int, seconds: float) -> float:
    """Run for so long; gives the seconds that it really took."""
    loop, begin_s = asyncio.get_running_loop(), time.perf_counter()
    run.until_s = begin_s + seconds
    made = [await loop.create_connection(lambda: _Connection(run), host, port) for _ in range(connections)]
    await asyncio.gather(*(connection.ended for _, connection in made))
    return time.perf_counter() - begin_s
