"""People and firms around a customer: both sides, no cycles, households, key contacts and families, referrals."""

import asyncio
from typing import Any
from uuid import UUID

import httpx
from profile_service.relationships.rules import groups, important_dates

from tests.conftest import TokenFactory
from tests.profile.conftest import Profiles, pairs


async def person(profiles: Profiles, name: str, **traits: Any) -> str:
    made = await profiles.create(identifiers=pairs(("user_id", name)), traits={"given_name": name, **traits})
    return str(made["profile_id"])


async def try_to_relate(profiles: Profiles, one: str, kind: str, other: str, **more: Any) -> httpx.Response:
    return await profiles.client.post(
        f"/v1/profiles/{one}/relationships", json={"kind": kind, "profile_id": other, **more}
    )


async def relate(profiles: Profiles, one: str, kind: str, other: str, **more: Any) -> str:
    response = await try_to_relate(profiles, one, kind, other, **more)
    assert response.status_code == 201, response.text
    return str(response.json()["relationship_id"])


async def relationships(profiles: Profiles, profile_id: str, **params: Any) -> list[dict[str, Any]]:
    response = await profiles.client.get(f"/v1/profiles/{profile_id}/relationships", params=params)
    assert response.status_code == 200, response.text
    items: list[dict[str, Any]] = response.json()["items"]
    return items


async def seen(profiles: Profiles, profile_id: str, **params: Any) -> list[tuple[str, str]]:
    """Kinds and profiles, as this one sees them."""
    return [(each["kind"], each["profile_id"]) for each in await relationships(profiles, profile_id, **params)]


async def household(profiles: Profiles, profile_id: str) -> set[str]:
    response = await profiles.client.get(f"/v1/profiles/{profile_id}/relationships")
    return set(response.json()["household"])


async def referrals(profiles: Profiles, profile_id: str, **params: Any) -> dict[str, Any]:
    response = await profiles.client.get(f"/v1/profiles/{profile_id}/referrals", params=params)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def test_i3_days_among_traits_are_days_to_remember() -> None:
    traits = {
        "birth_date": "1990-02-28",
        "anniversary": "--12-31",
        "order_number": "1990-02",
        "important_dates": [{"label": "shop opened", "date": "2015-05-01"}, {"label": "?"}, "x"],
    }
    assert important_dates(traits) == [
        ("anniversary", "anniversary", "--12-31"),
        ("birth_date", "birth_date", "1990-02-28"),
        ("important_dates", "shop opened", "2015-05-01"),
    ]
    assert important_dates({}) == []


async def test_i3_each_side_sees_a_relationship_its_own_way(profiles: Profiles) -> None:
    ada, bob = await person(profiles, "Ada"), await person(profiles, "Bob")
    cases = [
        ("referred_by", "referred"),
        ("parent", "child"),
        ("employee_of", "employee"),
        ("key_contact_of", "key_contact"),
        ("spouse", "spouse"),
        ("dances_with", "dances_with"),
    ]
    for kind, inverse in cases:
        made = await relate(profiles, ada, kind, bob)
        (here,), (there,) = await relationships(profiles, ada), await relationships(profiles, bob)
        assert (here["kind"], here["profile_id"], here["display_name"]) == (kind, bob, "Bob")
        assert (there["kind"], there["profile_id"], there["relationship_id"]) == (inverse, ada, made)
        mutual = kind == inverse == "spouse"
        assert here["direction"] == ("mutual" if mutual else "outgoing")
        assert there["direction"] == ("mutual" if mutual else "incoming")
        assert await seen(profiles, bob, kind=kind) == await seen(profiles, bob, kind=inverse) == [(inverse, ada)]
        assert await seen(profiles, bob, kind="owner_of") == []
        for one, said, other in [(ada, kind, bob), (bob, inverse, ada)]:
            # Said again, from either side, it is the same; a kind of the firm's own has a direction and no inverse.
            again = await try_to_relate(profiles, one, said, other)
            if one == ada or kind != "dances_with":
                assert again.status_code == 409, again.text
                assert again.json().get("relationship_id", made) == made
            else:
                assert again.status_code == 201
                await profiles.client.delete(f"/v1/profiles/{ada}/relationships/{again.json()['relationship_id']}")
        assert (await profiles.client.delete(f"/v1/profiles/{bob}/relationships/{made}")).status_code == 204
        assert (await profiles.client.delete(f"/v1/profiles/{bob}/relationships/{made}")).status_code == 404
        assert await relationships(profiles, ada) == []
    removed = await relationships(profiles, ada, include_removed=True)
    assert {each["removed_by"] for each in removed} == {"tester"}


