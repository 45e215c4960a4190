"""Receipts of idempotent requests."""

from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from idc_gateway.adapters.sql.database import Database
from idc_gateway.adapters.sql.tables import receipts as table
from idc_gateway.receipts import Claim, Receipt


def keep(connection: Connection, receipt: Receipt) -> None:
    """Store a receipt inside a transaction.

    Raises:
        sqlalchemy.exc.IntegrityError: There is one already; the transaction must be rolled back.
    """
    claim = receipt.claim
    connection.execute(
        insert(table).values(
            caller=claim.caller,
            key=claim.key,
            part=claim.part,
            fingerprint=claim.fingerprint,
            answer=receipt.answer,
            created_at=receipt.created_at,
        )
    )


class SqlReceipts:
    """See `Receipts`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, claim: Claim) -> Receipt | None:
        """The receipt of this caller, key and part, whatever was asked for; None where there is none."""
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
