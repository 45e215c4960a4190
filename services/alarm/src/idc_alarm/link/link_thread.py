"""The connection to the broker in a thread of its own: a name server or a broker that hangs holds up nothing else."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Final, TypeVar
from uuid import UUID

from idc_alarm.link.inbox import Delivery
from idc_alarm.link.wake_pipe import WakePipe
from idc_alarm.ports import BrokerLink
from idc_contracts import AlarmActed, AlarmState

logger = logging.getLogger(__name__)

TURN_S: Final = 1.0
HUNG_AFTER_S: Final = 30.0
"""So long without a turn of the other side, and it hangs."""
CLOSE_TIMEOUT_S: Final = 5.0
"""How long a stop waits for the link to say goodbye; one that hangs is left behind."""

T = TypeVar("T")
Task = Callable[[BrokerLink], None]


class LinkThread:
    """Moves a link by itself, and hands over what arrives. Only the alarm's loop calls it.

    Each side watches the other: a link that hangs is not ready, and for a loop that hangs the link leaves the broker,
    which then tells everyone that this alarm is off.
    """

    def __init__(
        self,
        link: BrokerLink,
        *,
        wake_loop: WakePipe,
        wake_link: WakePipe,
        hung_after_s: float = HUNG_AFTER_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """The thread starts with the first turn.

        Args:
            link: What to move; nobody else may use it.
            wake_loop: Rung when something arrived; the alarm's loop waits for it.
            wake_link: Rung when there is something to do; the link waits for it.
            hung_after_s: How long one side may be silent before the other counts it as hung.
            clock: Monotonic seconds.
        """
        self._link = link
        self._wake_loop = wake_loop
        self._wake_link = wake_link
        self._hung_after_s = hung_after_s
        self._clock = clock
        self._tasks: SimpleQueue[Task | None] = SimpleQueue()
        self._arrived: SimpleQueue[Delivery] = SimpleQueue()
        self._told: SimpleQueue[UUID] = SimpleQueue()
        self._loop_turned_s = self._link_turned_s = clock()
        self._is_wanted = True
        """Unset by `drop` until the next turn."""
        self._is_link_ready = False
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="broker", daemon=True)

    @property
    def is_ready(self) -> bool:
        """Whether the broker accepted both the connection and the subscriptions, and the link moves."""
        return self._is_link_ready and self._clock() - self._link_turned_s < self._hung_after_s

    def turn(self, timeout_s: float) -> Sequence[Delivery]:
        """Wait at most `timeout_s` for what arrives, and return it.

        Raises:
            Exception: What the link raised; it moves no more.
        """
        self._loop_turned_s, self._is_wanted = self._clock(), True
        if self._thread.ident is None:
            self._thread.start()
        if self._arrived.empty():
            self._wake_loop.wait(timeout_s)
        if self._failure is not None:
            raise self._failure
        return _taken(self._arrived)

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Tell the broker that these need not be sent again. What came over an earlier connection will be."""
        self._do(lambda link: link.acknowledge(deliveries))

    def report(self, state: AlarmState) -> None:
        """Publish the state, retained, now or as soon as there is a connection; a newer one replaces it."""
        self._do(lambda link: link.report(state))

    def tell(self, actions: Sequence[AlarmActed]) -> None:
        """Publish what was done, now or as soon as there is a connection, until somebody who listens got it."""
        self._do(lambda link: link.tell(actions))

    def told(self) -> Sequence[UUID]:
        """The message ids of the actions that the broker has taken for a listener since the last call."""
        return _taken(self._told)

    def drop(self) -> None:
        """Break the connection as a crash would: the broker says `offline` and keeps what was not acknowledged."""
        was_wanted, self._is_wanted, self._is_link_ready = self._is_wanted, False, False
        if was_wanted:
            self._do(lambda link: link.drop())

    def close(self) -> None:
        """Say `offline` and end the connection, unless the link hangs; the broker keeps the session."""
        self._do(None)
        if self._thread.ident is None:
            return
        self._thread.join(CLOSE_TIMEOUT_S)
        if self._thread.is_alive():
            logger.warning("the connection to the broker hangs: the broker says `offline` by itself")

    def _do(self, task: Task | None) -> None:
        self._tasks.put(task)
        self._wake_link.ring()

    def _run(self) -> None:
        try:
            while self._do_tasks():
                self._move()
        except Exception as exc:  # noqa: BLE001 - raised again where the loop sees it
            self._failure = exc
            self._wake_loop.ring()

    def _do_tasks(self) -> bool:
        """Whether the link is to move on."""
        for task in _taken(self._tasks):
            if task is None:
                self._link.close()
                return False
            task(self._link)
        return True

    def _move(self) -> None:
        self._link_turned_s = self._clock()
        if self._is_to_rest():
            self._show_ready()
            self._wake_link.wait(TURN_S)
            return
        for delivery in self._link.turn(TURN_S):
            self._arrived.put(delivery)
        for message_id in self._link.told():
            self._told.put(message_id)
        if self._show_ready() or not self._arrived.empty():
            self._wake_loop.ring()

    def _is_to_rest(self) -> bool:
        """Whether the loop does not want the broker, or hangs: then nobody would act on what arrives."""
        if self._is_wanted and self._clock() - self._loop_turned_s > self._hung_after_s:
            logger.error("the alarm's loop hangs: leaving the broker")
            self._is_wanted = False
            self._link.drop()
        return not self._is_wanted

    def _show_ready(self) -> bool:
        """Whether that changed."""
        was_ready, self._is_link_ready = self._is_link_ready, self._is_wanted and self._link.is_ready
        return was_ready != self._is_link_ready


def _taken(queue: SimpleQueue[T]) -> list[T]:
    taken = []
    while True:
        try:
            taken.append(queue.get_nowait())
        except Empty:
            return taken