async def test_i3_what_makes_no_sense_is_refused(profiles: Profiles) -> None:
    ada, bob = await person(profiles, "Ada"), await person(profiles, "Bob")
    nobody = "0190a2b4-0000-7000-8000-000000000000"
    wrong = [
        (await try_to_relate(profiles, ada, "spouse", ada), "invalid-relationship"),
        (await try_to_relate(profiles, ada, "spouse", nobody), "invalid-relationship"),
        (await try_to_relate(profiles, ada, "No Kind", bob), "invalid"),
        (await try_to_relate(profiles, ada, "spouse", bob, since="2026-02-30"), "invalid"),
        (await try_to_relate(profiles, ada, "spouse", bob, since="2026-02-02", until="2026-02-01"), "invalid"),
    ]
    for response, name in wrong:
        assert (response.status_code, response.json()["type"]) == (422, f"urn:rapport:problem:{name}"), response.text
    assert (await try_to_relate(profiles, nobody, "spouse", ada)).status_code == 404
    path = f"/v1/profiles/{ada}/relationships"
    assert (await profiles.client.delete(path, params={"kind": "spouse"})).status_code == 404
    assert (await profiles.client.delete(path)).status_code == 422


async def test_i3_relationships_end_and_are_removed_by_kind(profiles: Profiles) -> None:
    ada, bob, firm = [await person(profiles, name) for name in ("Ada", "Bob", "Firm")]
    await relate(profiles, ada, "employee_of", firm, role="buyer", since="2020-01-01", until="2024-12-31")
    await relate(profiles, bob, "employee_of", firm, role="head of sales", since="2025-01-01")
    assert [(each["role"], each["current"]) for each in await relationships(profiles, firm)] == [
        ("head of sales", True),
        ("buyer", False),
    ]
    people = (await profiles.client.get(f"/v1/profiles/{firm}/people")).json()["items"]
    assert [each["profile_id"] for each in people] == [bob]
    path = f"/v1/profiles/{firm}/relationships"
    (hers, his) = [each["relationship_id"] for each in reversed(await relationships(profiles, firm))]
    before = await profiles.client.get(f"{path}/{hers}")
    assert (before.json()["kind"], before.json()["until"]) == ("employee", "2024-12-31")
    match = {"If-Match": before.headers["etag"]}
    back = await profiles.client.patch(f"{path}/{hers}", json={"until": None, "role": "adviser"}, headers=match)
    assert (back.json()["current"], back.json()["role"], back.json()["since"]) == (True, "adviser", "2020-01-01")
    assert (await profiles.client.get(f"{path}/{hers}")).headers["etag"] == back.headers["etag"]
    assert (await profiles.client.patch(f"{path}/{hers}", json={"role": "x"}, headers=match)).status_code == 412
    wrong = await profiles.client.patch(f"{path}/{his}", json={"until": "2020-01-01"})
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/until")
    assert (await profiles.client.patch(f"/v1/profiles/{ada}/relationships/{his}", json={})).status_code == 404
    types = [each["type"] for each in await profiles.events() if each["type"].startswith("relationship.")]
    assert types == ["relationship.added"] * 2 + ["relationship.changed"]
    assert (await profiles.client.delete(path, params={"kind": "employee_of"})).status_code == 404
    gone = await profiles.client.delete(path, params={"kind": "employee", "profile_id": bob})
    assert gone.status_code == 204
    assert await seen(profiles, firm) == [("employee", ada)]


async def test_i3_a_chain_has_no_cycle_also_when_both_ends_are_tied_at_once(profiles: Profiles) -> None:
    people = [await person(profiles, f"p{number}") for number in range(6)]
    for kind, inverse in (("referred_by", "referred"), ("parent", "child")):
        for later, earlier in zip(people[1:4], people[:3], strict=True):
            await relate(profiles, later, kind, earlier)
        cycle = await try_to_relate(profiles, people[0], kind, people[3])
        assert (cycle.status_code, cycle.json()["type"]) == (409, "urn:rapport:problem:relationship-cycle")
        # The same said from the other side.
        assert (await try_to_relate(profiles, people[3], inverse, people[0])).status_code == 409
        for _ in range(3):
            both = await asyncio.gather(
                try_to_relate(profiles, people[4], kind, people[5]),
                try_to_relate(profiles, people[5], kind, people[4]),
                try_to_relate(profiles, people[5], inverse, people[4]),
            )
            assert sorted(each.status_code for each in both) == [201, 409, 409]
            (made,) = [each.json()["relationship_id"] for each in both if each.status_code == 201]
            await profiles.client.delete(f"/v1/profiles/{people[4]}/relationships/{made}")


