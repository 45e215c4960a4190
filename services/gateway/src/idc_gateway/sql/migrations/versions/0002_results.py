"""Labels, images, reviews, receipts of idempotent requests, and the audit chain."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_INDEXED = {"time": [], "decision": ["decision"], "patient": ["patient"], "slide": ["slide"], "verdict": ["verdict"]}


def upgrade() -> None:
    """Add columns and tables."""
    _extend_classifications()
    op.add_column("outbox", sa.Column("created_at", sa.DateTime, nullable=False, server_default="1970-01-01 00:00:00"))
    # What waits would else be of 1970, and be dropped as too old.
    op.execute("UPDATE outbox SET created_at = CURRENT_TIMESTAMP")
    _add_tables()
    _add_audit()


def _extend_classifications() -> None:
    for column in (
        sa.Column("patient", sa.String(64)),
        sa.Column("slide", sa.String(128)),
        sa.Column("x", sa.Integer),
        sa.Column("y", sa.Integer),
        sa.Column("image_sha256", sa.String(64)),
        sa.Column("verdict", sa.String(16)),
    ):
        op.add_column("classifications", column)
    for name, columns in _INDEXED.items():
        op.create_index(f"classifications_by_{name}", "classifications", [*columns, "created_at", "sequence"])
    op.create_index("classifications_by_image", "classifications", ["image_sha256"])


def _add_tables() -> None:
    op.create_table(
        "reviews",
        sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column(
            "classification_id",
            sa.Uuid,
            sa.ForeignKey("classifications.id", ondelete="CASCADE"),
            nullable=False,
            index=True,
        ),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("comment", sa.Text, nullable=False),
        sa.Column("reviewer", sa.String(64), nullable=False),
        sa.Column("reviewed_at", sa.DateTime, nullable=False),
    )
    op.create_table(
        "images",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("media_type", sa.String(32), nullable=False),
        sa.Column("size_bytes", sa.Integer, nullable=False),
        sa.Column("stored_at", sa.DateTime, nullable=False, index=True),
    )
    op.create_table(
        "receipts",
        sa.Column("caller", sa.String(64), primary_key=True),
        sa.Column("key", sa.String(255), primary_key=True),
        sa.Column("part", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("answer", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False, index=True),
    )


def _add_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("request_id", sa.String(64)),
        sa.Column("details", sa.JSON, nullable=False),
        sa.Column("previous_sha256", sa.String(64), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Index("audit_by_action", "action", "sequence"),
    )
    head = op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
    )
    op.bulk_insert(head, [{"id": 1, "sequence": 0, "sha256": "0" * 64}])
