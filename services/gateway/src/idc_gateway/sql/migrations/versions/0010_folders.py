"""Folders of patches, and which of them a result belongs to."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them; results that are there belong to no folder, and an index has only those that belong to one."""
    op.create_table(
        "folders",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("id", sa.Uuid, nullable=False, unique=True),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("name_to_search", sa.String(512), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("files", sa.Integer, nullable=True),
        sa.Column("left_out", sa.Integer, nullable=False),
        sa.Column("left_out_files", sa.Text, nullable=False),
        sa.Column("received_at", sa.DateTime, nullable=False),
        sa.Column("received_by", sa.String(64), nullable=False),
        sa.Column("changed_at", sa.DateTime, nullable=False, index=True),
        sqlite_autoincrement=True,
    )
    op.add_column("classifications", sa.Column("folder", sa.Uuid))
    in_one = sa.text("folder IS NOT NULL")
    for name, columns in (
        ("classifications_by_folder", ["folder", "created_at", "sequence"]),
        ("classifications_counted", ["folder", "decision", "verdict", "created_at"]),
    ):
        op.create_index(name, "classifications", columns, sqlite_where=in_one, postgresql_where=in_one)


def downgrade() -> None:
    op.drop_index("classifications_counted", "classifications")
    op.drop_index("classifications_by_folder", "classifications")
    op.drop_column("classifications", "folder")
    op.drop_table("folders")
