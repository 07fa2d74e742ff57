"""Rules whose answers are kept up to date, segments, lists.

Revision: 0011
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_MEMBERSHIP = """
    CREATE VIEW {schema}.membership AS
    SELECT j.profile_id, w.key AS segment
    FROM {source} JOIN watched_rule AS w ON w.rule_id = j.rule_id
    WHERE w.owner = 'segment' AND j.member
"""
_ASKED = "unnest(current_setting('segment.profiles')::uuid[]) AS asked (profile_id)"
_TOUCHED = f"{_ASKED} JOIN judgement AS j ON j.profile_id = asked.profile_id"
_HELD = (
    ("grade", "profile_id, h.scheme, h.grade", "grade_held"),
    ("need", "profile_id, h.need_group", "need_held"),
)


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "watched_rule",
        sa.Column("rule_id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("rule", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("reads", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.Column("state", sa.Text(), server_default="building", nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retry_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("built_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_built_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("state IN ('building', 'ready', 'failing')", name=op.f("ck_watched_rule_state")),
        sa.PrimaryKeyConstraint("rule_id", name=op.f("pk_watched_rule")),
    )
    op.create_index("uq_watched_rule_owner_key", "watched_rule", ["owner", "key"], unique=True)
    op.create_table(
        "judgement",
        sa.Column("rule_id", sa.Integer(), nullable=False),
        sa.Column("profile_id", sa.Uuid(), nullable=False),
        sa.Column("member", sa.Boolean(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("rule_id", "profile_id", name=op.f("pk_judgement")),
        sa.ForeignKeyConstraint(
            ["rule_id"],
            ["watched_rule.rule_id"],
            name=op.f("fk_judgement_rule_id_watched_rule"),
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_judgement_profile_id", "judgement", ["profile_id"], postgresql_where=sa.text("member"))
    op.create_index("ix_judgement_due_at", "judgement", ["due_at"], postgresql_where=sa.text("due_at IS NOT NULL"))
    op.create_index("ix_judgement_member", "judgement", ["rule_id", "profile_id"], postgresql_where=sa.text("member"))
    op.create_table(
        "segment",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_segment")),
    )
    op.create_table(
        "listed",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("added_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", "identity_id", name=op.f("pk_listed")),
        sa.ForeignKeyConstraint(["key"], ["segment.key"], name=op.f("fk_listed_key_segment"), ondelete="CASCADE"),
    )
    op.create_index("ix_listed_identity_id", "listed", ["identity_id"])
    for name, document in (("grading", "grades"), ("treatment", "document"), ("need_group", "document")):
        op.create_table(
            name,
            sa.Column("key", sa.Text(), nullable=False),
            *([sa.Column("name", sa.Text(), nullable=False)] if name == "grading" else []),
            sa.Column(document, postgresql.JSONB(), nullable=False),
            sa.Column("version", sa.Integer(), server_default="1", nullable=False),
            sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
            sa.Column("changed_by", sa.Text(), nullable=False),
            sa.PrimaryKeyConstraint("key", name=op.f(f"pk_{name}")),
        )
    op.create_table(
        "grade_held",
        sa.Column("profile_id", sa.Uuid(), nullable=False),
        sa.Column("scheme", sa.Text(), nullable=False),
        sa.Column("grade", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("profile_id", "scheme", name=op.f("pk_grade_held")),
    )
    op.create_index("ix_grade_held_scheme", "grade_held", ["scheme", "grade"])
    op.create_table(
        "need_held",
        sa.Column("profile_id", sa.Uuid(), nullable=False),
        sa.Column("need_group", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("profile_id", "need_group", name=op.f("pk_need_held")),
    )
    op.create_index("ix_need_held_need_group", "need_held", ["need_group", sa.text("confidence DESC")])
    for name, columns, table in _HELD:
        op.execute(f"CREATE VIEW rule.{name} AS SELECT {columns} FROM {table} AS h")
        op.execute(f"CREATE VIEW touched.{name} AS SELECT {columns} FROM {_ASKED} JOIN {table} AS h USING (profile_id)")
    op.execute(_MEMBERSHIP.format(schema="rule", source="judgement AS j"))
    op.execute(_MEMBERSHIP.format(schema="touched", source=_TOUCHED))


def downgrade() -> None:
    """Take back."""
    for schema in ("touched", "rule"):
        for view in ("membership", "grade", "need"):
            op.execute(f"DROP VIEW {schema}.{view}")
    for table in (
        "need_held",
        "grade_held",
        "need_group",
        "treatment",
        "grading",
        "listed",
        "segment",
        "judgement",
        "watched_rule",
    ):
        op.drop_table(table)
