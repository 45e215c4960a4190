"""A slides service in memory: its HTTP interface, without reading a slide or asking a model."""

import asyncio
import base64
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote
from uuid import UUID, uuid4

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route

from idc_contracts import Decision, ModelRef
from idc_contracts.slides import (
    LatestSlides,
    OperatingPoints,
    Slide,
    SlideArea,
    SlideCells,
    SlideFailure,
    SlideMeasures,
    SlideState,
    TrainingPatches,
)
from support.eventually import wait_until
from support.free_port import free_port

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
MODEL = ModelRef(name="idc", version="1", sha256="0" * 64)
FAILURE = SlideFailure(code="unreadable-slide", detail="the file is cut off")
_TUS = {"Tus-Resumable": "1.0.0"}


def made_slide(name: str = "a.svs", state: SlideState = SlideState.WAITING, **fields: Any) -> Slide:
    values = {"id": uuid4(), "name": name, "source": "folder", "received_at": NOW, "received_by": "folder"}
    return Slide.model_validate({**values, "state": state, "size_bytes": 1000, **fields})


def screened_slide(decision: Decision | str, **fields: Any) -> Slide:
    """A slide that is done."""
    idc = SlideArea(mm2=12.0 if decision == "idc" else 0.0)
    values = {"decision": decision, "finished_at": NOW, "model": MODEL, "tissue": SlideArea(mm2=200.0), "idc": idc}
    return made_slide(state=SlideState.DONE, **{**values, "minimum_idc_mm2": 0.2, **fields})


@dataclass
class Upload:
    length: int
    name: str
    um_per_px: float | None
    received: bytearray = field(default_factory=bytearray)
    slide: Slide | None = None


