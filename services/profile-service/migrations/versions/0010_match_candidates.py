"""Profiles that may be one customer.

Revision: 0010
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "match_candidate",
        sa.Column("candidate_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("a", sa.Uuid(), nullable=False),
        sa.Column("b", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), server_default="match", nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("probability", sa.Double(), nullable=False),
        sa.Column("weights", postgresql.JSONB(), nullable=True),
        sa.Column("guards", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("link_id", sa.Uuid(), nullable=True),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.Column("found_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint("a < b", name=op.f("ck_match_candidate_ordered")),
        sa.CheckConstraint("source IN ('match', 'guard')", name=op.f("ck_match_candidate_source")),
        sa.CheckConstraint("state IN ('open', 'accepted', 'rejected')", name=op.f("ck_match_candidate_state")),
        sa.PrimaryKeyConstraint("candidate_id", name=op.f("pk_match_candidate")),
    )
    op.create_index("uq_match_candidate", "match_candidate", ["a", "b", "source"], unique=True)
    op.create_index("ix_match_candidate_b", "match_candidate", ["b"], unique=False)


def downgrade() -> None:
    """Take back."""
    op.drop_table("match_candidate")
