"""The same customers on each engine, as the logical relations that rules are compiled against."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID, uuid5

import asyncpg
import duckdb
from segment_service.conditions.customer import Customer, Leaf
from segment_service.conditions.relations import COLUMNS

# Who matches, and when time alone may change the answer.
Judged = dict[UUID, tuple[bool, datetime | None]]

_NAMESPACE: Final = UUID(int=42)
_POSTGRES: Final = {"string": "text", "decimal(24, 6)": "numeric(24,6)", "timestamp(6)": "timestamp"}
_DUCKDB: Final = {"string": "VARCHAR", "decimal(24, 6)": "DECIMAL(24,6)", "timestamp(6)": "TIMESTAMP"}
# What is stored under an identity: two of them make one profile.
_BY_IDENTITY: Final = ("event", "event_value")


def rows_of(people: Sequence[Customer]) -> dict[str, list[dict[str, Any]]]:
    """Rows of every relation, as JSON can hold them."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in (*COLUMNS, "identity_map")}
    for person in people:
        own = {"profile_id": person.profile_id}
        identities = [uuid5(_NAMESPACE, f"{person.profile_id}/{number}") for number in range(2)]
        found["customer"].append({**own, **person.standing})
        found["identity_map"] += [{**own, "identity_id": each} for each in identities]
        for key, leaves in person.traits.items():
            found["trait"] += [{**own, "key": key, **_leaf(leaf)} for leaf in leaves]
        for number, event in enumerate(person.events):
            identity = {"identity_id": identities[number % 2]}
            known = {
                "event_id": uuid5(person.profile_id, str(number)),
                "name": event.name,
                "occurred_at": event.occurred_at,
            }
            found["event"].append({**identity, **known, "channel": event.channel, "direction": event.direction})
            for path, leaves in event.values.items():
                found["event_value"] += [{**identity, **known, "path": path, **_leaf(leaf)} for leaf in leaves]
        found["consent"] += [{**own, **word._asdict()} for word in person.consents]
        found["membership"] += [{**own, "segment": key} for key in sorted(person.segments)]
        found["grade"] += [{**own, "scheme": scheme, "grade": grade} for scheme, grade in sorted(person.grades)]
        found["need"] += [{**own, "need_group": group} for group in sorted(person.needs)]
        found["relationship"] += [
            {**own, "kind": bond.kind, "other_profile_id": bond.other, "until": bond.until and bond.until.date()}
            for bond in person.relationships
        ]
    found["clock"] = [{"now": people[0].now}] if people else [{"now": datetime.now(UTC)}]
    return {name: [{key: _plain(value) for key, value in row.items()} for row in some] for name, some in found.items()}


async def by_postgres(connection: "asyncpg.Connection[Any]", query: str, rows: Mapping[str, Any]) -> Judged:
    """The answer of PostgreSQL."""
    names = sorted(rows)
    relations = ", ".join(
        f"{_stored(name)} AS (SELECT * FROM jsonb_to_recordset(${place}::jsonb) AS row ({_typed(name, _POSTGRES)}))"
        for place, name in enumerate(names, 1)
    )
    found = await connection.fetch(
        f"WITH {relations}, {_views()} SELECT profile_id, matches, due_at FROM ({query}) AS judged",
        *(json.dumps(rows[name]) for name in names),
    )
    return {row[0]: (row[1], _utc(row[2])) for row in found}


def by_duckdb(connection: duckdb.DuckDBPyConnection, query: str, rows: Mapping[str, Any]) -> Judged:
    """The answer of DuckDB."""
    relations = ", ".join(f"{_stored(name)} AS ({in_duckdb(name, rows[name])})" for name in sorted(rows))
    connection.execute(f"WITH {relations}, {_views()} SELECT profile_id, matches, due_at FROM ({query}) AS judged")
    return {row[0]: (row[1], _utc(row[2])) for row in connection.fetchall()}


def in_duckdb(name: str, rows: list[dict[str, Any]]) -> str:
    """A query of DuckDB that gives rows of what a relation is stored as."""
    shape = json.dumps([{key: _DUCKDB.get(kind, kind.upper()) for key, kind in _columns(name).items()}])
    text = json.dumps(rows, ensure_ascii=False).replace("'", "''")
    return f"SELECT unnest(from_json('{text}', '{shape}'), recursive := true)"


def _views() -> str:
    return ", ".join(
        f"{name} AS (SELECT profile_id, stored.* FROM {_stored(name)} AS stored JOIN identity_map USING (identity_id))"
        for name in _BY_IDENTITY
    )


def _stored(name: str) -> str:
    return f"stored_{name}" if name in _BY_IDENTITY else name


def _columns(name: str) -> dict[str, str]:
    if name == "identity_map":
        return {"identity_id": "uuid", "profile_id": "uuid"}
    columns = dict(COLUMNS[name])
    if name in _BY_IDENTITY:
        del columns["profile_id"]
        return {"identity_id": "uuid", **columns}
    return columns


def _typed(name: str, types: Mapping[str, str]) -> str:
    return ", ".join(f'"{key}" {types.get(kind, kind)}' for key, kind in _columns(name).items())


def _leaf(leaf: Leaf) -> dict[str, Any]:
    return leaf._asdict()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value if value is None or isinstance(value, bool | str) else str(value)


def _utc(at: datetime | None) -> datetime | None:
    return None if at is None else at.replace(tzinfo=UTC)
