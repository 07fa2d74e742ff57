"""The pyramid of customers by value, computed anew from the column files."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from segment_service.columns.engine import Engine
from segment_service.columns.ranking import ClassSize, Question, class_sizes
from segment_service.columns.store import ColumnStore
from segment_service.money import Money, amount_text
from segment_service.pyramid.rules import REST_OF_WORLD, VALUE_CLASSES, Basis
from segment_service.pyramid.schemas import Pyramid, PyramidClass, PyramidPeriod
from segment_service.settings import SegmentSettings

_EMPTY = (0, Decimal(0), Decimal(0), 0, 0)


async def pyramid(
    store: ColumnStore, engine: Engine, settings: SegmentSettings, as_of: datetime | None, now: datetime, basis: Basis
) -> Pyramid:
    """The eight classes at `as_of`, or now with everything that is known."""
    to = as_of or now
    since = to - timedelta(days=settings.period_days)
    question = Question(since, as_of, basis, settings.cutoffs, settings.currency)
    with engine.place():
        files = await store.refresh()
        sizes = {each.value_class: each for each in await engine.run(lambda duck: class_sizes(duck, files, question))}
    return Pyramid(
        as_of=to,
        basis=basis,
        period=PyramidPeriod.model_validate({"from": since, "to": to}),
        currency=settings.currency,
        classes=classes(sizes, basis, settings.currency, settings.market_size),
        notes=notes(sizes, basis, settings.currency),
    )


def classes(sizes: Mapping[str, ClassSize], basis: Basis, currency: str, market_size: int | None) -> list[PyramidClass]:
    """All eight classes with their shares."""
    every = [sizes.get(name) or ClassSize(name, *_EMPTY) for name in VALUE_CLASSES]
    customers = sum(each.customers for each in every)
    sales, profit = sum(each.sales for each in every), sum(each.profit for each in every)

    def shown(name: str, count: int | None, sold: Decimal, earned: Decimal) -> PyramidClass:
        of_profit: dict[str, Any] = {}
        if basis == "profit":
            of_profit = {
                "profit": Money(amount=amount_text(earned), currency=currency),
                "share_of_profit": _share(earned, profit),
            }
        return PyramidClass.model_validate(
            {
                "value_class": name,
                "customers": count,
                "share_of_customers": None if name == REST_OF_WORLD else _share(count or 0, customers),
                "sales": Money(amount=amount_text(sold), currency=currency),
                "share_of_sales": _share(sold, sales),
                **of_profit,
            }
        )

    rest = None if market_size is None else max(0, market_size - customers)
    return [
        *(shown(each.value_class, each.customers, each.sales, each.profit) for each in every),
        shown(REST_OF_WORLD, rest, Decimal(0), Decimal(0)),
    ]


def notes(sizes: Mapping[str, ClassSize], basis: Basis, currency: str) -> list[str]:
    """What the sums leave out."""
    found = []
    elsewhere, costless = sum(each.elsewhere for each in sizes.values()), sum(each.costless for each in sizes.values())
    if elsewhere:
        found.append(f"{elsewhere} orders in other currencies than {currency} count as orders, not in sums of money.")
    if costless and basis == "profit":
        found.append(f"{costless} orders without a known cost add nothing to profit.")
    return found


def _share(part: Decimal | int, whole: Decimal | int) -> float:
    return float(Decimal(part) / Decimal(whole)) if whole else 0.0