@dataclass
class FakeSlides:
    """The service's state, which the test sets and reads."""

    slides: dict[UUID, Slide] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)
    screened: list[dict[str, Any]] = field(default_factory=list)
    latest: list[tuple[str, SlideMeasures]] = field(default_factory=list)
    """Measures of slides, each with the digest of its model."""
    callers: list[tuple[str, str, str]] = field(default_factory=list)
    """Caller, method and path of each request."""
    refusal: Response | None = None
    """Set to answer each request so."""
    long_body: list[bytes] = field(default_factory=lambda: [b"x"])
    """What each export is made of."""
    is_hanging: bool = False
    """Set to answer nothing."""
    drop_after_bytes: int | None = None
    """Set to end the process of the next upload request after so many bytes, as a crash would."""
    state_after: SlideState = SlideState.DONE
    """What becomes of a slide that is queued, with the next look at it."""

    states: dict[UUID, list[SlideState | None]] = field(default_factory=dict)
    """What a slide becomes with each list of slides, before it is answered; None for deleted."""

    def finish(self, slide: Slide, message_id: UUID | None = None, decided_at: datetime | None = None) -> Slide:
        """Let a slide be listed as screened, or as decided otherwise by reviews at a time."""
        self.slides[slide.id] = slide
        record = slide.model_dump(mode="json")
        number = max((entry["number"] for entry in self.screened), default=0) + 1
        self.screened.append(
            {
                "number": number,
                "message_id": str(message_id or uuid4()),
                "slide": record,
                "decided_at": decided_at and decided_at.isoformat(),
            }
        )
        return slide

    def app(self, prefix: str = "") -> Starlette:
        one = "/slides/{identity:uuid}"
        routes = [
            Route("/screened", self._list_screened),
            Route("/latest-slides", self._latest),
            Route("/slides", self._list, methods=["GET"]),
            Route("/slides", self._queue, methods=["POST"]),
            Route("/slides/uploads", self._describe, methods=["OPTIONS"]),
            Route("/slides/uploads", self._create, methods=["POST"]),
            Route("/slides/uploads/{upload}", self._offset, methods=["HEAD"]),
            Route("/slides/uploads/{upload}", self._continue, methods=["PATCH"]),
            Route("/slides/uploads/{upload}", self._drop, methods=["DELETE"]),
            Route(f"{one}.dzi", self._file("application/xml")),
            Route(f"{one}_files/{{level:int}}/{{tile}}.jpeg", self._picture),
            Route(f"{one}/cells/{{column:int}}/{{row:int}}.png", self._picture),
            Route(f"{one}/grid", self._grid),
            Route(f"{one}/cells.csv", self._file("text/csv")),
            Route(f"{one}/map.geojson", self._file("application/geo+json")),
            Route(f"{one}/heatmap.ome.tif", self._file("image/tiff")),
            Route(f"{one}/summary.html", self._summary),
            Route(f"{one}/next-reviews", self._json([])),
            Route(f"{one}/reviews", self._json([]), methods=["GET"]),
            Route(f"{one}/reviews", self._answer_slide, methods=["POST"]),
            Route(f"{one}/operating-points", self._json(OperatingPoints().model_dump(mode="json"))),
            Route(f"{one}/training-folder", self._json(TrainingPatches().model_dump(mode="json"))),
            Route(f"{one}/training-folder.zip", self._file("application/zip")),
            Route(f"{one}/reviews/{{column:int}}/{{row:int}}", self._answer_slide, methods=["PUT", "DELETE"]),
            Route(f"{one}/cancel", self._answer_slide, methods=["POST"]),
            Route(one, self._answer_slide, methods=["GET", "PATCH"]),
            Route(one, self._delete, methods=["DELETE"]),
        ]
        app = Starlette(routes=[Mount(prefix, routes=routes)] if prefix else routes)
        app.add_middleware(_Gate, fake=self)
        return app

    async def _list_screened(self, request: Request) -> Response:
        after, limit = int(request.query_params["after"]), int(request.query_params["limit"])
        items = [entry for entry in self.screened if entry["number"] > after][:limit]
        last = max((entry["number"] for entry in self.screened), default=0)
        return JSONResponse({"items": items, "last": last})

    async def _latest(self, request: Request) -> Response:
        """Those measures that the test set, of slides that the model scored for which they are asked."""
        wanted = request.query_params["model_sha256"]
        items = [slide for sha256, slide in self.latest if sha256 == wanted]
        latest = LatestSlides(items=tuple(items), other_models=len(self.latest) - len(items))
        return JSONResponse(latest.model_dump(mode="json"))

    async def _list(self, request: Request) -> Response:
        wanted = request.query_params.get("state")
        for identity, states in self.states.items():
            if states:
                self._become(identity, states.pop(0))
        found = [s.model_dump(mode="json") for s in self.slides.values() if wanted in (None, s.state)]
        self._advance(*self.slides.values())
        begin = int(request.query_params.get("cursor", 0))
        end = begin + int(request.query_params.get("limit", len(found)))
        following = str(end) if end < len(found) else None
        return JSONResponse({"items": found[begin:end], "next_cursor": following, "total": len(found)})

    def _become(self, identity: UUID, state: SlideState | None) -> None:
        if state is None:
            del self.slides[identity]
        else:
            self.slides[identity] = self.slides[identity].model_copy(update={"state": state})

    async def _queue(self, request: Request) -> Response:
        document = await request.json()
        if "missing" in document["path"]:
            return problem(404, "not-found", f"{document['path']!r} is not in the watched folder")
        known = [slide for slide in self.slides.values() if slide.name == document["path"]]
        slide = known[0] if known else made_slide(document["path"])
        self.slides[slide.id] = slide
        return JSONResponse(slide.model_dump(mode="json"), 200 if known else 201)

    async def _describe(self, _request: Request) -> Response:
        return Response(status_code=204, headers={**_TUS, "Tus-Extension": "creation,termination,expiration"})

    async def _create(self, request: Request) -> Response:
        pairs = [pair.split(" ") for pair in request.headers["upload-metadata"].split(",")]
        metadata = {name: base64.b64decode(value).decode() for name, value in pairs}
        scale = float(metadata["um_per_px"]) if "um_per_px" in metadata else None
        name = uuid4().hex
        self.uploads[name] = Upload(int(request.headers["upload-length"]), metadata["filename"], scale)
        return Response(status_code=201, headers={**_TUS, "Location": f"/slides/uploads/{name}"})

    async def _offset(self, request: Request) -> Response:
        upload = self.uploads.get(request.path_params["upload"])
        if upload is None:
            return Response(status_code=404, headers=_TUS)
        return Response(headers={**self._moved(upload), "Upload-Length": str(upload.length)})

    async def _continue(self, request: Request) -> Response:
        upload = self.uploads.get(request.path_params["upload"])
        if upload is None:
            return problem(404, "not-found", "there is no such upload")
        if int(request.headers["upload-offset"]) != len(upload.received):
            return problem(409, "upload-conflict", f"the upload stands at {len(upload.received)}")
        try:
            async for piece in request.stream():
                upload.received += piece
                if self.drop_after_bytes is not None and len(upload.received) >= self.drop_after_bytes:
                    self.drop_after_bytes = None
                    return problem(503, "busy", "set to stop here")
        except ClientDisconnect:
            return Response(status_code=499)
        if len(upload.received) == upload.length and upload.slide is None:
            upload.slide = made_slide(upload.name, source="upload", received_by="k")
            self.slides[upload.slide.id] = upload.slide
        return Response(status_code=204, headers=self._moved(upload))

    async def _drop(self, request: Request) -> Response:
        self.uploads.pop(request.path_params["upload"], None)
        return Response(status_code=204, headers=_TUS)

    def _moved(self, upload: Upload) -> dict[str, str]:
        place = {"X-IDC-Slide": f"/slides/{upload.slide.id}"} if upload.slide else {}
        return {**_TUS, **place, "Upload-Offset": str(len(upload.received))}

    async def _answer_slide(self, request: Request) -> Response:
        identity = request.path_params["identity"]
        if identity not in self.slides:
            return problem(404, "not-found", f"there is no slide {identity}")
        slide = self.slides[identity]
        if request.method == "GET":
            self._advance(slide)
        return JSONResponse(slide.model_dump(mode="json"))

    def _advance(self, *slides: Slide) -> None:
        """What waits is through by the next look."""
        for slide in slides:
            if slide.state is SlideState.WAITING and slide.id not in self.states:
                done = screened_slide("no_idc") if self.state_after is SlideState.DONE else made_slide()
                failure = FAILURE if self.state_after is SlideState.FAILED else None
                changed = {"id": slide.id, "name": slide.name, "state": self.state_after, "failure": failure}
                self.slides[slide.id] = done.model_copy(update=changed)

    async def _delete(self, request: Request) -> Response:
        self.slides.pop(request.path_params["identity"], None)
        return Response(status_code=204)

    async def _picture(self, request: Request) -> Response:
        if request.headers.get("if-none-match") == '"1"':
            return Response(status_code=304, headers={"ETag": '"1"'})
        return Response(b"picture", media_type="image/jpeg", headers={"ETag": '"1"', "Cache-Control": "public"})

    async def _grid(self, _request: Request) -> Response:
        empty = SlideCells(column=(), row=(), probability=(), logit=(), decision=(), reasons=())
        return JSONResponse(empty.model_dump(mode="json"))

    async def _summary(self, request: Request) -> Response:
        """Says in which language it was asked for."""
        language = request.query_params.get("language") or request.headers.get("accept-language", "en")
        return Response(f"in {language}", media_type="text/html", headers={"Content-Language": language})

    def _file(self, media_type: str) -> Any:
        async def answer(_request: Request) -> Response:
            async def pieces() -> AsyncIterator[bytes]:
                for piece in self.long_body:
                    yield piece

            return StreamingResponse(pieces(), media_type=media_type)

        return answer

    def _json(self, document: Any) -> Any:
        async def answer(_request: Request) -> Response:
            return JSONResponse(document)

        return answer


