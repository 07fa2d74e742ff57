"""Privacy requests with their receipts and exports; erasures done, and epochs of feeds followed.

Revision: 0008
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("feed_position", sa.Column("epoch", sa.BigInteger(), server_default="0", nullable=False))
    op.create_table(
        "erasure",
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("counts", postgresql.JSONB(), nullable=False),
        sa.Column("scanned", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("request_id", "round", name=op.f("pk_erasure")),
    )
    op.create_table(
        "privacy_request",
        sa.Column("request_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="queued", nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("kinds", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("own", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("shared", sa.ARRAY(sa.Uuid()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("profiles", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("named", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("round", sa.Integer(), server_default="1", nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "type IN ('access', 'portability', 'erasure', 'restriction')", name=op.f("ck_privacy_request_type")
        ),
        sa.CheckConstraint("state IN ('queued', 'running', 'succeeded')", name=op.f("ck_privacy_request_state")),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_privacy_request")),
    )
    op.create_index("ix_privacy_request_own", "privacy_request", ["own"], postgresql_using="gin")
    op.create_table(
        "privacy_receipt",
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="pending", nullable=False),
        sa.Column("counts", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('pending', 'waiting', 'done')", name=op.f("ck_privacy_receipt_state")),
        sa.ForeignKeyConstraint(
            ["request_id"], ["privacy_request.request_id"], name=op.f("fk_privacy_receipt_request_id")
        ),
        sa.PrimaryKeyConstraint("request_id", "service", name=op.f("pk_privacy_receipt")),
    )
    op.create_table(
        "privacy_export",
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("sections", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["request_id"], ["privacy_request.request_id"], name=op.f("fk_privacy_export_request_id")
        ),
        sa.PrimaryKeyConstraint("request_id", "service", name=op.f("pk_privacy_export")),
    )
    op.create_index(op.f("ix_privacy_export_created_at"), "privacy_export", ["created_at"])


def downgrade() -> None:
    """Take back."""
    for table in ("privacy_export", "privacy_receipt", "privacy_request"):
        op.drop_table(table)
    op.drop_table("erasure")
    op.drop_column("feed_position", "epoch")
