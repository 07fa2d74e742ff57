"""The churn file.

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
        "churn_episode",
        sa.Column("episode_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.Column("silent_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("returned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("reason_origin", sa.Text(), nullable=True),
        sa.Column("reason_note", sa.Text(), nullable=True),
        sa.Column("evidence", postgresql.JSONB(), nullable=False),
        sa.Column("actions", postgresql.JSONB(), nullable=False),
        sa.Column("outcome", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("state IN ('open', 'won_back', 'closed', 'undone')", name=op.f("ck_churn_episode_state")),
        sa.PrimaryKeyConstraint("episode_id", name=op.f("pk_churn_episode")),
    )
    op.create_index("ix_churn_episode_identity_id", "churn_episode", ["identity_id"], unique=False)
    op.create_index("ix_churn_episode_opened_at", "churn_episode", ["opened_at", "episode_id"], unique=False)
    op.create_table(
        "churn_statement",
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.Column("about", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("body", postgresql.JSONB(), nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("said_by", sa.Text(), nullable=False),
        sa.CheckConstraint("kind IN ('reason', 'actions', 'closing')", name=op.f("ck_churn_statement_kind")),
        sa.PrimaryKeyConstraint("identity_id", "about", "kind", name=op.f("pk_churn_statement")),
    )
    op.create_table(
        "churn_follow",
        sa.Column("id", sa.SmallInteger(), server_default="1", autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_churn_follow_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_churn_follow")),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("churn_follow")
    op.drop_table("churn_statement")
    op.drop_table("churn_episode")
