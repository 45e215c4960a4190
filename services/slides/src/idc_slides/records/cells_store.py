"""The cells of slides, read."""

from uuid import UUID

from sqlalchemy import Connection, select

from idc_slides.records.cells import CellGrid, ScreeningModel
from idc_slides.sql.database import Database
from idc_slides.sql.tables import cells


class CellsStore:
    """See the module. Every use blocks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, slide_id: UUID) -> tuple[ScreeningModel, CellGrid] | None:
        """The cells of a slide, as many as there are so far, and the model; None before the first."""
        with self._database.read() as connection:
            return cells_of(connection, slide_id)


def cells_of(connection: Connection, slide_id: UUID) -> tuple[ScreeningModel, CellGrid] | None:
    """As `CellsStore.get`, in the caller's transaction."""
    row = connection.execute(select(cells.c.model, cells.c.grid).where(cells.c.slide_id == slide_id)).first()
    if row is None:
        return None
    return ScreeningModel.model_validate_json(row.model), CellGrid.from_bytes(row.grid)
