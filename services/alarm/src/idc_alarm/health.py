"""The heartbeat files that health checks read."""

import logging
from pathlib import Path

from idc_servicekit.heartbeat import Heartbeat

logger = logging.getLogger(__name__)


class Health:
    """Touches the alive file with each turn of the controller, and the ready file while findings can arrive."""

    def __init__(self, alive_file: Path, ready_file: Path) -> None:
        self._alive = Heartbeat(alive_file)
        self._ready = Heartbeat(ready_file)
        self._is_failing = False

    def beat(self, *, ready: bool) -> None:
        """Record one turn. A file that cannot be written is logged once: lamps matter more than the health check."""
        try:
            self._alive.beat()
            if ready:
                self._ready.beat()
            else:
                self._ready.stop()
        except OSError as exc:
            if not self._is_failing:
                logger.error("cannot write the heartbeat, health checks will fail: %s", exc)  # noqa: TRY400 - one line
            self._is_failing = True
        else:
            self._is_failing = False

    def stop(self) -> None:
        """Remove both files, so that the next check fails at once."""
        for heartbeat in (self._ready, self._alive):
            try:
                heartbeat.stop()
            except OSError as exc:
                logger.warning("cannot remove the heartbeat: %s", exc)
