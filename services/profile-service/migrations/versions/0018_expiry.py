"""How far facts that expired have been announced.

Revision: 0018
"""

import sqlalchemy as sa
from alembic import op
from rapport.migrations import build_index, drop_index

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply; what expired before, which nobody was told, is announced then."""
    build_index("ix_fact_expiry", "fact (expires_at, fact_id) WHERE expires_at IS NOT NULL")
    op.create_table(
        "fact_expiry",
        sa.Column("single", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fact_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("single", name=op.f("ck_fact_expiry_single")),
        sa.PrimaryKeyConstraint("single", name=op.f("pk_fact_expiry")),
    )
    op.execute("INSERT INTO fact_expiry (expires_at, fact_id) VALUES ('epoch', '00000000-0000-0000-0000-000000000000')")


def downgrade() -> None:
    """Take back."""
    op.drop_table("fact_expiry")
    drop_index("ix_fact_expiry")
