"""I4, I5: what several people share does not make them one, and why is in the ledger."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import permutations

import httpx
import msgspec
import pytest
from profile_service.consumers import interaction
from profile_service.ledger.guards import Guards
from profile_service.main import create_app
from profile_service.policy import Policy
from profile_service.settings import ProfileSettings
from rapport.feed import ReceivedEvent
from rapport.identity import identity_id
from rapport.tokens import KeyStore

from tests.conftest import DatabaseFactory, TokenFactory
from tests.profile.conftest import SCOPES, Profiles, pairs
from tests.support.http import serve

START = datetime(2026, 1, 1, tzinfo=UTC)
POLICY = Policy(Guards(), "TW")
TABLET = ("device_id", "tablet")


def seen(minute: int, *identifiers: tuple[str, str], previous: str | None = None) -> ReceivedEvent:
    """A touchpoint with these identifiers, the strongest first; an alias call if it names a `previous` id."""
    at = START + timedelta(minutes=minute)
    data = {
        "touchpoint_id": f"at-{minute}",
        "identity_id": identity_id(*identifiers[0]),
        "identifiers": pairs(*identifiers),
        "type": "track" if previous is None else "alias",
        "occurred_at": at,
        "source": "test",
        "data": {"previous_id": previous},
    }
    return ReceivedEvent("1-1-1", "touchpoint.recorded", at, msgspec.Raw(msgspec.json.encode(data)))


async def deliver(profiles: Profiles, *events: ReceivedEvent) -> None:
    """Over the feed, each in a batch of its own."""
    for event in events:
        async with profiles.database.transaction() as connection:
            await interaction.apply(connection, POLICY, [event])


async def customers(profiles: Profiles, *identifiers: tuple[str, str]) -> list[str]:
    """Profile of each identifier."""
    return [await profiles.profile_of(*each) for each in identifiers]


async def test_i4_two_logins_on_one_tablet_are_two_customers_in_any_order(profiles: Profiles) -> None:
    for run, order in enumerate(permutations(range(3))):
        names = [("user_id", f"ada{run}"), ("user_id", f"bob{run}"), ("device_id", f"tablet{run}")]
        names.append(("email", f"ada{run}@example.org"))
        story = [seen(1, names[0], names[2]), seen(2, names[1], names[2]), seen(3, names[0], names[3])]
        await deliver(profiles, *(story[place] for place in order))
        ada, bob, tablet, email = await customers(profiles, *names)
        assert ada == tablet == email != bob
        (held,) = [link for link in await profiles.ledger(bob) if link["state"] == "held"]
        assert held["guards"] == ["shared:device_id", "too_many:user_id"]
        assert {held["a"]["kind"], held["b"]["kind"]} == {"user_id", "device_id"}


async def test_i4_a_family_of_three_on_a_tablet_and_the_one_who_gives_an_e_mail_address(profiles: Profiles) -> None:
    family = [("user_id", name) for name in ("ada", "bob", "eve")]
    await deliver(profiles, *(seen(minute, member, TABLET) for minute, member in enumerate(family)))
    # By now everybody knows that the tablet is shared: an address given on it is the giver's, whoever that is.
    await deliver(profiles, seen(10, ("email", "bob@example.org"), TABLET))
    ada, bob, eve, stranger = await customers(profiles, *family, ("email", "bob@example.org"))
    assert len({ada, bob, eve, stranger}) == 4
    await deliver(profiles, seen(11, ("user_id", "bob"), ("email", "bob@example.org"), TABLET))
    assert await customers(profiles, *family, ("email", "bob@example.org"), TABLET) == [ada, bob, eve, bob, ada]


async def test_i4_a_family_without_logins_is_told_apart_by_its_addresses(profiles: Profiles) -> None:
    ada, bob = ("email", "ada@example.org"), ("email", "bob@example.org")
    await deliver(profiles, seen(1, ada, TABLET), seen(2, bob, TABLET))
    by_ada, by_bob, by_tablet = await customers(profiles, ada, bob, TABLET)
    assert by_ada == by_tablet != by_bob


async def test_i4_one_customer_on_a_device_is_one_customer(profiles: Profiles) -> None:
    cookie, login = ("anonymous_id", "cookie"), ("user_id", "ada")
    await deliver(
        profiles,
        seen(1, TABLET, cookie),
        seen(2, ("email", "ada@example.org"), TABLET, cookie),
        seen(3, login, TABLET, cookie),
        seen(4, ("phone", "+886223456789"), cookie),
    )
    everything = (TABLET, cookie, login, ("email", "ada@example.org"), ("phone", "+886223456789"))
    assert len(set(await customers(profiles, *everything))) == 1


async def test_i4_an_alias_of_a_shared_cookie_does_not_join_two_logins(profiles: Profiles) -> None:
    cookie = ("anonymous_id", "cookie")
    await deliver(profiles, seen(1, cookie), seen(2, ("user_id", "ada"), previous="cookie"))
    await deliver(profiles, seen(3, ("user_id", "bob"), previous="cookie"))
    ada, bob, by_cookie = await customers(profiles, ("user_id", "ada"), ("user_id", "bob"), cookie)
    assert ada == by_cookie != bob
    # A login renamed is one customer still.
    await deliver(profiles, seen(4, ("user_id", "bob.new"), previous="bob"))
    assert await profiles.profile_of("user_id", "bob.new") == bob


async def test_i5_an_operators_link_overrides_guards_and_says_so_in_the_ledger(profiles: Profiles) -> None:
    await profiles.resolve(("user_id", "ada"))
    await profiles.resolve(("user_id", "ada.new"))
    answer = await profiles.link(("user_id", "ada"), ("user_id", "ada.new"), "she told us")
    assert answer["guards_overridden"] == ["too_many:user_id"]
    (link,) = await profiles.ledger(answer["profiles_after"][0])
    assert (link["kind"], link["state"], link["guards"], link["guards_overridden"], link["reason"]) == (
        "operator", "accepted", [], ["too_many:user_id"], "she told us",
    )  # fmt: skip


async def test_i6_what_an_operator_takes_apart_stays_apart_until_linked_again(profiles: Profiles) -> None:
    ada, phone = ("email", "ada@example.org"), ("phone", "+886223456789")
    await deliver(profiles, seen(1, ada, phone))
    (link,) = await profiles.ledger(await profiles.profile_of(*ada))
    answer = await profiles.client.delete(f"/v1/links/{link['link_id']}")
    assert len(answer.json()["profiles_after"]) == 2
    apart = await customers(profiles, ada, phone)
    # The same again, something new of the kind, and a way around.
    now = int((datetime.now(UTC) - START).total_seconds() // 60)
    await deliver(profiles, seen(1, ada, phone), seen(now + 5, ada, phone))
    await deliver(profiles, seen(2, ada, TABLET), seen(3, phone, TABLET))
    assert await customers(profiles, ada, phone) == apart
    held = [each for each in await profiles.ledger(apart[1]) if each["state"] == "held"]
    assert {tuple(each["guards"]) for each in held} == {("cannot_link",)}
    again = await profiles.link(ada, phone)
    assert again["profiles_before"] == sorted(apart)
    assert again["guards_overridden"] == ["cannot_link"]
    assert len(set(await customers(profiles, ada, phone, TABLET))) == 1
    # And its word, taken back, keeps them apart once more.
    answer = await profiles.client.delete(f"/v1/links/{again['link_id']}")
    assert answer.json()["profiles_before"] == again["profiles_after"]
    assert await customers(profiles, ada, phone) == apart


async def test_i6_an_alias_taken_back_says_nothing_of_a_login_that_appears_later(profiles: Profiles) -> None:
    bob, cookie, ada = ("user_id", "bob"), ("anonymous_id", "ada"), ("user_id", "ada")
    alias = seen(1, bob, previous="ada")
    await deliver(profiles, alias)
    (link,) = await profiles.ledger(await profiles.profile_of(*bob))
    assert (await profiles.client.delete(f"/v1/links/{link['link_id']}")).status_code == 200
    await deliver(profiles, seen(2, ada), alias)
    assert len(set(await customers(profiles, bob, cookie, ada))) == 3
    # Said once more, later than that, it counts: for the login alone, as the operator keeps the cookie apart.
    later = int((datetime.now(UTC) - START).total_seconds() // 60) + 5
    await deliver(profiles, seen(later, bob, previous="ada"))
    here, there, other = await customers(profiles, bob, cookie, ada)
    assert here == other != there


async def test_i6_a_cannot_link_is_listed_and_withdrawn(profiles: Profiles) -> None:
    ada, phone = ("email", "ada@example.org"), ("phone", "+886223456789")
    await deliver(profiles, seen(1, ada, phone))
    (link,) = await profiles.ledger(await profiles.profile_of(*ada))
    await profiles.client.delete(f"/v1/links/{link['link_id']}")
    await deliver(profiles, seen(2, ada, TABLET), seen(3, phone, TABLET))
    apart = await customers(profiles, ada, phone)
    (word,) = (await profiles.client.get(f"/v1/profiles/{apart[0]}/cannot-links")).json()["items"]
    assert sorted(each["value"] for side in word["sides"] for each in side) == sorted([ada[1], phone[1]])
    assert (word["links"], word["made_by"], word["withdrawn_at"]) == ([link["link_id"]], "tester", None)
    # An operator's later link outweighs it for as long as it stands.
    again = await profiles.link(ada, phone)
    await profiles.client.delete(f"/v1/links/{again['link_id']}")
    assert await customers(profiles, ada, phone) == apart
    words = (await profiles.client.get(f"/v1/profiles/{apart[1]}/cannot-links")).json()["items"]
    assert words[1] == word
    places = [f"/v1/cannot-links/{each['cannot_link_id']}" for each in words]
    answer = (await profiles.client.delete(places[0], params={"reason": "she has both"})).json()
    assert answer["profiles_after"] == sorted(apart), "the other word stands"
    done = await asyncio.gather(*(profiles.client.delete(places[1]) for _ in range(3)))
    assert sorted(each.status_code for each in done) == [200, 404, 404]
    (answer,) = (each.json() for each in done if each.is_success)
    assert (answer["profiles_before"], len(answer["profiles_after"])) == (sorted(apart), 1)
    assert len(set(await customers(profiles, ada, phone, TABLET))) == 1, "by the tablet, which was held till then"
    words = (await profiles.client.get(f"/v1/profiles/{apart[1]}/cannot-links")).json()["items"]
    assert [each["withdrawal_reason"] for each in words] == ["she has both", None]
    assert all(each["withdrawn_at"] and each["withdrawn_by"] == "tester" for each in words)
    states = {each["link_id"]: each["state"] for each in await profiles.ledger(apart[0])}
    assert states[link["link_id"]] == "retracted", "what was retracted stays so"


async def test_i6_a_split_is_one_word_with_two_sides(profiles: Profiles) -> None:
    people = [("messenger_id", name) for name in ("a", "b", "c", "d", "e")]
    for other in people[1:]:
        await profiles.link(people[0], other)
    profile = await profiles.profile_of(*people[0])
    body = {"identities": pairs(*people[3:])}
    assert (await profiles.client.post(f"/v1/profiles/{profile}/split", json=body)).status_code == 200
    first = (await profiles.client.get(f"/v1/profiles/{profile}/cannot-links", params={"limit": 1})).json()
    assert first["next_cursor"] is None
    (word,) = first["items"]
    sides = sorted([[each["value"] for each in side] for side in word["sides"]], key=len)
    assert [sorted(side) for side in sides] == [["d", "e"], ["a", "b", "c"]]
    answer = (await profiles.client.delete(f"/v1/cannot-links/{word['cannot_link_id']}")).json()
    assert len(answer["profiles_after"]) == 2, "nothing in the ledger ties them any more"
    await deliver(profiles, seen(1, people[0], people[1]), seen(2, people[1], people[3]))
    assert len(set(await customers(profiles, *people))) == 1


@pytest.fixture
async def strict(
    database: DatabaseFactory, keys: KeyStore, token: TokenFactory, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Profiles]:
    """A service whose guards come from the environment."""
    monkeypatch.setenv("PROFILE_DATABASE_URL", await database("profile"))
    monkeypatch.setenv("PROFILE_GUARD_MAXIMUM", json.dumps({"email": 1}))
    monkeypatch.setenv("PROFILE_GUARD_IDENTITIES", "4")
    monkeypatch.setenv("PROFILE_GUARD_BLOCKED", json.dumps({"phone": ["02 2345 6789"], "*": ["Front Desk"]}))
    monkeypatch.setenv("PROFILE_GUARD_NEVER_JOIN", json.dumps(["kiosk"]))
    monkeypatch.setenv("RAPPORT_ROLE", "api")
    monkeypatch.setenv("RAPPORT_JWKS_FILE", str(keys.jwks_path))
    monkeypatch.setenv("RAPPORT_DEFAULT_COUNTRY", "TW")
    app = create_app()
    headers = {"Authorization": f"Bearer {token(*SCOPES)}"}
    async with serve(app) as base, httpx.AsyncClient(base_url=base, headers=headers, timeout=30) as client:
        yield Profiles(client, app.state.database)


async def test_i5_a_firm_sets_its_guards_in_the_environment(strict: Profiles) -> None:
    async def reason(*identifiers: tuple[str, str]) -> str:
        (conflict,) = (await strict.resolve(*identifiers))["conflicts"]
        return str(conflict["reason"])

    assert await reason(("user_id", "ada"), ("phone", "+886 2 2345 6789")) == "blocked_value"
    assert await reason(("user_id", "ada"), ("messenger_id", "front desk")) == "blocked_value"
    await strict.resolve(("user_id", "ada"), ("email", "ada@example.org"), ("kiosk", "door"))
    assert await reason(("user_id", "ada"), ("email", "ada@work.example")) == "too_many:email"
    # A kiosk belongs to who was there first, and makes one of no two others.
    assert await reason(("phone", "+886223456788"), ("kiosk", "door")) == "shared:kiosk"
    await strict.resolve(("user_id", "ada"), ("device_id", "phone"))
    assert await reason(("user_id", "ada"), ("device_id", "watch")) == "too_many_identities"


def test_i5_settings_add_to_the_defaults() -> None:
    guards = ProfileSettings(
        database_url="", guard_maximum={"email": 3}, guard_blocked={"email": {"Info@Firm.example"}}
    ).guards()
    assert (guards.maximum["user_id"], guards.maximum["email"]) == (1, 3)
    assert guards.blocks("email", "info@firm.example")
    assert not guards.blocks("user_id", "info@firm.example")
    assert guards.blocks("email", "null")
    with pytest.raises(ValueError, match="guard_maximum"):
        ProfileSettings(database_url="", guard_maximum={"email": 0})
