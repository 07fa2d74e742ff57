"""Recognition: from any identifier to one profile."""

import asyncio
from uuid import uuid4

import httpx

from tests.conftest import TokenFactory
from tests.profile.conftest import Profiles, pairs

RESOLVE = "/v1/profiles/resolve"


async def test_any_spelling_of_an_identifier_means_the_same_profile(profiles: Profiles) -> None:
    first = await profiles.resolve(("email", "Ada@Example.org"), ("phone", "02 2345 6789"))
    assert first["created"] is True
    assert first["matched"] == pairs(("email", "ada@example.org"), ("phone", "+886223456789"))
    assert first["conflicts"] == []
    again = await profiles.resolve(("email", " ADA@example.org "), create=False)
    assert again == {**first, "created": False, "confidence": 0.95, "matched": pairs(("email", "ada@example.org"))}
    assert await profiles.profile_of("phone", "+886 2 2345 6789") == first["profile_id"]


async def test_nobody_is_made_unless_asked_for(profiles: Profiles) -> None:
    response = await profiles.client.post(RESOLVE, json={"identifiers": pairs(("email", "new@example.org"))})
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["type"] == "urn:rapport:problem:unknown-identifiers"
    assert await profiles.map() == {}


async def test_the_strongest_kind_decides_and_others_are_conflicts(profiles: Profiles) -> None:
    by_email = (await profiles.resolve(("email", "ada@example.org")))["profile_id"]
    by_login = (await profiles.resolve(("user_id", "ada")))["profile_id"]
    answer = await profiles.resolve(("email", "ada@example.org"), ("user_id", "ada"))
    assert answer["profile_id"] == by_login
    assert answer["conflicts"] == [
        {"kind": "email", "value": "ada@example.org", "profile_id": by_email, "reason": "other_profile"}
    ]
    assert await profiles.profile_of("email", "ada@example.org") == by_email


async def test_a_new_identifier_beside_a_known_one_is_linked_to_it(profiles: Profiles) -> None:
    first = await profiles.resolve(("email", "ada@example.org"))
    answer = await profiles.resolve(("email", "ada@example.org"), ("device_id", "tablet"))
    assert answer["profile_id"] == first["profile_id"]
    assert answer["created"] is False
    assert await profiles.profile_of("device_id", "tablet") == first["profile_id"]
    (link,) = await profiles.ledger(first["profile_id"])
    assert (link["kind"], link["state"], link["source"]) == ("same_call", "accepted", "resolve")


async def test_what_a_guard_holds_is_a_conflict_with_the_reason(profiles: Profiles) -> None:
    first = await profiles.resolve(("user_id", "ada"), ("device_id", "tablet"))
    answer = await profiles.resolve(("device_id", "tablet"), ("user_id", "bob"))
    assert answer["profile_id"] == await profiles.profile_of("user_id", "bob") != first["profile_id"]
    assert (answer["created"], answer["confidence"], answer["matched"]) == (True, 1.0, pairs(("user_id", "bob")))
    (conflict,) = answer["conflicts"]
    assert (conflict["kind"], conflict["profile_id"]) == ("device_id", first["profile_id"])
    assert conflict["reason"] == "shared:device_id too_many:user_id"
    again = await profiles.resolve(("device_id", "tablet"), ("user_id", "bob"))
    assert again["profile_id"] == answer["profile_id"]
    held = [each for each in await profiles.ledger(first["profile_id"]) if each["state"] == "held"]
    assert [each["guards"] for each in held] == [["shared:device_id", "too_many:user_id"]]


async def test_a_value_that_nobody_owns_links_nothing(profiles: Profiles) -> None:
    ada = await profiles.resolve(("email", "ada@example.org"), ("user_id", "null"))
    bob = await profiles.resolve(("email", "bob@example.org"), ("user_id", "NULL"))
    assert ada["profile_id"] != bob["profile_id"]
    assert [each["reason"] for each in ada["conflicts"]] == ["blocked_value"]
    alone = await profiles.resolve(("user_id", "null"))
    assert alone["profile_id"] not in {ada["profile_id"], bob["profile_id"]}


async def test_the_profile_comes_along_when_asked_for(profiles: Profiles) -> None:
    made = await profiles.create(identifiers=pairs(("user_id", "ada")), traits={"given_name": "Ada", "language": "en"})
    body = {"identifiers": pairs(("user_id", "ada")), "include": ["profile"]}
    answer = (await profiles.client.post(RESOLVE, json=body)).json()
    assert answer["profile"]["display_name"] == "Ada"
    assert answer["profile"]["language"] == "en"
    assert answer["profile"]["traits"] == made["traits"]
    assert [each["kind"] for each in answer["identities"]] == ["user_id"]


async def test_concurrent_resolves_of_one_identifier_make_one_profile(profiles: Profiles) -> None:
    answers = await asyncio.gather(*(profiles.resolve(("email", "ada@example.org")) for _ in range(30)))
    assert len({answer["profile_id"] for answer in answers}) == 1
    assert sum(answer["created"] for answer in answers) == 1


async def test_an_idempotency_key_replays_the_answer(profiles: Profiles) -> None:
    headers = {"Idempotency-Key": str(uuid4())}
    body = {"identifiers": pairs(("email", "ada@example.org")), "create": True}
    first = await profiles.client.post(RESOLVE, json=body, headers=headers)
    again = await profiles.client.post(RESOLVE, json=body, headers=headers)
    assert first.json()["created"] is True
    assert again.content == first.content
    known = await profiles.client.post(RESOLVE, json=body, headers={"Idempotency-Key": str(uuid4())})
    assert known.json()["created"] is False


async def test_bad_input_is_told_where_and_how_to_mend(profiles: Profiles) -> None:
    async def problem(body: object) -> tuple[int, list[str]]:
        response = await profiles.client.post(RESOLVE, json=body)
        assert response.headers["content-type"] == "application/problem+json"
        return response.status_code, [each["pointer"] for each in response.json().get("errors", ())]

    assert await problem({"identifiers": pairs(("email", "no address"))}) == (422, ["/identifiers/0/value"])
    assert await problem({"identifiers": pairs(("E-Mail", "a@b.example"))}) == (422, ["/identifiers/0/kind"])
    assert await problem({"identifiers": pairs(("profile", "x"))}) == (422, ["/identifiers/0/kind"])
    assert await problem({"identifiers": pairs(("user_id", "a\x00b"))}) == (422, ["/identifiers/0/value"])
    assert await problem({"identifiers": [{"kind": "email", "value": 5}]}) == (422, ["/identifiers/0/value"])
    assert await problem({"identifiers": []}) == (422, ["/identifiers"])
    assert await problem({"identifiers": pairs(("user_id", "a")), "unknown": 1}) == (422, [""])
    assert await problem([]) == (422, [""])
    response = await profiles.client.post(RESOLVE, content=b"{")
    assert (response.status_code, response.json()["type"]) == (400, "urn:rapport:problem:bad-request")


async def test_creating_needs_the_scope_to_write(profiles: Profiles, token: TokenFactory) -> None:
    body = {"identifiers": pairs(("email", "ada@example.org")), "create": True}
    reader = {"Authorization": f"Bearer {token('profiles:read')}"}
    response = await profiles.client.post(RESOLVE, json=body, headers=reader)
    assert (response.status_code, response.json()["scope"]) == (403, "profiles:write")
    async with httpx.AsyncClient(base_url=profiles.client.base_url) as stranger:
        assert (await stranger.post(RESOLVE, json=body)).status_code == 401
