"""I4, I5, I6 under load: no deadlock, no double profile, no link lost, nothing done twice."""

import asyncio
import json
from collections.abc import AsyncIterator
from random import Random
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from profile_service.ledger.guards import Guards
from profile_service.ledger.rules import CannotLink, Edge
from profile_service.main import create_app
from profile_service.settings import ProfileSettings
from rapport.tokens import KeyStore

from tests.conftest import DatabaseFactory, TokenFactory
from tests.profile.conftest import SCOPES, Profiles, pairs
from tests.profile.plain import Plain
from tests.support.http import serve

RESOLVE = "/v1/profiles/resolve"


@pytest.fixture
async def two(
    database: DatabaseFactory, keys: KeyStore, token: TokenFactory
) -> AsyncIterator[tuple[Profiles, Profiles]]:
    """Two instances of profile-service on one database."""
    url = await database("profile")
    apps = [
        create_app(ProfileSettings(database_url=url, role="api", jwks_file=keys.jwks_path, default_country="TW"))
        for _ in range(2)
    ]
    headers = {"Authorization": f"Bearer {token(*SCOPES)}"}
    async with (
        serve(apps[0]) as one,
        serve(apps[1]) as other,
        httpx.AsyncClient(base_url=one, headers=headers, timeout=60) as first,
        httpx.AsyncClient(base_url=other, headers=headers, timeout=60) as second,
    ):
        yield Profiles(first, apps[0].state.database), Profiles(second, apps[1].state.database)


async def created(profiles: Profiles) -> set[str]:
    """Profiles that the feed says were made."""
    return {event["subject"] for event in await profiles.events() if event["type"] == "profile.created"}


async def check_whole(profiles: Profiles) -> None:
    """The map is what follows from the ledger, worked out plainly; and no two transactions ever stood still."""
    pool = profiles.database.pool
    kinds = {row["identity_id"]: row["kind"] for row in await pool.fetch("SELECT identity_id, kind FROM identity")}
    links = await pool.fetch("SELECT * FROM link WHERE retracted_at IS NULL")
    apart = [
        CannotLink(*row) for row in await pool.fetch("SELECT a, b, made_at FROM cannot_link WHERE withdrawn_at IS NULL")
    ]
    plain = Plain(kinds, (), apart, Guards()).take(
        Edge(row["evidence_at"], row["kind"], row["a"], row["b"]) for row in links
    )
    by_profile: dict[UUID, set[UUID]] = {}
    for identity, profile in (await profiles.map()).items():
        by_profile.setdefault(profile, set()).add(identity)
    assert sorted(map(sorted, by_profile.values())) == sorted(map(sorted, plain.groups))
    assert {(row["a"], row["b"], row["kind"]) for row in links if row["state"] == "accepted"} == plain.accepted
    statistics = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    assert await pool.fetchval(statistics) == 0


async def test_i4_a_hundred_resolves_of_overlapping_identifiers_make_no_double_profile(
    two: tuple[Profiles, Profiles],
) -> None:
    chance = Random(4)
    pool = [
        *(("email", f"{number}@example.org") for number in range(12)),
        *(("phone", f"+8862234567{number:02}") for number in range(12)),
        *(("device_id", f"device-{number}") for number in range(6)),
    ]
    calls = [chance.sample(pool, chance.randint(1, 4)) for _ in range(80)] + [pool[:2]] * 20
    chance.shuffle(calls)
    answers = await asyncio.gather(*(two[place % 2].resolve(*call) for place, call in enumerate(calls)))
    made = [answer["profile_id"] for answer in answers if answer["created"]]
    assert len(made) == len(set(made))
    rows = await two[0].database.pool.fetch("SELECT kind, value, profile_id FROM identity")
    owners = {(row["kind"], row["value"]): str(row["profile_id"]) for row in rows}
    assert owners.keys() == {each for call in calls for each in call}
    assert await created(two[0]) == set(owners.values()) >= set(made)
    for answer in answers:
        # Resolving joins nobody known, so what an answer says stays true.
        assert {owners[each["kind"], each["value"]] for each in answer["matched"]} == {answer["profile_id"]}
        assert {owners[each["kind"], each["value"]] for each in answer["conflicts"]} == {
            each["profile_id"] for each in answer["conflicts"]
        }
        assert answer["profile_id"] not in {each["profile_id"] for each in answer["conflicts"]}
    await check_whole(two[0])


