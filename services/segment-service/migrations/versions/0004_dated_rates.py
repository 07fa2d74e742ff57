"""Dated rates of currencies, refunds and costs in currencies of their own.

Revision: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("purchase", sa.Column("cost_currency", sa.Text(), nullable=True))
    op.add_column(
        "purchase", sa.Column("refunded_abroad", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.add_column("refund", sa.Column("currency", sa.Text(), nullable=True))
    op.create_table(
        "identity_currency",
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("currency", "identity_id", name=op.f("pk_identity_currency")),
    )
    op.create_index("ix_identity_currency_identity_id", "identity_currency", ["identity_id"], unique=False)
    op.create_table(
        "rate",
        sa.Column("own", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("holds_from", sa.Date(), nullable=False),
        sa.Column("rate", sa.Numeric(precision=24, scale=12), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("own", "currency", "holds_from", name=op.f("pk_rate")),
    )
    op.create_table(
        "revaluation",
        sa.Column("revaluation_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("after", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("revaluation_id", name=op.f("pk_revaluation")),
    )
    # Which currency is the service's own is not known here: every currency that orders came in.
    op.execute(
        "INSERT INTO identity_currency SELECT DISTINCT currency, identity_id FROM purchase WHERE currency IS NOT NULL"
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("revaluation")
    op.drop_table("rate")
    op.drop_index("ix_identity_currency_identity_id", table_name="identity_currency")
    op.drop_table("identity_currency")
    op.drop_column("refund", "currency")
    op.drop_column("purchase", "refunded_abroad")
    op.drop_column("purchase", "cost_currency")
