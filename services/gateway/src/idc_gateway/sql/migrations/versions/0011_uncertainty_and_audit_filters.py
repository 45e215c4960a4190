"""Results by their distance from the cut, and the audit log by actor and subject: no list reads all of a table."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_DISTANCE = "(abs(probability - (no_idc_below + idc_from) / 2))"


def upgrade() -> None:
    op.execute(
        f"CREATE INDEX classifications_by_uncertainty ON classifications (decision, verdict, {_DISTANCE}, sequence)"
    )
    op.create_index("audit_by_actor", "audit", ["actor", "sequence"])
    op.create_index("audit_by_subject", "audit", ["subject", "sequence"])