async def test_i6_merges_and_splits_at_once_lose_no_link_and_stand_never_still(two: tuple[Profiles, Profiles]) -> None:
    chance = Random(6)
    people = [("messenger_id", str(number)) for number in range(24)]
    links = await asyncio.gather(
        *(two[place % 2].link(a, b) for place in range(60) for a, b in [chance.sample(people, 2)]),
    )
    ids = [link["link_id"] for link in links]
    known = [link["profiles_after"][0] for link in links]
    stored = await two[0].database.pool.fetchval("SELECT count(*) FROM link WHERE link_id = ANY($1::uuid[])", ids)
    assert stored == len(set(ids))

    async def act(place: int) -> int:
        client = two[place % 2].client
        response: httpx.Response
        if place % 3 == 0:
            a, b = chance.sample(people, 2)
            response = await client.post("/v1/links", json={"a": pairs(a)[0], "b": pairs(b)[0]})
        elif place % 3 == 1:
            response = await client.delete(f"/v1/links/{chance.choice(ids)}")
        else:
            body = {"identities": pairs(*chance.sample(people, chance.randint(1, 3)))}
            response = await client.post(f"/v1/profiles/{chance.choice(known)}/split", json=body)
        return response.status_code

    done = await asyncio.gather(*(act(place) for place in range(90)))
    # A link may be retracted already, and a profile no longer hold what is to be split from it.
    assert set(done) <= {200, 201, 404, 422}
    assert done.count(200) > 5
    await check_whole(two[0])
    for profile in {*known}:
        response = await two[1].client.get(f"/v1/profiles/{profile}")
        assert response.status_code == 200


async def test_i5_one_idempotency_key_at_once_acts_once(two: tuple[Profiles, Profiles]) -> None:
    calls: list[tuple[str, dict[str, Any]]] = [
        (RESOLVE, {"identifiers": pairs(("email", "ada@example.org"), ("device_id", "tablet")), "create": True}),
        ("/v1/profiles", {"identifiers": pairs(("email", "bob@example.org")), "traits": {"given_name": "Bob"}}),
        ("/v1/profiles", {"traits": {"given_name": "Nobody"}}),
        ("/v1/links", {"a": pairs(("email", "ada@example.org"))[0], "b": pairs(("user_id", "ada"))[0]}),
    ]
    for path, body in calls:
        headers = {"Idempotency-Key": str(uuid4())}
        responses = await asyncio.gather(
            *(two[place % 2].client.post(path, json=body, headers=headers) for place in range(24))
        )
        good = [each for each in responses if each.is_success]
        assert {each.status_code for each in responses} - {each.status_code for each in good} <= {409}
        assert {each.json()["type"] for each in responses if not each.is_success} <= {
            "urn:rapport:problem:idempotency-key-in-use"
        }
        assert len({each.content for each in good}) == 1
        assert sum("idempotent-replayed" not in each.headers for each in good) == 1
        again = await two[0].client.post(path, json=body, headers=headers)
        assert (again.content, again.status_code) == (good[0].content, good[0].status_code)
        other = await two[0].client.post(path, content=json.dumps(body, indent=1), headers=headers)
        assert other.json()["type"] == "urn:rapport:problem:idempotency-key-reused"
    assert len(await created(two[0])) == 3
    assert await two[0].database.pool.fetchval("SELECT count(*) FROM link") == 2


async def test_i6_a_link_sent_again_is_the_same_link(profiles: Profiles) -> None:
    ada, phone = ("email", "ada@example.org"), ("phone", "+886223456789")
    first = await profiles.link(ada, phone)
    again = await asyncio.gather(*(profiles.link(ada, phone) for _ in range(5)), profiles.link(phone, ada))
    assert {each["link_id"] for each in again} == {first["link_id"]}
    assert all(each["profiles_before"] == each["profiles_after"] == first["profiles_after"] for each in again)
    place = f"/v1/links/{first['link_id']}"
    retracted = await asyncio.gather(*(profiles.client.delete(place) for _ in range(5)))
    assert sorted(each.status_code for each in retracted) == [200, 404, 404, 404, 404]
    (entry,) = await profiles.ledger(first["profiles_after"][0])
    assert (entry["state"], entry["retracted_by"]) == ("retracted", "tester")
