"""Receipts of idempotent requests."""

from datetime import datetime

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from idc_gateway.idempotency.receipts import Claim, Receipt
from idc_gateway.sql.database import Database
from idc_gateway.sql.tables import receipts as table


def keep(connection: Connection, receipt: Receipt) -> bool:
    """Store a receipt inside a transaction; False where the claim has one already."""
    claim = receipt.claim
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(table).values(
        caller=claim.caller,
        key=claim.key,
        part=claim.part,
        fingerprint=claim.fingerprint,
        answer=receipt.answer,
        created_at=receipt.created_at,
    )
    inserted = connection.execute(statement.on_conflict_do_nothing().returning(table.c.part))
    return inserted.first() is not None


class ReceiptsStore:
    """What was answered to idempotent requests."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, claim: Claim) -> Receipt | None:
        """The receipt of this caller, key and part, for any request; None if there is none."""
        query = select(table).where(
            table.c.caller == claim.caller, table.c.key == claim.key, table.c.part == claim.part
        )
        with self._database.read() as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        return Receipt(Claim(row.caller, row.key, row.part, row.fingerprint), row.answer, row.created_at)

    def forget(self, before: datetime) -> None:
        """Delete the receipts that are older."""
        with self._database.write() as connection:
            connection.execute(delete(table).where(table.c.created_at < before))
