"""What customers spend elsewhere: estimates, competitors, benchmarks.

Revision: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "spend_estimate",
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("amount", sa.Numeric(precision=17, scale=2), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.CheckConstraint("origin IN ('stated', 'estimated', 'benchmark')", name=op.f("ck_spend_estimate_origin")),
        sa.PrimaryKeyConstraint("identity_id", "category", "origin", "at", name=op.f("pk_spend_estimate")),
    )
    op.create_table(
        "competitor",
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("share", sa.Numeric(precision=7, scale=6), nullable=True),
        sa.Column("amount", sa.Numeric(precision=17, scale=2), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("identity_id", "name", name=op.f("pk_competitor")),
    )
    op.create_table(
        "spend_benchmark",
        sa.Column("own", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("size", sa.Text(), nullable=True),
        sa.Column("value_class", sa.Text(), nullable=True),
        sa.Column("amount", sa.Numeric(precision=17, scale=2), nullable=False),
        sa.PrimaryKeyConstraint("own", "position", name=op.f("pk_spend_benchmark")),
    )


def downgrade() -> None:
    """Take back."""
    for table in ("spend_benchmark", "competitor", "spend_estimate"):
        op.drop_table(table)
