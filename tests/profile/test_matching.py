"""I5, I6: duplicates without a common identifier, through the API."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from profile_service.jobs.worker import do_next
from profile_service.main import create_app
from profile_service.matching.runs import match_run
from profile_service.settings import ProfileSettings
from rapport.tokens import KeyStore

from tests.conftest import DatabaseFactory, TokenFactory
from tests.profile.conftest import SCOPES, Profiles
from tests.profile.test_audit import trail
from tests.support.http import serve

ADA: dict[str, Any] = {
    "given_name": "Augusta",
    "family_name": "Lovelace",
    "birth_date": "1985-12-10",
    "address": {"street": "12 Ockham Road", "city": "Ockham", "region": "Surrey", "postcode": "GU23 6NG"},
}


class Matching(Profiles):
    """A profile-service that does match runs when told to."""

    app: FastAPI

    async def person(self, **traits: Any) -> str:
        """A new profile without any identifier."""
        return str((await self.create(kind="person", traits=traits))["profile_id"])

    async def run(self, *, full: bool = False) -> dict[str, Any]:
        """What came of a match run."""
        response = await self.client.post("/v1/match-runs", json={"full": full})
        assert response.status_code == 202, response.text
        location = response.headers["location"]
        assert location == f"/v1/jobs/{response.json()['job_id']}"
        assert await do_next(self.app, self.database, "match_run", match_run, alone=True)
        job = (await self.client.get(location)).json()
        assert job["state"] == "succeeded", job
        assert job["done"] == job["total"]
        result: dict[str, Any] = job["result"]
        return result

    async def candidates(self, **query: Any) -> list[dict[str, Any]]:
        """Match candidates, newest first."""
        response = await self.client.get("/v1/match-candidates", params=query)
        assert response.status_code == 200, response.text
        items: list[dict[str, Any]] = response.json()["items"]
        return items

    async def decide(self, candidate: dict[str, Any], what: str, status: int = 200) -> dict[str, Any]:
        """The answer to an operator's word."""
        response = await self.client.post(f"/v1/match-candidates/{candidate['candidate_id']}/{what}")
        assert response.status_code == status, response.text
        answer: dict[str, Any] = response.json()
        return answer


@pytest.fixture
async def matching(
    database: DatabaseFactory, keys: KeyStore, token: TokenFactory, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Matching]:
    """A profile-service whose jobs the tests do themselves."""
    settings = ProfileSettings(
        database_url=await database("profile"),
        role="api",
        jwks_file=keys.jwks_path,
        default_country="TW",
        data_dir=tmp_path_factory.mktemp("data"),
    )
    app = create_app(settings)
    headers = {"Authorization": f"Bearer {token(*SCOPES)}"}
    async with serve(app) as base, httpx.AsyncClient(base_url=base, headers=headers, timeout=30) as client:
        service = Matching(client, app.state.database)
        service.app = app
        yield service


async def test_i5_i6_sure_duplicates_are_linked_and_once_unlinked_stay_apart(matching: Matching) -> None:
    first = await matching.person(**ADA)
    second = await matching.person(**{**ADA, "given_name": "Augsta", "birth_date": "1985-10-12"})
    third = await matching.person(given_name="Charles", family_name="Babbage", birth_date="1971-12-26")
    result = await matching.run()
    assert (result["profiles"], result["linked"], result["full"]) == (3, 1, True)
    assert (await matching.read(second))["profile_id"] == first
    assert (await matching.read(third))["profile_id"] == third
    (link,) = await matching.ledger(first)
    assert (link["kind"], link["source"], link["state"]) == ("match", "matching", "accepted")
    assert link["confidence"] >= 0.95
    assert "birth_date: day and month exchanged" in link["reason"]
    assert "1985" not in link["reason"]

    undone = await matching.client.delete(f"/v1/links/{link['link_id']}")
    assert sorted(undone.json()["profiles_after"]) == sorted([first, second])
    again = await matching.run(full=True)
    assert (again["linked"], again["offered"]) == (0, 0)
    assert (await matching.read(second))["profile_id"] == second
    assert await matching.candidates(state="open") == []


