"""Which images are stored, and which may go."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, exists, func, select
from sqlalchemy.dialects import postgresql, sqlite

from idc_contracts import Decision
from idc_gateway.adapters.sql.audit import append, lock_head
from idc_gateway.adapters.sql.database import Database
from idc_gateway.adapters.sql.tables import classifications, images
from idc_gateway.audit import AuditEvent
from idc_gateway.queries import NewImage


def note(connection: Connection, stored: Sequence[NewImage], at: datetime) -> None:
    """Record images inside a transaction; one that was stored before begins its time again."""
    if not stored:
        return
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    unique = {image.sha256: image for image in stored}
    rows = [
        {"sha256": i.sha256, "media_type": i.media_type, "size_bytes": i.size_bytes, "stored_at": at}
        for i in unique.values()
    ]
    statement = insert(images)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[images.c.sha256], set_={"stored_at": statement.excluded.stored_at}
        ),
        rows,
    )


class SqlImages:
    """See `ImageIndex`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def media_type(self, sha256: str) -> str | None:
        """The media type of a stored image; None where it is not, or no longer, stored."""
        with self._database.read() as connection:
            return connection.execute(select(images.c.media_type).where(images.c.sha256 == sha256)).scalar()

    def total(self) -> tuple[int, int]:
        """How many images are stored, and their bytes together."""
        with self._database.read() as connection:
            row = connection.execute(select(func.count(), func.coalesce(func.sum(images.c.size_bytes), 0))).one()
        return int(row[0]), int(row[1])

    def removable(self, limit: int, *, stored_before: datetime | None = None) -> list[NewImage]:
        """The oldest images that may go: none that shows a positive which nobody has reviewed."""
        unreviewed_positive = exists().where(
            classifications.c.image_sha256 == images.c.sha256,
            classifications.c.decision == Decision.IDC.value,
            classifications.c.verdict.is_(None),
        )
        query = select(images).where(~unreviewed_positive).order_by(images.c.stored_at, images.c.sha256).limit(limit)
        if stored_before is not None:
            query = query.where(images.c.stored_at < stored_before)
        with self._database.read() as connection:
            return [NewImage(row.sha256, row.media_type, row.size_bytes) for row in connection.execute(query)]

    def unreferenced(self, sha256: str) -> bool:
        """Whether no result has this image."""
        with self._database.read() as connection:
            return not connection.execute(select(exists().where(classifications.c.image_sha256 == sha256))).scalar()

    def forget(self, sha256s: Sequence[str], audit: Sequence[AuditEvent]) -> None:
        """Record that these images are gone."""
        with self._database.write() as connection:
            head = lock_head(connection)
            connection.execute(delete(images).where(images.c.sha256.in_(sha256s)))
            append(connection, head, audit)
