"""An open conversation is found by whom it was opened for, before the map of identities knows.

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
    op.add_column(
        "conversation", sa.Column("known_by", sa.ARRAY(sa.Uuid()), server_default=sa.text("'{}'"), nullable=False)
    )
    op.create_index(
        "ix_conversation_known_by",
        "conversation",
        ["known_by"],
        postgresql_using="gin",
        postgresql_where=sa.text("state = 'open'"),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_index("ix_conversation_known_by", table_name="conversation")
    op.drop_column("conversation", "known_by")
