"""Attributes that the firm defines, facts that can be searched and withdrawn.

Revision: 0004
"""

import json

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# Every plain value inside a value, each with the path to it: lower case, numbers without trailing zeros.
SEARCH_TOKENS = r"""
CREATE FUNCTION search_tokens(key text, value jsonb) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    WITH RECURSIVE part(path, value) AS (
        SELECT $1, $2
        UNION ALL
        SELECT inner_part.path, inner_part.value
        FROM part CROSS JOIN LATERAL (
            SELECT part.path || '.' || member.key AS path, member.value
            FROM jsonb_each(CASE jsonb_typeof(part.value) WHEN 'object' THEN part.value ELSE '{}' END) AS member
            UNION ALL
            SELECT part.path, element
            FROM jsonb_array_elements(CASE jsonb_typeof(part.value) WHEN 'array' THEN part.value ELSE '[]' END)
                 AS element
        ) AS inner_part
    )
    SELECT array_agg(DISTINCT path || E'\x1f' || CASE jsonb_typeof(value)
        WHEN 'number' THEN trim_scale((value #>> '{}')::numeric)::text
        ELSE left(lower(value #>> '{}'), 200)
    END)
    FROM part WHERE jsonb_typeof(value) IN ('string', 'number', 'boolean')
$$
"""
_WORDS = {"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 200}, "maxItems": 100}
_WORD_OR_WORDS = {"anyOf": [{"type": "string", "minLength": 1, "maxLength": 200}, _WORDS]}
_MONEY = {
    "type": "object",
    "required": ["amount", "currency"],
    "properties": {
        "amount": {"type": "string", "pattern": r"^-?\d{1,15}(\.\d{1,4})?$"},
        "currency": {"type": "string", "pattern": "^[A-Z]{3}$"},
    },
    "additionalProperties": False,
}
_DAY = {"type": "string", "format": "date"}
_DATES = {
    "type": "array",
    "maxItems": 100,
    "items": {
        "type": "object",
        "required": ["label", "date"],
        "properties": {"label": {"type": "string", "minLength": 1, "maxLength": 200}, "date": _DAY},
        "additionalProperties": False,
    },
}
_STATES = ["founded", "growing", "stable", "shrinking", "in_difficulty", "insolvent", "closed"]
_SIZES = ["micro", "small", "medium", "large"]
# What the product knows of customers and of firms beyond names and addresses; a firm may change each.
KNOWN = (
    ("category", "Category", _WORD_OR_WORDS, False, True),
    ("characteristics", "Characteristics", _WORD_OR_WORDS, False, False),
    ("interests", "Interests", _WORD_OR_WORDS, False, True),
    ("anniversary", "Anniversary", _DAY, True, False),
    ("important_dates", "Important dates", _DATES, True, False),
    ("account_manager", "Account manager, by name or staff number", {"type": "string", "maxLength": 200}, False, True),
    ("business_state", "State of the business", {"enum": _STATES}, False, True),
    (
        "cooperation_grade",
        "How well they cooperate, 1 to 5",
        {"type": "integer", "minimum": 1, "maximum": 5},
        False,
        True,
    ),
    ("particulars", "What is special about them", _WORD_OR_WORDS, False, False),
    ("company_size", "Size of the firm", {"enum": _SIZES}, False, True),
    ("employees", "Number of employees", {"type": "integer", "minimum": 0}, False, False),
    ("annual_revenue", "Their yearly revenue", _MONEY, False, False),
    ("credit_standing", "Credit standing", {"type": "string", "minLength": 1, "maxLength": 100}, False, True),
    ("credit_limit", "Credit limit", _MONEY, False, False),
)


def upgrade() -> None:
    """Apply."""
    op.execute(SEARCH_TOKENS)
    for table, key in (("attribute", ["key"]), ("attribute_version", ["key", "version"])):
        op.create_table(
            table,
            sa.Column("key", sa.Text(), nullable=False),
            sa.Column("version", sa.Integer(), nullable=False),
            sa.Column("schema", postgresql.JSONB(), nullable=False),
            sa.Column("label", sa.Text(), nullable=True),
            sa.Column("repeating", sa.Boolean(), nullable=False),
            sa.Column("personal", sa.Boolean(), nullable=False),
            sa.Column("searchable", sa.Boolean(), nullable=False),
            sa.Column("survivorship", postgresql.JSONB(), nullable=True),
            sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
            sa.Column("changed_by", sa.Text(), nullable=False),
            sa.PrimaryKeyConstraint(*key, name=op.f(f"pk_{table}")),
        )
    for column in ("withdrawn_at", "withdrawn_by", "withdrawal_reason", "search"):
        kinds = {"withdrawn_at": sa.DateTime(timezone=True), "search": postgresql.ARRAY(sa.Text())}
        op.add_column("fact", sa.Column(column, kinds.get(column, sa.Text()), nullable=True))
    op.create_index(
        "ix_fact_search",
        "fact",
        ["search"],
        postgresql_using="gin",
        postgresql_where=sa.text("search IS NOT NULL"),
    )
    _define(KNOWN)


def _define(known: tuple[tuple[str, str, object, object, object], ...]) -> None:
    for table in ("attribute", "attribute_version"):
        insert = sa.text(
            f"INSERT INTO {table} (key, version, schema, label, repeating, personal, searchable, changed_by) "
            "VALUES (:key, 1, CAST(:schema AS jsonb), :label, false, :personal, :searchable, 'product')"
        )
        for key, label, schema, personal, searchable in known:
            values = {"key": key, "label": label, "personal": bool(personal), "searchable": bool(searchable)}
            op.execute(insert.bindparams(schema=json.dumps(schema), **values))


def downgrade() -> None:
    """Take back."""
    op.drop_index("ix_fact_search", table_name="fact")
    for column in ("search", "withdrawal_reason", "withdrawn_by", "withdrawn_at"):
        op.drop_column("fact", column)
    op.drop_table("attribute_version")
    op.drop_table("attribute")
    op.execute("DROP FUNCTION search_tokens(text, jsonb)")
