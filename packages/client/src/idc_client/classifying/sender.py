"""Sends forms until each of their files has a result or an error."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from idc_client.classifying.forms import Form, Patch
from idc_client.errors import InputRejected
from idc_client.gateway import failures
from idc_client.gateway.connection import TRANSIENT, TRIES, Connection, pause_s

_TOO_LARGE: Final = 413
_KEY_REJECTED: Final = (401, 403)
"""The key expired or was revoked while the form was on its way."""


@dataclass(frozen=True)
class Outcome:
    """A file, with its classification or its error."""

    path: Path
    item: dict[str, Any]
    """The gateway's answer about this file."""

    @property
    def result(self) -> dict[str, Any] | None:
        return self.item.get("classification")

    @property
    def error(self) -> str:
        return str((self.item.get("error") or {}).get("detail", ""))

    @property
    def is_transient(self) -> bool:
        """Whether it is an error after which a retry may succeed."""
        return self.result is None and (self.item.get("error") or {}).get("status") in TRANSIENT

    @property
    def is_repeated(self) -> bool:
        """Whether the result was stored before."""
        return self.result is not None and bool(self.item.get("stored_before"))

    @classmethod
    def failed(cls, path: Path, detail: str, status: int | None = None) -> "Outcome":
        return cls(path, {"name": path.name, "classification": None, "error": {"status": status, "detail": detail}})


@dataclass(frozen=True)
class Sender:
    """Sends forms into one run, in which the gateway stores each image once."""

    gateway: Connection
    run: str
    """The run's name."""
    labels: dict[str, str | float | None]

    def outcomes(self, form: Form) -> Iterator[Outcome]:
        """The outcome of each file; files with a transient error are sent again, up to three times.

        Raises:
            ClientError: The gateway rejects the whole form, or cannot be reached.
        """
        waiting: Sequence[Patch] = form.patches
        for number in range(1, TRIES + 1):
            answer = self._send(waiting, form.copy)
            if answer.status_code == _TOO_LARGE and len(waiting) > 1 and not _items(answer):
                # A proxy on the way has a lower limit than the gateway.
                half = len(waiting) // 2
                yield from self.outcomes(Form(form.copy, list(waiting[:half])))
                yield from self.outcomes(Form(form.copy, list(waiting[half:])))
                return
            outcomes = _outcomes(waiting, answer)
            is_last = number == TRIES
            yield from (outcome for outcome in outcomes if is_last or not outcome.is_transient)
            if answer.status_code in _KEY_REJECTED:
                raise failures.rejection(answer)
            waiting = [patch for patch, outcome in zip(waiting, outcomes, strict=True) if outcome.is_transient]
            if is_last or not waiting:
                return
            self.gateway.pause(pause_s(number, failures.retry_after_s(answer)))

    def _send(self, patches: Sequence[Patch], copy: int) -> httpx.Response:
        files = [("images", (patch.name, patch.content, "application/octet-stream")) for patch in patches]
        once = self.run if copy == 0 else f"{self.run}.{copy + 1}"
        return self.gateway.upload("/classifications", files, {"once": once, **self.labels})


def _outcomes(patches: Sequence[Patch], answer: httpx.Response) -> list[Outcome]:
    """An outcome for each patch; those that the answer does not list get the error of the whole form."""
    items = _items(answer)
    if len(items) > len(patches) or (answer.is_success and len(items) < len(patches)):
        raise InputRejected(f"{len(patches)} files were sent, but the gateway answered for {len(items)}")
    listed = [Outcome(patch.path, item) for patch, item in zip(patches, items, strict=False)]
    rest = [] if answer.status_code in _KEY_REJECTED else patches[len(items) :]
    detail = "" if answer.is_success else failures.rejection(answer).format_message()
    return [*listed, *(Outcome.failed(patch.path, detail, answer.status_code) for patch in rest)]


def _items(answer: httpx.Response) -> list[dict[str, Any]]:
    items = failures.json_object(answer).get("items")
    return items if isinstance(items, list) else []
