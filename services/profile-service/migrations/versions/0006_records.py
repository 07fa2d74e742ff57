"""Repeating records with their history, and who may use them.

Revision: 0006
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def _time(name: str, *, nullable: bool = False, now: bool = False) -> sa.Column[object]:
    default = sa.text("now()") if now else None
    return sa.Column(name, sa.DateTime(timezone=True), server_default=default, nullable=nullable)


def _content() -> list[sa.Column[object]]:
    return [
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("value", postgresql.JSONB(), nullable=False),
        _time("observed_at"),
        _time("expires_at", nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("deleted", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        _time("recorded_at", now=True),
        sa.Column("recorded_by", sa.Text(), nullable=False),
    ]


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "record",
        sa.Column("record_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        _time("created_at", now=True),
        sa.Column("search", postgresql.ARRAY(sa.Text()), nullable=True),
        *_content(),
        sa.PrimaryKeyConstraint("record_id", name=op.f("pk_record")),
    )
    op.create_index(op.f("ix_record_identity_id_key"), "record", ["identity_id", "key"])
    op.create_index(
        "ix_record_search",
        "record",
        ["search"],
        postgresql_using="gin",
        postgresql_where=sa.text("search IS NOT NULL"),
    )
    op.create_table(
        "record_version",
        sa.Column("record_id", sa.Uuid(), nullable=False),
        *_content(),
        sa.ForeignKeyConstraint(
            ["record_id"], ["record.record_id"], name=op.f("fk_record_version_record_id_record"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("record_id", "version", name=op.f("pk_record_version")),
    )
    op.create_table(
        "record_grant",
        sa.Column("grant_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("owner", sa.Uuid(), nullable=False),
        sa.Column("grantee", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        _time("until"),
        sa.Column("note", sa.Text(), nullable=True),
        _time("created_at", now=True),
        sa.Column("created_by", sa.Text(), nullable=False),
        _time("revoked_at", nullable=True),
        sa.Column("revoked_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("grant_id", name=op.f("pk_record_grant")),
    )
    op.create_index("ix_record_grant_owner", "record_grant", ["owner", "key"])
    op.create_index("ix_record_grant_grantee", "record_grant", ["grantee"])
    op.create_table(
        "record_use",
        sa.Column("use_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("grant_id", sa.Uuid(), nullable=False),
        _time("used_at", now=True),
        sa.Column("used_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["grant_id"],
            ["record_grant.grant_id"],
            name=op.f("fk_record_use_grant_id_record_grant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("use_id", name=op.f("pk_record_use")),
    )
    op.create_index("ix_record_use_grant_id", "record_use", ["grant_id", "use_id"])


def downgrade() -> None:
    """Take back."""
    for table in ("record_use", "record_grant", "record_version", "record"):
        op.drop_table(table)
