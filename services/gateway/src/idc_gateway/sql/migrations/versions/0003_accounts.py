"""Scopes and expiry of keys, users, their sign-in links; sessions of users in addition to those of keys."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_EVERYTHING = "admin,alarm,audit,classify,read,review"


def upgrade() -> None:
    """Add them; a key that is there could do everything and still can. Who was signed in signs in again."""
    with op.batch_alter_table("api_keys") as keys:
        keys.add_column(sa.Column("scopes", sa.String(255), nullable=False, server_default=_EVERYTHING))
        keys.add_column(sa.Column("expires_at", sa.DateTime))
    op.create_table(
        "users",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("password_hash", sa.String(255)),
        sa.Column("created_at", sa.DateTime, nullable=False),
    )
    op.create_table(
        "sign_in_links",
        sa.Column("user_name", sa.String(64), sa.ForeignKey("users.name", ondelete="CASCADE"), primary_key=True),
        sa.Column("sha256", sa.String(64), nullable=False, unique=True),
        sa.Column("expires_at", sa.DateTime, nullable=False),
    )
    op.drop_table("sessions")
    op.create_table(
        "sessions",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("key_name", sa.String(64), sa.ForeignKey("api_keys.name", ondelete="CASCADE")),
        sa.Column("user_name", sa.String(64), sa.ForeignKey("users.name", ondelete="CASCADE")),
        sa.Column("expires_at", sa.DateTime, nullable=False),
    )
