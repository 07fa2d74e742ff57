"""Find retracted links by their pair.

Revision: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_index("ix_link_retracted", "link", ["a", "b"], postgresql_where=sa.text("retracted_at IS NOT NULL"))


def downgrade() -> None:
    """Take back."""
    op.drop_index("ix_link_retracted", table_name="link", postgresql_where=sa.text("retracted_at IS NOT NULL"))
