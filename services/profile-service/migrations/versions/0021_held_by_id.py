"""List held links, the newest first, without sorting all of them.

Revision: 0021
"""

from rapport.migrations import build_index, drop_index

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    build_index("ix_link_held_id", "link (link_id) WHERE state = 'held' AND retracted_at IS NULL")


def downgrade() -> None:
    """Take back."""
    drop_index("ix_link_held_id")
