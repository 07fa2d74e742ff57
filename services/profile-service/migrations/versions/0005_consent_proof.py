"""Double opt-in, do-not-call registries, restriction, secrets.

Revision: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "secret",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_secret")),
    )
    op.create_table(
        "opt_in",
        sa.Column("opt_in_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("lawful_basis", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("proof", sa.Text(), nullable=True),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("confirmed_at", _TIME, nullable=True),
        sa.Column("recorded_at", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("opt_in_id", name=op.f("pk_opt_in")),
    )
    op.create_index(op.f("ix_opt_in_identity_id_channel_purpose"), "opt_in", ["identity_id", "channel", "purpose"])
    op.create_table(
        "hashed_suppression",
        sa.Column("suppression_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("registry", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("jurisdiction", sa.Text(), nullable=True),
        sa.Column("expires_at", _TIME, nullable=True),
        sa.Column("batch", sa.Uuid(), nullable=True),
        sa.Column("created_at", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("suppression_id", name=op.f("pk_hashed_suppression")),
    )
    op.create_index(
        "uq_hashed_suppression",
        "hashed_suppression",
        ["digest", "channel", "registry"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.create_index(
        op.f("ix_hashed_suppression_registry"),
        "hashed_suppression",
        ["registry"],
        postgresql_where=sa.text("registry IS NOT NULL"),
    )
    op.create_table(
        "suppression_registry",
        sa.Column("registry", sa.Text(), nullable=False),
        sa.Column("jurisdiction", sa.Text(), nullable=False),
        sa.Column("channels", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", _TIME, nullable=True),
        sa.Column("imported_at", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("imported_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("registry", name=op.f("pk_suppression_registry")),
    )
    op.create_table(
        "restriction",
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("since", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("lifted_at", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("identity_id", "request_id", name=op.f("pk_restriction")),
    )
    op.create_index(op.f("ix_restriction_request_id"), "restriction", ["request_id"])
    op.add_column("suppression", sa.Column("jurisdiction", sa.Text(), nullable=True))
    op.add_column("suppression", sa.Column("expires_at", _TIME, nullable=True))


def downgrade() -> None:
    """Take back."""
    op.drop_column("suppression", "expires_at")
    op.drop_column("suppression", "jurisdiction")
    for table in ("restriction", "suppression_registry", "hashed_suppression", "opt_in", "secret"):
        op.drop_table(table)
