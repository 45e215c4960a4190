"""Slides, their cells and reviews, and what was screened."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "slides",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("id", sa.Uuid, nullable=False, unique=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("name_to_search", sa.String(512), nullable=False),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("location", sa.Text, nullable=False),
        sa.Column("location_sha256", sa.String(64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("modified_ns", sa.BigInteger, nullable=False),
        sa.Column("stated_um_per_px", sa.Float),
        sa.Column("record", sa.Text, nullable=False),
        sa.Column("owner", sa.String(64)),
        sa.Column("lease_until_s", sa.Float),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.UniqueConstraint("source", "location_sha256", "size_bytes", "modified_ns", name="slides_once"),
        sqlite_autoincrement=True,
    )
    op.create_index("slides_by_state", "slides", ["state", "number"])
    op.create_table(
        "cells",
        sa.Column("slide_id", sa.Uuid, sa.ForeignKey("slides.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("grid", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "reviews",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("slide_id", sa.Uuid, sa.ForeignKey("slides.id", ondelete="CASCADE"), nullable=False),
        sa.Column("column", sa.Integer, nullable=False),
        sa.Column("row", sa.Integer, nullable=False),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("reviewer", sa.String(128), nullable=False),
        sa.Column("comment", sa.Text),
        sa.Column("reviewed_at", sa.DateTime, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("reviews_by_slide", "reviews", ["slide_id", "number"])
    op.create_table(
        "screened",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("message_id", sa.Uuid, nullable=False, unique=True),
        sa.Column("slide_id", sa.Uuid, sa.ForeignKey("slides.id", ondelete="CASCADE"), nullable=False),
        sa.Column("record", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
