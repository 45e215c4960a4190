"""The tables."""

from sqlalchemy import (
    BigInteger,
    Boolean,
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
    UniqueConstraint,
    Uuid,
)

from idc_servicekit.sql.types import UtcDateTime

metadata = MetaData()
"""SQLite must not reuse a number that the gateway remembers: AUTOINCREMENT (sqlite.org/autoinc.html)."""


slides = Table(
    "slides",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("id", Uuid, nullable=False, unique=True),
    Column("state", String(16), nullable=False, comment="as in the record"),
    Column("name_to_search", String(512), nullable=False, comment="in lower case"),
    Column("source", String(16), nullable=False),
    Column("location", Text, nullable=False, comment="of the file: see `Location`"),
    Column("location_sha256", String(64), nullable=False, comment="an index on long texts has a limit"),
    Column("size_bytes", BigInteger, nullable=False),
    Column("modified_ns", BigInteger, nullable=False),
    Column("stated_um_per_px", Float, comment="by a person"),
    Column("record", Text, nullable=False, comment="JSON of `Slide`"),
    Column("owner", String(64), comment="the worker that has it"),
    Column("lease_until_s", Float, comment="by the database's clock, since 1970; another worker may take it then"),
    Column("attempts", Integer, nullable=False, comment="started since it last came further"),
    UniqueConstraint("source", "location_sha256", "size_bytes", "modified_ns", name="slides_once"),
    Index("slides_by_state", "state", "number"),
    sqlite_autoincrement=True,
)

deleted_files = Table(
    "deleted_files",
    metadata,
    Column("location_sha256", String(64), primary_key=True, comment="as of slides"),
    Column("size_bytes", BigInteger, primary_key=True, autoincrement=False),
    Column("modified_ns", BigInteger, primary_key=True, autoincrement=False),
)
"""Files of the watched folder whose slides were deleted, without their names: the watch does not queue them again."""

cells = Table(
    "cells",
    metadata,
    Column("slide_id", Uuid, ForeignKey("slides.id", ondelete="CASCADE"), primary_key=True),
    Column("model", Text, nullable=False, comment="JSON of `ScreeningModel`"),
    Column("grid", LargeBinary, nullable=False, comment="see `CellGrid`"),
)

reviews = Table(
    "reviews",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("slide_id", Uuid, ForeignKey("slides.id", ondelete="CASCADE"), nullable=False),
    Column("column", Integer, nullable=False),
    Column("row", Integer, nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("reviewer", String(128), nullable=False),
    Column("comment", Text),
    Column("reviewed_at", UtcDateTime, nullable=False),
    Column("unsealed_at", UtcDateTime, comment="when the reader was first shown another's answer for this cell"),
    Column("model_shown", Boolean, comment="whether the reader was shown the model's answer before; null: not known"),
    Index("reviews_by_slide", "slide_id", "number"),
    sqlite_autoincrement=True,
)
"""Every review that was given; the latest of each reviewer and cell counts."""

screened = Table(
    "screened",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("message_id", Uuid, nullable=False, unique=True),
    Column("slide_id", Uuid, nullable=False, comment="of a slide that may be deleted by now"),
    Column("record", Text, nullable=False, comment="JSON of `Slide`, as it was when it was decided"),
    Column("decided_at", UtcDateTime, comment="when reviews changed the decision; null where it is the screening's"),
    sqlite_autoincrement=True,
)
"""Slides that became `done`, and decisions that reviews changed, in order, for the gateway. No row is deleted."""
