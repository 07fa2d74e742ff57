"""What rules read beyond orders: kept once, under identities, read through the map."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from rapport.tokens import KeyStore
from segment_service.watching.repository import ASKING

from tests.conftest import DatabaseFactory, TokenFactory
from tests.segment.conftest import Segments, SegmentsFactory
from tests.segment.feeds import DAY, Feeds, touchpoint
from tests.support.database import connection
from tests.support.polling import eventually

NOW = datetime.now(UTC)


@pytest.fixture
async def segments(start: SegmentsFactory, database: DatabaseFactory) -> AsyncIterator[Segments]:
    """A service whose rules are asked by nobody, so that what they have to be asked about can be seen."""
    url = await database("segment")
    async with connection(url) as holder:
        await holder.execute("SELECT pg_advisory_lock($1)", ASKING)
        async with start(url=url) as running:
            yield running


async def rows(segments: Segments, relation: str, *profiles: UUID, columns: str = "*") -> list[tuple[Any, ...]]:
    """A relation's rows of some profiles, the same in both schemas."""
    everybody = await segments.db.fetch(
        f"SELECT {columns} FROM rule.{relation} AS r WHERE profile_id = ANY($1)", list(profiles)
    )
    async with segments.db.transaction():
        listed = "{" + ",".join(map(str, profiles)) + "}"
        await segments.db.execute("SELECT set_config('segment.profiles', $1, true)", listed)
        some = await segments.db.fetch(f"SELECT {columns} FROM touched.{relation} AS r")
    found = sorted((tuple(each) for each in some), key=repr)
    assert found == sorted((tuple(each) for each in everybody), key=repr)
    return found


async def waiting(segments: Segments, profile: UUID) -> set[str]:
    """Why segments have to look at a profile again."""
    return set(await segments.db.fetchval("SELECT causes FROM unevaluated WHERE profile_id = $1", profile) or ())


async def test_d10_events_are_kept_once_with_their_values_in_every_reading(segments: Segments) -> None:
    identity, profile = segments.feeds.person()
    await segments.settled()
    data = {
        "revenue": 12.1,
        "quantity": "3",
        "gift": True,
        "deliver_on": "2026-11-30",
        "products": [{"category": "coffee"}, {"category": "tea", "tags": ["green", None]}],
    }
    seen = touchpoint(identity, "track", NOW - DAY, name="Order Completed", data=data)
    segments.feeds.interaction.add("touchpoint.recorded", seen)
    segments.feeds.interaction.add("touchpoint.recorded", seen)
    segments.feeds.touch(identity, "page", NOW - 2 * DAY, name="Home", data={"url": "https://example.org/"})
    segments.feeds.touch(identity, "identify", NOW - 3 * DAY, data={"traits": {"email": "ada@example.org"}})
    await segments.settled()
    assert await rows(segments, "event", profile, columns="name, channel, direction") == [
        ("Order Completed", "web", "inbound"),
        ("identify", "web", "inbound"),
        ("page", "web", "inbound"),
    ]
    found = await rows(segments, "event_value", profile, columns="name, path, text, number, flag, at")
    assert set(found) == {
        ("Order Completed", "revenue", None, Decimal("12.1"), None, None),
        ("Order Completed", "quantity", "3", Decimal(3), None, None),
        ("Order Completed", "gift", None, None, True, None),
        ("Order Completed", "deliver_on", "2026-11-30", None, None, datetime(2026, 11, 30)),  # noqa: DTZ001  UTC
        ("Order Completed", "products.category", "coffee", None, None, None),
        ("Order Completed", "products.category", "tea", None, None, None),
        ("Order Completed", "products.tags", "green", None, None, None),
        ("page", "name", "Home", None, None, None),
        ("page", "url", "https://example.org/", None, None, None),
    }
    assert await segments.db.fetchval("SELECT contacts FROM contact WHERE identity_id = $1", identity) == 3
    assert {"event:Order Completed", "event:page", "standing", "identities"} <= await waiting(segments, profile)