async def test_i3_who_brought_whom_is_followed_down_and_up_the_chain(profiles: Profiles) -> None:
    root, ada, bob, eve, dan = [await person(profiles, name) for name in ("Root", "Ada", "Bob", "Eve", "Dan")]
    for later, earlier in ((ada, root), (bob, root), (eve, ada), (dan, eve)):
        await relate(profiles, later, "referred_by", earlier)
    down = await referrals(profiles, root)
    assert [(each["profile_id"], each["depth"], each["through"]) for each in down["items"]] == [
        (ada, 1, root),
        (bob, 1, root),
        (eve, 2, ada),
        (dan, 3, eve),
    ]
    assert (down["total"], down["referrers"], down["next_cursor"]) == (4, [], None)
    assert [each["profile_id"] for each in (await referrals(profiles, root, depth=2))["items"]] == [ada, bob, eve]
    first = await referrals(profiles, root, limit=3)
    rest = await referrals(profiles, root, limit=3, cursor=first["next_cursor"])
    assert [each["profile_id"] for each in rest["items"]] == [dan]
    up = (await referrals(profiles, dan))["referrers"]
    assert [(each["profile_id"], each["depth"], each["display_name"]) for each in up] == [
        (eve, 1, "Eve"),
        (ada, 2, "Ada"),
        (root, 3, "Root"),
    ]


async def test_i6_merges_and_unmerges_keep_relationships_right(profiles: Profiles) -> None:
    ada, bob, eve = [await person(profiles, name) for name in ("Ada", "Bob", "Eve")]
    await relate(profiles, bob, "referred_by", ada)
    await relate(profiles, eve, "referred_by", bob)
    await relate(profiles, ada, "spouse", eve)
    # Ada and Eve turn out to be one: the chain bites its tail, and a marriage is within one profile.
    linked = await profiles.link(("user_id", "Ada"), ("user_id", "Eve"))
    assert linked["profiles_after"] == [ada]
    listed = await relationships(profiles, eve)
    assert [(each["kind"], each["profile_id"], each["within_profile"]) for each in listed] == [
        ("spouse", ada, True),
        ("referred_by", bob, False),
        ("referred", bob, False),
    ]
    assert [each["profile_id"] for each in (await referrals(profiles, ada))["items"]] == [bob]
    assert [each["profile_id"] for each in (await referrals(profiles, bob))["referrers"]] == [ada]
    people = (await profiles.client.get(f"/v1/profiles/{ada}/people")).json()["items"]
    assert people == []
    # What is said of the id that was merged stays with it.
    dan = await person(profiles, "Dan")
    assert (await try_to_relate(profiles, dan, "parent", dan)).status_code == 422
    assert (await try_to_relate(profiles, eve, "spouse", ada)).status_code == 422
    await relate(profiles, eve, "child", dan)
    assert await seen(profiles, dan) == [("parent", ada)]
    await profiles.client.delete(f"/v1/links/{linked['link_id']}")
    assert await seen(profiles, dan) == [("parent", eve)]
    assert await seen(profiles, ada) == [("spouse", eve), ("referred", bob)]
    assert await seen(profiles, eve) == [("child", dan), ("spouse", ada), ("referred_by", bob)]


def test_i3_groups_join_whatever_the_order() -> None:
    one, two, three, four = (UUID(int=number) for number in range(4))
    found = groups([(one, two), (three, four), (two, three)])
    assert set(found.values()) == {frozenset({one, two, three, four})}
    assert groups([]) == {}


async def test_i3_a_household_is_a_group_that_one_may_leave(profiles: Profiles) -> None:
    ada, bob, eve, dan = [await person(profiles, name) for name in ("Ada", "Bob", "Eve", "Dan")]
    await relate(profiles, ada, "household", bob)
    await relate(profiles, eve, "household", ada)
    await relate(profiles, ada, "household", dan, until="2020-01-01")
    assert await household(profiles, bob) == {ada, eve}
    assert await household(profiles, ada) == {bob, eve}
    assert await household(profiles, dan) == set()
    left = await profiles.client.delete(f"/v1/profiles/{ada}/relationships", params={"kind": "household"})
    assert left.status_code == 204
    assert await household(profiles, ada) == set()
    assert await household(profiles, bob) == {eve}
    linked = await profiles.link(("user_id", "Dan"), ("user_id", "Bob"))
    assert await household(profiles, dan) == {eve}
    await profiles.client.delete(f"/v1/links/{linked['link_id']}")
    assert await household(profiles, dan) == set()


