"""The relations that rules read, as column files keep them, and the views over these."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from segment_service.columns.manifest import Manifest, Part
from segment_service.columns.parts import EVENTS

_NUMBER: Final = "DECIMAL(24,6)"


class Relation(NamedTuple):
    """A relation whose rows are replaced by the key that the first of `columns` is (types are DuckDB's).

    `source` is the table or view that has these columns in PostgreSQL.
    """

    name: str
    source: str
    columns: Mapping[str, str]

    @property
    def key(self) -> str:
        """The column by which rows are replaced."""
        return next(iter(self.columns))


CUSTOMER: Final = Relation(
    "customer",
    "rule.customer",
    {
        "profile_id": "UUID",
        "kind": "VARCHAR",
        "restricted": "BOOLEAN",
        "value_class": "VARCHAR",
        "lifecycle": "VARCHAR",
        "lifecycle_since": "TIMESTAMP",
        "orders": _NUMBER,
        "orders_elsewhere": _NUMBER,
        "period_orders": _NUMBER,
        "revenue": _NUMBER,
        "period_revenue": _NUMBER,
        "profit": _NUMBER,
        "first_order_at": "TIMESTAMP",
        "last_order_at": "TIMESTAMP",
        "contacted_at": "TIMESTAMP",
        "r": _NUMBER,
        "f": _NUMBER,
        "m": _NUMBER,
        "cost_to_serve": _NUMBER,
        "p_alive": _NUMBER,
        "expected_orders": _NUMBER,
        "clv_12m": _NUMBER,
        "referrals": _NUMBER,
        "referral_value": _NUMBER,
    },
)
_READINGS: Final = {"text": "VARCHAR", "number": _NUMBER, "flag": "BOOLEAN", "at": "TIMESTAMP"}
TRAIT: Final = Relation("trait", "rule.trait", {"profile_id": "UUID", "key": "VARCHAR", **_READINGS})
CONSENT: Final = Relation(
    "consent",
    "rule.consent",
    {"profile_id": "UUID", "channel": "VARCHAR", "purpose": "VARCHAR", "granted": "BOOLEAN", "until": "TIMESTAMP"},
)
IDENTITY: Final = Relation("identity", "identity_map", {"identity_id": "UUID", "profile_id": "UUID"})
MEMBERSHIP: Final = Relation("membership", "rule.membership", {"profile_id": "UUID", "segment": "VARCHAR"})
GRADE: Final = Relation("grade", "rule.grade", {"profile_id": "UUID", "scheme": "VARCHAR", "grade": "VARCHAR"})
NEED: Final = Relation("need", "rule.need", {"profile_id": "UUID", "need_group": "VARCHAR"})
# Between identities, as they were announced; `relationship` is a view over it.
RELATED: Final = Relation(
    "related",
    "relationship",
    {
        "relationship_id": "UUID",
        "kind": "VARCHAR",
        "identity_id": "UUID",
        "other_identity_id": "UUID",
        "since": "DATE",
        "until": "DATE",
    },
)
RELATIONS: Final = (CUSTOMER, TRAIT, CONSENT, IDENTITY, MEMBERSHIP, GRADE, NEED, RELATED)
# What an erasure writes anew, besides the months with events of the person.
PERSONAL: Final = tuple(each.name for each in RELATIONS)

# Events lie in two files a month, under their identities; nothing of them ever changes.
EVENT: Final = {
    "identity_id": "UUID",
    "event_id": "UUID",
    "name": "VARCHAR",
    "channel": "VARCHAR",
    "direction": "VARCHAR",
    "occurred_at": "TIMESTAMP",
}
EVENT_VALUE: Final = {
    "identity_id": "UUID",
    "event_id": "UUID",
    "name": "VARCHAR",
    "occurred_at": "TIMESTAMP",
    "path": "VARCHAR",
    **_READINGS,
}
VALUES: Final = "event_value-"
_RELATIONSHIP: Final = """
CREATE VIEW relationship AS
SELECT one.profile_id, other.profile_id AS other_profile_id, related.kind, related.since, related.until
FROM related
JOIN identity AS one ON one.identity_id = related.identity_id
JOIN identity AS other ON other.identity_id = related.other_identity_id
"""


def views(manifest: Manifest, folder: Path) -> list[str]:
    """Statements that make the relations as views in DuckDB, by the names and columns they have in PostgreSQL."""
    made = [
        f"CREATE VIEW {each.name} AS {_view(each, manifest.parts.get(each.name), folder)}"
        for each in sorted(RELATIONS, key=lambda each: each is not IDENTITY)
    ]
    for name, prefix, columns in (("event", EVENTS, EVENT), ("event_value", VALUES, EVENT_VALUE)):
        files = ", ".join(quoted(folder / each) for each in _append_only(manifest, prefix))
        source = f"read_parquet([{files}])" if files else f"({_empty(columns)})"
        rest = ", ".join(f'happened."{column}"' for column in columns if column != "identity_id")
        made.append(
            f"CREATE VIEW {name} AS SELECT identity.profile_id, {rest} "
            f"FROM {source} AS happened JOIN identity ON identity.identity_id = happened.identity_id"
        )
    return [*made, _RELATIONSHIP]


def quoted(path: Path) -> str:
    """A path as a literal."""
    return "'" + str(path).replace("'", "''") + "'"


def _append_only(manifest: Manifest, prefix: str) -> Iterator[str]:
    for name, part in sorted(manifest.parts.items()):
        if name.startswith(prefix):
            yield from part.files


def _view(relation: Relation, part: Part | None, folder: Path) -> str:
    if part is None:
        return _empty(relation.columns)
    return current(relation, part, folder)


def current(relation: Relation, part: Part, folder: Path) -> str:
    """Rows of the base that nothing has replaced, and those that came instead."""
    base = f"SELECT * FROM read_parquet({quoted(folder / part.base)}) AS base"
    if part.keys is None or part.rows is None:
        return base
    keys, rows = (f"read_parquet({quoted(folder / each)})" for each in (part.keys, part.rows))
    replaced = f'SELECT 1 FROM {keys} AS gone WHERE gone."{relation.key}" = base."{relation.key}"'
    return f"{base} WHERE NOT EXISTS ({replaced}) UNION ALL SELECT * FROM {rows}"


def _empty(columns: Mapping[str, str]) -> str:
    typed = ", ".join(f'NULL::{kind} AS "{name}"' for name, kind in columns.items())
    return f"SELECT {typed} WHERE false"
