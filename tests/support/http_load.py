"""Posts one body again and again over so many connections, and counts what comes back in time."""

import asyncio
import time
from dataclasses import dataclass

import httpx


@dataclass(frozen=True)
class LoadResult:
    """What a load run measured."""

    requests_per_s: float
    p50_ms: float
    p99_ms: float


async def load(url: str, body: bytes, headers: dict[str, str], *, connections: int, seconds: float) -> LoadResult:
    """Keep `connections` connections busy for `seconds`.

    Raises:
        RuntimeError: An answer is no success.
    """
    latencies_s: list[float] = []
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    async with httpx.AsyncClient(limits=limits, timeout=60, trust_env=False) as client:

        async def post_until(deadline_s: float) -> None:
            while time.perf_counter() < deadline_s:
                begin_s = time.perf_counter()
                answer = await client.post(url, content=body, headers=headers)
                if not answer.is_success:
                    raise RuntimeError(f"{url} answered {answer.status_code}: {answer.text[:200]}")
                latencies_s.append(time.perf_counter() - begin_s)

        await asyncio.gather(*(post_until(time.perf_counter() + 0.5) for _ in range(connections)))
        latencies_s.clear()
        begin_s = time.perf_counter()
        await asyncio.gather(*(post_until(begin_s + seconds) for _ in range(connections)))
        elapsed_s = time.perf_counter() - begin_s
    ordered_ms = sorted(latency_s * 1000 for latency_s in latencies_s)
    return LoadResult(
        len(ordered_ms) / elapsed_s, ordered_ms[len(ordered_ms) // 2], ordered_ms[int(len(ordered_ms) * 0.99)]
    )
