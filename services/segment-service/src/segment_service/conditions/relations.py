"""The logical relations that rules are compiled against: the same names and columns on every engine. Pure.

PostgreSQL has them twice: of everybody in the schema `rule`, of the profiles in `segment.profiles` in `touched`.

Numbers are exact, times are in UTC without an offset, ids are UUIDs (text on Spark). A leaf is one value of a trait or
of an event's data, in the columns that fit: `text` for strings, `number` for numbers and for strings that are plain
numbers, `flag` for truth values, `at` for dates and times and for strings that are such.
"""

from collections.abc import Mapping
from typing import Final

NUMBER: Final = "decimal(24, 6)"
_ID: Final = "uuid"
_TEXT: Final = "string"
_TIME: Final = "timestamp(6)"
_FLAG: Final = "boolean"
_LEAF: Final = {"text": _TEXT, "number": NUMBER, "flag": _FLAG, "at": _TIME}

COLUMNS: Final[Mapping[str, Mapping[str, str]]] = {
    # One row per profile: everybody whom a rule may match.
    "customer": {
        "profile_id": _ID,
        "value_class": _TEXT,
        "lifecycle": _TEXT,
        "orders": NUMBER,
        "orders_elsewhere": NUMBER,
        "revenue": NUMBER,
        "profit": NUMBER,
        "period_orders": NUMBER,
        "period_revenue": NUMBER,
        "first_order_at": _TIME,
        "last_order_at": _TIME,
        "r": NUMBER,
        "f": NUMBER,
        "m": NUMBER,
        "p_alive": NUMBER,
        "expected_orders": NUMBER,
        "clv_12m": NUMBER,
        "referrals": NUMBER,
        "referral_value": NUMBER,
        "cost_to_serve": NUMBER,
    },
    # One row per leaf; an array is several rows, the members of an object have keys such as `address.city`.
    "trait": {"profile_id": _ID, "key": _TEXT, **_LEAF},
    "event": {
        "profile_id": _ID,
        "event_id": _ID,
        "name": _TEXT,
        "channel": _TEXT,
        "direction": _TEXT,
        "occurred_at": _TIME,
    },
    # One row per leaf of an event's data; paths are without the indexes of arrays: `products.category`.
    "event_value": {
        "profile_id": _ID,
        "event_id": _ID,
        "name": _TEXT,
        "occurred_at": _TIME,
        "path": _TEXT,
        **_LEAF,
    },
    # The word that counts of each profile on each channel and purpose, and when it ends.
    "consent": {"profile_id": _ID, "channel": _TEXT, "purpose": _TEXT, "granted": _FLAG, "until": _TIME},
    "membership": {"profile_id": _ID, "segment": _TEXT},
    "grade": {"profile_id": _ID, "scheme": _TEXT, "grade": _TEXT},
    "need": {"profile_id": _ID, "need_group": _TEXT},
    # `until` is the day, or the time, from which it is over.
    "relationship": {"profile_id": _ID, "other_profile_id": _ID, "kind": _TEXT, "until": "date"},
    # One row.
    "clock": {"now": _TIME},
}

# What no part of the service keeps yet: it is as if there were nothing in it. Whoever brings it takes it from here.
ABSENT: Final[frozenset[str]] = frozenset()