async def test_i5_doubtful_pairs_are_offered_with_the_weight_of_each_field(matching: Matching) -> None:
    first = await matching.person(given_name="Zebedee", family_name="Quatermain")
    second = await matching.person(given_name="Zebedee", family_name="Quatermain")
    assert (await matching.run())["offered"] == 1
    (candidate,) = await matching.candidates(state="open", min_probability=0.5)
    assert (candidate["source"], candidate["profiles"]) == ("match", sorted([first, second]))
    assert "lacks:more_than_a_name" in [each["code"] for each in candidate["reasons"]]
    assert [(each["field"], each["level"]) for each in candidate["weights"]] == [
        ("given_name", "same"),
        ("family_name", "same"),
    ]
    assert all(each["weight"] > 0 for each in candidate["weights"])
    assert await matching.candidates(max_probability=candidate["probability"] - 0.001) == []
    assert await matching.candidates(profile_id=second) == [candidate]

    # Better known, they are found to be two; what was offered before no longer is.
    for profile, born, street, city in (
        (first, "1950-01-02", "19 Elm Street", "Springfield"),
        (second, "1999-09-09", "204 Bridge Road", "Ashford"),
    ):
        traits = {"birth_date": born, "address": {"street": street, "city": city}}
        await matching.client.patch(f"/v1/profiles/{profile}", json={"traits": traits})
    await matching.run()
    assert await matching.candidates(state="open") == []
    assert [(await matching.read(each))["profile_id"] for each in (first, second)] == [first, second]


async def test_i5_probable_pairs_that_may_be_two_of_a_family_wait_for_somebodys_word(matching: Matching) -> None:
    father = await matching.person(**ADA)
    await matching.person(**{**ADA, "birth_date": None})
    await matching.person(**{**ADA, "birth_date": "2009-05-17"})
    assert (await matching.run())["linked"] == 0
    offered = await matching.candidates(state="open")
    assert {tuple(each["code"] for each in candidate["reasons"]) for candidate in offered} == {("lacks:birth_date",)}
    assert all("birth" in each["detail"].lower() for candidate in offered for each in candidate["reasons"])
    assert any(father in candidate["profiles"] for candidate in offered)


async def test_i5_i6_an_accepted_candidate_is_a_link_by_the_operators_word(matching: Matching) -> None:
    first = await matching.person(given_name="Zebedee", family_name="Quatermain")
    second = await matching.person(given_name="Zebedee", family_name="Quatermain")
    await matching.run()
    (candidate,) = await matching.candidates()
    answer = await matching.decide(candidate, "accept")
    assert answer["profiles_before"] == sorted([first, second])
    assert answer["profiles_after"] == [first]
    assert (answer["candidate"]["state"], answer["candidate"]["decided_by"]) == ("accepted", "tester")
    (link,) = await matching.ledger(first)
    assert (link["kind"], link["link_id"], link["source"]) == ("operator", answer["link_id"], "tester")
    assert (await matching.decide(candidate, "accept"))["link_id"] == answer["link_id"]
    refused = await matching.decide(candidate, "reject", status=409)
    assert refused["type"] == "urn:rapport:problem:match-candidate-decided"
    undone = await matching.client.delete(f"/v1/links/{link['link_id']}")
    assert sorted(undone.json()["profiles_after"]) == sorted([first, second])


async def test_i5_a_rejected_pair_is_never_offered_or_linked_again_whatever_merges(matching: Matching) -> None:
    first = await matching.person(given_name="Zebedee", family_name="Quatermain")
    second = await matching.person(given_name="Zebedee", family_name="Quatermain")
    await matching.run()
    (candidate,) = await matching.candidates()
    await matching.decide(candidate, "reject")
    assert (await matching.candidates())[0]["state"] == "rejected"

    # Now surely alike, and each merged with a third: still two.
    for profile in (first, second):
        traits = {key: ADA[key] for key in ("birth_date", "address")}
        patched = await matching.client.patch(f"/v1/profiles/{profile}", json={"traits": traits})
        assert patched.status_code == 200, patched.text
    third = await matching.person(given_name="Zebedee", family_name="Quatermain", birth_date=ADA["birth_date"])
    await matching.run()
    owners = [(await matching.read(each))["profile_id"] for each in (first, second, third)]
    assert len(set(owners)) == 2
    assert owners[0] != owners[1]
    assert await matching.candidates(state="open") == []


