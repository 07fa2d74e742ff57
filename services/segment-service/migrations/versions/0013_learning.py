"""Groups found in the data, rankings by likeness.

Revision: 0013
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    for name in ("clustering", "lookalike"):
        op.create_table(
            name,
            sa.Column(f"{name}_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
            sa.Column("name", sa.Text(), nullable=False),
            sa.Column("spec", postgresql.JSONB(), nullable=False),
            sa.Column("job_id", sa.Uuid(), nullable=False),
            sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
            sa.Column("as_of", sa.DateTime(timezone=True), nullable=True),
            sa.Column("result", postgresql.JSONB(none_as_null=True), nullable=True),
            sa.PrimaryKeyConstraint(f"{name}_id", name=op.f(f"pk_{name}")),
        )
    op.create_index("ix_clustering_name", "clustering", ["name", "clustering_id"])
    op.create_table(
        "clustering_member",
        sa.Column("clustering_id", sa.Uuid(), nullable=False),
        sa.Column("profile_id", sa.Uuid(), nullable=False),
        sa.Column("group_key", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("clustering_id", "profile_id", name=op.f("pk_clustering_member")),
        sa.ForeignKeyConstraint(
            ["clustering_id"],
            ["clustering.clustering_id"],
            name=op.f("fk_clustering_member_clustering_id_clustering"),
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_clustering_member_group_key", "clustering_member", ["clustering_id", "group_key", "profile_id"])
    op.create_index("ix_clustering_member_profile_id", "clustering_member", ["profile_id"])
    op.create_table(
        "lookalike_score",
        sa.Column("lookalike_id", sa.Uuid(), nullable=False),
        sa.Column("profile_id", sa.Uuid(), nullable=False),
        sa.Column("score", sa.REAL(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("lookalike_id", "profile_id", name=op.f("pk_lookalike_score")),
        sa.ForeignKeyConstraint(
            ["lookalike_id"],
            ["lookalike.lookalike_id"],
            name=op.f("fk_lookalike_score_lookalike_id_lookalike"),
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_lookalike_score_place", "lookalike_score", ["lookalike_id", "place"])
    op.create_index("ix_lookalike_score_profile_id", "lookalike_score", ["profile_id"])


def downgrade() -> None:
    """Take back."""
    for name in ("lookalike_score", "clustering_member", "lookalike", "clustering"):
        op.drop_table(name)