async def test_i3_a_firm_shows_its_key_people_with_their_families_and_days(
    profiles: Profiles, token: TokenFactory
) -> None:
    firm = (await profiles.create(kind="organisation", traits={"display_name": "Lien Hoa Co."}))["profile_id"]
    clerk, lan, minh = [await person(profiles, name) for name in ("Clerk", "Lan", "Minh")]
    child = await person(profiles, "Mai", birth_date="2020-02-29")
    aunt = await person(profiles, "Aunt")
    anniversary = {"anniversary": "2001-09-09", "birth_date": "1980-05-05", "visits_since": "2019-01-01"}
    await profiles.client.patch(f"/v1/profiles/{lan}", json={"traits": anniversary})
    await relate(profiles, clerk, "employee_of", firm, role="clerk")
    await relate(profiles, firm, "key_contact", lan, role="owner's daughter", since="2018-01-01")
    await relate(profiles, lan, "employee_of", firm)
    await relate(profiles, minh, "spouse", lan)
    await relate(profiles, child, "parent", lan)
    await relate(profiles, lan, "household", aunt)
    await relate(profiles, minh, "referred_by", firm)
    answer = await profiles.client.get(f"/v1/profiles/{firm}/people")
    first, second = answer.json()["items"]
    assert (first["profile_id"], first["display_name"]) == (lan, "Lan")
    assert [(each["kind"], each["role"], each["since"]) for each in first["relationships"]] == [
        ("key_contact", "owner's daughter", "2018-01-01"),
        ("employee", None, None),
    ]
    assert {each["label"]: each["date"] for each in first["important_dates"]} == anniversary
    family = {each["profile_id"]: [way["kind"] for way in each["relationships"]] for each in first["family"]}
    assert family == {minh: ["spouse"], child: ["child"], aunt: ["household"]}
    (mai,) = [each for each in first["family"] if each["profile_id"] == child]
    assert mai["important_dates"] == [{"label": "birth_date", "date": "2020-02-29"}]
    assert (second["profile_id"], second["family"]) == (clerk, [])
    page = await profiles.client.get(f"/v1/profiles/{firm}/people", params={"limit": 1})
    follow = {"limit": 1, "cursor": page.json()["next_cursor"]}
    rest = await profiles.client.get(f"/v1/profiles/{firm}/people", params=follow)
    assert [each["profile_id"] for each in rest.json()["items"]] == [clerk]
    headers = {"Authorization": f"Bearer {token('profiles:read')}"}
    masked = (await profiles.client.get(f"/v1/profiles/{firm}/people", headers=headers)).json()["items"][0]
    assert masked["display_name"] == "L***"
    assert {each["label"]: each["date"] for each in masked["important_dates"]} == {
        "anniversary": "***",
        "birth_date": "***",
        "visits_since": "2019-01-01",
    }
    # Around a person: family and household.
    around = (await profiles.client.get(f"/v1/profiles/{child}/people")).json()["items"]
    assert [(each["profile_id"], each["relationships"][0]["kind"]) for each in around] == [(lan, "parent")]


async def test_i12_relationships_are_announced_under_identities(profiles: Profiles) -> None:
    ada, bob = await person(profiles, "Ada"), await person(profiles, "Bob")
    identities = {str(profile): str(identity) for identity, profile in (await profiles.map()).items()}
    made = await relate(profiles, bob, "referred_by", ada, note="over lunch", since="2026-01-02")
    await profiles.client.delete(f"/v1/profiles/{ada}/relationships/{made}")
    events = [each for each in await profiles.events() if each["type"].startswith("relationship.")]
    assert [each["type"] for each in events] == ["relationship.added", "relationship.removed"]
    for each in events:
        assert each["subject"] == bob
        assert each["data"] == {
            "relationship_id": made,
            "kind": "referred_by",
            "profile_id": bob,
            "identity_id": identities[bob],
            "other_profile_id": ada,
            "other_identity_id": identities[ada],
            "role": None,
            "since": "2026-01-02",
            "until": None,
        }
