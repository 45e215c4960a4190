"""Opens the whole store on one database."""

from idc_gateway.adapters.sql.accounts import SqlAccounts
from idc_gateway.adapters.sql.audit import SqlAudit
from idc_gateway.adapters.sql.database import open_database
from idc_gateway.adapters.sql.images import SqlImages
from idc_gateway.adapters.sql.leadership import PostgresLeadership
from idc_gateway.adapters.sql.outbox import SqlOutbox
from idc_gateway.adapters.sql.receipts import SqlReceipts
from idc_gateway.adapters.sql.results import SqlResults
from idc_gateway.adapters.sql.reviews import SqlReviews
from idc_gateway.adapters.sql.sessions import SqlSessions
from idc_gateway.leadership import ALONE
from idc_gateway.store_ports import Store


def open_store(url: str) -> Store:
    """Open a database and bring its tables up to date.

    Raises:
        StoreUnavailable: See `open_database`.
    """
    database = open_database(url)
    return Store(
        database=database,
        results=SqlResults(database),
        reviews=SqlReviews(database),
        images=SqlImages(database),
        receipts=SqlReceipts(database),
        outbox=SqlOutbox(database),
        audit=SqlAudit(database),
        accounts=SqlAccounts(database),
        sessions=SqlSessions(database),
        leadership=PostgresLeadership(database) if database.is_shared else ALONE,
    )
