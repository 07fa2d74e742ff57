"""What is handed to the process that calculates, and what it gives back."""

from typing import Final

import msgspec

TABLE: Final = "table.parquet"  # a row for each customer: `profile_id`, `mark`, and the columns to learn from
OPTIONS: Final = "options.json"
RESULT: Final = "result.json"
ROWS: Final = "rows.csv"  # profile_id, group or place and score


class GroupOptions(msgspec.Struct, tag="groups", forbid_unknown_fields=True):
    """Find groups: `groups` of them, or the right number up to `most`; `mark` names each customer's earlier group."""

    most: int
    groups: int | None = None
    names: dict[str, str] = {}


class LikenessOptions(msgspec.Struct, tag="likeness", forbid_unknown_fields=True):
    """Rank customers by likeness to those with `mark` true."""


class TriedNumber(msgspec.Struct):
    """A number of groups, its prediction strength and the share of its smallest group."""

    groups: int
    prediction_strength: float
    smallest_share: float


class MarkFound(msgspec.Struct):
    """What sets a group apart; `difference` in standard deviations from all customers' mean."""

    feature: str
    difference: float
    median: float | None
    median_of_all: float | None
    words: str


class GroupFound(msgspec.Struct):
    """A group; `continues` says that it is an earlier group, under whose key and name it goes on."""

    key: str
    name: str
    continues: bool
    size: int
    share: float
    description: str
    marks: list[MarkFound]


class GroupsResult(msgspec.Struct, tag="groups"):
    """The groups, the largest first, and how their number came about."""

    customers: int
    features: list[str]
    chosen: int
    clear: bool
    stability: float
    tried: list[TriedNumber]
    groups: list[GroupFound]


class DecileFound(msgspec.Struct):
    """A tenth of the customers held out, best first."""

    decile: int
    customers: int
    found: int
    rate: float
    lift: float
    cumulative_share: float


class DriverFound(msgspec.Struct):
    """A feature by what the area under the curve loses without it, and how the sought differ in it."""

    feature: str
    weight: float
    words: str


class LikenessResult(msgspec.Struct, tag="likeness"):
    """The model chosen, areas under the ROC curve by model and fold, gains on customers held out."""

    customers: int
    seeds: int
    features: list[str]
    model: str
    areas: dict[str, list[float]]
    gains: list[DecileFound]
    drivers: list[DriverFound]


class NoResult(msgspec.Struct, tag="nothing"):
    """Why there is no result."""

    reason: str


Options = GroupOptions | LikenessOptions
Result = GroupsResult | LikenessResult | NoResult
