"""Cannot-links are known by an id, all that one word of an operator made by the same, and can be withdrawn.

Revision: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_ONE_WORD_ONE_ID = """
    UPDATE cannot_link SET cannot_link_id = word.id
    FROM (
        SELECT a, b, made_at, first_value(cannot_link_id) OVER (PARTITION BY made_at, made_by ORDER BY a, b) AS id
        FROM cannot_link
    ) AS word
    WHERE (cannot_link.a, cannot_link.b, cannot_link.made_at) = (word.a, word.b, word.made_at)
"""


def upgrade() -> None:
    """Apply."""
    op.add_column(
        "cannot_link", sa.Column("cannot_link_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False)
    )
    op.add_column("cannot_link", sa.Column("withdrawn_by", sa.Text(), nullable=True))
    op.add_column("cannot_link", sa.Column("withdrawal_reason", sa.Text(), nullable=True))
    op.execute(_ONE_WORD_ONE_ID)
    op.create_index("ix_cannot_link_id", "cannot_link", ["cannot_link_id"])


def downgrade() -> None:
    """Take back."""
    op.drop_index("ix_cannot_link_id", table_name="cannot_link")
    op.drop_column("cannot_link", "withdrawal_reason")
    op.drop_column("cannot_link", "withdrawn_by")
    op.drop_column("cannot_link", "cannot_link_id")
