"""Campaigns, sends, projections, decisions, and what every service has."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from rapport.feed.outbox import Xid8
from sqlalchemy.dialects import postgresql

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "campaign",
        sa.Column("campaign_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="draft", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("audience", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("template", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("content", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("offer", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("variants", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("control_share", sa.Double(), nullable=False),
        sa.Column("goal", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("cost_per_contact", sa.Numeric(precision=18, scale=6), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("margin", sa.Double(), nullable=True),
        sa.Column("salt", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("launched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("prepared_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "state IN ('draft', 'running', 'paused', 'stopped', 'finished')", name=op.f("ck_campaign_state")
        ),
        sa.PrimaryKeyConstraint("campaign_id", name=op.f("pk_campaign")),
    )
    op.create_index("ix_campaign_created", "campaign", ["created_at", "campaign_id"], unique=False)
    op.create_index(
        "ix_campaign_state",
        "campaign",
        ["state"],
        unique=False,
        postgresql_where=sa.text("state IN ('running', 'paused')"),
    )
    op.create_table(
        "customer_case",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=True),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_customer_case")),
    )
    op.create_index(
        "ix_customer_case_open",
        "customer_case",
        ["identity_id"],
        unique=False,
        postgresql_where=sa.text("open AND kind = 'complaint'"),
    )
    op.create_table(
        "decision",
        sa.Column("decision_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("profile_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("moment", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("record", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("decision_id", name=op.f("pk_decision")),
    )
    op.create_index("ix_decision_profile", "decision", ["profile_id", "decided_at"], unique=False)
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
        "goal_event",
        sa.Column("touchpoint_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("touchpoint_id", name=op.f("pk_goal_event")),
    )
    op.create_index("ix_goal_event_name", "goal_event", ["name", "occurred_at"], unique=False)
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
    op.create_index("ix_identity_map_profile", "identity_map", ["profile_id"], unique=False)
    op.create_index("ix_identity_map_seed", "identity_map", ["seed_profile_id"], unique=False)
    op.create_table(
        "job",
        sa.Column("job_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), server_default="queued", nullable=False),
        sa.Column("done", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=True),
        sa.Column("cursor", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("owner", sa.Uuid(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')", name=op.f("ck_job_state")
        ),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_job")),
    )
    op.create_index(
        "ix_job_open", "job", ["job_id"], unique=False, postgresql_where=sa.text("state IN ('queued', 'running')")
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
        "purchase",
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.Column("ordered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("amount", sa.Numeric(precision=20, scale=4), nullable=True),
        sa.Column("amount_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_purchase")),
    )
    op.create_index(
        "ix_purchase_ordered",
        "purchase",
        ["ordered_at"],
        unique=False,
        postgresql_where=sa.text("ordered_at IS NOT NULL"),
    )
    op.create_table(
        "refund",
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=20, scale=4), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("order_id", "message_id", name=op.f("pk_refund")),
    )
    op.create_table(
        "response",
        sa.Column("touchpoint_id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("touchpoint_id", name=op.f("pk_response")),
    )
    op.create_index("ix_response_campaign", "response", ["campaign_id", "occurred_at"], unique=False)
    op.create_table(
        "secret",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_secret")),
    )
    op.create_table(
        "template",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("body", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_template")),
    )
    op.create_table(
        "unsubscribe",
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("send_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("identity_id", "channel", "purpose", name=op.f("pk_unsubscribe")),
    )
    op.create_table(
        "recipient",
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("profile_id", sa.Uuid(), nullable=False),
        sa.Column("identity_id", sa.Uuid(), nullable=True),
        sa.Column("included", sa.Boolean(), nullable=False),
        sa.Column("arm", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("assigned_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("included = (arm IS NOT NULL)", name=op.f("ck_recipient_arm")),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.campaign_id"], name=op.f("fk_recipient_campaign_id")),
        sa.PrimaryKeyConstraint("campaign_id", "profile_id", name=op.f("pk_recipient")),
    )
    op.create_index(
        "ix_recipient_identity", "recipient", ["identity_id"], unique=False, postgresql_where=sa.text("included")
    )
    op.create_index("ix_recipient_profile", "recipient", ["profile_id"], unique=False)
    op.create_index(
        "uq_recipient_identity",
        "recipient",
        ["campaign_id", "identity_id"],
        unique=True,
        postgresql_where=sa.text("included"),
    )
    op.create_table(
        "send",
        sa.Column("send_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("profile_id", sa.Uuid(), nullable=False),
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("arm", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="pending", nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("person", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("owner", sa.Uuid(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("message_id", sa.Text(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "state IN ('pending', 'leased', 'sending', 'sent', 'failed', 'unknown', 'skipped', 'cancelled')",
            name=op.f("ck_send_state"),
        ),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.campaign_id"], name=op.f("fk_send_campaign_id")),
        sa.PrimaryKeyConstraint("send_id", name=op.f("pk_send")),
    )
    op.create_index(
        "ix_send_due", "send", ["campaign_id", "due_at"], unique=False, postgresql_where=sa.text("state = 'pending'")
    )
    op.create_index("ix_send_identity", "send", ["identity_id"], unique=False)
    op.create_index(
        "ix_send_lease",
        "send",
        ["lease_until"],
        unique=False,
        postgresql_where=sa.text("state IN ('leased', 'sending')"),
    )
    op.create_index("uq_send_campaign_step_profile", "send", ["campaign_id", "step", "profile_id"], unique=True)
    op.create_table(
        "attempt",
        sa.Column("send_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["send_id"], ["send.send_id"], name=op.f("fk_attempt_send_id")),
        sa.PrimaryKeyConstraint("send_id", "number", name=op.f("pk_attempt")),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("attempt")
    op.drop_index("uq_send_campaign_step_profile", table_name="send")
    op.drop_index("ix_send_lease", table_name="send", postgresql_where=sa.text("state IN ('leased', 'sending')"))
    op.drop_index("ix_send_identity", table_name="send")
    op.drop_index("ix_send_due", table_name="send", postgresql_where=sa.text("state = 'pending'"))
    op.drop_table("send")
    op.drop_index("uq_recipient_identity", table_name="recipient", postgresql_where=sa.text("included"))
    op.drop_index("ix_recipient_profile", table_name="recipient")
    op.drop_index("ix_recipient_identity", table_name="recipient", postgresql_where=sa.text("included"))
    op.drop_table("recipient")
    op.drop_table("unsubscribe")
    op.drop_table("template")
    op.drop_table("secret")
    op.drop_index("ix_response_campaign", table_name="response")
    op.drop_table("response")
    op.drop_table("refund")
    op.drop_index("ix_purchase_ordered", table_name="purchase", postgresql_where=sa.text("ordered_at IS NOT NULL"))
    op.drop_table("purchase")
    op.drop_table("outbox")
    op.drop_index("ix_job_open", table_name="job", postgresql_where=sa.text("state IN ('queued', 'running')"))
    op.drop_table("job")
    op.drop_index("ix_identity_map_seed", table_name="identity_map")
    op.drop_index("ix_identity_map_profile", table_name="identity_map")
    op.drop_table("identity_map")
    op.drop_index(op.f("ix_idempotency_created_at"), table_name="idempotency")
    op.drop_table("idempotency")
    op.drop_index("ix_goal_event_name", table_name="goal_event")
    op.drop_table("goal_event")
    op.drop_table("feed_position")
    op.drop_table("feed_failure")
    op.drop_index("ix_decision_profile", table_name="decision")
    op.drop_table("decision")
    op.drop_index(
        "ix_customer_case_open", table_name="customer_case", postgresql_where=sa.text("open AND kind = 'complaint'")
    )
    op.drop_table("customer_case")
    op.drop_index(
        "ix_campaign_state", table_name="campaign", postgresql_where=sa.text("state IN ('running', 'paused')")
    )
    op.drop_index("ix_campaign_created", table_name="campaign")
    op.drop_table("campaign")
