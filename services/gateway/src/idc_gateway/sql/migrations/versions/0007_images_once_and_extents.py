"""What patches cover in their slides, and the keys of images that are stored once."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; results that are there belong to no series, and cover what their images' sizes say."""
    for column in (sa.Column("w", sa.Integer), sa.Column("h", sa.Integer), sa.Column("once_key", sa.String(64))):
        op.add_column("classifications", column)
    op.create_index("classifications_by_once_key", "classifications", ["once_key"], unique=True)
