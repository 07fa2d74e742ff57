"""Orders, customers, rankings, jobs.

Revision: 0001
"""

import sqlalchemy as sa
from alembic import op
from rapport.feed.outbox import Xid8
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.execute(sa.schema.CreateSequence(sa.Sequence("change_version")))
    op.create_table(
        "contact",
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.Column("contacts", sa.BigInteger(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("consented_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("identity_id", name=op.f("pk_contact")),
    )
    op.create_table(
        "customer",
        sa.Column("profile_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("orders", sa.Integer(), nullable=False),
        sa.Column("order_days", sa.Integer(), nullable=False),
        sa.Column("orders_elsewhere", sa.Integer(), nullable=False),
        sa.Column("revenue", sa.Numeric(precision=24, scale=2), nullable=False),
        sa.Column("profit", sa.Numeric(precision=24, scale=2), nullable=True),
        sa.Column("first_order_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_order_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("period_orders", sa.Integer(), nullable=False),
        sa.Column("period_revenue", sa.Numeric(precision=24, scale=2), nullable=False),
        sa.Column("contacted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("value_class", sa.Text(), nullable=False),
        sa.Column("r", sa.SmallInteger(), nullable=True),
        sa.Column("f", sa.SmallInteger(), nullable=True),
        sa.Column("m", sa.SmallInteger(), nullable=True),
        sa.Column("lifecycle", sa.Text(), nullable=False),
        sa.Column("lifecycle_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("established_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("returned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("won_back_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("at_risk_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lapsed_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "lifecycle IN ('prospect', 'new', 'established', 'at_risk', 'lapsed', 'won_back')",
            name=op.f("ck_customer_lifecycle"),
        ),
        sa.CheckConstraint(
            "value_class IN ('top', 'large', 'medium', 'small', 'inactive', 'prospect', 'suspect')",
            name=op.f("ck_customer_value_class"),
        ),
        sa.PrimaryKeyConstraint("profile_id", name=op.f("pk_customer")),
    )
    op.create_index(
        "ix_customer_due_at", "customer", ["due_at"], unique=False, postgresql_where=sa.text("due_at IS NOT NULL")
    )
    op.create_index("ix_customer_value_class", "customer", ["value_class", "profile_id"], unique=False)
    op.create_index("ix_customer_version", "customer", ["version"], unique=False)
    op.create_table(
        "feed_failure",
        sa.Column("consumer", sa.String(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("failed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("consumer", "event_id", name=op.f("pk_feed_failure")),
    )
    op.create_table(
        "feed_position",
        sa.Column("consumer", sa.String(), nullable=False),
        sa.Column("last_event_id", sa.String(), server_default="", nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("consumer", name=op.f("pk_feed_position")),
    )
    op.create_table(
        "idempotency",
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("subject", "key", name=op.f("pk_idempotency")),
    )
    op.create_index(op.f("ix_idempotency_created_at"), "idempotency", ["created_at"], unique=False)
    op.create_table(
        "identity_map",
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.Column("profile_id", sa.Uuid(), nullable=False),
        sa.Column("seed_profile_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("identity_id", name=op.f("pk_identity_map")),
    )
    op.create_index("ix_identity_map_profile_id", "identity_map", ["profile_id"], unique=False)
    op.create_index("ix_identity_map_seed_profile_id", "identity_map", ["seed_profile_id"], unique=False)
    op.create_table(
        "job",
        sa.Column("job_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="queued", nullable=False),
        sa.Column("done", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')", name=op.f("ck_job_state")
        ),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_job")),
    )
    op.create_index(
        "ix_job_open", "job", ["created_at"], unique=False, postgresql_where=sa.text("state IN ('queued', 'running')")
    )
    op.create_table(
        "outbox",
        sa.Column("xid", Xid8(), server_default=sa.text("pg_current_xact_id()"), nullable=False),
        sa.Column("sequence", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("events", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("xid", "sequence", name=op.f("pk_outbox")),
    )
    op.create_table(
        "part",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_part")),
    )
    op.create_table(
        "purchase",
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("amended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "ordered_at",
            sa.DateTime(timezone=True),
            sa.Computed("COALESCE(completed_at, amended_at)", persisted=True),
            nullable=True,
        ),
        sa.Column("revenue", sa.Numeric(precision=18, scale=2), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("revenue_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revenue_step", sa.SmallInteger(), nullable=True),
        sa.Column("cost", sa.Numeric(precision=18, scale=2), nullable=True),
        sa.Column("cost_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cost_step", sa.SmallInteger(), nullable=True),
        sa.Column("refunded", sa.Numeric(precision=18, scale=2), server_default="0", nullable=False),
        sa.Column("refunded_whole", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("twin", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("identity_id", "order_id", name=op.f("pk_purchase")),
    )
    op.create_index("ix_purchase_order_id", "purchase", ["order_id"], unique=False)
    op.create_index("ix_purchase_ordered_at", "purchase", ["ordered_at"], unique=False)
    op.create_index("ix_purchase_twin", "purchase", ["identity_id"], unique=False, postgresql_where=sa.text("twin"))
    op.create_table(
        "ranking",
        sa.Column("id", sa.SmallInteger(), server_default="1", autoincrement=False, nullable=False),
        sa.Column("store_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("ranked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rules", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("sales", sa.ARRAY(sa.Numeric(precision=24, scale=2)), server_default="{}", nullable=False),
        sa.Column("last_order_at", sa.ARRAY(sa.DateTime(timezone=True)), server_default="{}", nullable=False),
        sa.Column("profile_id", sa.ARRAY(sa.Uuid()), server_default="{}", nullable=False),
        sa.Column("classes", sa.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("recency_bounds", sa.ARRAY(sa.DateTime(timezone=True)), server_default="{}", nullable=False),
        sa.Column("frequency_bounds", sa.ARRAY(sa.BigInteger()), server_default="{}", nullable=False),
        sa.Column("revenue_bounds", sa.ARRAY(sa.Numeric(precision=24, scale=2)), server_default="{}", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_ranking_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ranking")),
    )
    op.create_table(
        "refund",
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=18, scale=2), nullable=True),
        sa.Column("refunded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("identity_id", "order_id", "message_id", name=op.f("pk_refund")),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("refund")
    op.drop_table("ranking")
    op.drop_index("ix_purchase_twin", table_name="purchase", postgresql_where=sa.text("twin"))
    op.drop_index("ix_purchase_ordered_at", table_name="purchase")
    op.drop_index("ix_purchase_order_id", table_name="purchase")
    op.drop_table("purchase")
    op.drop_table("part")
    op.drop_table("outbox")
    op.drop_index("ix_job_open", table_name="job", postgresql_where=sa.text("state IN ('queued', 'running')"))
    op.drop_table("job")
    op.drop_index("ix_identity_map_seed_profile_id", table_name="identity_map")
    op.drop_index("ix_identity_map_profile_id", table_name="identity_map")
    op.drop_table("identity_map")
    op.drop_index(op.f("ix_idempotency_created_at"), table_name="idempotency")
    op.drop_table("idempotency")
    op.drop_table("feed_position")
    op.drop_table("feed_failure")
    op.drop_index("ix_customer_version", table_name="customer")
    op.drop_index("ix_customer_value_class", table_name="customer")
    op.drop_index("ix_customer_due_at", table_name="customer", postgresql_where=sa.text("due_at IS NOT NULL"))
    op.drop_table("customer")
    op.drop_table("contact")
    op.execute(sa.schema.DropSequence(sa.Sequence("change_version")))
