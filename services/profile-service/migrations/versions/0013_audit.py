"""The audit trail.

Revision: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

# Whoever means to rewrite the trail has to say so in so many words; nobody does it by mistake.
_REFUSE = """
    CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' AND current_setting('rapport.audit_purge', true) = 'on' THEN
            RETURN OLD;
        END IF;
        RAISE EXCEPTION 'the audit trail is append-only' USING ERRCODE = 'insufficient_privilege';
    END $$
"""
_PURGE = """
    CREATE FUNCTION audit_purge(before timestamptz) RETURNS bigint LANGUAGE plpgsql AS $$
    DECLARE
        gone bigint;
    BEGIN
        PERFORM set_config('rapport.audit_purge', 'on', true);
        DELETE FROM audit WHERE at < before;
        GET DIAGNOSTICS gone = ROW_COUNT;
        PERFORM set_config('rapport.audit_purge', 'off', true);
        RETURN gone;
    END $$
"""


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "audit",
        sa.Column("audit_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("profile_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("token_id", sa.Text(), nullable=True),
        sa.Column("key_id", sa.Text(), nullable=True),
        sa.Column("scopes", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("times", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("kind IN ('read', 'change')", name=op.f("ck_audit_kind")),
        sa.PrimaryKeyConstraint("audit_id", name=op.f("pk_audit")),
    )
    op.create_index(op.f("ix_audit_profile_id_audit_id"), "audit", ["profile_id", "audit_id"])
    op.create_index(op.f("ix_audit_at"), "audit", ["at"], postgresql_using="brin")
    op.execute(_REFUSE)
    op.execute(_PURGE)
    op.execute(
        "CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_refuse()"
    )
    op.execute(
        "CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()"
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("audit")
    op.execute("DROP FUNCTION audit_purge(timestamptz)")
    op.execute("DROP FUNCTION audit_refuse()")
