"""I6: the ledger to read, and what merging, unmerging and splitting answer."""

from datetime import UTC, datetime
from uuid import uuid4

import httpx

from tests.conftest import TokenFactory
from tests.profile.conftest import Profiles, pairs
from tests.profile.test_guards import START, deliver, seen

ADA, EMAIL, PHONE = ("user_id", "ada"), ("email", "ada@example.org"), ("phone", "+886223456789")


async def test_i6_the_ledger_tells_of_each_link_who_said_so_when_and_how_surely(
    profiles: Profiles, token: TokenFactory
) -> None:
    await deliver(profiles, seen(1, ADA, EMAIL), seen(2, ADA, previous="cookie"), seen(3, ("user_id", "bob"), EMAIL))
    await profiles.link(ADA, PHONE, "she told us")
    profile = await profiles.profile_of(*ADA)
    ledger = {entry["kind"] + "/" + entry["state"]: entry for entry in await profiles.ledger(profile)}
    assert ledger.keys() == {"same_call/accepted", "same_call/held", "alias/accepted", "operator/accepted"}
    seen_together = ledger["same_call/accepted"]
    assert {seen_together[end]["value"] for end in "ab"} == {"ada", "ada@example.org"}
    assert (seen_together["source"], seen_together["event_id"], seen_together["confidence"]) == ("test", "at-1", 0.95)
    assert seen_together["evidence_at"] == START.replace(minute=1).isoformat().replace("+00:00", "Z")
    assert ledger["same_call/held"]["guards"] == ["too_many:user_id"]
    said = ledger["operator/accepted"]
    assert (said["source"], said["reason"], said["confidence"]) == ("tester", "she told us", 1.0)
    answer = await profiles.client.delete(f"/v1/links/{said['link_id']}", params={"reason": "a mistake"})
    (taken_back,) = [each for each in await profiles.ledger(profile) if each["state"] == "retracted"]
    assert (taken_back["retracted_by"], taken_back["retraction_reason"]) == ("tester", "a mistake")
    assert taken_back["retracted_at"] > taken_back["recorded_at"]
    # It concerns the other side as well.
    (other,) = set(answer.json()["profiles_after"]) - {profile}
    assert [each["link_id"] for each in await profiles.ledger(other)] == [said["link_id"]]
    headers = {"Authorization": f"Bearer {token('profiles:read')}"}
    async with httpx.AsyncClient(base_url=profiles.client.base_url, headers=headers) as reader:
        masked = (await reader.get(f"/v1/profiles/{profile}/links")).text
        assert "ada@example.org" not in masked
        assert "886223456789" not in masked


async def test_i6_the_ledger_comes_in_pages_and_for_ids_of_the_past(profiles: Profiles) -> None:
    old = (await profiles.resolve(EMAIL))["profile_id"]
    older = (await profiles.resolve(ADA))["profile_id"]
    for number in range(5):
        await profiles.link(ADA, ("messenger_id", str(number)))
    merged = await profiles.link(ADA, EMAIL)
    assert merged["profiles_before"] == sorted([old, older])
    (survivor,) = merged["profiles_after"]
    assert survivor == min(old, older)
    found, cursor = [], None
    while True:
        parameters = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = (await profiles.client.get(f"/v1/profiles/{max(old, older)}/links", params=parameters)).json()
        found += [each["link_id"] for each in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert len(found) == len(set(found)) == 6
    assert found == sorted(found, reverse=True)
    unknown = await profiles.client.get(f"/v1/profiles/{uuid4()}/links")
    assert (unknown.status_code, unknown.json()["type"]) == (404, "urn:rapport:problem:unknown-profile")


async def test_i6_a_split_names_the_profiles_before_and_after_and_holds(profiles: Profiles) -> None:
    bob, device = ("email", "bob@example.org"), ("device_id", "telephone")
    first = await profiles.resolve(ADA, EMAIL, bob, device)
    profile = first["profile_id"]
    await profiles.link(ADA, PHONE)
    place = f"/v1/profiles/{profile}/split"
    answer = (await profiles.client.post(place, json={"identities": pairs(bob, PHONE), "reason": "her husband"})).json()
    assert answer["profiles_before"] == [profile]
    assert answer["profiles_after"] == sorted([profile, answer["split_profile_id"]])
    assert len(answer["links_retracted"]) == 2
    assert await profiles.profile_of(*bob) == await profiles.profile_of(*PHONE) == answer["split_profile_id"]
    # All of them seen together once more change nothing.
    later = int((datetime.now(UTC) - START).total_seconds() // 60) + 5
    await deliver(profiles, seen(later, ADA, EMAIL, bob, PHONE, device))
    now = [await profiles.profile_of(*each) for each in (ADA, EMAIL, device, bob, PHONE)]
    assert now == [profile] * 3 + [answer["split_profile_id"]] * 2
    # The operator thinks better of it: one word makes them one again.
    again = await profiles.link(EMAIL, bob)
    assert again["profiles_before"] == answer["profiles_after"]
    assert again["profiles_after"] == [profile]
    assert "cannot_link" in again["guards_overridden"]


async def test_i6_what_cannot_be_split_or_linked_is_said(profiles: Profiles) -> None:
    profile = (await profiles.resolve(ADA, EMAIL))["profile_id"]
    await profiles.resolve(PHONE)

    async def refused(path: str, body: object) -> tuple[int, str, list[str]]:
        response = await profiles.client.post(path, json=body)
        problem = response.json()
        pointers = [each["pointer"] for each in problem.get("errors", [])]
        return response.status_code, problem["type"].rpartition(":")[2], pointers

    place = f"/v1/profiles/{profile}/split"
    assert await refused(place, {"identities": pairs(EMAIL, PHONE)}) == (422, "cannot-split", ["/identities/1"])
    assert await refused(place, {"identities": pairs(ADA, EMAIL)}) == (422, "cannot-split", [])
    unknown = f"/v1/profiles/{uuid4()}/split"
    assert await refused(unknown, {"identities": pairs(EMAIL)}) == (404, "unknown-profile", [])
    same = {"a": pairs(EMAIL)[0], "b": pairs(("email", "ADA@example.org"))[0]}
    assert (await refused("/v1/links", same))[:2] == (422, "same-identity")
    wrong = {"a": pairs(EMAIL)[0], "b": pairs(("email", "nobody"))[0]}
    assert await refused("/v1/links", wrong) == (422, "invalid", ["/b/value"])
    gone = await profiles.client.delete(f"/v1/links/{uuid4()}")
    assert (gone.status_code, gone.json()["type"]) == (404, "urn:rapport:problem:unknown-link")
