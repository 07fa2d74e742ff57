"""Single customers as rules see them, for explanations."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any, Final
from uuid import UUID

from rapport.database import Connection

from segment_service.conditions.customer import Bond, Customer, Happening, Leaf, Word
from segment_service.conditions.relations import ABSENT, COLUMNS

Rows = list[Mapping[str, Any]]

_RELATIONS: Final = tuple(name for name in COLUMNS if name not in ABSENT and name != "clock")


async def customer(connection: Connection, profile: UUID, events: Collection[str] | None = None) -> Customer | None:
    """All that rules can ask about one profile, as of the relations' own clock; None when there is no such customer.

    Of the events those of the names in `events` alone, if given: somebody may have millions of others.
    """
    async with connection.transaction():
        await connection.execute("SELECT set_config('segment.profiles', $1, true)", f"{{{profile}}}")
        now = _utc(await connection.fetchval("SELECT now FROM touched.clock"))
        rows: dict[str, Rows] = defaultdict(list)
        for name in _RELATIONS:
            narrowed = events is not None and name in {"event", "event_value"}
            query = f"SELECT {_columns(name)} FROM touched.{name}"
            found = (
                await connection.fetch(f"{query} WHERE name = ANY($1::text[])", list(events or ()))
                if narrowed
                else await connection.fetch(query)
            )
            rows[name] = [dict(row) for row in found]
    return of_rows(profile, now, rows) if rows["customer"] else None


def of_rows(profile: UUID, now: datetime, rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> Customer:
    """A customer from the rows of each relation."""
    (standing,) = rows["customer"]
    traits: dict[str, list[Leaf]] = defaultdict(list)
    for row in rows["trait"]:
        traits[row["key"]].append(_leaf(row))
    values: dict[UUID, dict[str, list[Leaf]]] = defaultdict(lambda: defaultdict(list))
    for row in rows["event_value"]:
        values[row["event_id"]][row["path"]].append(_leaf(row))
    return Customer(
        profile_id=profile,
        now=now,
        standing={name: _utc(value) for name, value in standing.items()},
        traits=traits,
        events=[
            Happening(
                row["name"], _utc(row["occurred_at"]), row["channel"], row["direction"], values.get(row["event_id"], {})
            )
            for row in rows["event"]
        ],
        consents=[
            Word(row["channel"], row["purpose"], bool(row["granted"]), _utc(row["until"])) for row in rows["consent"]
        ],
        segments=frozenset(row["segment"] for row in rows["membership"]),
        grades=frozenset((row["scheme"], row["grade"]) for row in rows["grade"]),
        needs=frozenset(row["need_group"] for row in rows["need"]),
        relationships=[Bond(row["kind"], row["other_profile_id"], _utc(row["until"])) for row in rows["relationship"]],
    )


def _columns(name: str) -> str:
    return ", ".join(f'"{column}"' for column in COLUMNS[name] if f"{name}.{column}" not in ABSENT)


def _leaf(row: Mapping[str, Any]) -> Leaf:
    return Leaf(row["text"], row["number"], row["flag"], _utc(row["at"]))


def _utc(value: Any) -> Any:
    """Times with their offset; a day is its first moment."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC)
    return datetime.combine(value, time(), UTC) if isinstance(value, date) else value
