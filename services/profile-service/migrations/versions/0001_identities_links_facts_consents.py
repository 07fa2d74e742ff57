"""Identities, the ledger of links, facts, consents and suppressions.

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
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    op.execute(sa.schema.CreateSequence(sa.Sequence("assignment_version")))
    op.create_table(
        "cannot_link",
        sa.Column("a", sa.Uuid(), nullable=False),
        sa.Column("b", sa.Uuid(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("link_id", sa.Uuid(), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("a < b", name=op.f("ck_cannot_link_ordered")),
        sa.PrimaryKeyConstraint("a", "b", "made_at", name=op.f("pk_cannot_link")),
    )
    op.create_index("ix_cannot_link_b", "cannot_link", ["b"], unique=False)
    op.create_table(
        "consent",
        sa.Column("consent_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("lawful_basis", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("proof", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("status IN ('granted', 'denied', 'withdrawn')", name=op.f("ck_consent_status")),
        sa.PrimaryKeyConstraint("consent_id", name=op.f("pk_consent")),
    )
    op.create_index(
        op.f("ix_consent_identity_id_channel_purpose_confirmed_at"),
        "consent",
        ["identity_id", "channel", "purpose", "confirmed_at"],
        unique=False,
    )
    op.create_table(
        "fact",
        sa.Column("fact_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("first_observed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("observed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "name",
            sa.Text(),
            sa.Computed(
                "CASE WHEN key IN ('given_name', 'family_name', 'display_name') THEN lower(value #>> '{}') END",
                persisted=True,
            ),
            nullable=True,
        ),
        sa.CheckConstraint("origin IN ('stated', 'observed', 'inferred')", name=op.f("ck_fact_origin")),
        sa.PrimaryKeyConstraint("fact_id", name=op.f("pk_fact")),
    )
    op.create_index(
        "ix_fact_name", "fact", ["name"], unique=False, postgresql_using="gin", postgresql_ops={"name": "gin_trgm_ops"}
    )
    op.create_index("uq_fact_told", "fact", ["identity_id", "key", "origin", "source", "digest"], unique=True)
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
        "identity",
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("seed_profile_id", sa.Uuid(), nullable=False),
        sa.Column("profile_id", sa.Uuid(), nullable=False),
        sa.Column("profile_kind", sa.Text(), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("nextval('assignment_version')"), nullable=False),
        sa.Column("blocked", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("first_seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_evidence_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("assigned_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("identity_id", name=op.f("pk_identity")),
        sa.UniqueConstraint("seed_profile_id", name=op.f("uq_identity_seed_profile_id")),
    )
    op.create_index(op.f("ix_identity_profile_id_kind"), "identity", ["profile_id", "kind"], unique=False)
    op.create_table(
        "link",
        sa.Column("link_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("a", sa.Uuid(), nullable=False),
        sa.Column("b", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("guards", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("evidence_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("retracted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retracted_by", sa.Text(), nullable=True),
        sa.Column("retraction_reason", sa.Text(), nullable=True),
        sa.CheckConstraint("kind IN ('same_call', 'alias', 'import', 'operator', 'match')", name=op.f("ck_link_kind")),
        sa.CheckConstraint("state IN ('accepted', 'held')", name=op.f("ck_link_state")),
        sa.CheckConstraint("a < b", name=op.f("ck_link_ordered")),
        sa.PrimaryKeyConstraint("link_id", name=op.f("pk_link")),
    )
    op.create_index("ix_link_a", "link", ["a"], unique=False)
    op.create_index("ix_link_b", "link", ["b"], unique=False)
    for side in ("a", "b"):
        op.create_index(
            f"ix_link_held_{side}",
            "link",
            [side],
            unique=False,
            postgresql_where=sa.text("state = 'held' AND retracted_at IS NULL"),
        )
    op.create_index(
        "uq_link_standing", "link", ["a", "b", "kind"], unique=True, postgresql_where=sa.text("retracted_at IS NULL")
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
        "suppression",
        sa.Column("suppression_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("suppression_id", name=op.f("pk_suppression")),
    )
    op.create_index(
        "uq_suppression", "suppression", ["identity_id", "channel"], unique=True, postgresql_nulls_not_distinct=True
    )


def downgrade() -> None:
    """Take back."""
    op.drop_index("uq_suppression", table_name="suppression", postgresql_nulls_not_distinct=True)
    op.drop_table("suppression")
    op.drop_table("outbox")
    op.drop_index("uq_link_standing", table_name="link", postgresql_where=sa.text("retracted_at IS NULL"))
    op.drop_index("ix_link_b", table_name="link")
    op.drop_index("ix_link_a", table_name="link")
    op.drop_table("link")
    op.drop_index(op.f("ix_identity_profile_id_kind"), table_name="identity")
    op.drop_table("identity")
    op.drop_index(op.f("ix_idempotency_created_at"), table_name="idempotency")
    op.drop_table("idempotency")
    op.drop_table("feed_position")
    op.drop_table("feed_failure")
    op.drop_index("uq_fact_told", table_name="fact")
    op.drop_index("ix_fact_name", table_name="fact", postgresql_using="gin", postgresql_ops={"name": "gin_trgm_ops"})
    op.drop_table("fact")
    op.drop_index(op.f("ix_consent_identity_id_channel_purpose_confirmed_at"), table_name="consent")
    op.drop_table("consent")
    op.drop_index("ix_cannot_link_b", table_name="cannot_link")
    op.drop_table("cannot_link")
    op.execute(sa.schema.DropSequence(sa.Sequence("assignment_version")))
