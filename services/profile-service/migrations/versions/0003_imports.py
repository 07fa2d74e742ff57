"""Lists imported, who is on them, their files and faults.

Revision: 0003
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "list_import",
        sa.Column("import_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("lawful_basis", sa.Text(), nullable=True),
        sa.Column("permitted_uses", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("mapping", postgresql.JSONB(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("file_size", sa.BigInteger(), nullable=False),
        sa.Column("file_format", postgresql.JSONB(), nullable=False),
        sa.Column("rows", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("accepted", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rejected", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("import_id", name=op.f("pk_list_import")),
        sa.UniqueConstraint("job_id", name=op.f("uq_list_import_job_id")),
    )
    op.create_table(
        "list_membership",
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["import_id"], ["list_import.import_id"], name=op.f("fk_list_membership_import_id")),
        sa.PrimaryKeyConstraint("identity_id", "import_id", name=op.f("pk_list_membership")),
    )
    op.create_table(
        "import_file_part",
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["import_id"], ["list_import.import_id"], name=op.f("fk_import_file_part_import_id")),
        sa.PrimaryKeyConstraint("import_id", "number", name=op.f("pk_import_file_part")),
    )
    # Half a gigabyte goes in and out once: trying to compress it would take longer than writing it.
    op.execute("ALTER TABLE import_file_part ALTER data SET STORAGE EXTERNAL")
    op.create_table(
        "import_fault",
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("row", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("column", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["import_id"], ["list_import.import_id"], name=op.f("fk_import_fault_import_id")),
        sa.PrimaryKeyConstraint("import_id", "row", "number", name=op.f("pk_import_fault")),
    )
    op.create_index(
        "ix_import_fault_value",
        "import_fault",
        ["created_at"],
        unique=False,
        postgresql_where=sa.text("value IS NOT NULL"),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("import_fault")
    op.drop_table("import_file_part")
    op.drop_table("list_membership")
    op.drop_table("list_import")
