"""Keep the outbox's events as they are: compressing what is read within moments took a quarter of the intake's time.

Revision: 0002
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply."""
    op.execute("ALTER TABLE outbox ALTER COLUMN events SET STORAGE EXTERNAL")


def downgrade() -> None:
    """Take back."""
    op.execute("ALTER TABLE outbox ALTER COLUMN events SET STORAGE EXTENDED")
