"""Why results are uncertain, and the scales that senders stated."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; so far only the thresholds made a result uncertain, and nobody could state a scale."""
    op.add_column("classifications", sa.Column("reasons", sa.String(255), nullable=False, server_default=""))
    op.add_column("classifications", sa.Column("um_per_px", sa.Float))
    op.execute("UPDATE classifications SET reasons = 'between_thresholds' WHERE decision = 'uncertain'")
