"""What the gateway needs to be stored.

Every method blocks, is one transaction, is safe to call from several threads, and raises StoreUnavailable where the
database cannot be read or written; nothing is stored then.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from idc_gateway.access.accounts import ApiKey, NewSession, StoredSession, User
from idc_gateway.access.scopes import Role
from idc_gateway.audit.chain import AuditEvent, AuditRecord, Verification
from idc_gateway.idempotency.receipts import Claim, Receipt
from idc_gateway.messages.leadership import Leadership
from idc_gateway.results.classifications import Classification, OutgoingMessage, Review
from idc_gateway.results.positions import Look, Position
from idc_gateway.results.queries import ClassificationFilter, Cursor, Deed, ListedImage, Page, Removed, StoredImage


class Results(Protocol):
    """Results of classifications."""

    def add(self, deeds: Sequence[Deed]) -> list[bool]:
        """Store deeds in one transaction: results, the messages about them, audit events and receipts.

        Returns:
            For each deed whether it was stored; it was not where its claim has a receipt already, or where one of its
            results is of an image that its series has already.

        Raises:
            ImageGone: An image that was stored before was removed meanwhile; nothing was stored.
        """

    def get(self, identity: UUID) -> Classification | None:
        """One result; None where there is none."""

    def stored_once(self, once_keys: Sequence[str]) -> dict[str, Classification]:
        """The results of images that their series have already, by their keys."""

    def page(self, wanted: ClassificationFilter, limit: int, after: Cursor | None) -> Page:
        """At most `limit` results, newest first, from where `after` says on."""

    def since(self, position: Position | None, limit: int) -> Look:
        """At most `limit` results, oldest first, that were stored after a position; None only tells the newest one."""

    def delete(self, identity: UUID, audit: AuditEvent) -> bool:
        """Delete one result and its reviews, and unlist its image where no other has it; False where there is none."""


class Reviews(Protocol):
    """What pathologists say of results."""

    def add(self, identity: UUID, review: Review, audit: AuditEvent, receipt: Receipt | None) -> bool:
        """Add a review to a result's history; False where there is no such result.

        Raises:
            AlreadyDone: There is a receipt of this claim; nothing was stored.
        """

    def history(self, identity: UUID) -> list[Review]:
        """All reviews of a result, newest first."""


class ImageIndex(Protocol):
    """Which images are stored, under which names.

    A name is given to one object and never again. An object is deleted only after its name was taken off the list, in
    one transaction with what decided so: no result that is being stored can name it any more.
    """

    def names(self, sha256s: Sequence[str]) -> dict[str, str]:
        """The object names of those of these images that are stored, by digest."""

    def find(self, sha256: str) -> StoredImage | None:
        """Where an image is; None where it is not, or no longer, stored."""

    def total(self) -> tuple[int, int]:
        """How many images are stored, and their bytes together."""

    def removable(self, limit: int, *, stored_before: datetime | None = None) -> list[ListedImage]:
        """The oldest images that may go: none that shows a positive which nobody has reviewed."""

    def remove(self, candidates: Sequence[ListedImage], audit: AuditEvent) -> Removed:
        """Take those of the images off the list that may still go; the audit event gets their count and bytes."""

    def abandon(self, object_names: Sequence[str]) -> None:
        """Let objects that no image has be deleted: those that were put for a result which was not stored."""

    def due_deletions(self, limit: int) -> list[str]:
        """Names of objects that are to be deleted."""

    def deleted(self, object_names: Sequence[str]) -> None:
        """Record that these objects are gone."""


class Receipts(Protocol):
    """What was answered to idempotent requests."""

    def find(self, claim: Claim) -> Receipt | None:
        """The receipt of this caller, key and part, whatever was asked for; None where there is none."""

    def forget(self, before: datetime) -> None:
        """Delete the receipts that are older."""


class OutgoingMessages(Protocol):
    """Messages on their way to the broker."""

    def waiting(self, limit: int, after: int = 0) -> list[tuple[int, OutgoingMessage]]:
        """Messages that the broker has not confirmed, oldest first, each with its sequence number, beyond `after`."""

    def backlog(self) -> tuple[int, datetime | None]:
        """How many messages wait, and since when the oldest does."""

    def mark_published(self, sequences: Sequence[int], at: datetime) -> int:
        """Record that the broker confirmed these; returns how many still were there."""

    def publish_again(self, limit: int) -> int:
        """Let the newest published messages wait again; returns how many."""

    def forget_published(self, before: datetime) -> None:
        """Delete messages that were published before then."""

    def expire(self, created_before: datetime, audit: AuditEvent) -> int:
        """Delete messages that wait since before then; returns how many, which the audit event gets too."""


class AuditTrail(Protocol):
    """The audit chain."""

    def record(self, events: Sequence[AuditEvent]) -> None:
        """Append events on their own; what changes the store as well appends them in its own transaction."""

    def record_once(self, events: Mapping[UUID, AuditEvent], now: datetime) -> None:
        """Append the events whose ids were not recorded before, whichever gateway did it."""

    def page(self, limit: int, *, before: int | None = None) -> list[AuditRecord]:
        """Records, newest first, that stand before a sequence number."""

    def latest(self, action: str) -> AuditRecord | None:
        """The newest record of an action; None where there is none."""

    def verify(self) -> Verification:
        """Walk the whole chain; the memory it takes does not grow with the chain."""


class Accounts(Protocol):
    """API keys, users and their one-time links; of every secret the digest alone."""

    def replace_key(self, key: ApiKey, sha256: str, audit: AuditEvent) -> bool:
        """Store a key in place of the one that has its name, which is revoked; False where its digest was revoked."""

    def add_key(self, key: ApiKey, sha256: str, audit: AuditEvent) -> bool:
        """Store a key; False where a key or user has its name: the audit chain tells callers apart by it."""

    def key(self, sha256: str) -> ApiKey | None:
        """The key with this digest; None where there is none."""

    def keys(self) -> list[ApiKey]:
        """Every key, by name."""

    def delete_key(self, name: str, audit: AuditEvent) -> bool:
        """Revoke a key for good with its sessions and receipts; False where there is none."""

    def add_user(self, user: User, audit: AuditEvent) -> bool:
        """Store a user; False where a user or key has this name."""

    def user(self, name: str) -> User | None:
        """A user; None where there is none."""

    def users(self) -> list[User]:
        """Every user, by name."""

    def set_role(self, name: str, role: Role, audit: AuditEvent) -> bool:
        """Give a user another role; False where there is none.

        Raises:
            LastAdministrator: Nobody would be left who may administer; nothing was changed.
        """

    def set_password(self, name: str, password_hash: str, audit: AuditEvent, session_sha256: str | None = None) -> bool:
        """Store a password's hash and end the user's sessions and links.

        False where there is no such user, or where the session that asks, if one does, has ended: nothing was changed.
        """

    def renew_hash(self, name: str, before: str, password_hash: str) -> bool:
        """Store the same password's hash at another cost; False where the user has another one meanwhile."""

    def delete_user(self, name: str, audit: AuditEvent) -> bool:
        """Delete a user with their links, sessions and receipts; False where there is none.

        Raises:
            LastAdministrator: Nobody would be left who may administer; nothing was deleted.
        """

    def was_removed(self, name: str) -> bool:
        """Whether a user of this name was ever removed."""

    def put_link(self, sha256: str, user_name: str, expires_at: datetime, audit: AuditEvent) -> None:
        """Store the digest of a one-time link; the user's earlier ones are gone."""

    def take_link(self, sha256: str, now: datetime, request_id: str) -> User | None:
        """Use a link up; None where it is unknown or over."""


class Sessions(Protocol):
    """Sessions of the page; of every token the digest alone."""

    def add(self, new: NewSession, audit: AuditEvent) -> bool:
        """Store a session and forget those that are over; False where its proof no longer holds."""

    def find(self, sha256: str, now: datetime, idle: timedelta) -> StoredSession | None:
        """A session; None where it is unknown, over, or was not used for so long."""

    def use(self, sha256: str, now: datetime) -> None:
        """Note that a session is in use."""

    def end(self, sha256: str, audit: AuditEvent) -> bool:
        """Forget a session; False where there is none."""


class DatabaseHealth(Protocol):
    """The database as such."""

    def check(self) -> None:
        """Prove that the database answers."""

    def close(self) -> None:
        """Close all connections."""


@dataclass(frozen=True)
class Store:
    """All parts of one store."""

    database: DatabaseHealth
    results: Results
    reviews: Reviews
    images: ImageIndex
    receipts: Receipts
    outbox: OutgoingMessages
    audit: AuditTrail
    accounts: Accounts
    sessions: Sessions
    leadership: Leadership
