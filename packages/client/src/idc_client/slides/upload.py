"""Sends a slide by tus 1.0 (https://tus.io/protocols/resumable-upload), and resumes after any interruption."""

import base64
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import httpx

from idc_client.errors import ClientError, InputRejected, OutcomeUnknown, Unavailable
from idc_client.gateway import failures
from idc_client.gateway.connection import TRANSIENT, TRIES, Connection, pause_s
from idc_client.slides.known_uploads import KnownUploads

UPLOADS: Final = "/slides/uploads"
PART_BYTES: Final = 16 * 2**20
"""Bytes in one request; halved where a proxy accepts less."""
SMALLEST_PART_BYTES: Final = 64 * 2**10
PIECE_BYTES: Final = 256 * 2**10
_TUS: Final = {"Tus-Resumable": "1.0.0"}
_GONE: Final = frozenset({404, 410})
_ELSEWHERE: Final = frozenset({409, 423})
"""The upload stands elsewhere than was thought, or an earlier request of it is still being taken."""


class _Interrupted(Exception):
    """The upload may go on from where it stands now."""

    def __init__(self, error: ClientError, retry_after_s: float = 0.0) -> None:
        self.error = error
        self.retry_after_s = retry_after_s


@dataclass
class SlideUpload:
    """Sends one file; `on_progress` gets the bytes that are at the gateway."""

    gateway: Connection
    known: KnownUploads
    file: Path
    um_per_px: float | None = None
    on_progress: Callable[[int], None] = lambda _bytes: None
    part_bytes: int = PART_BYTES

    def send(self) -> str:
        """Send the file, or the rest of it.

        Returns:
            The id of the slide.

        Raises:
            InputRejected: The file cannot be read, or the gateway does not take it.
            Unavailable: The gateway cannot be reached, or not long enough; the same call resumes later.
        """
        try:
            with self.file.open("rb") as opened:
                return self._send(opened, os.fstat(opened.fileno()).st_size)
        except OSError as exc:
            raise InputRejected(f"{self.file}: {exc.strerror or exc}") from exc

    def _send(self, opened: IO[bytes], size_bytes: int) -> str:
        reached = failed = 0
        while True:
            try:
                upload, offset, slide = self._place(size_bytes)
                failed, reached = (0 if offset > reached else failed), offset
                self.on_progress(offset)
                while slide is None:
                    offset, slide = self._send_part(opened, upload, offset, size_bytes)
            except _Interrupted as exc:
                failed += 1
                if failed >= TRIES:
                    raise exc.error from exc
                self.gateway.pause(pause_s(failed, exc.retry_after_s))
            else:
                return slide

    def _place(self, size_bytes: int) -> tuple[str, int, str | None]:
        """The upload, how much of it is at the gateway, and the slide where that is all of it."""
        upload = self.known.find(self.file)
        if upload is not None:
            answer = self._ask("HEAD", f"{UPLOADS}/{upload}")
            if answer.is_success:
                return upload, _offset_of(answer), _slide_of(answer)
            if answer.status_code not in _GONE:
                raise failures.rejection(answer)
        upload = self._begin(size_bytes)
        self.known.keep(self.file, upload)
        return upload, 0, None

    def _begin(self, size_bytes: int) -> str:
        metadata = {"filename": self.file.name}
        if self.um_per_px is not None:
            metadata["um_per_px"] = repr(self.um_per_px)
        pairs = (f"{name} {base64.b64encode(os.fsencode(text)).decode()}" for name, text in metadata.items())
        headers = {"Upload-Length": str(size_bytes), "Upload-Metadata": ",".join(pairs)}
        answer = self._ask("POST", UPLOADS, headers)
        if not answer.is_success:
            raise failures.rejection(answer)
        return _last_part(answer.headers.get("Location", ""))

    def _send_part(self, opened: IO[bytes], upload: str, offset: int, size_bytes: int) -> tuple[int, str | None]:
        """Send some bytes; where the upload stands then, and the slide where it is whole."""
        length = min(self.part_bytes, size_bytes - offset)
        headers = {
            "Upload-Offset": str(offset),
            "Content-Type": "application/offset+octet-stream",
            "Content-Length": str(length),
        }
        answer = self._ask("PATCH", f"{UPLOADS}/{upload}", headers, self._pieces(opened, offset, length))
        if answer.is_success:
            reached = _offset_of(answer)
            slide = _slide_of(answer)
            if reached <= offset and slide is None:
                raise _Interrupted(Unavailable("the gateway took nothing more of the file"))
            return reached, slide
        if answer.status_code == 413 and self.part_bytes > SMALLEST_PART_BYTES:
            self.part_bytes //= 2
            return offset, None
        if answer.status_code in _GONE | _ELSEWHERE:
            raise _Interrupted(failures.rejection(answer))
        raise failures.rejection(answer)

    def _pieces(self, opened: IO[bytes], offset: int, length: int) -> Iterator[bytes]:
        opened.seek(offset)
        while length:
            piece = opened.read(min(PIECE_BYTES, length))
            if not piece:
                raise InputRejected(f"{self.file} became shorter while it was sent: send it again")
            yield piece
            length -= len(piece)
            offset += len(piece)
            self.on_progress(offset)

    def _ask(
        self,
        method: str,
        path: str,
        headers: dict[str, str] | None = None,
        content: Iterator[bytes] | bytes = b"",
    ) -> httpx.Response:
        """One try; raises _Interrupted where a further one may succeed."""
        try:
            answer = self.gateway.try_once(method, path, headers={**_TUS, **(headers or {})}, content=content)
        except (Unavailable, OutcomeUnknown) as exc:
            raise _Interrupted(Unavailable(exc.format_message())) from exc
        if answer.status_code in TRANSIENT:
            raise _Interrupted(failures.rejection(answer), failures.retry_after_s(answer))
        return answer


def _offset_of(answer: httpx.Response) -> int:
    try:
        return int(answer.headers["Upload-Offset"])
    except (KeyError, ValueError):
        raise InputRejected(f"{answer.url} does not speak tus 1.0: is there a gateway at --url?") from None


def _slide_of(answer: httpx.Response) -> str | None:
    place = answer.headers.get("X-IDC-Slide")
    return None if place is None else _last_part(place)


def _last_part(place: str) -> str:
    name = place.rstrip("/").rpartition("/")[2]
    if not name:
        raise InputRejected("the gateway did not say where the upload is: is there a gateway at --url?")
    return name