async def test_d10_events_that_come_late_or_before_their_profile_count(segments: Segments) -> None:
    feeds = segments.feeds
    identity, profile = uuid4(), uuid4()
    feeds.touch(identity, "track", datetime(2019, 2, 28, 23, 30, tzinfo=UTC), name="Signed Up")
    feeds.touch(identity, "track", NOW, name="Signed In")
    await segments.settled()
    assert await segments.db.fetchval("SELECT count(*) FROM rule.event") == 0
    feeds.assign({identity: profile})
    await segments.caught_up()
    found = await rows(segments, "event", profile, columns="name, occurred_at")
    assert ("Signed Up", datetime(2019, 2, 28, 23, 30)) in found  # noqa: DTZ001  UTC
    assert len(found) == 2
    assert "identities" in await waiting(segments, profile)


async def test_d10_a_merge_brings_events_and_relationships_together_and_unmerging_parts_them(
    segments: Segments,
) -> None:
    feeds = segments.feeds
    (one, first), (two, second), (three, third) = feeds.person(), feeds.person(), feeds.person()
    feeds.touch(one, "track", NOW, name="One")
    feeds.touch(two, "track", NOW, name="Two")
    feeds.relate("referred_by", two, three)
    feeds.tell(second, traits={"country": "TW"})
    await segments.caught_up()
    assert await rows(segments, "trait", second, columns="key, text") == [("country", "TW"), ("kind", "person")]
    feeds.assign({two: first})
    await segments.caught_up()
    assert [name for (name,) in await rows(segments, "event", first, columns="name")] == ["One", "Two"]
    assert await rows(segments, "relationship", first, columns="other_profile_id, kind") == [(third, "referred_by")]
    assert await rows(segments, "trait", second) == await rows(segments, "customer", second) == []
    assert "identities" in await waiting(segments, second)
    await segments.db.execute("DELETE FROM unevaluated")
    feeds.assign({two: second})
    await segments.caught_up()
    assert await rows(segments, "event", first, columns="name") == [("One",)]
    assert await rows(segments, "event", second, columns="name") == [("Two",)]
    assert await rows(segments, "relationship", second, columns="other_profile_id, kind") == [(third, "referred_by")]
    assert await rows(segments, "trait", second, columns="key, text") == [("country", "TW"), ("kind", "person")]
    assert "identities" in await waiting(segments, first)
    assert {"identities", "trait:country"} <= await waiting(segments, second)


async def test_d10_relationships_end_when_they_are_removed(segments: Segments) -> None:
    feeds = segments.feeds
    (one, first), (two, second) = feeds.person(), feeds.person()
    number = feeds.relate("household", one, two)
    feeds.relate("spouse", one, two, "changed", number)
    await segments.settled()
    assert await rows(segments, "relationship", first, columns="other_profile_id, kind") == [(second, "spouse")]
    assert "relationship" in await waiting(segments, first)
    assert "relationship" in await waiting(segments, second)
    feeds.relate("spouse", one, two, "removed", number)
    await segments.settled()
    assert await rows(segments, "relationship", first) == []


async def test_d10_traits_and_consents_follow_profile_service(segments: Segments) -> None:
    feeds = segments.feeds
    _, profile = feeds.person()
    traits = {"country": "TW", "address": {"city": "Taipei"}, "interests": ["tea", "5"], "children": 2, "vip": True}
    feeds.tell(profile, traits=traits, consents=[("sms", "marketing", "granted"), ("email", "marketing", "denied")])
    await segments.caught_up()
    found = await rows(segments, "trait", profile, columns="key, text, number, flag, at")
    assert found == [
        ("address.city", "Taipei", None, None, None),
        ("children", None, Decimal(2), None, None),
        ("country", "TW", None, None, None),
        ("interests", "5", Decimal(5), None, None),
        ("interests", "tea", None, None, None),
        ("kind", "person", None, None, None),
        ("vip", None, None, True, None),
    ]
    consents = "channel, purpose, granted"
    assert await rows(segments, "consent", profile, columns=consents) == [
        ("email", "marketing", False),
        ("sms", "marketing", True),
    ]
    await segments.db.execute("DELETE FROM unevaluated")
    feeds.tell(profile, traits={**traits, "country": "VN"}, kind="organisation", restricted=True)
    await segments.caught_up()
    assert await waiting(segments, profile) == {"trait:country", "trait:kind", "consent", "standing"}
    assert await rows(segments, "consent", profile, columns="granted") == [(False,), (False,)]
    assert await rows(segments, "customer", profile, columns="kind, restricted") == [("organisation", True)]
    await segments.db.execute("DELETE FROM unevaluated")
    feeds.tell(profile)
    await segments.caught_up()
    assert await waiting(segments, profile) == set(), "nothing that a rule can read has changed"


