"""Passes a request on to the slides service, and its answer back, piece by piece."""

import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, Final
from urllib.parse import quote, urlsplit

from fastapi import Depends, Request, Response
from fastapi.responses import StreamingResponse

from idc_contracts import utc_now
from idc_gateway import executors
from idc_gateway.audit.chain import AuditEvent
from idc_gateway.errors import GatewayError, SlidesBroken, SlidesRefused, SlidesUnavailable
from idc_gateway.idempotency.job import Job
from idc_gateway.slides.connection import Pool, SlidesAnswer
from idc_gateway.web.dependencies import AccessDep, AuditDep, CurrentJob, SlidesDep
from idc_gateway.web.lasting_authority import running_of
from idc_gateway.web.rooms import Access, Audit, Slides
from idc_gateway.web.security_headers import IS_KEPT
from idc_servicekit.access_log import REQUEST_ID_HEADER

CALLER_HEADER: Final = "X-IDC-Caller"
SLIDE_HEADER: Final = "X-IDC-Slide"
"""In the answer that ends an upload: where the slide's record is."""
_PROBLEM_BYTES: Final = 64 * 1024
_KIND: Final = re.compile(r":([a-z][a-z0-9-]{0,62})$")
_PASSED_BACK: Final = re.compile(
    r"content-(type|length|disposition|language)|etag|last-modified|retry-after|(tus|upload)-[a-z-]+"
)
_OUR_PLACES: Final = ("location", SLIDE_HEADER.lower())
_EXPLAINED: Final = frozenset({400, 404, 405, 408, 409, 410, 411, 412, 413, 415, 422, 423, 429, 503, 507})
"""What the service may answer of its own: it has no accounts, and other failures are its own fault."""
_NO_BODY: Final = frozenset({204, 304})


@dataclass(frozen=True)
class Forwarding:
    """One request of a caller, on its way to the slides service."""

    request: Request
    job: Job
    slides: Slides
    access: Access
    audit: Audit

    async def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | AsyncIterator[bytes] | None = None,
        pool: Pool = "rest",
    ) -> SlidesAnswer:
        """The service's answer, which is closed with the request.

        Raises:
            SlidesUnavailable: The service does not answer.
            SlidesRefused: The answer is a problem.
            SlidesBroken: The answer is not a valid one.
        """
        caller = quote(self.job.caller, safe="")
        sent = {CALLER_HEADER: caller, REQUEST_ID_HEADER: self.job.request_id, **(headers or {})}
        answer = await self.slides.connection.ask(method, path, query=query, headers=sent, body=body, pool=pool)

        async def close() -> None:
            answer.close()

        running_of(self.request).at_end.append(close)
        if answer.status >= 400:
            raise await _refusal(answer)
        return answer

    async def send(self, method: str, path: str, document: bytes | None = None) -> Response:
        """Pass on a request with a JSON body or none, and give the whole answer."""
        headers = {} if document is None else {"Content-Type": "application/json"}
        return passed_back(await self.ask(method, path, headers=headers, body=document))

    async def show(self, action: str, subject: str, path: str, query: Mapping[str, str] | None = None) -> Response:
        """Pass on a GET; its answer is given once the audit chain has who views what."""
        answer = await self.ask("GET", path, query=query)
        await self.record_view(action, subject)
        return passed_back(answer)

    async def show_kept(self, subject: str, path: str, query: Mapping[str, str] | None = None) -> Response:
        """As `show`, for an image that the browser may keep, and asks for again by its `ETag`."""
        tag = self.request.headers.get("if-none-match")
        answer = await self.ask("GET", path, query=query, headers={"If-None-Match": tag} if tag else {})
        await self.record_view("slide-image.viewed", subject)
        setattr(self.request.state, IS_KEPT, True)
        return passed_back(answer)

    async def record_view(self, action: str, subject: str, **details: Any) -> None:
        """As `ViewLog.record`; the caller is the one that was authenticated."""
        caller = running_of(self.request).caller
        assert caller is not None  # noqa: S101 - every route here needs one
        await self.access.views.record(action, caller, subject, self.job.request_id, **details)

    async def record(self, action: str, subject: str, **details: Any) -> None:
        """Write into the audit chain what the caller does; an order is recorded before anything changes."""
        event = AuditEvent(action, self.job.caller, subject, utc_now(), self.job.request_id, details)
        await executors.writes(self.audit.store.record, [event])


async def _forwarding(
    slides: SlidesDep, request: Request, job: CurrentJob, access: AccessDep, audit: AuditDep
) -> Forwarding:
    return Forwarding(request, job, slides, access, audit)


Forward = Annotated[Forwarding, Depends(_forwarding)]


def passed_back(answer: SlidesAnswer) -> Response:
    """The service's answer as this gateway's, with the headers that its callers may see."""
    headers = passed_headers(answer)
    if not answer.is_request_whole:  # what the client still sends is dropped
        headers["Connection"] = "close"
    if answer.status in _NO_BODY:
        headers.pop("content-length", None)
        return Response(status_code=answer.status, headers=headers)
    return StreamingResponse(answer.pieces(), answer.status, headers=headers)


def passed_headers(answer: SlidesAnswer) -> dict[str, str]:
    """The headers of an answer that its caller may see; places are this gateway's."""
    lower_case = {name.lower(): value for name, value in answer.headers.items()}
    headers = {name: value for name, value in lower_case.items() if _PASSED_BACK.fullmatch(name)}
    return headers | {name: our_place(lower_case[name]) for name in _OUR_PLACES if name in lower_case}


def our_place(place: str) -> str:
    """A path of the slides service as one of this gateway, whatever host it names."""
    path = urlsplit(place).path
    return f"/api/v1{path}" if path.startswith("/slides") else path


async def _refusal(answer: SlidesAnswer) -> GatewayError:
    headers = {name: value for name, value in passed_headers(answer).items() if not name.startswith("content-")}
    members = _members(await answer.read(_PROBLEM_BYTES))
    text = str(members.get("detail") or f"the slides service answers {answer.status}")
    if answer.status not in _EXPLAINED:
        return SlidesBroken(f"{text}: the log of the slides service has the reason")
    if answer.status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers.setdefault("retry-after", SlidesUnavailable.headers["Retry-After"])
    if not answer.is_request_whole:
        headers["Connection"] = "close"
    status = HTTPStatus(answer.status)
    kind = _KIND.search(str(members.get("type")))
    name = kind[1] if kind else status.phrase.lower().replace(" ", "-")
    return SlidesRefused(text, status=status, kind=name, headers=headers)


def _members(body: bytes) -> dict[str, Any]:
    try:
        members = json.loads(body)
    except ValueError:
        return {}
    return members if isinstance(members, dict) else {}
