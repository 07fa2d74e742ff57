"""What segment rules read beyond orders, and the relations that rules are compiled against.

Revision: 0006
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# Each relation twice: `rule` holds everybody, `touched` those whom `SET LOCAL segment.profiles = '{...}'` names, which
# keeps every part of a statement to index scans. Times are UTC without an offset, numbers DECIMAL(24,6).
_TOUCHED = "unnest(current_setting('segment.profiles')::uuid[]) AS asked (profile_id)"
_LEAF = """
    CASE jsonb_typeof(leaf.value) WHEN 'string' THEN leaf.value #>> '{}'
         WHEN 'object' THEN leaf.value ->> 'text' END AS text,
    CASE jsonb_typeof(leaf.value) WHEN 'number' THEN leaf.value
         WHEN 'object' THEN leaf.value -> 'number' END::numeric(24, 6) AS number,
    CASE jsonb_typeof(leaf.value) WHEN 'boolean' THEN leaf.value::boolean END AS flag,
    CASE jsonb_typeof(leaf.value) WHEN 'object' THEN
        (leaf.value ->> 'at')::timestamptz AT TIME ZONE 'UTC' END AS at
"""
_VIEWS = {
    "customer": """
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
               c.cost_to_serve::numeric(24, 6) AS cost_to_serve
        FROM {customer} LEFT JOIN profile_copy AS p ON p.profile_id = c.profile_id
    """,
    "trait": "SELECT t.profile_id, t.key, t.text, t.number, t.flag, t.at AT TIME ZONE 'UTC' AS at FROM {trait}",
    "consent": """
        SELECT w.profile_id, w.channel, w.purpose, w.granted, w.until AT TIME ZONE 'UTC' AS until FROM {consent}
    """,
    "event": """
        SELECT m.profile_id, e.event_id, e.name, e.channel, e.direction, e.occurred_at AT TIME ZONE 'UTC' AS occurred_at
        FROM {identity} JOIN event AS e ON e.identity_id = m.identity_id
    """,
    "event_value": f"""
        SELECT m.profile_id, e.event_id, e.name, e.occurred_at AT TIME ZONE 'UTC' AS occurred_at, path.key AS path,
               {_LEAF}
        FROM {{identity}} JOIN event AS e ON e.identity_id = m.identity_id
        CROSS JOIN LATERAL jsonb_each(e.values) AS path
        CROSS JOIN LATERAL jsonb_array_elements(path.value) AS leaf
    """,
    "relationship": """
        SELECT m.profile_id, other.profile_id AS other_profile_id, s.kind, s.since, s.until
        FROM {identity} JOIN relationship AS s ON s.identity_id = m.identity_id
        JOIN identity_map AS other ON other.identity_id = s.other_identity_id
    """,
    # Of an order that several identities of one profile report, the newest word counts, as it does for its revenue.
    "purchase_line": """
        SELECT m.profile_id, l.order_id, l.line, o.ordered_at AT TIME ZONE 'UTC' AS ordered_at, l.product_id,
               l.category, l.price, l.quantity
        FROM {identity} JOIN purchase AS o ON o.identity_id = m.identity_id
        JOIN purchase_line AS l ON l.identity_id = o.identity_id AND l.order_id = o.order_id
        WHERE o.ordered_at IS NOT NULL AND o.cancelled_at IS NULL
          AND NOT (o.twin AND EXISTS (
              SELECT FROM identity_map AS also JOIN purchase AS twin ON twin.identity_id = also.identity_id
              LEFT JOIN purchase_line AS said
                  ON said.identity_id = twin.identity_id AND said.order_id = twin.order_id
              WHERE also.profile_id = m.profile_id AND twin.order_id = o.order_id
                AND twin.identity_id <> o.identity_id
                AND (twin.cancelled_at IS NOT NULL OR (said.said_at, said.step, said.digest, said.identity_id)
                    > (l.said_at, l.step, l.digest, l.identity_id))
          ))
    """,
}
_EVERYBODY = {
    "customer": "customer AS c",
    "trait": "trait AS t",
    "consent": "consent AS w",
    "identity": "identity_map AS m",
}
_SOME = {
    "customer": f"{_TOUCHED} JOIN customer AS c ON c.profile_id = asked.profile_id",
    "trait": f"{_TOUCHED} JOIN trait AS t ON t.profile_id = asked.profile_id",
    "consent": f"{_TOUCHED} JOIN consent AS w ON w.profile_id = asked.profile_id",
    "identity": f"{_TOUCHED} JOIN identity_map AS m ON m.profile_id = asked.profile_id",
}
# A test, or a question about another moment, says when it is by `SET LOCAL segment.now`.
_CLOCK = """
    SELECT COALESCE(NULLIF(current_setting('segment.now', true), '')::timestamptz, now()) AT TIME ZONE 'UTC' AS now
