"""Jobs of several kinds, under lease.

Revision: 0003
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_COLUMNS = ("spec", "checkpoint", "result", "cancel_requested", "lease", "leased_until")


def upgrade() -> None:
    """Apply."""
    op.add_column("job", sa.Column("spec", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False))
    op.add_column("job", sa.Column("checkpoint", postgresql.JSONB(), nullable=True))
    op.add_column("job", sa.Column("result", postgresql.JSONB(), nullable=True))
    op.add_column("job", sa.Column("cancel_requested", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("job", sa.Column("lease", sa.Uuid(), nullable=True))
    op.add_column("job", sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True))
    # Whoever runs the version before does not know leases: what it left running is taken up again.
    op.execute("UPDATE job SET leased_until = now() WHERE state = 'running'")
    op.create_index(
        "ix_job_waiting",
        "job",
        ["kind", "job_id"],
        unique=False,
        postgresql_where=sa.text("state IN ('queued', 'running')"),
    )
    op.drop_index("ix_job_open", table_name="job")


def downgrade() -> None:
    """Take back."""
    op.create_index(
        "ix_job_open", "job", ["created_at"], unique=False, postgresql_where=sa.text("state IN ('queued', 'running')")
    )
    op.drop_index("ix_job_waiting", table_name="job")
    for name in reversed(_COLUMNS):
        op.drop_column("job", name)
