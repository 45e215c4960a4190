"""The actions to report: kept, over restarts too, until the broker has taken them for a listener."""

import logging
from collections.abc import Iterable, Sequence
from uuid import UUID

from idc_alarm.journal.record import MAX_ACTIONS
from idc_contracts import AlarmActed

logger = logging.getLogger(__name__)


class UnreportedActions:
    """At most `MAX_ACTIONS`: beyond that, actions without a person are dropped first, the oldest before the rest."""

    def __init__(self, actions: Iterable[AlarmActed] = ()) -> None:
        self._actions = {acted.message_id: acted for acted in actions}

    @property
    def actions(self) -> tuple[AlarmActed, ...]:
        """Oldest first."""
        return tuple(self._actions.values())

    def add(self, actions: Sequence[AlarmActed]) -> None:
        self._actions.update((acted.message_id, acted) for acted in actions)
        dropped = max(0, len(self._actions) - MAX_ACTIONS)
        for _ in range(dropped):
            machine = (name for name, acted in self._actions.items() if acted.by is None)
            del self._actions[next(machine, next(iter(self._actions)))]
        if dropped:
            logger.warning("dropped %d reports of actions, since %d wait for a listener", dropped, MAX_ACTIONS)

    def remove(self, delivered: Iterable[UUID]) -> None:
        for message_id in delivered:
            self._actions.pop(message_id, None)
