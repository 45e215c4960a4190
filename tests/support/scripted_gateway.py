"""A gateway that answers the command line tool as a test's script says, and remembers what it was asked."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from typing import Any

import httpx
from click.testing import CliRunner, Result

from idc_client.__main__ import cli
from idc_client.gateway.connection import Connection

Answer = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


def run_idc(
    gateway: httpx.BaseTransport, *arguments: object, pause: Callable[[float], None] = lambda _s: None
) -> Result:
    """The outcome of the command line tool before a gateway."""
    connection = Connection("http://gateway", "key", transport=gateway, pause=pause)
    return CliRunner().invoke(cli, [str(argument) for argument in arguments], obj=connection)


def problem(status: int, detail: str, **headers: str) -> httpx.Response:
    return httpx.Response(status, json={"title": "no", "status": status, "detail": detail}, headers=headers)


def result(name: str, decision: str = "idc", probability: float = 0.9) -> dict[str, Any]:
    """What the tool reads of a classification."""
    return {
        "id": f"id-of-{name}",
        "name": name,
        "probability": probability,
        "decision": decision,
        "model": {"name": "idc", "version": "1", "sha256": "0" * 64},
        "created_at": "2026-01-01T12:00:00Z",
    }


def files_of(request: httpx.Request) -> list[tuple[str, bytes]]:
    """Name and content of each file of a form."""
    head = f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode()
    form = message_from_bytes(head + request.read(), policy=policy.HTTP)
    return [(part.get_filename() or "", part.get_payload(decode=True) or b"") for part in form.iter_parts()]  # type: ignore[misc]


def decides(request: httpx.Request) -> httpx.Response:
    """Each file's content is the decision of it, or `bad`."""
    items = []
    for index, (name, content) in enumerate(files_of(request)):
        if content == b"bad":
            error = {"status": 415, "detail": "is no image"}
            items.append({"index": index, "name": name, "classification": None, "error": error})
        else:
            found = result(name, content.decode())
            items.append({"index": index, "name": name, "classification": found, "error": None, "stored_before": False})
    refused = sum(1 for item in items if item["error"])
    members = {"items": items, "accepted": len(items) - refused, "refused": refused}
    return httpx.Response(201 if refused < len(items) else 415, json=members)


@dataclass
class ScriptedGateway(httpx.BaseTransport):
    """Takes the next answer for each request; the last one again and again."""

    answers: list[Answer]
    requests: list[httpx.Request] = field(default_factory=list)
    waits_s: list[float] = field(default_factory=list)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer(request) if callable(answer) else answer

    @property
    def documents(self) -> list[Any]:
        return [json.loads(request.content) for request in self.requests if request.content]
