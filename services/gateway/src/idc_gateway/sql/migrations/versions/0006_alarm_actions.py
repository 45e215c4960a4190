"""The reports of alarms that are in the audit chain: each is written once, however often it is sent."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "alarm_actions",
        sa.Column("message_id", sa.Uuid, primary_key=True),
        sa.Column("recorded_at", sa.DateTime, nullable=False, index=True),
    )


def downgrade() -> None:
    op.drop_table("alarm_actions")
