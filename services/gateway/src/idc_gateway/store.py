"""Opens the whole store on one database."""

from idc_gateway.access.accounts_store import SqlAccounts
from idc_gateway.access.sessions_store import SqlSessions
from idc_gateway.audit.audit_store import SqlAudit
from idc_gateway.idempotency.receipts_store import SqlReceipts
from idc_gateway.messages.leadership import ALONE
from idc_gateway.messages.leadership_store import PostgresLeadership
from idc_gateway.messages.outbox_store import SqlOutbox
from idc_gateway.results.image_index_store import SqlImages
from idc_gateway.results.results_store import SqlResults
from idc_gateway.results.reviews_store import SqlReviews
from idc_gateway.sql.database import open_database
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
