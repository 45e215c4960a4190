"""Whether images can be stored, as uploads show: without its image no result is accepted."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from idc_gateway import executors
from idc_gateway.errors import ImagesUnavailable
from idc_gateway.results.images import ImageStore, image_digest
from idc_gateway.shared_check import SharedCheck

HANGS_AFTER_S: Final = 5.0
CHECK_TIMEOUT_S: Final = 3.0
_PROBE: Final = bytes(256 * 1024)
"""About as long as the images of one small form: a full disk may still take a few bytes."""
_PROBE_NAME: Final = f"{image_digest(_PROBE)}-probe"


class WatchedImages:
    """An image store that remembers whether the last image could be stored. See `ImageStore`."""

    def __init__(self, images: ImageStore, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._images = images
        self._clock = clock
        self._begun_s: dict[object, float] = {}
        self._has_failed = False
        self._check = SharedCheck(self.check, timeout_s=CHECK_TIMEOUT_S, threads=executors.image_health)

    @property
    def is_doubtful(self) -> bool:
        """Whether the last image could not be stored, or one takes too long."""
        now_s = self._clock()
        return self._has_failed or any(now_s - begun_s > HANGS_AFTER_S for begun_s in list(self._begun_s.values()))

    async def check_result(self) -> str:
        """`ok`, or what is wrong; nothing is checked where the last image could be stored."""
        return await self._check.result() if self.is_doubtful else "ok"

    def check(self) -> None:
        """Store and delete an image; raises ImagesUnavailable. Blocks, perhaps for long."""
        self.put(_PROBE_NAME, _PROBE)
        self._images.delete(_PROBE_NAME)

    def put(self, name: str, data: bytes) -> None:
        with self._watched():
            self._images.put(name, data)

    def has(self, name: str, data: bytes) -> bool:
        return self._images.has(name, data)

    def get(self, name: str) -> bytes | None:
        return self._images.get(name)

    def delete(self, name: str) -> None:
        self._images.delete(name)

    @contextmanager
    def _watched(self) -> Iterator[None]:
        upload = object()
        self._begun_s[upload] = self._clock()
        try:
            yield
            self._has_failed = False
        except ImagesUnavailable:
            self._has_failed = True
            raise
        finally:
            del self._begun_s[upload]
