"""Repeating records with a history, and their use by others with permission."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.conftest import TokenFactory
from tests.profile.conftest import Profiles, pairs
from tests.profile.test_attributes import define, find

MEASURE = {
    "type": "object",
    "required": ["foot", "length_mm"],
    "properties": {
        "foot": {"enum": ["left", "right"]},
        "length_mm": {"type": "number", "minimum": 50, "maximum": 400},
        "taken_on": {"type": "string", "format": "date"},
    },
    "additionalProperties": False,
}
LEFT = {"foot": "left", "length_mm": 265}
RIGHT = {"foot": "right", "length_mm": 267.5}
SOON = (datetime.now(UTC) + timedelta(days=2)).isoformat()


def path_of(profile_id: str, record_id: str = "") -> str:
    return f"/v1/profiles/{profile_id}/records/foot_measures" + (f"/{record_id}" if record_id else "")


async def keep(profiles: Profiles, profile_id: str, value: Any, **more: Any) -> dict[str, Any]:
    response = await profiles.client.post(path_of(profile_id), json={"value": value, **more})
    assert response.status_code == 201, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def records(profiles: Profiles, profile_id: str, **params: Any) -> list[dict[str, Any]]:
    response = await profiles.client.get(path_of(profile_id), params=params)
    assert response.status_code == 200, response.text
    items: list[dict[str, Any]] = response.json()["items"]
    return items


async def test_i8_records_repeat_and_are_checked_and_listed_by_when_they_were_so(profiles: Profiles) -> None:
    await define(profiles, "foot_measures", MEASURE, repeating=True)
    ada = (await profiles.create())["profile_id"]
    right = await keep(profiles, ada, RIGHT, observed_at="2026-03-01T10:00:00+08:00", source="shop")
    left = await keep(profiles, ada, LEFT, observed_at="2026-03-02T10:00:00+08:00", expires_at="2030-01-01T00:00:00Z")
    assert (left["version"], left["source"], right["source"]) == (1, "api", "shop")
    listed = await records(profiles, ada)
    assert [each["value"] for each in listed] == [LEFT, RIGHT]
    assert datetime.fromisoformat(listed[1]["observed_at"]) == datetime(2026, 3, 1, 2, tzinfo=UTC)
    assert listed[1]["recorded_at"] > listed[1]["observed_at"]
    first = await profiles.client.get(path_of(ada), params={"limit": 1})
    cursor = first.json()["next_cursor"]
    assert [each["value"] for each in await records(profiles, ada, limit=1, cursor=cursor)] == [RIGHT]
    assert (await profiles.read(ada))["traits"] == {}
    wrong = await profiles.client.post(path_of(ada), json={"value": {"foot": "third", "length_mm": 26}})
    assert wrong.status_code == 422
    assert {each["pointer"] for each in wrong.json()["errors"]} == {"/value/foot", "/value/length_mm"}
    await define(profiles, "shoe_size", {"type": "number"})
    single = await profiles.client.post(f"/v1/profiles/{ada}/records/shoe_size", json={"value": 42})
    assert (single.status_code, single.json()["type"]) == (409, "urn:rapport:problem:not-repeating")
    unknown = await profiles.client.post(f"/v1/profiles/{ada}/records/hat_size", json={"value": 42})
    assert (unknown.status_code, unknown.json()["type"]) == (404, "urn:rapport:problem:unknown-attribute")
    as_trait = await profiles.client.patch(f"/v1/profiles/{ada}", json={"traits": {"foot_measures": LEFT}})
    assert as_trait.status_code == 422
    found = await define(profiles, "foot_measures", {**MEASURE, "required": ["taken_on"]}, repeating=True)
    assert found["existing"] == {"values": 2, "not_fitting": 2}
    assert (await profiles.client.delete("/v1/attributes/foot_measures")).status_code == 409


async def test_i8_a_correction_is_a_version_and_a_deletion_leaves_a_trace(profiles: Profiles) -> None:
    await define(profiles, "foot_measures", MEASURE, repeating=True)
    ada = (await profiles.create())["profile_id"]
    made = await keep(profiles, ada, LEFT, observed_at="2026-03-01T00:00:00Z", source="shop")
    path = path_of(ada, made["record_id"])
    read = await profiles.client.get(path)
    assert (read.status_code, read.headers["etag"], read.json()) == (200, '"1"', made)
    better = {"value": {**LEFT, "length_mm": 266}, "reason": "measured sitting"}
    corrected = await profiles.client.put(path, json=better, headers={"If-Match": '"1"'})
    assert (corrected.status_code, corrected.headers["etag"]) == (200, '"2"')
    assert (corrected.json()["observed_at"], corrected.json()["source"]) == (made["observed_at"], "shop")
    stale = await profiles.client.put(path, json={"value": LEFT}, headers={"If-Match": '"1"'})
    assert (stale.status_code, stale.json()["type"]) == (412, "urn:rapport:problem:stale")
    same = await profiles.client.put(path, json=better)
    assert same.headers["etag"] == '"2"'
    refused = await profiles.client.put(path, json={"value": {"foot": "left"}})
    assert refused.status_code == 422
    assert (await profiles.client.delete(path, headers={"If-Match": '"1"'})).status_code == 412
    assert (await profiles.client.delete(path, params={"reason": "another's foot"})).status_code == 204
    assert (await profiles.client.get(path)).status_code == 404
    assert (await profiles.client.delete(path)).status_code == 404
    assert await records(profiles, ada) == []
    assert [each["deleted"] for each in await records(profiles, ada, include_deleted=True)] == [True]
    history = (await profiles.client.get(f"{path}/versions")).json()["items"]
    assert [(each["version"], each["deleted"], each["reason"], each["value"]["length_mm"]) for each in history] == [
        (3, True, "another's foot", 266),
        (2, False, "measured sitting", 266),
        (1, False, None, 265),
    ]
    assert {each["recorded_by"] for each in history} == {"tester"}
    events = [each["data"] for each in await profiles.events() if each["type"] == "profile.updated"]
    changes = [each["change"] for event in events for each in event["records"]]
    assert changes == ["added", "corrected", "deleted"]
    assert {key for event in events for key in event["keys"]} == {"foot_measures"}
    assert "length_mm" not in str(events)


async def test_i8_concurrent_corrections_with_one_entity_tag_let_one_through(profiles: Profiles) -> None:
    await define(profiles, "foot_measures", MEASURE, repeating=True)
    ada = (await profiles.create())["profile_id"]
    path = path_of(ada, (await keep(profiles, ada, LEFT))["record_id"])
    answers = await asyncio.gather(
        *(
            profiles.client.put(path, json={"value": {**LEFT, "length_mm": 270 + number}}, headers={"If-Match": '"1"'})
            for number in range(8)
        )
    )
    assert sorted(each.status_code for each in answers) == [200] + [412] * 7


async def test_i8_records_are_found_and_masked(profiles: Profiles, token: TokenFactory) -> None:
    await define(profiles, "foot_measures", MEASURE, repeating=True, personal=True)
    ada = (await profiles.create())["profile_id"]
    left = await keep(profiles, ada, LEFT)
    await define(profiles, "foot_measures", MEASURE, repeating=True, personal=True, searchable=True)
    right = await keep(profiles, ada, RIGHT)
    assert await find(profiles, "foot_measures.length_mm", "265") == [ada]
    assert await find(profiles, "foot_measures.length_mm", "267.50") == [ada]
    await profiles.client.put(path_of(ada, right["record_id"]), json={"value": {**RIGHT, "length_mm": 270}})
    assert await find(profiles, "foot_measures.length_mm", "267.5") == []
    await profiles.client.delete(path_of(ada, left["record_id"]))
    assert await find(profiles, "foot_measures.foot", "left") == []
    headers = {"Authorization": f"Bearer {token('profiles:read')}"}
    for path in (path_of(ada), path_of(ada, right["record_id"]) + "/versions"):
        listed = await profiles.client.get(path, headers=headers)
        assert {each["value"] for each in listed.json()["items"]} == {"***"}, path


async def test_i6_records_go_with_the_identity_they_came_with(profiles: Profiles) -> None:
    await define(profiles, "foot_measures", MEASURE, repeating=True)
    ada = (await profiles.create(identifiers=pairs(("user_id", "ada"))))["profile_id"]
    bob = (await profiles.create(identifiers=pairs(("email", "bob@example.org"))))["profile_id"]
    of_ada = await keep(profiles, ada, LEFT)
    linked = await profiles.link(("user_id", "ada"), ("email", "bob@example.org"))
    of_bob = await keep(profiles, bob, RIGHT)
    assert {each["record_id"] for each in await records(profiles, ada)} == {of_ada["record_id"], of_bob["record_id"]}
    better = {"value": {**RIGHT, "length_mm": 100}}
    corrected = await profiles.client.put(path_of(ada, of_bob["record_id"]), json=better)
    assert corrected.status_code == 200
    await profiles.client.delete(f"/v1/links/{linked['link_id']}")
    assert [each["value"] for each in await records(profiles, ada)] == [LEFT]
    assert [each["value"] for each in await records(profiles, bob)] == [{**RIGHT, "length_mm": 100}]


async def grant(profiles: Profiles, owner: str, to: str, **more: Any) -> dict[str, Any]:
    body = {"key": "foot_measures", "granted_to": to, "until": SOON, **more}
    response = await profiles.client.post(f"/v1/profiles/{owner}/record-grants", json=body)
    assert response.status_code == 201, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def test_i8_a_gift_that_fits_needs_the_owners_permission_and_the_owner_sees_its_use(profiles: Profiles) -> None:
    await define(profiles, "foot_measures", MEASURE, repeating=True)
    ada = (await profiles.create(identifiers=pairs(("user_id", "ada"))))["profile_id"]
    bob = (await profiles.create(identifiers=pairs(("user_id", "bob"))))["profile_id"]
    eve = (await profiles.create())["profile_id"]
    await keep(profiles, ada, LEFT)
    for stranger in (bob, eve):
        denied = await profiles.client.get(path_of(ada), params={"for": stranger})
        assert (denied.status_code, denied.json()["type"]) == (403, "urn:rapport:problem:no-grant")
    given = await grant(profiles, ada, bob, note="birthday")
    assert (given["profile_id"], given["granted_to"], given["live"], given["uses"]) == (ada, bob, True, 0)
    assert [each["value"] for each in await records(profiles, ada, **{"for": bob})] == [LEFT]
    assert (await profiles.client.get(path_of(ada), params={"for": eve})).status_code == 403
    assert (await profiles.client.get(path_of(bob), params={"for": ada})).status_code == 403
    grants = f"/v1/profiles/{ada}/record-grants"
    (seen,) = (await profiles.client.get(grants)).json()["items"]
    assert (seen["uses"], seen["last_used_at"] is not None) == (1, True)
    uses = (await profiles.client.get(f"{grants}/{given['grant_id']}/uses")).json()["items"]
    assert [each["used_by"] for each in uses] == ["tester"]
    received = await profiles.client.get(f"/v1/profiles/{bob}/record-grants", params={"direction": "received"})
    assert [each["grant_id"] for each in received.json()["items"]] == [given["grant_id"]]
    # Only the owner sees to it.
    theirs = f"/v1/profiles/{bob}/record-grants/{given['grant_id']}"
    assert (await profiles.client.get(f"{theirs}/uses")).status_code == 404
    assert (await profiles.client.delete(theirs)).status_code == 404
    assert (await profiles.client.delete(f"{grants}/{given['grant_id']}")).status_code == 204
    assert (await profiles.client.get(path_of(ada), params={"for": bob})).status_code == 403
    assert (await profiles.client.delete(f"{grants}/{given['grant_id']}")).status_code == 404
    (ended,) = (await profiles.client.get(grants)).json()["items"]
    assert (ended["live"], ended["revoked_by"], ended["uses"]) == (False, "tester", 1)


async def test_i8_grants_end_by_themselves_and_follow_merges(profiles: Profiles) -> None:
    await define(profiles, "foot_measures", MEASURE, repeating=True)
    ada = (await profiles.create(identifiers=pairs(("user_id", "ada"))))["profile_id"]
    bob = (await profiles.create(identifiers=pairs(("email", "bob@example.org"))))["profile_id"]
    new = (await profiles.create(identifiers=pairs(("user_id", "bob"))))["profile_id"]
    await keep(profiles, ada, LEFT)
    given = await grant(profiles, ada, bob)
    linked = await profiles.link(("email", "bob@example.org"), ("user_id", "bob"))
    assert len(await records(profiles, ada, **{"for": new})) == 1
    await profiles.client.delete(f"/v1/links/{linked['link_id']}")
    assert (await profiles.client.get(path_of(ada), params={"for": new})).status_code == 403
    assert len(await records(profiles, ada, **{"for": bob})) == 1
    await profiles.database.pool.execute("UPDATE record_grant SET until = now() WHERE grant_id = $1", given["grant_id"])
    assert (await profiles.client.get(path_of(ada), params={"for": bob})).status_code == 403
    path = f"/v1/profiles/{ada}/record-grants"
    wrong = [
        ({"until": "2020-01-01T00:00:00Z"}, "/until"),
        ({"granted_to": ada}, "/granted_to"),
        ({"granted_to": "0190a2b4-0000-7000-8000-000000000000"}, "/granted_to"),
        ({"key": "interests"}, "/key"),
    ]
    for change, pointer in wrong:
        body = {"key": "foot_measures", "granted_to": bob, "until": SOON, **change}
        response = await profiles.client.post(path, json=body)
        assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, pointer), response.text
    await profiles.link(("email", "bob@example.org"), ("user_id", "ada"))
    assert len(await records(profiles, ada, **{"for": bob})) == 1
