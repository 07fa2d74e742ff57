"""Facts name the list they came with.

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
    op.add_column("fact", sa.Column("import_id", sa.Uuid(), nullable=True))
    # Checked for every one of millions of rows, which are written in the transaction that knows the list.
    op.drop_constraint("fk_list_membership_import_id", "list_membership", type_="foreignkey")


def downgrade() -> None:
    """Take back."""
    op.create_foreign_key(
        "fk_list_membership_import_id", "list_membership", "list_import", ["import_id"], ["import_id"]
    )
    op.drop_column("fact", "import_id")
