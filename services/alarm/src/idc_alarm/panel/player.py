"""Plays the signals of all outputs in time, in its own thread, so that nothing else stops a pattern."""

import threading
import time
from collections.abc import Callable, Mapping
from math import inf

from idc_alarm.errors import PanelFailed
from idc_alarm.machine.signals import Signal, Signals
from idc_alarm.panel.patterns import PatternSettings, level_at


class SignalPlayer:
    """Drives red, amber, blue and buzzer.

    Without a call of `keep_alive` for `deadman_s`, the controller hangs: blue goes out, amber and buzzer turn
    technical, and red stays.
    """

    def __init__(
        self,
        drive: Mapping[str, Callable[[bool], None]],
        patterns: PatternSettings,
        errors: tuple[type[Exception], ...],
        *,
        deadman_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start the thread, with all signals off. `drive` switches each output by name and raises `errors`."""
        self._drive = drive
        self._patterns = patterns
        self._errors = errors
        self._deadman_s = deadman_s
        self._clock = clock
        self._signals = Signals()
        self._began: dict[str, tuple[Signal, float]] = {}
        self._levels: dict[str, bool] = {}
        self._alive_s = clock()
        self._failure: Exception | None = None
        self._is_closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="panel", daemon=True)
        self._thread.start()

    def show(self, signals: Signals) -> None:
        with self._changed:
            self._signals = signals
            self._alive_s = self._clock()
            self._play_safely()
            self._changed.notify()
        self._raise_failure()

    def keep_alive(self) -> None:
        self._alive_s = self._clock()
        self._raise_failure()

    def close(self) -> None:
        """End the thread; outputs stay as they are."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        with self._changed:
            while not self._is_closed:
                self._changed.wait(self._play_safely())

    def _play_safely(self) -> float | None:
        try:
            return self._play()
        except self._errors as exc:
            self._failure = exc
            return None

    def _play(self) -> float:
        """Drive all outputs as they should be now; return the seconds until the next change."""
        now_s = self._clock()
        left_s = self._alive_s + self._deadman_s - now_s
        wanted = self._signals if left_s > 0 else _hanging(self._signals)
        levels, waits_s = {}, [left_s if left_s > 0 else self._deadman_s]
        for name in self._drive:
            levels[name], wait_s = self._level(name, getattr(wanted, name), now_s)
            waits_s.append(wait_s)
        # Outputs are switched off before others are switched on: red and blue are not lit together even for an instant.
        for name, is_on in sorted(levels.items(), key=lambda item: item[1]):
            if self._levels.get(name) is not is_on:
                self._drive[name](is_on)
                self._levels[name] = is_on
        return min(waits_s)

    def _level(self, name: str, signal: Signal, now_s: float) -> tuple[bool, float]:
        """Whether an output is on, and for how many more seconds."""
        if self._began.get(name, (None, 0.0))[0] is not signal:
            self._began[name] = (signal, now_s)
        pattern = self._patterns.of(name, signal)
        if pattern is None:
            return signal is not Signal.OFF, inf
        return level_at(pattern, now_s - self._began[name][1])

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise PanelFailed(f"cannot drive the panel: {self._failure}") from self._failure


def _hanging(signals: Signals) -> Signals:
    buzzer = Signal.FINDING if signals.buzzer is Signal.FINDING else Signal.TECHNICAL
    return Signals(red=signals.red, amber=Signal.TECHNICAL, buzzer=buzzer)
