"""Scores the cells of a slide in small requests, some at a time, in order; waits while inference is away."""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from idc_slides.errors import InferenceUnavailable
from idc_slides.jobs.lease import Lease
from idc_slides.scoring.inference_client import InferenceClient, Offer
from idc_slides.scoring.oip_messages import Scores

logger = logging.getLogger(__name__)

T = TypeVar("T")

FIRST_WAIT_S: Final = 0.5
LONGEST_WAIT_S: Final = 30.0


@dataclass(frozen=True)
class Batch:
    """Cells that are scored in one request."""

    rows: NDArray[np.intp]
    """[N]"""
    columns: NDArray[np.intp]
    """[N]"""
    cells: NDArray[np.uint8]
    """[N, 50, 50, 3], RGB, at 4.0 um/px; N may be 0 at the end of a slide."""
    rows_done: int
    """Rows from the top that are complete with this batch."""


class CellScores:
    """Scores batches; safe for one slide at a time."""

    def __init__(
        self,
        inference: InferenceClient,
        lease: Lease,
        request_id: str,
        *,
        at_once: int,
        on_trouble: Callable[[str | None], None],
    ) -> None:
        """Prepare.

        Args:
            inference: Answers.
            lease: Ends the waiting.
            request_id: For logs.
            at_once: Requests of this slide at one time.
            on_trouble: Called with the reason where inference is away, and with None when it is back.
        """
        self._inference, self._lease, self._request_id = inference, lease, request_id
        self._at_once, self._on_trouble = at_once, on_trouble

    def offer(self) -> Offer:
        """What inference offers, as soon as it answers.

        Raises:
            SlideFailed: It cannot screen.
            LeaseLost: The slide was cancelled.
            Interrupted: The service stops.
        """
        return self._insist(self._inference.offer)

    def score(self, batches: Iterable[Batch], offer: Offer) -> Iterator[tuple[Batch, Scores]]:
        """Batches with their scores, in order; while some are scored, the next ones are read, but for the first.

        Raises:
            ModelChanged: The server has another model by now.
            SlideFailed: It refuses the cells.
            LeaseLost: The slide was cancelled.
            Interrupted: The service stops.
        """
        running: deque[tuple[Batch, Future[Scores]]] = deque()
        is_first = True
        threads = ThreadPoolExecutor(self._at_once, thread_name_prefix="scores")
        try:
            for batch in batches:
                self._lease.check()
                running.append((batch, threads.submit(self._score, batch, offer)))
                # The first scores are wanted soon, and the second batch is scored meanwhile.
                wait_for = 1 if is_first else 2 * self._at_once
                while len(running) > wait_for or (running and running[0][1].done()):
                    done, future = running.popleft()
                    yield done, future.result()
                    is_first = False
            for done, future in running:
                yield done, future.result()
        finally:
            # A request that hangs does not hold up a slide that was cancelled, or the service's end.
            threads.shutdown(wait=False, cancel_futures=True)

    def _score(self, batch: Batch, offer: Offer) -> Scores:
        if not len(batch.cells):
            return Scores(np.empty(0, np.float32), np.empty(0, np.uint8))
        return self._insist(lambda: self._inference.score(batch.cells, offer, self._request_id))

    def _insist(self, ask: Callable[[], T]) -> T:
        wait_s, is_away = FIRST_WAIT_S, False
        while True:
            try:
                answer = ask()
            except InferenceUnavailable as exc:
                if not is_away:
                    logger.warning("slide waits for inference: %s", exc, extra={"request_id": self._request_id})
                is_away = True
                self._on_trouble(str(exc))
                self._lease.wait(wait_s)
                wait_s = min(2 * wait_s, LONGEST_WAIT_S)
                continue
            if is_away:
                self._on_trouble(None)
            return answer
