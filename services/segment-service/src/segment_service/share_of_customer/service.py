"""Keeping what customers spend elsewhere, and judging why small ones are small."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple
from uuid import UUID

from rapport.database import Connection
from rapport.pagination import decode_cursor, encode_cursor

from segment_service.loyalty import repository as purchases
from segment_service.loyalty.rules import by_line
from segment_service.money import Money, amount_text
from segment_service.settings import SegmentSettings
from segment_service.share_of_customer import repository
from segment_service.share_of_customer.errors import InvalidAmount, UnknownCompetitor
from segment_service.share_of_customer.repository import Competitor, Estimate
from segment_service.share_of_customer.rules import (
    ORIGINS,
    Benchmark,
    Known,
    Origin,
    Quadrant,
    is_small_firm,
    open_potential,
    over,
    quadrant,
    share,
    usual,
)
from segment_service.share_of_customer.schemas import (
    BenchmarkItem,
    Benchmarks,
    CategoryShare,
    CompetitorIn,
    CompetitorOut,
    EstimateIn,
    EstimateOut,
    Estimates,
    ShareItem,
    ShareOfCustomer,
    SharePage,
    Total,
)
from segment_service.standing.errors import UnknownProfile
from segment_service.standing.repository import Rules, current

_AT_ONCE: Final = 500
_LOOKS: Final = 20  # at so many times as many customers for one page


class Usual(NamedTuple):
    """What everybody is held against: what is usual, and what the last above small buys."""

    benchmarks: list[Benchmark]
    bound: Decimal | None


async def say(connection: Connection, profile_id: UUID, body: EstimateIn, own: str) -> tuple[EstimateOut, bool]:
    """Keep a word; it, and whether it is new. Raises `UnknownProfile`, `InvalidAmount`."""
    now = datetime.now(UTC)
    at = (body.at or now).astimezone(UTC)
    if at > now + timedelta(days=1):
        detail = "at lies in the future"
        raise InvalidAmount(detail, errors=[{"pointer": "/at", "detail": detail}])
    said = Estimate(body.category or "", body.origin, at, body.amount, body.currency or own, body.source)
    new = await repository.say(connection, await _identity(connection, profile_id), said)
    return _estimate(said), new


async def said(connection: Connection, profile_id: UUID) -> Estimates:
    """All words; raises `UnknownProfile`."""
    profile = await _profile(connection, profile_id)
    words = await repository.said(connection, profile)
    return Estimates(profile_id=profile, items=[_estimate(each) for each in words])


async def compete(
    connection: Connection, profile_id: UUID, name: str, body: CompetitorIn, own: str
) -> tuple[CompetitorOut, bool]:
    """Keep a competitor; they, and whether they are new. Raises `UnknownProfile`."""
    currency = (body.currency or own) if body.amount is not None else None
    known = Competitor(name, body.share, body.amount, currency, body.source, datetime.now(UTC))
    new = await repository.compete(connection, await _identity(connection, profile_id), known)
    return _competitor(known), new


async def withdraw(connection: Connection, profile_id: UUID, name: str) -> None:
    """Forget a competitor; raises `UnknownProfile`, `UnknownCompetitor`."""
    if not await repository.withdraw(connection, await _profile(connection, profile_id), name):
        raise UnknownCompetitor(f"{name} is not known to serve profile {profile_id}.")


async def benchmarks(connection: Connection, own: str) -> Benchmarks:
    """What is usual."""
    some = await repository.benchmarks(connection, own)
    return Benchmarks(benchmarks=[BenchmarkItem.model_validate(each._asdict()) for each in some])


async def put_benchmarks(connection: Connection, own: str, body: Benchmarks) -> None:
    """These and no others."""
    some = [Benchmark(each.kind, each.size, each.value_class, each.amount) for each in body.benchmarks]
    await repository.replace_benchmarks(connection, own, some)


async def of_profile(
    connection: Connection, profile_id: UUID, settings: SegmentSettings, rules: Rules
) -> ShareOfCustomer:
    """One customer now; raises `UnknownProfile`."""
    profile = await _profile(connection, profile_id)
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        row = await repository.person(connection, profile, settings.size_trait)
        if row is None:
            raise _unknown(profile_id)
        held = await _usual(connection, rules)
        words = await repository.worth(connection, profile, rules.currency)
        others = await repository.competitors(connection, profile)
        bought = await _by_category(connection, profile, rules) if any(each.category for each, _ in words) else {}
    total = _total(words, usual(held.benchmarks, row["kind"], row["size"], row["value_class"]), rules)
    amount = Decimal(total.amount.amount) if total else None
    return ShareOfCustomer(
        **_judged(dict(row), amount, total.origin if total else None, held, settings, rules),
        as_of=datetime.now(UTC),
        period_days=rules.period_days,
        total=total,
        categories=[
            _category(word, value, bought.get(word.category, Decimal(0)), rules)
            for word, value in words
            if word.category
        ],
        competitors=[_competitor(each) for each in others],
    )


async def listed(
    connection: Connection,
    settings: SegmentSettings,
    rules: Rules,
    wanted: Collection[Quadrant],
    cursor: str | None,
    limit: int,
) -> SharePage:
    """A page of customers by open potential; raises `Invalid` for a cursor that no page gave."""
    after = decode_cursor(cursor, tuple[Decimal, UUID]) if cursor is not None else None
    held = await _usual(connection, rules)
    items: list[ShareItem] = []
    more = True
    for _ in range(_LOOKS):
        rows = await repository.page(
            connection, rules.currency, settings.size_trait, rules.period_days, after, _AT_ONCE
        )
        for place, row in enumerate(rows, start=1):
            item = _item(row, held, settings, rules)
            if not wanted or item.quadrant in wanted:
                items.append(item)
            after = row["potential"], row["profile_id"]
            if len(items) == limit:
                more = place < len(rows) or len(rows) == _AT_ONCE
                break
        else:
            more = len(rows) == _AT_ONCE
        if len(items) == limit or not more:
            break
    following = encode_cursor(*after) if more and after is not None else None
    return SharePage(as_of=datetime.now(UTC), period_days=rules.period_days, items=items, next_cursor=following)


def _item(row: Mapping[str, Any], held: Usual, settings: SegmentSettings, rules: Rules) -> ShareItem:
    total, origin = over(row["a_year"], rules.period_days), ORIGINS[row["place"] - 1]
    return ShareItem(
        **_judged(row, total, origin, held, settings, rules),
        total=_money(total, rules),
        origin=origin,
        competitors=row["competitors"],
    )


def _judged(
    row: Mapping[str, Any],
    total: Decimal | None,
    origin: Origin | None,
    held: Usual,
    settings: SegmentSettings,
    rules: Rules,
) -> dict[str, Any]:
    own = row["period_revenue"]
    likes = usual(held.benchmarks, row["kind"], row["size"], row["value_class"])
    known = Known(
        value_class=row["value_class"],
        own=own,
        total=total,
        origin=origin,
        is_small_firm=is_small_firm(row["kind"], row["size"], row["employees"], settings.small_firm_employees),
        usual=None if likes is None else over(likes, rules.period_days),
        bound=held.bound,
        competitors=row["competitors"],
    )
    why, reasons = quadrant(known, settings.low_share)
    potential = open_potential(own, total)
    return {
        "profile_id": row["profile_id"],
        "value_class": row["value_class"],
        "own": _money(own, rules),
        "share": share(own, total),
        "open_potential": None if potential is None else _money(potential, rules),
        "quadrant": why,
        "reasons": reasons,
    }


def _total(words: Sequence[tuple[Estimate, Decimal | None]], likes: Decimal | None, rules: Rules) -> Total | None:
    """The word on the whole, else the sum of those on categories, else what is usual."""
    valued = [(word, value) for word, value in words if value is not None]
    whole = [each for each in valued if not each[0].category] or valued
    if whole:
        weakest = max((word for word, _ in whole), key=lambda word: (ORIGINS.index(_origin(word)), word.at))
        amount = sum((value for _, value in whole), Decimal(0))
        source, at = (weakest.source, weakest.at) if len(whole) == 1 else (None, weakest.at)
        return Total(
            amount=_money(over(amount, rules.period_days), rules), origin=_origin(weakest), source=source, at=at
        )
    if likes is not None:
        return Total(amount=_money(over(likes, rules.period_days), rules), origin="benchmark", source=None, at=None)
    return None


def _category(word: Estimate, value: Decimal | None, own: Decimal, rules: Rules) -> CategoryShare:
    total = None if value is None else over(value, rules.period_days)
    return CategoryShare(
        category=word.category,
        own=_money(own, rules),
        total=None if total is None else _money(total, rules),
        share=share(own, total),
        origin=_origin(word),
    )


async def _by_category(connection: Connection, profile: UUID, rules: Rules) -> dict[str | None, Decimal]:
    since = datetime.now(UTC) - rules.period
    bought = await purchases.bought(connection, profile, rules.currency)
    parts = by_line([each for each in bought if each.at >= since], await purchases.items(connection, profile))
    return {category: sum((each.net or Decimal(0) for each in some), Decimal(0)) for category, some in parts.items()}


async def _usual(connection: Connection, rules: Rules) -> Usual:
    return Usual(await repository.benchmarks(connection, rules.currency), await repository.bound(connection))


async def _profile(connection: Connection, profile_id: UUID) -> UUID:
    profile = await current(connection, profile_id)
    if profile is None:
        raise _unknown(profile_id)
    return profile


async def _identity(connection: Connection, profile_id: UUID) -> UUID:
    return await repository.identity(connection, profile_id, await _profile(connection, profile_id))


def _unknown(profile_id: UUID) -> UnknownProfile:
    return UnknownProfile(f"Profile {profile_id} is not known here, or has not arrived yet.")


def _origin(word: Estimate) -> Origin:
    return next(each for each in ORIGINS if each == word.origin)


def _estimate(word: Estimate) -> EstimateOut:
    return EstimateOut.model_validate({**word._asdict(), "category": word.category or None})


def _competitor(known: Competitor) -> CompetitorOut:
    return CompetitorOut.model_validate(known._asdict())


def _money(amount: Decimal, rules: Rules) -> Money:
    return Money(amount=amount_text(amount), currency=rules.currency)
