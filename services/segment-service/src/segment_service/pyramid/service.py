"""The pyramid of customers by value, computed anew from the column files."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Final
from uuid import UUID

from msgspec import Meta
from rapport.errors import Invalid
from rapport.pagination import decode_cursor, encode_cursor

from segment_service.columns.engine import Engine
from segment_service.columns.ranking import ClassSize, Key, Line, Question, class_sizes, listed
from segment_service.columns.store import ColumnStore
from segment_service.money import Money, amount_text
from segment_service.pyramid.rules import REST_OF_WORLD, VALUE_CLASSES, Basis, Cutoffs
from segment_service.pyramid.schemas import (
    CustomersQuery,
    CutoffsOut,
    Pyramid,
    PyramidClass,
    PyramidCustomer,
    PyramidCustomers,
    PyramidPeriod,
    PyramidQuery,
    Ranked,
)
from segment_service.settings import SegmentSettings

_EMPTY: Final = (0, Decimal(0), Decimal(0))

AmountText = Annotated[str, Meta(pattern=r"^-?[0-9]{1,30}\.[0-9]{2}$")]
Micros = Annotated[int, Meta(ge=-(2**62), le=2**62)]


def question(asked: Ranked, as_of: datetime | None, now: datetime, settings: SegmentSettings) -> Question:
    """What is to be ranked at `as_of`, or now with everything that is known."""
    since = (as_of or now) - timedelta(days=asked.days(settings))
    return Question(since, as_of, asked.basis, asked.cutoffs(settings))


async def pyramid(
    store: ColumnStore, engine: Engine, settings: SegmentSettings, asked: PyramidQuery, now: datetime
) -> Pyramid:
    """The eight classes."""
    ranked = question(asked, asked.as_of, now, settings)
    with engine.place():
        files = await store.refresh()
        sizes = {each.value_class: each for each in await engine.run(lambda duck: class_sizes(duck, files, ranked))}
    to = asked.as_of or now
    return Pyramid(
        as_of=to,
        basis=asked.basis,
        period=_period(ranked.since, to),
        cutoffs=cutoffs_out(ranked.cutoffs),
        currency=settings.currency,
        classes=classes(sizes, asked.basis, settings.currency, settings.market_size, costed=files.costed),
        notes=notes(sizes, asked.basis, settings.currency),
    )


async def customers(
    store: ColumnStore, engine: Engine, settings: SegmentSettings, asked: CustomersQuery, now: datetime
) -> PyramidCustomers:
    """A page of customers; raises `Invalid` for a cursor that no page gave."""
    as_of, after = _position(asked.cursor) if asked.cursor is not None else (asked.as_of, None)
    ranked = question(asked, as_of, now, settings)
    wanted = asked.value_class or list(VALUE_CLASSES)
    with engine.place():
        files = await store.refresh()
        found = await engine.run(
            lambda duck: listed(
                duck, files, ranked, wanted, below_zero=asked.below_zero, after=after, limit=asked.limit + 1
            )
        )
    to = as_of or now
    lines = found.lines[: asked.limit]
    more = len(found.lines) > asked.limit
    return PyramidCustomers(
        as_of=to,
        basis=asked.basis,
        period=_period(ranked.since, to),
        total=found.customers,
        sales=_money(found.sales, settings.currency),
        profit=_money(found.profit, settings.currency),
        items=[_customer(each, settings.currency, costed=files.costed) for each in lines],
        # The pages that follow are of the same moment.
        next_cursor=encode_cursor(to, f"{lines[-1].key.amount:.2f}", *lines[-1].key[1:]) if more else None,
    )


def classes(
    sizes: Mapping[str, ClassSize], basis: Basis, currency: str, market_size: int | None, *, costed: bool
) -> list[PyramidClass]:
    """All eight classes with their shares."""
    every = [sizes.get(name) or ClassSize(name, *_EMPTY) for name in VALUE_CLASSES]
    known = sum(each.customers for each in every)
    sales, profit = sum(each.sales for each in every), sum(each.profit for each in every)

    def shown(each: ClassSize, customers: int | None) -> PyramidClass:
        of_profit: dict[str, Any] = {}
        if basis == "profit":
            of_profit = {"profit": _money(each.profit, currency), "share_of_profit": _share(each.profit, profit)}
        return PyramidClass.model_validate(
            {
                "value_class": each.value_class,
                "customers": customers,
                "share_of_customers": None if each.value_class == REST_OF_WORLD else _share(each.customers, known),
                "sales": _money(each.sales, currency),
                "share_of_sales": _share(each.sales, sales),
                "cost_to_serve": _money(each.cost, currency) if costed else None,
                "below_zero": {"customers": each.losing, "profit": _money(each.loss, currency)},
                **of_profit,
            }
        )

    rest = None if market_size is None else max(0, market_size - known)
    return [*(shown(each, each.customers) for each in every), shown(ClassSize(REST_OF_WORLD, *_EMPTY), rest)]


def notes(sizes: Mapping[str, ClassSize], basis: Basis, currency: str) -> list[str]:
    """What the sums leave out."""
    found = []
    elsewhere, costless = sum(each.elsewhere for each in sizes.values()), sum(each.costless for each in sizes.values())
    if elsewhere:
        found.append(f"{elsewhere} orders in other currencies than {currency} count as orders, not in sums of money.")
    if costless and basis == "profit":
        found.append(f"{costless} orders without a known cost add nothing to profit.")
    return found


def cutoffs_out(cutoffs: Cutoffs) -> CutoffsOut:
    """Cut-offs as they are answered."""
    top, large, medium = cutoffs.shares
    return CutoffsOut(by=cutoffs.by, top=top, large=large, medium=medium)


def _position(cursor: str) -> tuple[datetime, Key]:
    as_of, amount, age, profile = decode_cursor(cursor, tuple[datetime, AmountText, Micros, UUID])
    if as_of.tzinfo is None or not 1900 <= as_of.year <= 2200:
        raise Invalid("The cursor is not one that this list gave.", errors=[{"pointer": "/cursor", "detail": "as_of"}])
    return as_of, Key(Decimal(amount), age, profile)


def _customer(line: Line, currency: str, *, costed: bool) -> PyramidCustomer:
    return PyramidCustomer(
        profile_id=line.profile_id,
        value_class=line.value_class,
        place=line.place,
        orders=line.orders,
        sales=_money(line.sales, currency),
        profit=_money(line.profit, currency),
        cost_to_serve=_money(line.cost, currency) if costed else None,
        last_order_at=line.last_order_at,
    )


def _period(since: datetime, to: datetime) -> PyramidPeriod:
    return PyramidPeriod.model_validate({"from": since, "to": to})


def _money(amount: Decimal, currency: str) -> Money:
    return Money(amount=amount_text(amount), currency=currency)


def _share(part: Decimal | int, whole: Decimal | int) -> float:
    return float(Decimal(part) / Decimal(whole)) if whole else 0.0
