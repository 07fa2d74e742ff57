"""An index of names for searching, noted what to take in by triggers; contact points found by a part of them.

Revision: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_NAMES = "'given_name', 'middle_name', 'family_name', 'display_name'"
# By trigger, so that no way of writing facts can forget it.
_NOTE_FACTS = f"""
CREATE FUNCTION search_note_facts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO search_pending (identity_id) SELECT DISTINCT identity_id FROM changed WHERE key IN ({_NAMES});
    RETURN NULL;
END $$
"""
_NOTE_MOVE = """
CREATE FUNCTION search_note_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO search_pending (identity_id, profile_id) VALUES (NEW.identity_id, OLD.profile_id);
    RETURN NULL;
END $$
"""
_NOTE_END = """
CREATE FUNCTION search_note_end() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO search_pending (profile_id) VALUES (OLD.profile_id);
    RETURN NULL;
END $$
"""
_CHANGES = (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD"))


def upgrade() -> None:
    """Apply; the workers take in what is there."""
    op.create_table(
        "search_name",
        sa.Column("profile_id", sa.Uuid(), nullable=False),
        sa.Column("words", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("current", sa.ARRAY(sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("profile_id", name=op.f("pk_search_name")),
    )
    op.create_index("ix_search_name_words", "search_name", ["words"], postgresql_using="gin")
    op.create_table(
        "search_word",
        sa.Column("word", sa.Text(), nullable=False),
        sa.Column("sound", sa.Text(), nullable=False),
        sa.Column("letters", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("word", name=op.f("pk_search_word")),
    )
    op.create_index(
        "ix_search_word_spelling",
        "search_word",
        ["word"],
        postgresql_using="gin",
        postgresql_ops={"word": "gin_trgm_ops"},
    )
    op.create_index("ix_search_word_sound", "search_word", ["sound"])
    op.create_index("ix_search_word_letters", "search_word", ["letters"])
    op.create_table(
        "search_pending",
        sa.Column("pending_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("identity_id", sa.Uuid(), nullable=True),
        sa.Column("profile_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("pending_id", name=op.f("pk_search_pending")),
    )
    _add_triggers()
    op.execute(
        f"INSERT INTO search_pending (identity_id) SELECT DISTINCT identity_id FROM fact WHERE key IN ({_NAMES})"
    )
    op.execute("CREATE INDEX ix_identity_email_beginning ON identity (value text_pattern_ops) WHERE kind = 'email'")
    op.execute("CREATE INDEX ix_identity_phone_end ON identity (reverse(value) text_pattern_ops) WHERE kind = 'phone'")
    # The column `name` stays until the version that reads it is gone.
    op.drop_index("ix_fact_name", table_name="fact")


def _add_triggers() -> None:
    for function in (_NOTE_FACTS, _NOTE_MOVE, _NOTE_END):
        op.execute(function)
    for change, side in _CHANGES:
        op.execute(
            f"CREATE TRIGGER search_{change.lower()} AFTER {change} ON fact REFERENCING {side} TABLE AS changed "
            "FOR EACH STATEMENT EXECUTE FUNCTION search_note_facts()"
        )
    op.execute(
        "CREATE TRIGGER search_move AFTER UPDATE OF profile_id ON identity FOR EACH ROW "
        "WHEN (OLD.profile_id <> NEW.profile_id) EXECUTE FUNCTION search_note_move()"
    )
    op.execute("CREATE TRIGGER search_end AFTER DELETE ON identity FOR EACH ROW EXECUTE FUNCTION search_note_end()")


def downgrade() -> None:
    """Take back."""
    op.create_index("ix_fact_name", "fact", ["name"], postgresql_using="gin", postgresql_ops={"name": "gin_trgm_ops"})
    op.drop_index("ix_identity_phone_end", table_name="identity")
    op.drop_index("ix_identity_email_beginning", table_name="identity")
    for change, _ in _CHANGES:
        op.execute(f"DROP TRIGGER search_{change.lower()} ON fact")
    for name in ("move", "end"):
        op.execute(f"DROP TRIGGER search_{name} ON identity")
    for name in ("facts", "move", "end"):
        op.execute(f"DROP FUNCTION search_note_{name}()")
    for table in ("search_pending", "search_word", "search_name"):
        op.drop_table(table)