async def test_d10_profiles_are_read_once_profile_service_answers_again_and_when_a_trait_expires(
    segments: Segments,
) -> None:
    feeds = segments.feeds
    feeds.down = True
    _, profile = feeds.person()
    soon = datetime.now(UTC) + timedelta(seconds=3)
    feeds.tell(profile, traits={"mood": "merry"}, until=soon)
    await segments.settled()
    asked = feeds.lookups
    await eventually(lambda: feeds.lookups > asked, deadline=15)
    assert await rows(segments, "trait", profile) == []
    feeds.down = False
    await segments.caught_up()
    assert await segments.db.fetchval("SELECT due_at FROM unread_profile WHERE profile_id = $1", profile) == soon
    assert ("mood",) in await rows(segments, "trait", profile, columns="key")
    # The fact has expired by then; nothing is announced.
    feeds.files[profile].update(traits={}, until=None)

    async def expired() -> bool:
        return await rows(segments, "trait", profile, columns="key") == [("kind",)]

    await eventually(expired, deadline=15)
    assert "trait:mood" in await waiting(segments, profile)


async def test_d7_lines_of_an_order_are_those_of_the_newest_report(segments: Segments) -> None:
    feeds = segments.feeds
    (one, profile), (two, _) = feeds.person(), feeds.person()
    tea = {"product_id": "t", "category": "tea", "price": "2.50", "quantity": 2}
    coffee = {"sku": "c", "category": "coffee", "price": 7}

    def report(identity: UUID, name: str, ago: int, *products: dict[str, Any]) -> None:
        data = {"order_id": "A", "revenue": 10, "products": list(products)}
        feeds.touch(identity, "track", NOW - ago * DAY, name=name, data=data)

    report(one, "Order Updated", 1, tea)
    report(one, "Order Completed", 3, coffee, tea)
    report(one, "Order Updated", 2)
    await segments.settled()
    columns = "order_id, line, product_id, category, price, quantity"
    tea_line = ("A", 1, "t", "tea", Decimal("2.50"), Decimal(2))
    assert await rows(segments, "purchase_line", profile, columns=columns) == [tea_line]
    report(two, "Order Updated", 0, coffee)
    feeds.assign({two: profile})
    await segments.caught_up()
    coffee_line = ("A", 1, "c", "coffee", Decimal(7), Decimal(1))
    assert await rows(segments, "purchase_line", profile, columns=columns) == [coffee_line]
    feeds.touch(one, "track", NOW, name="Order Cancelled", data={"order_id": "A"})
    await segments.settled()
    assert await rows(segments, "purchase_line", profile) == []


async def test_d10_cases_and_what_was_sent_are_events(segments: Segments) -> None:
    feeds = segments.feeds
    identity, profile = feeds.person()
    case = {"case_id": uuid4(), "identity_id": identity, "kind": "complaint", "severity": "high", "state": "open"}
    feeds.interaction.add("case.opened", {**case, "subject": "the kettle leaks", "occurred_at": NOW})
    feeds.interaction.add("conversation.message", {"conversation_id": uuid4(), "identity_id": identity})
    sent = {"campaign_name": "Kettles", "arm": "b"}
    feeds.touch(identity, "message", NOW, name="Kettles", direction="outbound", channel="email", data=sent)
    await segments.settled()
    assert await rows(segments, "event", profile, columns="name, channel, direction") == [
        ("case.opened", None, None),
        ("message", "email", "outbound"),
    ]
    found = await rows(segments, "event_value", profile, columns="path, text")
    assert ("severity", "high") in found
    assert ("campaign_name", "Kettles") in found
    assert not any("leaks" in text for _, text in found), "nobody's words are copied"


