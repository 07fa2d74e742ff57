"""Lifetime value: fitted models, scores of customers.

Revision: 0009
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_TOUCHED = "unnest(current_setting('segment.profiles')::uuid[]) AS asked (profile_id)"
_SOURCES = {
    "rule": "customer AS c",
    "touched": f"{_TOUCHED} JOIN customer AS c ON c.profile_id = asked.profile_id",
}
_CUSTOMER = """
    SELECT c.profile_id, COALESCE(p.kind, 'person') AS kind, COALESCE(p.restricted, false) AS restricted,
           c.value_class, c.lifecycle, c.lifecycle_since AT TIME ZONE 'UTC' AS lifecycle_since,
           c.orders::numeric(24, 6) AS orders, c.orders_elsewhere::numeric(24, 6) AS orders_elsewhere,
           c.period_orders::numeric(24, 6) AS period_orders,
           c.revenue::numeric(24, 6) AS revenue, c.period_revenue::numeric(24, 6) AS period_revenue,
           c.profit::numeric(24, 6) AS profit,
           c.first_order_at AT TIME ZONE 'UTC' AS first_order_at,
           c.last_order_at AT TIME ZONE 'UTC' AS last_order_at,
           c.contacted_at AT TIME ZONE 'UTC' AS contacted_at,
           c.r::numeric(24, 6) AS r, c.f::numeric(24, 6) AS f, c.m::numeric(24, 6) AS m,
           c.cost_to_serve::numeric(24, 6) AS cost_to_serve {scores}
    FROM {customer} LEFT JOIN profile_copy AS p ON p.profile_id = c.profile_id {joined}
"""
_SCORES = """,
    s.p_alive::numeric(24, 6) AS p_alive, s.expected_orders::numeric(24, 6) AS expected_orders,
    s.clv_12m::numeric(24, 6) AS clv_12m
"""
_JOINED = "LEFT JOIN clv_score AS s ON s.profile_id = c.profile_id"


def _view(schema: str, scores: str, joined: str) -> str:
    text = _CUSTOMER.format(customer=_SOURCES[schema], scores=scores, joined=joined)
    return f"CREATE OR REPLACE VIEW {schema}.customer AS {text}"


def upgrade() -> None:
    """Apply."""
    op.add_column("customer", sa.Column("repeat_days", sa.Integer(), server_default="0", nullable=False))
    op.add_column(
        "customer", sa.Column("repeat_revenue", sa.Numeric(precision=24, scale=2), server_default="0", nullable=False)
    )
    # Everybody is computed anew, which fills the new columns.
    op.execute("UPDATE ranking SET rules = NULL")
    op.create_table(
        "clv_fit",
        sa.Column("fit_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("fitted_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("calibration_end", sa.DateTime(timezone=True), nullable=False),
        sa.Column("horizon_days", sa.Integer(), nullable=False),
        sa.Column("time_unit", sa.Text(), nullable=False),
        sa.Column("customers", sa.BigInteger(), nullable=False),
        sa.Column("spenders", sa.BigInteger(), nullable=False),
        sa.Column("log_likelihood", sa.Double(), nullable=False),
        *(sa.Column(name, sa.Double(), nullable=False) for name in ("r", "alpha", "a", "b")),
        *(sa.Column(name, sa.Double(), nullable=True) for name in ("p", "q", "v")),
        sa.Column("holdout", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("notes", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("fit_id", name=op.f("pk_clv_fit")),
    )
    op.create_table(
        "clv_score",
        sa.Column("profile_id", sa.Uuid(), nullable=False),
        sa.Column("p_alive", sa.Numeric(precision=7, scale=6), nullable=False),
        sa.Column("expected_orders", sa.Numeric(precision=12, scale=4), nullable=False),
        sa.Column("value", sa.Numeric(precision=24, scale=2), nullable=True),
        sa.Column("clv_12m", sa.Numeric(precision=24, scale=2), nullable=True),
        sa.Column("by_margin", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["profile_id"], ["customer.profile_id"], name=op.f("fk_clv_score_profile_id_customer"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("profile_id", name=op.f("pk_clv_score")),
    )
    op.create_table(
        "clv_scoring",
        sa.Column("id", sa.SmallInteger(), server_default="1", autoincrement=False, nullable=False),
        sa.Column("fit_id", sa.Uuid(), nullable=True),
        sa.Column("scored_for", sa.Date(), nullable=True),
        sa.Column("scored_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_clv_scoring_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clv_scoring")),
    )
    for schema in _SOURCES:
        op.execute(_view(schema, _SCORES, _JOINED))
    op.execute("UPDATE column_part SET whole_since = nextval('change_version') WHERE name = 'customer'")


def downgrade() -> None:
    """Take back."""
    for schema in _SOURCES:
        op.execute(f"DROP VIEW {schema}.customer")
        op.execute(_view(schema, "", ""))
    op.drop_table("clv_scoring")
    op.drop_table("clv_score")
    op.drop_table("clv_fit")
    op.drop_column("customer", "repeat_revenue")
    op.drop_column("customer", "repeat_days")
