"""How other threads reach the controller."""

import os
import signal
import threading
import time

import pytest

from idc_alarm.event_queue import EventQueue


def test_callbacks_run_in_the_order_in_which_they_came() -> None:
    queue, seen = EventQueue(), []  # type: ignore[var-annotated]
    for number in range(3):
        queue.put(seen.append, number)

    queue.run(60.0)

    assert seen == [0, 1, 2]


def test_wait_ends_with_its_time_or_with_the_first_callback() -> None:
    queue = EventQueue()
    queue.run(0.01)
    threading.Timer(0.05, queue.close).start()
    began_s = time.monotonic()

    queue.run(60.0)

    assert time.monotonic() - began_s < 30.0
    assert queue.is_closed


def test_signal_ends_a_wait() -> None:
    queue = EventQueue()
    before = signal.signal(signal.SIGUSR1, lambda *_: queue.close())
    threading.Timer(0.05, os.kill, [os.getpid(), signal.SIGUSR1]).start()
    began_s = time.monotonic()

    queue.run(60.0)

    signal.signal(signal.SIGUSR1, before)
    assert queue.is_closed
    assert time.monotonic() - began_s < 30.0


def test_error_of_a_callback_ends_the_controller() -> None:
    queue = EventQueue()
    queue.put({}.__getitem__, "missing")  # type: ignore[arg-type]

    with pytest.raises(KeyError):
        queue.run(0.0)