async def test_d10_a_restricted_relation_reads_by_index_alone(segments: Segments) -> None:
    await segments.db.execute(
        """
        INSERT INTO identity_map SELECT gen_random_uuid(), gen_random_uuid(), NULL, 1 FROM generate_series(1, 20000);
        INSERT INTO event SELECT identity_id, now() - make_interval(hours => n), gen_random_uuid(), 1, 'page', 'web',
               'inbound', '{"url": ["x"]}' FROM identity_map, generate_series(1, 3) AS n;
        INSERT INTO trait SELECT profile_id, 'country', 0, 'TW' FROM identity_map;
        INSERT INTO consent SELECT profile_id, 'sms', 'marketing', true FROM identity_map;
        INSERT INTO customer (profile_id, version, orders, order_days, orders_elsewhere, revenue, period_orders,
               period_revenue, value_class, lifecycle)
            SELECT profile_id, 1, 1, 1, 0, 5, 1, 5, 'small', 'new' FROM identity_map;
        INSERT INTO profile_copy SELECT profile_id, 'person', false, now(), now() FROM identity_map;
        INSERT INTO purchase (identity_id, order_id, completed_at) SELECT identity_id, identity_id, now()
            FROM identity_map;
        INSERT INTO purchase_line SELECT identity_id, identity_id, 1, now(), 0, '', 't', 'tea', 5, 1 FROM identity_map;
        INSERT INTO relationship SELECT gen_random_uuid(), 'household', identity_id, lead(identity_id, 1, identity_id)
            OVER (ORDER BY identity_id) FROM identity_map;
        ANALYZE identity_map, event, trait, consent, customer, profile_copy, purchase, purchase_line, relationship
        """
    )
    some = await segments.db.fetch("SELECT profile_id FROM identity_map LIMIT 200")
    listed = "{" + ",".join(str(row[0]) for row in some) + "}"
    for relation in ("customer", "event", "event_value", "trait", "consent", "relationship"):
        async with segments.db.transaction():
            await segments.db.execute("SELECT set_config('segment.profiles', $1, true)", listed)
            await segments.db.execute("SET LOCAL search_path = touched, public")
            plan = await segments.db.fetchval(
                f"EXPLAIN (FORMAT json) SELECT profile_id, count(*) FROM {relation} GROUP BY profile_id"
            )
        text = json.dumps(json.loads(plan))
        assert '"Seq Scan"' not in text, f"{relation}: {text}"


async def test_i11_erasing_leaves_nothing_in_the_copies(
    start: SegmentsFactory, keys: KeyStore, token: TokenFactory
) -> None:
    feeds = Feeds()
    async with start(feeds=feeds) as segments:
        (one, profile), (two, _) = feeds.person(), feeds.person()
        order = {"order_id": "A", "revenue": 5, "products": [{"category": "tea"}]}
        feeds.touch(one, "track", NOW, name="Order Completed", data=order)
        feeds.tell(profile, traits={"city": "Taipei"}, consents=[("sms", "marketing", "granted")])
        feeds.relate("referred_by", two, one)
        await segments.caught_up()
        headers = {"Authorization": f"Bearer {token('privacy')}"}
        async with httpx.AsyncClient(base_url=segments.client.base_url, headers=headers, timeout=60) as client:
            person = {"identities": [str(one)], "profiles": [str(profile)]}
            given = (await client.post("/v1/privacy/exports", json=person)).json()["sections"]
            assert {"event", "purchase_line", "trait", "consent", "profile_copy", "relationship"} <= given.keys()
            assert not {"unevaluated", "unread_profile", "column_change"} & given.keys()
            erased = await client.post("/v1/privacy/erasures", json={"request_id": str(uuid4()), **person})
            assert erased.status_code == 200, erased.text
        for table in await segments.db.fetch(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'ranking'"
        ):
            left = await segments.db.fetch(
                f"SELECT t::text FROM {table[0]} AS t WHERE t::text LIKE ANY($1)", [f"%{one}%", f"%{profile}%"]
            )
            assert left == [], table[0]
