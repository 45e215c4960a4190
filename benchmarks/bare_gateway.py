"""The least that a gateway can be, as a bound: it passes images on to inference, commits them with the answer, answers.

`python benchmarks/bare_gateway.py INFERENCE DATABASE PORT` serves until it is ended. It has the gateway's libraries
(uvicorn with httptools and uvloop, Starlette, aiohttp, SQLite), its requests to inference and its synced commit; it
checks nobody and nothing, and has no audit chain, no messages and no index. One commit holds images and answer.
"""

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

import aiohttp
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from idc_gateway.classifying.uploads import PART_IMAGES
from idc_gateway.inference.oip_messages import binary_request
from idc_gateway.inference.ports import EncodedImage
from support.compose_stack import answers
from support.eventually import wait_until
from support.free_port import free_port

PARTS_AT_ONCE: Final = 2


class Bare:
    """Passes on and commits."""

    def __init__(self, inference: str, database: Path) -> None:
        """Take where inference is, and where to keep things."""
        self._inference = f"{inference}/v2/models/idc/infer"
        self._thread = ThreadPoolExecutor(1)
        self._database = sqlite3.connect(database, check_same_thread=False, isolation_level=None)
        for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "CREATE TABLE kept (bytes BLOB)"):
            self._database.execute(statement)
        self._room = asyncio.Semaphore(PARTS_AT_ONCE)

    @asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        """Keep connections to inference."""
        async with aiohttp.ClientSession() as self._session:
            yield

    async def classify(self, request: Request) -> Response:
        """Classify the body, or the images of a form as the benchmark sends it."""
        body = await request.body()
        if not request.headers["content-type"].startswith("multipart/"):
            return Response(await self._part([body]), 201)
        images = [part.partition(b"\r\n\r\n")[2] for part in body.split(b"\r\n--cut")][:-1]
        parts = [images[start : start + PART_IMAGES] for start in range(0, len(images), PART_IMAGES)]
        return Response(b"".join(await asyncio.gather(*map(self._part_in_turn, parts))), 201)

    async def _part_in_turn(self, images: list[bytes]) -> bytes:
        async with self._room:
            return await self._part(images)

    async def _part(self, images: list[bytes]) -> bytes:
        message, head_bytes = binary_request([EncodedImage(image) for image in images], "bare")
        headers = {"Inference-Header-Content-Length": str(head_bytes), "Content-Type": "application/octet-stream"}
        async with self._session.post(self._inference, data=message, headers=headers) as answered:
            answered.raise_for_status()
            answer = await answered.read()
        await asyncio.get_running_loop().run_in_executor(self._thread, self._commit, [*images, answer])
        return answer

    def _commit(self, pieces: list[bytes]) -> None:
        self._database.execute("BEGIN IMMEDIATE")
        self._database.executemany("INSERT INTO kept VALUES (?)", [(piece,) for piece in pieces])
        self._database.execute("COMMIT")


async def ready(_request: Request) -> Response:
    """It is."""
    return Response()


@contextmanager
def bare_process(inference: str, database: Path) -> Iterator[str]:
    """Serve while the block runs, as a process of its own; gives the address."""
    port = free_port()
    command = [sys.executable, "-m", "bare_gateway", inference, str(database), str(port)]
    process = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)})
    try:
        address = f"http://127.0.0.1:{port}"
        wait_until(lambda: answers(f"{address}/readyz"), "the bare gateway is ready")
        yield address
    finally:
        process.terminate()
        process.wait(timeout=60)


if __name__ == "__main__":
    bare = Bare(sys.argv[1], Path(sys.argv[2]))
    routes = [Route("/", bare.classify, methods=["POST"]), Route("/readyz", ready)]
    app = Starlette(routes=routes, lifespan=bare.lifespan)
    uvicorn.run(app, port=int(sys.argv[3]), loop="uvloop", http="httptools", log_config=None, access_log=False)
