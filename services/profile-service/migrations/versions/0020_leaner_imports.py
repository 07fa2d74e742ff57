"""Lists say how their dates are written; a column that nothing reads is gone.

Revision: 0020
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("list_import", sa.Column("date_format", sa.Text(), nullable=True))
    # Worked out for each of millions of facts, for a search that was replaced by an index of its own.
    op.drop_column("fact", "name")


def downgrade() -> None:
    """Take back."""
    name = "CASE WHEN key IN ('given_name', 'family_name', 'display_name') THEN lower(value #>> '{}') END"
    op.add_column("fact", sa.Column("name", sa.Text(), sa.Computed(name, persisted=True), nullable=True))
    op.drop_column("list_import", "date_format")
