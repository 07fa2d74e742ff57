"""What was personal stays so when it is defined no longer.

Revision: 0015
"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.execute("""
        CREATE VIEW personal_key AS
            SELECT key FROM attribute WHERE personal
            UNION ALL
            SELECT key FROM attribute_version AS last
            WHERE personal AND NOT EXISTS (SELECT FROM attribute WHERE attribute.key = last.key)
              AND NOT EXISTS (SELECT FROM attribute_version AS later
                              WHERE later.key = last.key AND later.version > last.version)
    """)


def downgrade() -> None:
    """Take back."""
    op.execute("DROP VIEW personal_key")
