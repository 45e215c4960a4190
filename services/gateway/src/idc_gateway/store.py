"""All stores on one database."""

from dataclasses import dataclass

from idc_gateway.access.accounts_store import AccountsStore
from idc_gateway.access.sessions_store import SessionsStore
from idc_gateway.audit.audit_store import AuditStore
from idc_gateway.folders.folders_store import FoldersStore
from idc_gateway.idempotency.receipts_store import ReceiptsStore
from idc_gateway.messages.leadership import ALONE, Leadership
from idc_gateway.messages.leadership_store import PostgresLeadership
from idc_gateway.messages.outbox_store import OutboxStore
from idc_gateway.results.folder_results_store import FolderResultsStore
from idc_gateway.results.image_index_store import ImageIndexStore
from idc_gateway.results.results_store import ResultsStore
from idc_gateway.results.reviews_store import ReviewsStore
from idc_gateway.slides.screened_store import ScreenedStore
from idc_gateway.sql.database import Database, open_database


@dataclass(frozen=True)
class Store:
    """The stores of the rooms.

    Every method of a store blocks, is one transaction, is safe to call from several threads, and raises
    StoreUnavailable where the database cannot be read or written; nothing is stored then.
    """

    database: Database
    results: ResultsStore
    reviews: ReviewsStore
    images: ImageIndexStore
    receipts: ReceiptsStore
    outbox: OutboxStore
    audit: AuditStore
    accounts: AccountsStore
    sessions: SessionsStore
    screened: ScreenedStore
    folders: FoldersStore
    folder_results: FolderResultsStore
    leadership: Leadership


def open_store(url: str) -> Store:
    database = open_database(url)
    return Store(
        database=database,
        results=ResultsStore(database),
        reviews=ReviewsStore(database),
        images=ImageIndexStore(database),
        receipts=ReceiptsStore(database),
        outbox=OutboxStore(database),
        audit=AuditStore(database),
        accounts=AccountsStore(database),
        sessions=SessionsStore(database),
        screened=ScreenedStore(database),
        folders=FoldersStore(database),
        folder_results=FolderResultsStore(database),
        leadership=PostgresLeadership(database) if database.is_shared else ALONE,
    )