"""


def _filled(text: str, sources: dict[str, str]) -> str:
    for name, source in sources.items():
        text = text.replace(f"{{{name}}}", source)
    return text


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "event",
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("direction", sa.Text(), nullable=True),
        sa.Column("values", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("identity_id", "occurred_at", "event_id", name=op.f("pk_event")),
    )
    for column in ("version", "occurred_at"):
        op.create_index(
            f"ix_event_{column}", "event", [column], postgresql_using="brin", postgresql_with={"autosummarize": True}
        )
    op.create_table(
        "purchase_line",
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("step", sa.SmallInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("product_id", sa.Text(), nullable=True),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("price", sa.Numeric(precision=18, scale=2), nullable=True),
        sa.Column("quantity", sa.Numeric(precision=18, scale=3), nullable=False),
        sa.PrimaryKeyConstraint("identity_id", "order_id", "line", name=op.f("pk_purchase_line")),
    )
    op.create_table(
        "profile_copy",
        sa.Column("profile_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("restricted", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("profile_id", name=op.f("pk_profile_copy")),
    )
    op.create_table(
        "trait",
        sa.Column("profile_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("number", sa.Numeric(precision=24, scale=6), nullable=True),
        sa.Column("flag", sa.Boolean(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("profile_id", "key", "position", name=op.f("pk_trait")),
    )
    op.create_table(
        "consent",
        sa.Column("profile_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("granted", sa.Boolean(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("profile_id", "channel", "purpose", name=op.f("pk_consent")),
    )
    op.create_table(
        "relationship",
        sa.Column("relationship_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        sa.Column("other_identity_id", sa.Uuid(), nullable=False),
        sa.Column("since", sa.Date(), nullable=True),
        sa.Column("until", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("relationship_id", name=op.f("pk_relationship")),
    )
    op.create_index("ix_relationship_identity_id", "relationship", ["identity_id", "kind"])
    op.create_index("ix_relationship_other_identity_id", "relationship", ["other_identity_id", "kind"])
    op.create_table(
        "unread_profile",
        sa.Column("profile_id", sa.Uuid(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("profile_id", name=op.f("pk_unread_profile")),
    )
    op.create_index("ix_unread_profile_due_at", "unread_profile", ["due_at"])
    op.create_table(
        "unevaluated",
        sa.Column("profile_id", sa.Uuid(), nullable=False),
        sa.Column("causes", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("profile_id", name=op.f("pk_unevaluated")),
    )
    op.create_index("ix_unevaluated_since", "unevaluated", ["since"])
    op.create_table(
        "column_change",
        sa.Column("relation", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("relation", "id", name=op.f("pk_column_change")),
    )
    op.create_index("ix_column_change_version", "column_change", ["relation", "version"])
    op.create_table(
        "column_part",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("whole_since", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("logged_since", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_column_part")),
    )
    for schema, sources in (("rule", _EVERYBODY), ("touched", _SOME)):
        op.execute(f"CREATE SCHEMA {schema}")
        for name, text in _VIEWS.items():
            op.execute(f"CREATE VIEW {schema}.{name} AS {_filled(text, sources)}")
        op.execute(f"CREATE VIEW {schema}.clock AS {_CLOCK}")


def downgrade() -> None:
    """Take back."""
    for schema in ("touched", "rule"):
        op.execute(f"DROP SCHEMA {schema} CASCADE")
    for table in (
        "column_part",
        "column_change",
        "unevaluated",
        "unread_profile",
        "relationship",
        "consent",
        "trait",
        "profile_copy",
        "purchase_line",
        "event",
    ):
        op.drop_table(table)
