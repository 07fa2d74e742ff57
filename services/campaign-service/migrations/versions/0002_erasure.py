"""Erasures done, and epochs of feeds followed.

Revision: 0002
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("feed_position", sa.Column("epoch", sa.BigInteger(), server_default="0", nullable=False))
    op.create_table(
        "erasure",
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("counts", postgresql.JSONB(), nullable=False),
        sa.Column("scanned", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("request_id", "round", name=op.f("pk_erasure")),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("erasure")
    op.drop_column("feed_position", "epoch")
