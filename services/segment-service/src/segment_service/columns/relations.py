"""The relations that rules read, as column files keep them."""

from collections.abc import Mapping
from typing import Final, NamedTuple


class Relation(NamedTuple):
    """A relation kept by rows of a key: `rows` gives those of `changed (id)`, or all without a join.

    `columns` are the column types of DuckDB in the order of `rows`; the first is the key.
    """

    name: str
    rows: str
    columns: Mapping[str, str]

    @property
    def key(self) -> str:
        """The column by which rows are replaced."""
        return next(iter(self.columns))


_NUMBER: Final = "DECIMAL(24,6)"

CUSTOMER: Final = Relation(
    "customer",
    "SELECT {columns} FROM rule.customer AS r",
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
    },
)
TRAIT: Final = Relation(
    "trait",
    "SELECT {columns} FROM rule.trait AS r",
    {
        "profile_id": "UUID",
        "key": "VARCHAR",
        "text": "VARCHAR",
        "number": _NUMBER,
        "flag": "BOOLEAN",
        "at": "TIMESTAMP",
    },
)
CONSENT: Final = Relation(
    "consent",
    "SELECT {columns} FROM rule.consent AS r",
    {
        "profile_id": "UUID",
        "channel": "VARCHAR",
        "purpose": "VARCHAR",
        "granted": "BOOLEAN",
        "until": "TIMESTAMP",
    },
)
IDENTITY: Final = Relation(
    "identity",
    "SELECT {columns} FROM identity_map AS r",
    {"identity_id": "UUID", "profile_id": "UUID"},
)
RELATIONS: Final = (CUSTOMER, TRAIT, CONSENT, IDENTITY)
# What an erasure writes anew, besides the months with events of the person.
PERSONAL: Final = tuple(each.name for each in RELATIONS)
