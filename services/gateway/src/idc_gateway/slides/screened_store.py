"""Which screened slides are announced: event, audit record and place in the list change in one transaction."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import insert, select, update

from idc_gateway.audit.audit_store import append, lock_head
from idc_gateway.messages import outbox_store
from idc_gateway.messages.outbox_store import Numbered
from idc_gateway.slides.screened import Announcement
from idc_gateway.sql.database import Database
from idc_gateway.sql.tables import screened_head, screened_slides


class ScreenedStore:
    """The announced slides, by the ids of their messages."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def last(self) -> int:
        """The last number of the list that was dealt with; 0 before the first."""
        with self._database.read() as connection:
            return connection.execute(select(screened_head.c.number)).scalar_one()

    def record(self, announcements: Sequence[Announcement], last: int, now: datetime) -> list[Numbered]:
        """Store those that no gateway has stored before, and the place in the list.

        Returns:
            The new messages, as `outbox_store.put` does.
        """
        with self._database.write() as connection:
            head = lock_head(connection)
            ids = [one.message_id for one in announcements]
            query = select(screened_slides.c.message_id).where(screened_slides.c.message_id.in_(ids))
            known = set(connection.execute(query).scalars())
            new = list({one.message_id: one for one in announcements if one.message_id not in known}.values())
            append(connection, head, [one.event for one in new])
            stored = outbox_store.put(connection, [(one.message, one.at) for one in new if one.message is not None])
            if new:
                rows = [{"message_id": one.message_id, "recorded_at": now} for one in new]
                connection.execute(insert(screened_slides), rows)
            connection.execute(update(screened_head).values(number=last))
        return stored
