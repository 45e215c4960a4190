"""The list of screened slides outlives the slides, and has a further entry where reviews change a decision."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the reference to the slides away, add the moment of the decision, and keep the numbers that were given."""
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint("screened_slide_id_fkey", "screened", type_="foreignkey")
        op.add_column("screened", sa.Column("decided_at", sa.DateTime))
        return
    op.create_table(
        "screened_lasting",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("message_id", sa.Uuid, nullable=False, unique=True),
        sa.Column("slide_id", sa.Uuid, nullable=False),
        sa.Column("record", sa.Text, nullable=False),
        sa.Column("decided_at", sa.DateTime),
        sqlite_autoincrement=True,
    )
    op.execute(
        "INSERT INTO screened_lasting (number, message_id, slide_id, record) "
        "SELECT number, message_id, slide_id, record FROM screened"
    )
    # the number of a slide that was deleted is in no row, but the gateway may remember it
    op.execute("DELETE FROM sqlite_sequence WHERE name = 'screened_lasting'")
    op.execute(
        "INSERT INTO sqlite_sequence (name, seq) SELECT 'screened_lasting', seq FROM sqlite_sequence "
        "WHERE name = 'screened'"
    )
    op.drop_table("screened")
    op.rename_table("screened_lasting", "screened")
