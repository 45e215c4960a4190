"""Files of the watched folder whose slides were deleted."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table; nothing was kept of slides that were deleted before."""
    op.create_table(
        "deleted_files",
        sa.Column("location_sha256", sa.String(64), primary_key=True),
        sa.Column("size_bytes", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("modified_ns", sa.BigInteger, primary_key=True, autoincrement=False),
    )
