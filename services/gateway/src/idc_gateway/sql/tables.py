"""The tables."""

from typing import Final

from sqlalchemy import (
    JSON,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    Uuid,
    text,
)

from idc_servicekit.sql.types import UtcDateTime

metadata = MetaData()
"""SQLite must not reuse a number that somebody may remember after its row is gone: AUTOINCREMENT
(sqlite.org/autoinc.html). PostgreSQL's sequences never go back."""


CUT_DISTANCE: Final = "abs(probability - (no_idc_below + idc_from) / 2)"
"""How far P(IDC) is from the middle between the thresholds: in SQL, as in the index, or it is not used."""

classifications = Table(
    "classifications",
    metadata,
    Column("sequence", Integer, primary_key=True, autoincrement=True),
    Column("id", Uuid, nullable=False, unique=True),
    Column("name", String(255), nullable=False),
    Column("probability", Float, nullable=False),
    Column("decision", String(16), nullable=False),
    Column("model_name", String(64), nullable=False),
    Column("model_version", String(32), nullable=False),
    Column("model_sha256", String(64), nullable=False),
    Column("no_idc_below", Float, nullable=False),
    Column("idc_from", Float, nullable=False),
    Column("latency_ms", Float, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("width_px", Integer, nullable=False),
    Column("height_px", Integer, nullable=False),
    Column("patient", String(64), nullable=True),
    Column("slide", String(128), nullable=True),
    Column("x", Integer, nullable=True),
    Column("y", Integer, nullable=True),
    Column("image_sha256", String(64), nullable=True),
    Column("verdict", String(16), nullable=True),
    Column("w", Integer, nullable=True),
    Column("h", Integer, nullable=True),
    Column("once_key", String(64), nullable=True),
    Column("reasons", String(255), nullable=False),
    Column("um_per_px", Float, nullable=True),
    Column("folder", Uuid, nullable=True),
    Index("classifications_by_once_key", "once_key", unique=True),
    Index("classifications_by_time", "created_at", "sequence"),
    Index("classifications_by_decision", "decision", "created_at", "sequence"),
    Index("classifications_by_patient", "patient", "created_at", "sequence"),
    Index("classifications_by_slide", "slide", "created_at", "sequence"),
    Index("classifications_by_verdict", "verdict", "created_at", "sequence"),
    Index("classifications_by_image", "image_sha256"),
    Index("classifications_by_uncertainty", "decision", "verdict", text(f"({CUT_DISTANCE})"), "sequence"),
    sqlite_autoincrement=True,
)
_in_a_folder = classifications.c.folder.is_not(None)
for _name, _columns in (
    ("classifications_by_folder", ("created_at", "sequence")),
    ("classifications_counted", ("decision", "verdict", "created_at")),
):
    Index(
        _name,
        classifications.c.folder,
        *(classifications.c[column] for column in _columns),
        sqlite_where=_in_a_folder,
        postgresql_where=_in_a_folder,
    )

folders = Table(
    "folders",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("id", Uuid, nullable=False, unique=True),
    Column("name", String(255), nullable=False),
    Column("name_to_search", String(512), nullable=False, comment="in lower case"),
    Column("state", String(16), nullable=False),
    Column("files", Integer, nullable=True),
    Column("left_out", Integer, nullable=False),
    Column("left_out_files", Text, nullable=False, comment="JSON: the first of them, each with name and reason"),
    Column("received_at", UtcDateTime, nullable=False),
    Column("received_by", String(64), nullable=False),
    Column("changed_at", UtcDateTime, nullable=False, index=True),
    sqlite_autoincrement=True,
)
"""Folders of patches. How many results one has is counted in the table of results."""

reviews = Table(
    "reviews",
    metadata,
    Column("sequence", Integer, primary_key=True, autoincrement=True),
    Column("classification_id", Uuid, ForeignKey("classifications.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("verdict", String(16), nullable=False),
    Column("comment", Text, nullable=False),
    Column("reviewer", String(64), nullable=False),
    Column("reviewed_at", UtcDateTime, nullable=False),
    sqlite_autoincrement=True,
)

images = Table(
    "images",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("media_type", String(32), nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("stored_at", UtcDateTime, nullable=False, index=True),
    Column("object_name", String(80), nullable=False),
    Index("images_by_object", "object_name", unique=True),
)

image_deletions = Table("image_deletions", metadata, Column("object_name", String(80), primary_key=True))
"""Objects of the image store that no result has any more and that are still to be deleted."""

receipts = Table(
    "receipts",
    metadata,
    Column("caller", String(64), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("fingerprint", String(64), nullable=False),
    Column("answer", LargeBinary, nullable=False),
    Column("created_at", UtcDateTime, nullable=False, index=True),
)

audit = Table(
    "audit",
    metadata,
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("action", String(64), nullable=False),
    Column("subject", String(255), nullable=False),
    Column("request_id", String(64), nullable=True),
    Column("details", JSON, nullable=False),
    Column("previous_sha256", String(64), nullable=False),
    Column("sha256", String(64), nullable=False),
    Index("audit_by_action", "action", "sequence"),
    Index("audit_by_actor", "actor", "sequence"),
    Index("audit_by_subject", "subject", "sequence"),
)

audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("sequence", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
)
"""One row, id 1. Whoever writes locks it first, so that sequence numbers of all tables follow the order of commits."""

alarm_actions = Table(
    "alarm_actions",
    metadata,
    Column("message_id", Uuid, primary_key=True),
    Column("recorded_at", UtcDateTime, nullable=False, index=True),
)
"""Which reports of alarms are in the chain."""

screened_slides = Table(
    "screened_slides",
    metadata,
    Column("message_id", Uuid, primary_key=True),
    Column("recorded_at", UtcDateTime, nullable=False),
)
"""Which screened slides have their event and their record in the chain."""

screened_head = Table(
    "screened_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, nullable=False),
)
"""One row, id 1: the last number of the slides service's list that was dealt with."""

outbox = Table(
    "outbox",
    metadata,
    Column("sequence", Integer, primary_key=True, autoincrement=True),
    Column("topic", String(255), nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("published_at", UtcDateTime, nullable=True),
    Index("outbox_by_publication", "published_at", "sequence"),
    sqlite_autoincrement=True,
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("sha256", String(64), nullable=False, unique=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("scopes", String(255), nullable=False),
    Column("expires_at", UtcDateTime, nullable=True),
)

revoked_keys = Table(
    "revoked_keys",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("revoked_at", UtcDateTime, nullable=False),
)
"""What never opens anything again, whatever file brings it back."""

users = Table(
    "users",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("role", String(16), nullable=False),
    Column("password_hash", String(255), nullable=True),
    Column("created_at", UtcDateTime, nullable=False),
)

links = Table(
    "sign_in_links",
    metadata,
    Column("user_name", String(64), ForeignKey("users.name", ondelete="CASCADE"), primary_key=True),
    Column("sha256", String(64), nullable=False, unique=True),
    Column("expires_at", UtcDateTime, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("key_name", String(64), ForeignKey("api_keys.name", ondelete="CASCADE"), nullable=True),
    Column("user_name", String(64), ForeignKey("users.name", ondelete="CASCADE"), nullable=True),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime, nullable=False),
    Column("password_until", UtcDateTime, nullable=True),
)
