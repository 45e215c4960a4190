"""The queue: each slide is held by one worker for a time that the worker renews; then another may take it."""

from dataclasses import replace
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, and_, delete, func, insert, or_, select, text, update

from idc_contracts import utc_now
from idc_contracts.slides import Slide, SlideState
from idc_slides.errors import LeaseLost
from idc_slides.records import screened_store
from idc_slides.records.cells import CellGrid, ScreeningModel
from idc_slides.records.slide_rows import FREE, save_record, stored
from idc_slides.records.slides import Source, StoredSlide
from idc_slides.sql import tables
from idc_slides.sql.database import Database
from idc_slides.sql.tables import slides

LEASE_S: Final = 60.0
"""How long a worker holds a slide without a sign of life."""


class QueueStore:
    """See the module. Every use blocks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, owner: str, but_from: Source | None = None) -> StoredSlide | None:
        """Take the slide that has waited longest, or whose worker is gone; None where there is none.

        Args:
            owner: The worker that takes it.
            but_from: Slides of this source are left in the queue.

        Raises:
            StoreUnavailable: The database does not answer.
        """
        with self._database.write() as connection:
            now_s = _now_s(connection)
            is_free = or_(
                slides.c.state == str(SlideState.WAITING),
                and_(slides.c.state == str(SlideState.RUNNING), func.coalesce(slides.c.lease_until_s, 0) < now_s),
            )
            query = select(slides).where(is_free, slides.c.source != (but_from or "")).order_by(slides.c.number)
            row = connection.execute(query.limit(1).with_for_update(skip_locked=True)).one_or_none()
            if row is None:
                return None
            found = stored(row)
            slide = found.slide.model_copy(
                update={"state": SlideState.RUNNING, "started_at": found.slide.started_at or utc_now()}
            )
            attempts = found.attempts + 1
            values = {"owner": owner, "lease_until_s": now_s + LEASE_S, "attempts": attempts}
            save_record(connection, slide, **values)
            return replace(found, slide=slide, attempts=attempts)

    def renew(self, slide_id: UUID, owner: str) -> None:
        """Hold a slide longer.

        Raises:
            LeaseLost: This worker has it no more.
        """
        with self._database.write() as connection:
            _require_owner(connection, slide_id, owner)
            until_s = _now_s(connection) + LEASE_S
            connection.execute(update(slides).where(slides.c.id == slide_id).values(lease_until_s=until_s))

    def save(
        self,
        slide: Slide,
        owner: str,
        cells: tuple[ScreeningModel, CellGrid] | None = None,
        *,
        came_further: bool = False,
    ) -> None:
        """Store how far a slide came, with its cells where there are some by now.

        Args:
            slide: The slide.
            owner: Its worker.
            cells: Its cells.
            came_further: More rows are done than when it was claimed: it may be interrupted again as often as before.

        Raises:
            LeaseLost: This worker has it no more; nothing was stored.
        """
        with self._database.write() as connection:
            _require_owner(connection, slide.id, owner)
            columns = {"lease_until_s": _now_s(connection) + LEASE_S} | ({"attempts": 0} if came_further else {})
            save_record(connection, slide, **columns)
            if cells is not None:
                _save_cells(connection, slide.id, *cells)

    def finish(self, slide: Slide, owner: str, model: ScreeningModel, grid: CellGrid) -> None:
        """Store a slide that is done, with its cells, and put it on the gateway's list; all or nothing.

        Raises:
            LeaseLost: This worker has it no more; nothing was stored.
        """
        with self._database.write() as connection:
            _require_owner(connection, slide.id, owner)
            save_record(connection, slide, **FREE)
            _save_cells(connection, slide.id, model, grid)
            screened_store.put(connection, slide)

    def stop(self, slide: Slide, owner: str) -> None:
        """Store a slide that failed, needs its scale, or waits for its file; its cells are deleted.

        Nothing half is shown as whole.

        Raises:
            LeaseLost: This worker has it no more; nothing was stored.
        """
        with self._database.write() as connection:
            _require_owner(connection, slide.id, owner)
            connection.execute(delete(tables.cells).where(tables.cells.c.slide_id == slide.id))
            save_record(connection, slide, **FREE)

    def give_back(self, slide: Slide, owner: str) -> None:
        """Put a slide back into the queue with what it has, where the service stops. It keeps its place.

        Raises:
            LeaseLost: This worker has it no more; nothing was stored.
        """
        with self._database.write() as connection:
            _require_owner(connection, slide.id, owner)
            waiting = slide.model_copy(update={"state": SlideState.WAITING, "time_left_s": None})
            save_record(connection, waiting, **FREE)

    def free_all(self) -> int:
        """End every lease: for a service that starts and shares its database with no other. Gives their number."""
        with self._database.write() as connection:
            is_held = slides.c.state == str(SlideState.RUNNING)
            return connection.execute(update(slides).where(is_held).values(owner=None, lease_until_s=None)).rowcount


def _save_cells(connection: Connection, slide_id: UUID, model: ScreeningModel, grid: CellGrid) -> None:
    values = {"model": model.model_dump_json(), "grid": grid.to_bytes()}
    changed = connection.execute(
        update(tables.cells).where(tables.cells.c.slide_id == slide_id).values(**values)
    ).rowcount
    if not changed:
        connection.execute(insert(tables.cells).values(slide_id=slide_id, **values))


def _require_owner(connection: Connection, slide_id: UUID, owner: str) -> None:
    query = select(slides.c.owner).where(slides.c.id == slide_id).with_for_update()
    if connection.execute(query).scalar_one_or_none() != owner:
        raise LeaseLost(f"slide {slide_id} was cancelled or deleted, or another worker has it")


def _now_s(connection: Connection) -> float:
    """The database's clock, which all workers share: seconds since 1970."""
    clock = "extract(epoch FROM clock_timestamp())" if connection.dialect.name == "postgresql" else "unixepoch()"
    return float(connection.execute(text(f"SELECT {clock}")).scalar_one())
