"""Complaints and suggestions, from opening to settlement, and where they show."""

from typing import Any
from uuid import uuid4

import pytest
from rapport.identity import identity_id

from tests.interaction.conftest import Interactions


async def complain(interactions: Interactions, **body: Any) -> dict[str, Any]:
    """A case that must be opened."""
    response = await interactions.client.post("/v1/cases", json={"subject": "Broken heel", **body})
    assert response.status_code == 201, response.text
    case: dict[str, Any] = response.json()
    assert response.headers["location"] == f"/v1/cases/{case['case_id']}"
    return case


async def amend(interactions: Interactions, case: dict[str, Any], **patch: Any) -> dict[str, Any]:
    """A change that must succeed."""
    response = await interactions.client.patch(f"/v1/cases/{case['case_id']}", json=patch)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


async def test_an_open_complaint_shows_under_open_until_it_is_settled(interactions: Interactions, user: str) -> None:
    profile = await interactions.world.person(("user_id", user), ("email", f"{user}@example.org"))
    await interactions.settled()
    case = await complain(interactions, profile_id=str(profile), severity="high", due_at="2027-01-01T00:00:00Z")
    await complain(interactions, profile_id=str(await interactions.world.person(("user_id", user + "x"))))

    async def shown() -> list[str]:
        answer = await interactions.engage(("email", f"{user}@example.org"))
        context = await interactions.get(f"/v1/profiles/{profile}/context")
        assert answer["open"] == context["open"]
        return [each["case_id"] for each in answer["open"]["cases"]]

    assert await shown() == [case["case_id"]]
    for state, visible in (("in_progress", True), ("resolved", False), ("open", True), ("closed", False)):
        await amend(interactions, case, state=state)
        assert await shown() == [case["case_id"]] * visible


async def test_a_case_shows_what_an_agent_needs(interactions: Interactions, user: str) -> None:
    profile = await interactions.world.person(("user_id", user))
    case = await complain(interactions, profile_id=str(profile), kind="suggestion", owner="Bob", severity="low")
    (shown,) = (await interactions.get(f"/v1/profiles/{profile}/context"))["open"]["cases"]
    fields = {"case_id", "kind", "severity", "state", "subject", "owner", "due_at", "opened_at"}
    assert shown.keys() == fields
    assert {name: shown[name] for name in fields - {"opened_at"}} == {
        name: case[name] for name in fields - {"opened_at"}
    }


async def test_a_case_by_identifiers_belongs_to_whoever_they_turn_out_to_be(
    interactions: Interactions, user: str
) -> None:
    given = [{"kind": "device_id", "value": user}, {"kind": "email", "value": f"{user}@EXAMPLE.org"}]
    case = await complain(interactions, identifiers=given)
    assert case["identity_id"] == str(identity_id("email", f"{user}@example.org"))
    profile = await interactions.world.person(("user_id", user), ("email", f"{user}@example.org"))
    found = await interactions.get(f"/v1/profiles/{profile}/context")
    assert [each["case_id"] for each in found["open"]["cases"]] == [case["case_id"]]


async def test_every_change_is_announced_with_what_it_means(interactions: Interactions, user: str) -> None:
    case = await complain(interactions, identifiers=[{"kind": "user_id", "value": user}])
    await amend(interactions, case, owner="Bob", state="in_progress")
    settled = await amend(interactions, case, state="resolved", resolution="New shoes")
    again = await amend(interactions, case, state="closed")
    assert settled["closed_at"] == again["closed_at"] is not None
    assert (await amend(interactions, case, state="open"))["closed_at"] is None
    unchanged = await amend(interactions, case, state="open")
    events = await interactions.events()
    assert [each["type"] for each in events] == [
        "case.opened", "case.updated", "case.closed", "case.updated", "case.opened",
    ]  # fmt: skip
    assert [each["data"]["state"] for each in events] == ["open", "in_progress", "resolved", "closed", "open"]
    assert {each["data"]["identity_id"] for each in events} == {str(identity_id("user_id", user))}
    assert unchanged["version"] == 5


async def test_lists_by_customer_state_kind_and_owner(interactions: Interactions, user: str) -> None:
    profile = await interactions.world.person(("user_id", user))
    cases = [
        await complain(interactions, profile_id=str(profile), kind=kind, owner=owner)
        for kind, owner in [("complaint", user), ("suggestion", user), ("complaint", None)]
    ]
    await amend(interactions, cases[0], state="closed")

    async def listed(**wanted: Any) -> list[int]:
        found: list[str] = []
        cursor: str | None = None
        while True:
            page = await interactions.get("/v1/cases", limit=1, cursor=cursor, **wanted)
            found += [each["case_id"] for each in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                return [[each["case_id"] for each in cases].index(case_id) for case_id in found]

    assert await listed(profile_id=profile) == [2, 1, 0]
    assert await listed(owner=user) == [1, 0]
    assert await listed(owner=user, state="open") == [1]
    assert await listed(profile_id=profile, kind="complaint") == [2, 0]


async def test_if_match_and_merge_patch(interactions: Interactions, user: str) -> None:
    case = await complain(interactions, identifiers=[{"kind": "user_id", "value": user}], owner="Bob", text="It broke")
    path = f"/v1/cases/{case['case_id']}"
    tag = (await interactions.client.get(path)).headers["etag"]
    patched = await interactions.client.patch(path, json={"owner": None}, headers={"if-match": tag})
    assert (patched.json()["owner"], patched.json()["text"]) == (None, "It broke")
    stale = await interactions.client.patch(path, json={"owner": "Eve"}, headers={"if-match": tag})
    assert stale.status_code == 412


@pytest.mark.parametrize("patch", [{"subject": None}, {"state": None}, {"state": "lost"}, {"severity": 1}, {"x": 1}])
async def test_a_patch_that_makes_no_sense_is_422(interactions: Interactions, user: str, patch: dict[str, Any]) -> None:
    case = await complain(interactions, identifiers=[{"kind": "user_id", "value": user}])
    response = await interactions.client.patch(f"/v1/cases/{case['case_id']}", json=patch)
    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == f"/{next(iter(patch))}"


async def test_a_case_belongs_to_one_known_customer(interactions: Interactions, user: str) -> None:
    who = {"identifiers": [{"kind": "user_id", "value": user}]}
    attempts: list[tuple[dict[str, Any], int]] = [
        ({}, 422),
        ({**who, "profile_id": str(uuid4())}, 422),
        ({"profile_id": str(uuid4())}, 404),
        ({**who, "conversation_id": str(uuid4())}, 404),
        ({"identifiers": [{"kind": "phone", "value": "none"}]}, 422),
    ]
    for body, status in attempts:
        response = await interactions.client.post("/v1/cases", json={"subject": "x", **body})
        assert response.status_code == status, response.text
    assert (await interactions.client.get(f"/v1/cases/{uuid4()}")).status_code == 404
    assert await interactions.events() == []
