"""Sends forms until each of their files has a result or a reason why it has none."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import httpx

from idc_client.classifying.forms import Form, Patch, form_body
from idc_client.errors import ClientError, InputRefused
from idc_client.gateway import failures as troubles
from idc_client.gateway.connection import COME_BACK, TRIES, Connection, wait_s

_TOO_LARGE: Final = 413
_NO_KEY: Final = (401, 403)
"""The key ended while the form was on its way."""


@dataclass(frozen=True)
class Outcome:
    """A file and what became of it: a classification or an error."""

    path: Path
    item: dict[str, Any]
    """Of the gateway's answer."""

    @property
    def result(self) -> dict[str, Any] | None:
        """The classification."""
        return self.item.get("classification")

    @property
    def error(self) -> str:
        """Why there is none."""
        return str((self.item.get("error") or {}).get("detail", ""))

    @property
    def is_passing(self) -> bool:
        """Whether another try may bring a result."""
        return self.result is None and (self.item.get("error") or {}).get("status") in COME_BACK

    @property
    def is_repeated(self) -> bool:
        """Whether the result was stored before."""
        return self.result is not None and bool(self.item.get("stored_before"))

    @classmethod
    def failed(cls, path: Path, detail: str, status: int | None = None) -> "Outcome":
        """Of a file without a result."""
        return cls(path, {"name": path.name, "classification": None, "error": {"status": status, "detail": detail}})


@dataclass(frozen=True)
class Sender:
    """Sends forms into one series, in which the gateway stores each image once."""

    gateway: Connection
    run: str
    """The series' name."""
    labels: dict[str, str | None]

    def outcomes(self, form: Form) -> Iterator[Outcome]:
        """What becomes of each file; those that the gateway cannot serve now are sent again alone, three times.

        Raises:
            ClientError: The gateway refuses the whole form, or cannot be reached.
        """
        waiting: Sequence[Patch] = form.patches
        for number in range(1, TRIES + 1):
            answer = self._sent(waiting, form.copy)
            if answer.status_code == _TOO_LARGE and len(waiting) > 1 and not _items(answer):
                # Something on the way takes less than the gateway.
                half = len(waiting) // 2
                yield from self.outcomes(Form(form.copy, list(waiting[:half])))
                yield from self.outcomes(Form(form.copy, list(waiting[half:])))
                return
            outcomes = _told(waiting, answer)
            is_last = number == TRIES
            yield from (outcome for outcome in outcomes if is_last or not outcome.is_passing)
            if answer.status_code in _NO_KEY:
                raise troubles.refusal(answer)
            waiting = [patch for patch, outcome in zip(waiting, outcomes, strict=True) if outcome.is_passing]
            if is_last or not waiting:
                return
            self.gateway.pause(wait_s(number, troubles.retry_after_s(answer)))

    def _sent(self, patches: Sequence[Patch], copy: int) -> httpx.Response:
        boundary = uuid4().hex
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        once = self.run if copy == 0 else f"{self.run}.{copy + 1}"
        return self.gateway.upload(
            "/classifications", form_body(patches, boundary), headers, {"once": once, **self.labels}
        )


def _told(patches: Sequence[Patch], answer: httpx.Response) -> list[Outcome]:
    """What an answer says of each file; of those that it does not mention, what it says of the whole form."""
    items = _items(answer)
    if len(items) > len(patches) or (answer.is_success and len(items) < len(patches)):
        raise InputRefused(f"{len(patches)} files were sent, and the gateway speaks of {len(items)}")
    whole: ClientError | None = None if answer.is_success else troubles.refusal(answer)
    told = [Outcome(patch.path, item) for patch, item in zip(patches, items, strict=False)]
    rest = [] if answer.status_code in _NO_KEY else patches[len(items) :]
    detail = whole.format_message() if whole else ""
    return [*told, *(Outcome.failed(patch.path, detail, answer.status_code) for patch in rest)]


def _items(answer: httpx.Response) -> list[dict[str, Any]]:
    items = troubles.members(answer).get("items")
    return items if isinstance(items, list) else []
