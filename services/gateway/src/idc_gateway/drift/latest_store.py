"""The latest results, as far as they are needed to compare them with the training."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from idc_contracts import Decision, Reason
from idc_gateway.sql.database import Database
from idc_gateway.sql.tables import classifications as table


@dataclass(frozen=True)
class LatestResult:
    probability: float
    decision: Decision
    reasons: tuple[Reason, ...]
    patient: str
    """The patient, else the slide, else the folder; empty where the sender named none of them."""
    model_sha256: str
    created_at: datetime
    image_sha256: str | None
    um_per_px: float | None


class LatestStore:
    """Reads the results that were stored last."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def latest(self, limit: int) -> list[LatestResult]:
        """At most `limit` results, newest first."""
        columns = (
            *(table.c.probability, table.c.decision, table.c.reasons, table.c.patient, table.c.slide, table.c.folder),
            *(table.c.model_sha256, table.c.created_at, table.c.image_sha256, table.c.um_per_px),
        )
        query = select(*columns).order_by(table.c.created_at.desc(), table.c.sequence.desc()).limit(limit)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [
            LatestResult(
                row.probability,
                Decision(row.decision),
                tuple(map(Reason, row.reasons.split())),
                row.patient or row.slide or (str(row.folder) if row.folder else ""),
                row.model_sha256,
                row.created_at,
                row.image_sha256,
                row.um_per_px,
            )
            for row in rows
        ]
