"""Contacts by month, what they cost, and what customers cost to serve.

Revision: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "contact_month",
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("contacts", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("identity_id", "month", "channel", "direction", name=op.f("pk_contact_month")),
    )
    op.create_index("ix_contact_month_month", "contact_month", ["month"], unique=False)
    op.create_table(
        "service_cost",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("holds_from", sa.Date(), nullable=False),
        sa.Column("cost", sa.Numeric(precision=11, scale=4), nullable=False),
        sa.PrimaryKeyConstraint("channel", "direction", "holds_from", name=op.f("pk_service_cost")),
    )
    op.add_column("customer", sa.Column("cost_to_serve", sa.Numeric(precision=24, scale=2), nullable=True))


def downgrade() -> None:
    """Take back."""
    op.drop_column("customer", "cost_to_serve")
    op.drop_table("service_cost")
    op.drop_index("ix_contact_month_month", table_name="contact_month")
    op.drop_table("contact_month")
