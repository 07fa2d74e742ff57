"""Touchpoints, conversations, cases, the identity map and what every service has."""

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
        "collected_message",
        sa.Column("key", sa.Uuid(), nullable=False),
        sa.Column("touchpoint_id", sa.Uuid(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_collected_message")),
    )
    op.create_index(
        op.f("ix_collected_message_received_at"),
        "collected_message",
        ["received_at"],
        unique=False,
        postgresql_using="brin",
    )
    op.create_table(
        "conversation",
        sa.Column("conversation_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_channel", sa.Text(), nullable=False),
        sa.Column("last_message_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("summary", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("state IN ('open', 'closed')", name=op.f("ck_conversation_state")),
        sa.PrimaryKeyConstraint("conversation_id", name=op.f("pk_conversation")),
    )
    op.create_index(
        op.f("ix_conversation_identity_id_last_message_at"),
        "conversation",
        ["identity_id", "last_message_at"],
        unique=False,
    )
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
        sa.Column("seed_profile_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("identity_id", name=op.f("pk_identity_map")),
    )
    op.create_index(op.f("ix_identity_map_profile_id"), "identity_map", ["profile_id"], unique=False)
    op.create_index(op.f("ix_identity_map_seed_profile_id"), "identity_map", ["seed_profile_id"], unique=False)
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
        "touchpoint",
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("touchpoint_id", sa.Uuid(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=True),
        sa.Column("data", postgresql.JSON(astext_type=sa.Text()), nullable=False),
        sa.Column("context", postgresql.JSON(astext_type=sa.Text()), nullable=True),
        sa.PrimaryKeyConstraint("identity_id", "occurred_at", "touchpoint_id", name=op.f("pk_touchpoint")),
        postgresql_partition_by="RANGE (occurred_at)",
    )
    # Months have a partition each, made when they are first needed; what is older than the product shares one.
    op.execute(
        "CREATE TABLE touchpoint_p2000_before PARTITION OF touchpoint "
        "FOR VALUES FROM (MINVALUE) TO ('2000-01-01 00:00:00+00')"
    )
    op.create_table(
        "touchpoint_rollup",
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("identity_id", "channel", "type", name=op.f("pk_touchpoint_rollup")),
        postgresql_with={"fillfactor": 80},
    )
    op.create_table(
        "conversation_message",
        sa.Column("message_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("touchpoint_id", sa.Uuid(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("direction IN ('inbound', 'outbound')", name=op.f("ck_conversation_message_direction")),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversation.conversation_id"], name=op.f("fk_conversation_message_conversation_id")
        ),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_conversation_message")),
    )
    op.create_index(
        op.f("ix_conversation_message_conversation_id_occurred_at_message_id"),
        "conversation_message",
        ["conversation_id", "occurred_at", "message_id"],
        unique=False,
    )
    op.create_table(
        "customer_case",
        sa.Column("case_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolution", sa.Text(), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("kind IN ('complaint', 'suggestion')", name=op.f("ck_customer_case_kind")),
        sa.CheckConstraint("severity IN ('low', 'normal', 'high', 'critical')", name=op.f("ck_customer_case_severity")),
        sa.CheckConstraint(
            "state IN ('open', 'in_progress', 'resolved', 'closed')", name=op.f("ck_customer_case_state")
        ),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversation.conversation_id"], name=op.f("fk_customer_case_conversation_id")
        ),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_customer_case")),
    )
    op.create_index(op.f("ix_customer_case_identity_id_state"), "customer_case", ["identity_id", "state"], unique=False)
    op.create_index(op.f("ix_customer_case_state_due_at"), "customer_case", ["state", "due_at"], unique=False)


def downgrade() -> None:
    """Take back."""
    op.drop_index(op.f("ix_customer_case_state_due_at"), table_name="customer_case")
    op.drop_index(op.f("ix_customer_case_identity_id_state"), table_name="customer_case")
    op.drop_table("customer_case")
    op.drop_index(
        op.f("ix_conversation_message_conversation_id_occurred_at_message_id"), table_name="conversation_message"
    )
    op.drop_table("conversation_message")
    op.drop_table("touchpoint_rollup")
    op.drop_table("touchpoint")
    op.drop_table("outbox")
    op.drop_index(op.f("ix_identity_map_seed_profile_id"), table_name="identity_map")
    op.drop_index(op.f("ix_identity_map_profile_id"), table_name="identity_map")
    op.drop_table("identity_map")
    op.drop_index(op.f("ix_idempotency_created_at"), table_name="idempotency")
    op.drop_table("idempotency")
    op.drop_table("feed_position")
    op.drop_table("feed_failure")
    op.drop_index(op.f("ix_conversation_identity_id_last_message_at"), table_name="conversation")
    op.drop_table("conversation")
    op.drop_index(op.f("ix_collected_message_received_at"), table_name="collected_message", postgresql_using="brin")
    op.drop_table("collected_message")
