"""Referrals: what customers bring, and how far that is counted.

Revision: 0012
"""

import re

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# Whatever columns the relation has got so far, these come behind them.
_VIEW = """
    CREATE OR REPLACE VIEW {schema}.customer AS
    SELECT before.*, COALESCE(i.referrals, 0)::numeric(24, 6) AS referrals,
           COALESCE(i.referral_value, 0)::numeric(24, 6) AS referral_value
    FROM ({before}) AS before LEFT JOIN influence AS i ON i.profile_id = before.profile_id
"""
_BEFORE = re.compile(r"FROM \(\((.*)\) before\s+LEFT JOIN", re.DOTALL)


def _definition(schema: str) -> str:
    text = op.get_bind().scalar(sa.text(f"SELECT pg_get_viewdef('{schema}.customer'::regclass)"))
    return str(text).rstrip().rstrip(";")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "influence",
        sa.Column("profile_id", sa.Uuid(), nullable=False),
        sa.Column("direct", sa.Integer(), nullable=False),
        sa.Column("referrals", sa.Integer(), nullable=False),
        sa.Column("referral_value", sa.Numeric(precision=24, scale=2), nullable=False),
        sa.ForeignKeyConstraint(
            ["profile_id"], ["customer.profile_id"], name=op.f("fk_influence_profile_id_customer"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("profile_id", name=op.f("pk_influence")),
    )
    op.create_index("ix_influence_referral_value", "influence", ["referral_value", "profile_id"])
    op.create_table(
        "influence_follow",
        sa.Column("id", sa.SmallInteger(), server_default="1", autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("profile_id", sa.Uuid(), nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("ck_influence_follow_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_influence_follow")),
    )
    for schema in ("rule", "touched"):
        op.execute(_VIEW.format(schema=schema, before=_definition(schema)))
    op.execute("UPDATE column_part SET whole_since = nextval('change_version') WHERE name = 'customer'")


def downgrade() -> None:
    """Take back."""
    for schema in ("rule", "touched"):
        found = _BEFORE.search(_definition(schema))
        assert found is not None  # noqa: S101  `upgrade` wrote it
        op.execute(f"DROP VIEW {schema}.customer")
        op.execute(f"CREATE VIEW {schema}.customer AS {found[1]}")
    op.drop_table("influence_follow")
    op.drop_index("ix_influence_referral_value", table_name="influence")
    op.drop_table("influence")
