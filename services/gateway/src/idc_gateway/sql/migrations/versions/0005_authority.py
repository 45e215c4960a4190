"""Digests of revoked keys; when a session was last used, and until when it may set a password without the old one."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table, and make the sessions' table again: all users must sign in again."""
    op.create_table(
        "revoked_keys",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("revoked_at", sa.DateTime, nullable=False),
    )
    op.drop_table("sessions")
    op.create_table(
        "sessions",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("key_name", sa.String(64), sa.ForeignKey("api_keys.name", ondelete="CASCADE")),
        sa.Column("user_name", sa.String(64), sa.ForeignKey("users.name", ondelete="CASCADE")),
        sa.Column("expires_at", sa.DateTime, nullable=False),
        sa.Column("used_at", sa.DateTime, nullable=False),
        sa.Column("password_until", sa.DateTime),
    )
