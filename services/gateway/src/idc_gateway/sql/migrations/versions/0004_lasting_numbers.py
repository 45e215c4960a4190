"""Numbers that SQLite never gives again; names of stored images, and names whose deletion is due."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_NUMBERED = ("classifications", "outbox", "reviews")


def upgrade() -> None:
    """Rebuild the numbered tables where the database is SQLite's; add the column and the table for images."""
    if op.get_bind().dialect.name == "sqlite":
        first_free = _above_every_number()
        for table in _NUMBERED:
            # Rebuilding drops the old table, which would delete rows that refer to it: foreign keys must be off here.
            with op.batch_alter_table(table, recreate="always", table_kwargs={"sqlite_autoincrement": True}):
                pass
            _set_last_number(table, first_free)
    op.add_column("images", sa.Column("object_name", sa.String(80)))
    op.execute("UPDATE images SET object_name = sha256")
    with op.batch_alter_table("images") as images:
        images.alter_column("object_name", existing_type=sa.String(80), nullable=False)
    op.create_index("images_by_object", "images", ["object_name"], unique=True)
    op.create_table("image_deletions", sa.Column("object_name", sa.String(80), primary_key=True))


def _above_every_number() -> int:
    """A number above all that were given, those of deleted rows included.

    Each row is one record of the audit chain, and so is each deletion: numbers that are gone cannot be more than these.
    """
    bind = op.get_bind()
    largest = [bind.execute(sa.text(f"SELECT max(sequence) FROM {table}")).scalar() or 0 for table in _NUMBERED]  # noqa: S608
    records = bind.execute(sa.text("SELECT sequence FROM audit_head")).scalar() or 0
    return int(max(largest) + 2 * records)


def _set_last_number(table: str, number: int) -> None:
    bind = op.get_bind()
    bind.execute(sa.text("DELETE FROM sqlite_sequence WHERE name = :name"), {"name": table})
    bind.execute(
        sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :seq)"), {"name": table, "seq": number}
    )