@pytest.mark.parametrize("what", ["accept", "reject"])
async def test_i5_i11_an_operators_word_is_in_the_audit_trail_of_both(
    matching: Matching, token: TokenFactory, what: str
) -> None:
    both = [await matching.person(given_name="Zebedee", family_name="Quatermain") for _ in range(2)]
    await matching.run()
    (candidate,) = await matching.candidates()
    await matching.decide(candidate, what)
    for profile in both:
        found = [
            (each["kind"], each["subject"]) for each in await trail(matching, token, profile) if what in each["action"]
        ]
        assert ("change", "tester") in found


async def test_i5_what_guards_hold_is_offered_with_the_reason(matching: Matching) -> None:
    ada = (await matching.resolve(("user_id", "ada"), ("loyalty_card", "777")))["profile_id"]
    grace = (await matching.resolve(("user_id", "grace"), ("loyalty_card", "777")))["profile_id"]
    (candidate,) = await matching.candidates(state="open", source="guard")
    assert candidate["profiles"] == sorted([ada, grace])
    assert [each["code"] for each in candidate["reasons"]] == ["too_many:user_id"]
    assert "user_id" in candidate["reasons"][0]["detail"]
    answer = await matching.decide(candidate, "accept")
    assert answer["profiles_after"] == [min(ada, grace)]
    (decided,) = await matching.candidates()
    assert (decided["candidate_id"], decided["state"]) == (candidate["candidate_id"], "accepted")


async def test_i5_pages_of_candidates_go_through_those_found_and_those_held_newest_first(matching: Matching) -> None:
    for number in range(2):
        card = ("loyalty_card", f"77{number}")
        await matching.resolve(("user_id", f"ada{number}"), card)
        await matching.resolve(("user_id", f"grace{number}"), card)
        for _ in range(2):
            await matching.person(given_name=f"Zebedee{'ab'[number]}", family_name=f"Quatermain{'ab'[number]}")
        await matching.run()
    whole = await matching.candidates()
    assert sorted(each["source"] for each in whole) == ["guard", "guard", "match", "match"]
    assert [each["candidate_id"] for each in whole] == sorted((each["candidate_id"] for each in whole), reverse=True)

    paged: list[dict[str, Any]] = []
    query: dict[str, Any] = {"limit": 1}
    while query.get("cursor", "first"):
        page = (await matching.client.get("/v1/match-candidates", params=query)).json()
        assert len(page["items"]) == 1
        paged += page["items"]
        query["cursor"] = page["next_cursor"]
    assert paged == whole


async def test_i5_a_held_link_rejected_is_not_offered_again(matching: Matching) -> None:
    await matching.resolve(("user_id", "ada"), ("loyalty_card", "777"))
    await matching.resolve(("user_id", "grace"), ("loyalty_card", "777"))
    (candidate,) = await matching.candidates(state="open")
    await matching.decide(candidate, "reject")
    await matching.resolve(("user_id", "grace"), ("loyalty_card", "777"))
    assert await matching.candidates(state="open") == []
    assert [each["state"] for each in await matching.candidates()] == ["rejected"]


async def test_i5_guards_hold_what_matching_finds_too(matching: Matching) -> None:
    for login in ("ada", "augusta"):
        await matching.create(identifiers=[{"kind": "user_id", "value": login}], traits=ADA)
    assert (await matching.run())["linked"] == 0
    (candidate,) = await matching.candidates(state="open")
    assert [each["code"] for each in candidate["reasons"]] == ["too_many:user_id"]


async def test_i5_only_new_and_changed_profiles_are_compared_again_and_with_everybody(matching: Matching) -> None:
    first = await matching.person(**ADA)
    await matching.run()
    second = await matching.person(**{**ADA, "given_name": "Augusta Ada"})
    result = await matching.run()
    assert (result["full"], result["linked"]) == (False, 1)
    assert (await matching.read(second))["profile_id"] == first
    assert (await matching.run())["linked"] == 0
