"""How large a rule may be, and the words it knows. Pure; parser and schema both read them."""

from collections.abc import Mapping
from typing import Final

DEEPEST: Final = 20
MOST_CONDITIONS: Final = 200
LONGEST_LIST: Final = 1_000
MOST_WHERE: Final = 20
LONGEST_TEXT: Final = 256
LARGEST: Final = 10**15
DECIMALS: Final = 6

# PostgreSQL holds no NUL. Halves of surrogate pairs are refused too, but no schema can name them.
TEXT: Final = r"^[^\u0000]*$"

EQUALITIES: Final = ("eq", "ne")
LISTS: Final = ("in", "nin")
ORDERS: Final = ("gt", "gte", "lt", "lte")
TIMES: Final[Mapping[str, str]] = {"before": "lt", "after": "gt"}
TEXTS: Final = ("contains", "starts_with")

NUMBER_OPERATORS: Final = (*EQUALITIES, *ORDERS, *LISTS, "exists")
WORD_OPERATORS: Final = (*EQUALITIES, *LISTS)
TIME_OPERATORS: Final = (*TIMES, *ORDERS)
VALUE_OPERATORS: Final = (*EQUALITIES, *ORDERS, *LISTS, *TEXTS, *TIMES, "exists")

# Figures over events, and whether they are taken of values at a path.
AGGREGATES: Final[Mapping[str, bool]] = {
    "count": False,
    "sum": True,
    "avg": True,
    "min": True,
    "max": True,
    "distinct": True,
    "first": False,
    "last": False,
}
EVENT_FIELDS: Final = ("event", "channel", "direction", "where", *AGGREGATES, "within", "between")
DIRECTIONS: Final = ("inbound", "outbound")
