"""Referrals: who brings others, and what those are worth."""

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rapport.tokens import KeyStore
from segment_service.influence import repository
from segment_service.influence.rules import ReferralRule

from tests.conftest import TokenFactory
from tests.segment.conftest import Segments, SegmentsFactory
from tests.segment.feeds import Feeds
from tests.support.polling import eventually

RULE = ReferralRule(Decimal("0.5"), 10)
PEOPLE = 7


def brought(
    referrers: Mapping[int, set[int]], sales: Mapping[int, int], root: int, rule: ReferralRule
) -> tuple[int, int, Decimal]:
    """Whom somebody brought and what they count, level by level: direct, all, value."""
    depths, level = {root: 0}, {root}
    for depth in range(1, rule.depth + 1):
        level = {child for child, parents in referrers.items() if parents & level} - depths.keys()
        depths.update(dict.fromkeys(level, depth))
    found = {each: depth for each, depth in depths.items() if depth}
    value = sum((sales[each] * rule.decay**depth for each, depth in found.items()), Decimal(0))
    return sum(depth == 1 for depth in found.values()), len(found), value.quantize(Decimal("0.01"), ROUND_HALF_UP)


# Merges may make circles and several referrers of one profile, so any graph may come.
@given(
    edges=st.sets(st.tuples(st.integers(0, PEOPLE - 1), st.integers(0, PEOPLE - 1)), max_size=10),
    sales=st.lists(st.integers(0, 1_000), min_size=PEOPLE, max_size=PEOPLE),
    merged=st.lists(st.integers(0, PEOPLE - 1), min_size=PEOPLE, max_size=PEOPLE),
    depth=st.integers(1, 4),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_d9_referrals_count_as_in_a_plain_walk(
    segments: Segments, edges: set[tuple[int, int]], sales: list[int], merged: list[int], depth: int
) -> None:
    """Identities refer, profiles count: person `n` belongs to profile `merged[n]`."""
    rule = ReferralRule(Decimal("0.5"), depth)
    ids = [UUID(int=number + 1) for number in range(PEOPLE)]
    transaction = segments.db.transaction()
    await transaction.start()
    try:
        await segments.db.executemany(
            "INSERT INTO identity_map (identity_id, profile_id, version) VALUES ($1, $2, 1)",
            [(ids[number], ids[merged[number]]) for number in range(PEOPLE)],
        )
        await segments.db.executemany(
            "INSERT INTO relationship (relationship_id, kind, identity_id, other_identity_id) VALUES ($1, $2, $3, $4)",
            [(uuid4(), "referred_by", ids[one], ids[other]) for one, other in edges],
        )
        await segments.db.executemany(
            "INSERT INTO customer (profile_id, version, orders, order_days, orders_elsewhere, revenue, period_orders, "
            "period_revenue, value_class, lifecycle) VALUES ($1, 1, 0, 0, 0, 0, 0, $2, 'small', 'new')",
            [(ids[number], sales[number]) for number in set(merged)],
        )
        await repository.refresh(segments.db, [ids[number] for number in set(merged)], rule)
        rows = await segments.db.fetch("SELECT * FROM influence")
        found = {row["profile_id"].int - 1: tuple(row)[1:] for row in rows}
        referrers: dict[int, set[int]] = {}
        for one, other in edges:
            if merged[one] != merged[other]:
                referrers.setdefault(merged[one], set()).add(merged[other])
        expected = {each: brought(referrers, dict(enumerate(sales)), each, rule) for each in set(merged)}
        assert found == {each: told for each, told in expected.items() if told[1]}
        for each, told in expected.items():
            assert await repository.summary(segments.db, ids[each], rule) == told
    finally:
        await transaction.rollback()


async def counted(segments: Segments) -> None:
    """Wait until every change is followed."""
    await segments.caught_up()

    async def done() -> bool:
        return bool(
            await segments.db.fetchval(
                "SELECT version >= (SELECT last_value FROM change_version) AND as_of IS NOT NULL FROM influence_follow"
            )
        )

    await eventually(done)


async def influence(segments: Segments, profile: UUID) -> tuple[int, int, str]:
    """What a profile's answer says; what is kept of it, and what rules read, are the same."""
    await counted(segments)
    found = await segments.get(f"/v1/profiles/{profile}/influence")
    told = found["direct_referrals"], found["referrals"], found["brought"]["amount"]
    row = await segments.db.fetchrow(
        "SELECT direct, referrals, referral_value::text FROM influence WHERE profile_id = $1", profile
    )
    assert told == (tuple(row) if row is not None else (0, 0, "0.00"))
    read = await segments.db.fetchrow(
        "SELECT referrals::int, referral_value FROM rule.customer WHERE profile_id = $1", profile
    )
    assert read is None or tuple(read) == (told[1], Decimal(told[2]))
    return told


async def test_d9_referral_value_follows_orders_merges_and_relationships(segments: Segments) -> None:
    feeds = segments.feeds
    (a, first), (b, second), (c, third), (d, fourth) = (feeds.person() for _ in range(4))
    feeds.order(a, "A", 5)
    feeds.order(b, "B", 40)
    feeds.order(c, "C", 100)
    feeds.order(d, "D", 8)
    feeds.order(d, "OLD", 1_000, 400)
    feeds.relate("referred_by", b, a)
    bond = feeds.relate("referred_by", c, b)
    feeds.relate("knows", d, a)
    assert await influence(segments, first) == (1, 2, "45.00")
    assert await influence(segments, second) == (1, 1, "50.00")
    assert await influence(segments, third) == (0, 0, "0.00")
    chain = await segments.get(f"/v1/profiles/{first}/influence")
    assert [(each["profile_id"], each["depth"], each["referred_by"]) for each in chain["chain"]] == [
        (str(second), 1, str(first)),
        (str(third), 2, str(second)),
    ]
    assert [each["counted"]["amount"] for each in chain["chain"]] == ["20.00", "25.00"]
    assert (chain["ratio"], chain["opinion_leader"]) == (9, chain["value_class"] not in {"top", "large"})
    above = (await segments.get(f"/v1/profiles/{third}/influence"))["referrers"]
    assert above == [{"profile_id": str(second), "depth": 1}, {"profile_id": str(first), "depth": 2}]
    feeds.order(c, "C2", 100)
    assert await influence(segments, first) == (1, 2, "70.00")
    assert await segments.audience({"metric": "referrals", "gte": 2}) == {str(first)}
    assert await segments.audience({"metric": "referral_value", "gte": 70}) == {str(first), str(second)}
    # B is A after all: a circle to oneself counts nothing.
    feeds.assign({b: first})
    assert await influence(segments, first) == (1, 1, "100.00")
    assert await influence(segments, third) == (0, 0, "0.00")
    assert await segments.db.fetchval("SELECT count(*) FROM influence WHERE profile_id = $1", second) == 0
    # And C refers to D, who becomes one with A: a circle of two.
    feeds.relate("referred_by", d, c)
    assert await influence(segments, first) == (1, 2, "102.00")
    feeds.assign({d: first})
    assert await influence(segments, third) == (1, 1, "26.50")
    assert await influence(segments, first) == (1, 1, "100.00")
    feeds.assign({b: second, d: fourth})
    assert await influence(segments, first) == (1, 3, "71.00")
    assert await influence(segments, second) == (1, 2, "102.00")
    feeds.relate("referred_by", c, b, "removed", bond)
    assert await influence(segments, first) == (1, 1, "20.00")
    assert await influence(segments, second) == (0, 0, "0.00")


async def test_d9_those_who_bring_more_than_they_buy_are_listed_page_by_page(segments: Segments) -> None:
    feeds = segments.feeds
    people = [feeds.person() for _ in range(6)]
    for number, (identity, _) in enumerate(people):
        feeds.order(identity, f"O{number}", 10)
        for step in range(number):
            friend, _ = feeds.person()
            feeds.order(friend, f"F{number}-{step}", 30)
            feeds.relate("referred_by", friend, identity)
    await segments.recompute()
    await counted(segments)
    expected = [(str(people[number][1]), f"{15 * number}.00") for number in range(5, 0, -1)]
    found: list[Any] = []
    page = await segments.get("/v1/influence", limit=2)
    assert page["as_of"] is not None
    while True:
        found += page["items"]
        if page["next_cursor"] is None:
            break
        page = await segments.get("/v1/influence", limit=2, cursor=page["next_cursor"])
    assert [(each["profile_id"], each["brought"]["amount"]) for each in found] == expected
    assert all(each["opinion_leader"] for each in found)
    assert found[0]["ratio"] == 7.5
    # Whoever buys more than they bring is no leader.
    feeds.order(people[1][0], "LAST", 500)
    await counted(segments)
    assert len((await segments.get("/v1/influence"))["items"]) == 4
    assert len((await segments.get("/v1/influence", leaders=False))["items"]) == 5
    assert (await segments.client.get(f"/v1/profiles/{uuid4()}/influence")).status_code == 404
    assert (await segments.client.get("/v1/influence?cursor=x")).status_code == 422


async def test_d9_other_figures_count_everybody_anew_and_an_erasure_takes_the_value_away(
    start: SegmentsFactory, keys: KeyStore, token: TokenFactory
) -> None:
    feeds = Feeds()
    (a, first), (b, second), (c, third) = (feeds.person() for _ in range(3))
    feeds.relate("referred_by", b, a)
    feeds.relate("referred_by", c, b)
    feeds.order(b, "B", 40)
    feeds.order(c, "C", 100)
    async with start(feeds=feeds) as segments:
        assert await influence(segments, first) == (1, 2, "45.00")
        url = segments.database_url
    async with start(url, feeds, referral_decay="0.9", referral_depth=1) as segments:

        async def anew() -> bool:
            return bool(await segments.db.fetchval("SELECT rules = '0.9/1/365' FROM influence_follow"))

        await eventually(anew)
        assert await influence(segments, first) == (1, 1, "36.00")
        assert await influence(segments, second) == (1, 1, "90.00")
        headers = {"Authorization": f"Bearer {token('privacy')}"}
        async with httpx.AsyncClient(base_url=segments.client.base_url, headers=headers, timeout=60) as client:
            person = {"identities": [str(c)], "profiles": [str(third)]}
            erased = await client.post("/v1/privacy/erasures", json={"request_id": str(uuid4()), **person})
            assert erased.status_code == 200, erased.text
        assert await influence(segments, second) == (0, 0, "0.00")


async def test_d9_referrals_are_counted_by_index(segments: Segments) -> None:
    db: asyncpg.Connection[Any] = segments.db
    async with db.transaction():
        await db.execute("SET LOCAL enable_seqscan = off")
        text = str(await db.fetch(f"EXPLAIN {repository._REFERRERS}", [uuid4()], 10))
    assert "Seq Scan on relationship" not in text
    assert "Seq Scan on identity_map" not in text
