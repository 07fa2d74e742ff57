"""Keeping count of referrals, and answering who brings others."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from rapport.database import Connection, Database
from rapport.pagination import decode_cursor, encode_cursor

from segment_service.influence import repository
from segment_service.influence.repository import Followed
from segment_service.influence.rules import ReferralRule, leads, ratio
from segment_service.influence.schemas import Influence, InfluencePage, Link, ProfileInfluence, ReferredOut
from segment_service.money import Money, amount_text
from segment_service.standing import changes
from segment_service.standing import repository as customers
from segment_service.standing.errors import UnknownProfile
from segment_service.standing.repository import Rules

_AT_ONCE: Final = 2_000
_FIRST: Final = UUID(int=0)
_LAST: Final = UUID(int=2**128 - 1)
_CHAIN: Final = 500


async def follow(database: Database, rule: ReferralRule, rules: Rules) -> bool:
    """Count referrals anew for the next customers who changed, and for who brought them; whether there may be more.

    Orders, merges, relationships and time all end in a customer computed anew, with a number that grows: up to which of
    these all is counted is kept in the same transaction.
    """
    wanted = rule.text(rules.period_days)
    async with database.transaction() as connection:
        state = await repository.followed(connection)
        known = state is not None and state.rules == wanted
        if known and state is not None and state.version >= await customers.newest_version(connection):
            return False
        await customers.take_turn(connection)
        state = await repository.followed(connection)
        if state is None or state.rules != wanted:
            state = Followed(0, _FIRST, wanted, None)
        newest = await customers.newest_version(connection)
        some = await repository.changed(connection, (state.version, state.profile_id), _AT_ONCE)
        moved = await repository.refresh(connection, [profile for _, profile in some], rule)
        if moved:
            await changes.notice(connection, moved, await customers.next_version(connection))
        more = len(some) == _AT_ONCE
        place = (*some[-1], wanted, None) if more else (newest, _LAST, wanted, datetime.now(UTC))
        await repository.follow(connection, Followed(*place))
    return more


async def listed(
    connection: Connection, rule: ReferralRule, own: str, *, leaders: bool, cursor: str | None, limit: int
) -> InfluencePage:
    """Who brings others; raises `Invalid` for a cursor that no page gave."""
    after = decode_cursor(cursor, tuple[Decimal, UUID]) if cursor is not None else None
    state = await repository.followed(connection)
    rows = await repository.page(connection, leaders=leaders, after=after, limit=limit + 1)
    following = encode_cursor(rows[limit - 1].brought, rows[limit - 1].profile_id) if len(rows) > limit else None
    return InfluencePage(
        as_of=state and state.as_of,
        decay=float(rule.decay),
        depth=rule.depth,
        items=[Influence.model_validate(_figures(*row, unit=own)) for row in rows[:limit]],
        next_cursor=following,
    )


async def of_profile(connection: Connection, profile_id: UUID, rule: ReferralRule, unit: str) -> ProfileInfluence:
    """A customer's influence with its chain, counted now; raises `UnknownProfile`."""
    profile = await customers.current(connection, profile_id)
    if profile is None:
        raise UnknownProfile(f"Profile {profile_id} is not known here, or has not arrived yet.")
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        value_class, own = await repository.own(connection, profile)
        direct, referrals, brought = await repository.summary(connection, profile, rule)
        referrers = await repository.referrers(connection, profile, rule)
        chain = await repository.chain(connection, profile, rule, _CHAIN)
    return ProfileInfluence.model_validate(
        {
            **_figures(profile, value_class, own, direct, referrals, brought, unit=unit),
            "as_of": datetime.now(UTC),
            "decay": float(rule.decay),
            "depth": rule.depth,
            "referrers": [Link(profile_id=each, depth=depth) for each, depth in referrers],
            "chain": [
                ReferredOut(
                    profile_id=each.profile_id,
                    depth=each.depth,
                    referred_by=each.referrer,
                    sales=_money(each.sales, unit),
                    counted=_money(each.counted, unit),
                )
                for each in chain
            ],
        }
    )


def _figures(
    profile: UUID, value_class: str, own: Decimal, direct: int, referrals: int, brought: Decimal, *, unit: str
) -> dict[str, object]:
    return {
        "profile_id": profile,
        "value_class": value_class,
        "own": _money(own, unit),
        "brought": _money(brought, unit),
        "ratio": ratio(own, brought),
        "direct_referrals": direct,
        "referrals": referrals,
        "opinion_leader": leads(value_class, own, brought),
    }


def _money(amount: Decimal, unit: str) -> Money:
    return Money(amount=amount_text(amount), currency=unit)
