"""What the tables of a service hold of a person, and the statements that follow from it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from string import Formatter
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import MetaData

from rapport.database import Connection

_BY_IDENTITY: Final = "identity_id = ANY({identities})"
_BY_PROFILE: Final = "profile_id = ANY({profiles})"
# Tables that every service has; erasing treats them itself, or they hold nothing of anybody.
COMMON: Final = frozenset({"outbox", "feed_position", "feed_failure", "idempotency", "secret", "erasure"})
_TYPES: Final = {"identities": "uuid[]", "own": "uuid[]", "profiles": "uuid[]", "values": "text[]", "salt": "text"}


@dataclass(frozen=True, slots=True)
class Person:
    """Who is meant: identities that are theirs alone, those that others have as well, profile ids past and present.

    What came in under a shared identity counts as theirs; that the identity exists is also somebody else's.
    `values` are texts by which they can be told, for places that know no ids.
    """

    own: Sequence[UUID]
    shared: Sequence[UUID] = ()
    profiles: Sequence[UUID] = ()
    values: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Holding:
    """Rows of a table that are about a person.

    `where` and `keep` may name `{identities}` (all of them), `{own}`, `{profiles}`, `{values}` and `{salt}`, a secret
    of one erasure. Rows are deleted, or with `keep` (the SET clause of an UPDATE) stay without saying whose they were.
    `key` is an id of the row that stored answers may name. `exported` is false for what the person cannot read.
    """

    table: str
    where: str = _BY_IDENTITY
    keep: str | None = None
    key: str | None = None
    exported: bool = True

    @property
    def erasing(self) -> str:
        """The statement that takes the person out."""
        action = f"DELETE FROM {self.table}" if self.keep is None else f"UPDATE {self.table} SET {self.keep}"
        return f"{action} WHERE {self.where} RETURNING {self.key or 'NULL'}"

    @property
    def reading(self) -> str:
        """The statement that gives the rows as JSON objects."""
        return f"SELECT to_jsonb({self.table})::text FROM {self.table} WHERE {self.where}"


def holdings_of(
    metadata: MetaData, declared: Sequence[Holding] = (), impersonal: Collection[str] = frozenset()
) -> list[Holding]:
    """Holdings of all tables: those declared, in their order, then whatever carries an identity or profile id.

    Raises `LookupError` for a table that is none of these and not named in `impersonal`: nobody may forget one.
    """
    named = {each.table for each in declared}
    rest: list[Holding] = []
    unknown: list[str] = []
    for name, table in sorted(metadata.tables.items()):
        if name in named or name in COMMON or name in impersonal:
            continue
        if "identity_id" in table.columns:
            rest.append(Holding(name))
        elif "profile_id" in table.columns:
            rest.append(Holding(name, _BY_PROFILE))
        else:
            unknown.append(name)
    if unknown:
        raise LookupError(f"say what erasing a person does to these tables: {', '.join(unknown)}")
    return [*declared, *rest]


async def run(connection: Connection, statement: str, person: Person, salt: str = "") -> list[Any]:
    """First column of what a statement with named parts gives."""
    values: dict[str, Any] = {
        "identities": [*person.own, *person.shared],
        "own": list(person.own),
        "profiles": list(person.profiles),
        "values": list(person.values),
        "salt": salt,
    }
    used = list(dict.fromkeys(name for _, name, _, _ in Formatter().parse(statement) if name))
    places = {name: f"${number}::{_TYPES[name]}" for number, name in enumerate(used, start=1)}
    rows = await connection.fetch(statement.format_map(places), *(values[name] for name in used), timeout=600)
    return [row[0] for row in rows]


async def export(connection: Connection, person: Person, holdings: Sequence[Holding]) -> dict[str, list[msgspec.Raw]]:
    """Everything held of a person: rows by table, as JSON objects; tables with nothing are left out."""
    found: dict[str, list[msgspec.Raw]] = {}
    for holding in holdings:
        if holding.exported and (rows := await run(connection, holding.reading, person)):
            found[holding.table] = [msgspec.Raw(row.encode()) for row in rows]
    return found
