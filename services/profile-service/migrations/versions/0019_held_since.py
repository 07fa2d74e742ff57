"""Find the earliest held link of an identity, however many it has.

Revision: 0019
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_HELD = sa.text("state = 'held' AND retracted_at IS NULL")


def upgrade() -> None:
    """Apply."""
    for end in "ab":
        op.create_index(f"ix_link_held_{end}_since", "link", [end, "evidence_at"], postgresql_where=_HELD)
        op.drop_index(f"ix_link_held_{end}", table_name="link")


def downgrade() -> None:
    """Take back."""
    for end in "ab":
        op.create_index(f"ix_link_held_{end}", "link", [end], postgresql_where=_HELD)
        op.drop_index(f"ix_link_held_{end}_since", table_name="link")
