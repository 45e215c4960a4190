"""Which images are stored, and which may be removed."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, exists, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from idc_contracts import Decision
from idc_gateway.audit.audit_store import append, lock_head
from idc_gateway.audit.chain import AuditEvent
from idc_gateway.errors import ImageGone
from idc_gateway.results.queries import ListedImage
from idc_gateway.results.unit_of_work import NewImage
from idc_gateway.sql.database import Database
from idc_gateway.sql.statements import Statement
from idc_gateway.sql.tables import classifications, image_deletions, images

_LIST: Final = Statement(insert(images), images.c.keys())
_TOUCH: Final = Statement(
    update(images).where(images.c.sha256 == bindparam("listed")).values(stored_at=bindparam("at"))
)


def note(connection: Connection, stored: Sequence[tuple[NewImage, datetime]]) -> None:
    """Record images, each with its time, inside a transaction that has locked the chain's head.

    The retention of a known image restarts.

    Raises ImageGone where one no longer has its name: roll back and store it again.
    """
    names = _names(connection, list({image.sha256 for image, _ in stored}))
    times = dict.fromkeys(names, datetime.min)
    new: dict[str, dict[str, Any]] = {}
    spare: list[str] = []
    for image, at in stored:
        name = names.setdefault(image.sha256, image.stored_as)
        if image.sha256 in times:
            times[image.sha256] = at
        elif image.is_new or image.sha256 in new:
            new.setdefault(image.sha256, _row(image, at))
        else:
            raise ImageGone(f"the image {image.sha256} was removed while it was classified: send it again")
        if name != image.stored_as:
            spare.append(image.stored_as)
    if times:
        _TOUCH.run_many(connection, [{"listed": sha256, "at": at} for sha256, at in times.items()])
    if new:
        _LIST.run_many(connection, new.values())
    abandon(connection, spare)


def abandon(connection: Connection, object_names: Sequence[str]) -> None:
    """Schedule the deletion of those objects that no image has, inside a transaction."""
    if not object_names:
        return
    listed = select(images.c.object_name).where(images.c.object_name.in_(object_names))
    unused = set(object_names) - set(connection.execute(listed).scalars())
    if unused:
        make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        rows = [{"object_name": name} for name in unused]
        connection.execute(make(image_deletions).on_conflict_do_nothing(), rows)


def unlist_unused(connection: Connection, sha256: str) -> None:
    """Unlist an image that no result has, inside a transaction that has locked the chain's head."""
    is_used = exists().where(classifications.c.image_sha256 == sha256)
    _unlist(connection, images.c.sha256 == sha256, ~is_used)


def _unlist(connection: Connection, *conditions: ColumnElement[bool]) -> list[int]:
    """Unlist images and schedule the deletion of their objects; returns the size of each in bytes."""
    gone = delete(images).where(*conditions).returning(images.c.object_name, images.c.size_bytes)
    rows = connection.execute(gone).all()
    abandon(connection, [row.object_name for row in rows])
    return [row.size_bytes for row in rows]


def _is_needed() -> ColumnElement[bool]:
    """Whether an image shows an unreviewed positive."""
    return exists().where(
        classifications.c.image_sha256 == images.c.sha256,
        classifications.c.decision == Decision.IDC.value,
        classifications.c.verdict.is_(None),
    )


def _is_still(seen: ListedImage) -> ColumnElement[bool]:
    """Whether an image is unchanged since it was chosen: no new result has it."""
    return and_(images.c.object_name == seen.object_name, images.c.stored_at == seen.stored_at)


def _names(connection: Connection, sha256s: Sequence[str]) -> dict[str, str]:
    if not sha256s:
        return {}
    values = {f"sha256_{place}": sha256 for place, sha256 in enumerate(sha256s)}
    return dict(_names_of(len(sha256s)).rows(connection, **values))


@lru_cache
def _names_of(count: int) -> Statement:
    wanted: list[Any] = [bindparam(f"sha256_{place}") for place in range(count)]
    return Statement(select(images.c.sha256, images.c.object_name).where(images.c.sha256.in_(wanted)))


def _row(image: NewImage, at: datetime) -> dict[str, Any]:
    return {
        "sha256": image.sha256,
        "media_type": image.media_type,
        "size_bytes": image.size_bytes,
        "stored_at": at,
        "object_name": image.stored_as,
    }


class ImageIndexStore:
    """Which images are stored, under which names.

    A name is never reused. An object is deleted only after its name was unlisted, in the transaction that decided so:
    no result that is being stored can name it any more.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def names(self, sha256s: Sequence[str]) -> dict[str, str]:
        """The object names of those of these images that are stored, by digest."""
        with self._database.read() as connection:
            return _names(connection, sha256s)

    def find(self, sha256: str) -> tuple[str, str] | None:
        """An image's object name and media type; None where it is not stored."""
        query = select(images.c.object_name, images.c.media_type).where(images.c.sha256 == sha256)
        with self._database.read() as connection:
            row = connection.execute(query).first()
        return None if row is None else (row.object_name, row.media_type)

    def total(self) -> tuple[int, int]:
        with self._database.read() as connection:
            row = connection.execute(select(func.count(), func.coalesce(func.sum(images.c.size_bytes), 0))).one()
        return int(row[0]), int(row[1])

    def removable(self, limit: int, *, stored_before: datetime | None = None) -> list[ListedImage]:
        """The oldest removable images: none shows an unreviewed positive."""
        query = select(images).where(~_is_needed()).order_by(images.c.stored_at, images.c.sha256).limit(limit)
        if stored_before is not None:
            query = query.where(images.c.stored_at < stored_before)
        with self._database.read() as connection:
            return [ListedImage(row.object_name, row.size_bytes, row.stored_at) for row in connection.execute(query)]

    def remove(self, candidates: Sequence[ListedImage], audit: AuditEvent) -> int:
        """Unlist those images that are still removable; the audit event gets their count, which is returned."""
        with self._database.write() as connection:
            head = lock_head(connection)
            sizes = [size for seen in candidates for size in _unlist(connection, _is_still(seen), ~_is_needed())]
            if sizes:
                details = {**audit.details, "count": len(sizes), "bytes": sum(sizes)}
                append(connection, head, [replace(audit, details=details)])
        return len(sizes)

    def abandon(self, object_names: Sequence[str]) -> None:
        """Schedule the deletion of objects whose results were not stored."""
        with self._database.write() as connection:
            lock_head(connection)
            abandon(connection, object_names)

    def due_deletions(self, limit: int) -> list[str]:
        """Names of objects that are to be deleted."""
        query = select(image_deletions.c.object_name).order_by(image_deletions.c.object_name).limit(limit)
        with self._database.read() as connection:
            return list(connection.execute(query).scalars())

    def deleted(self, object_names: Sequence[str]) -> None:
        """Record that these objects were deleted."""
        with self._database.write() as connection:
            connection.execute(delete(image_deletions).where(image_deletions.c.object_name.in_(object_names)))
