"""Bounds of RFM scores that the firm fixes.

Revision: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("ranking", sa.Column("rfm_version", sa.Integer(), server_default="0", nullable=False))
    op.add_column("ranking", sa.Column("rfm_days", sa.ARRAY(sa.Integer()), server_default="{}", nullable=False))


def downgrade() -> None:
    """Take back."""
    op.drop_column("ranking", "rfm_days")
    op.drop_column("ranking", "rfm_version")
