"""A gateway that stores each image of a series once, and fails as a test's script says."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import Any, Literal

import httpx

from support.scripted_gateway import problem, result

Trouble = Literal["fine", "away", "lost before", "lost after", "busy", "inference away", "half", "proxy", "key over"]

Image = tuple[str, str, bytes]
"""Series, name, content."""


@dataclass
class SeriesGateway(httpx.BaseTransport):
    """Answers like the real one; `stored` has what it keeps, each as often as it was stored."""

    troubles: Iterator[Trouble] = field(default_factory=lambda: repeat("fine"))
    stored: list[Image] = field(default_factory=list)
    most_images: int = 10_000
    """A proxy on the way refuses larger forms."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        trouble = next(self.troubles)
        images = [(request.url.params["once"], name, content) for name, content in _files_of(request)]
        if len(images) > self.most_images:
            return httpx.Response(413, text="<html>nginx</html>")
        match trouble:
            case "away":
                raise httpx.ConnectError("refused")
            case "lost before":
                raise httpx.WriteError("reset")
            case "busy":
                return problem(503, "64 requests are in progress", **{"Retry-After": "1"})
            case "proxy":
                return httpx.Response(502, text="<html>bad gateway</html>")
            case "key over":
                return problem(401, "this key has expired")
        answer = self._answer(images, trouble)
        if trouble == "lost after":
            raise httpx.ReadError("reset")
        return answer

    def _answer(self, images: list[Image], trouble: Trouble) -> httpx.Response:
        items = []
        for index, image in enumerate(images):
            is_missed = trouble == "inference away" or (trouble == "half" and index % 2 == 0)
            items.append(self._item(index, image, is_missed=is_missed))
        accepted = sum(item["error"] is None for item in items)
        status = 201 if accepted else items[0]["error"]["status"]
        return httpx.Response(status, json={"items": items, "accepted": accepted, "refused": len(items) - accepted})

    def _item(self, index: int, image: Image, *, is_missed: bool) -> dict[str, Any]:
        was_there = image in self.stored
        item = {"index": index, "name": image[1], "classification": None, "error": None, "stored_before": was_there}
        if image[2] == b"bad":
            return item | {"error": {"status": 415, "detail": "is no image"}}
        if is_missed and not was_there:
            return item | {"error": {"status": 503, "detail": "no inference server answers"}}
        if not was_there:
            self.stored.append(image)
        return item | {"classification": result(image[1])}


def _files_of(request: httpx.Request) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file of a form, by no more than a split: some tests send thousands."""
    boundary = b"--" + request.headers["Content-Type"].partition("boundary=")[2].encode()
    for part in request.content.split(boundary)[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        yield head.partition(b'filename="')[2].partition(b'"')[0].decode(), content.removesuffix(b"\r\n")


def then_fine(troubles: list[Trouble]) -> Iterator[Trouble]:
    """These, and no trouble ever after."""
    return chain(troubles, repeat("fine"))
