"""Whether a reader was shown the model's answer before their own."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; of the answers before, nobody knows."""
    op.add_column("reviews", sa.Column("model_shown", sa.Boolean))
