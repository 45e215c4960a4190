"""The screened slides that have their event and their audit record: each slide gets one of both."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them, and the place in the slides service's list."""
    op.create_table(
        "screened_slides",
        sa.Column("message_id", sa.Uuid, primary_key=True),
        sa.Column("recorded_at", sa.DateTime, nullable=False),
    )
    op.create_table(
        "screened_head",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("number", sa.Integer, nullable=False),
    )
    op.execute("INSERT INTO screened_head (id, number) VALUES (1, 0)")


def downgrade() -> None:
    op.drop_table("screened_head")
    op.drop_table("screened_slides")
