"""Classes and stages as they were announced.

Revision: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "standing_change",
        sa.Column("change_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("profile_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("value_class", sa.Text(), nullable=False),
        sa.Column("lifecycle", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("change_id", name=op.f("pk_standing_change")),
    )
    op.create_index(
        "ix_standing_change_profile_id_change_id", "standing_change", ["profile_id", "change_id"], unique=False
    )


def downgrade() -> None:
    """Take back."""
    op.drop_index("ix_standing_change_profile_id_change_id", table_name="standing_change")
    op.drop_table("standing_change")