@dataclass
class _Gate:
    """Notes each request, and refuses or hangs as the test says (plain ASGI)."""

    app: Any
    fake: FakeSlides

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            request = Request(scope)
            caller = unquote(request.headers.get("x-idc-caller", ""))
            self.fake.callers.append((caller, scope["method"], scope["path"]))
            while self.fake.is_hanging:  # noqa: ASYNC110 - set from another thread
                await asyncio.sleep(0.02)
            if self.fake.refusal is not None:
                await self.fake.refusal(scope, receive, send)
                return

        await self.app(scope, receive, send)


def problem(status: int, kind: str, detail: str, **headers: str) -> Response:
    body = {"type": f"urn:idc-sentinel:problem:{kind}", "status": status, "detail": detail}
    return JSONResponse(body, status, media_type="application/problem+json", headers={**_TUS, **headers})


@contextmanager
def serving(fake: FakeSlides, prefix: str = "", port: int | None = None) -> Iterator[str]:
    """Serve it on a real port, in a thread, while the block runs; gives the address."""
    port = port or free_port()
    names_itself = {"server_header": False, "headers": [("server", "idc-slides/1.2.3")]}
    config = uvicorn.Config(fake.app(prefix), port=port, log_level="warning", lifespan="off", **names_itself)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started, "the slides service has started")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = server.force_exit = True
        thread.join(timeout=60)
