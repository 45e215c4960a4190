"""When a reader was shown another reader's answer."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; nothing was kept of what was shown before."""
    op.add_column("reviews", sa.Column("unsealed_at", sa.DateTime))
