"""Facts with where they come from: which counts, why, and whose they are after an unmerge."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st
from profile_service.facts.rules import Fact, Survivorship, standings, traits_of, winners

from tests.profile.conftest import Profiles, pairs
from tests.profile.touchpoints import hear, identify

NOW = datetime(2026, 6, 1, tzinfo=UTC)
EARLIER = NOW - timedelta(days=30)


def fact(number: int, **changes: Any) -> Fact:
    """A fact about the colour somebody likes."""
    told: dict[str, Any] = {
        "fact_id": UUID(int=number),
        "identity_id": UUID(int=1),
        "key": "colour",
        "value": f"colour {number}",
        "origin": "stated",
        "source": "api",
        "confidence": 1.0,
        "first_observed_at": NOW,
        "observed_at": NOW,
        "expires_at": None,
        "recorded_at": NOW,
    }
    return Fact(**{**told, **changes})


def test_i7_stated_beats_observed_beats_inferred_then_the_newest() -> None:
    told = [
        fact(1, origin="inferred", observed_at=NOW + timedelta(days=2)),
        fact(2, origin="observed", observed_at=NOW + timedelta(days=1)),
        fact(3, observed_at=EARLIER),
        fact(4, observed_at=NOW),
    ]
    for order in permutations(told):
        assert winners(order, NOW)["colour"].fact_id == UUID(int=4)
    found = standings(told, NOW)
    assert [(found[each.fact_id].wins, found[each.fact_id].reason) for each in told] == [
        (False, "origin"),
        (False, "origin"),
        (False, "newest"),
        (True, "newest"),
    ]
    assert {found[each.fact_id].beaten_by for each in told} == {None, UUID(int=4)}


def test_i7_an_attribute_may_rank_sources_or_prefer_the_first_word() -> None:
    trusting = Survivorship(trusted_sources=("register", "crm"))
    told = [
        fact(1, source="crm", origin="inferred", survivorship=trusting),
        fact(2, source="register", origin="observed", observed_at=EARLIER, survivorship=trusting),
        fact(3, source="web", survivorship=trusting),
    ]
    assert winners(told, NOW)["colour"].source == "register"
    assert standings(told, NOW)[UUID(int=3)].reason == "source"
    first = Survivorship(by=("oldest",))
    told = [fact(1, survivorship=first), fact(2, first_observed_at=EARLIER, survivorship=first)]
    assert winners(told, NOW)["colour"].fact_id == UUID(int=2)
    sure = Survivorship(by=("confidence",))
    told = [fact(1, confidence=0.4, survivorship=sure), fact(2, confidence=0.6, origin="inferred", survivorship=sure)]
    assert winners(told, NOW)["colour"].fact_id == UUID(int=2)


def test_i7_what_has_expired_or_was_withdrawn_cannot_win() -> None:
    told = [
        fact(1, expires_at=NOW),
        fact(2, withdrawn_at=NOW),
        fact(3, origin="inferred", observed_at=EARLIER),
    ]
    assert traits_of(told, NOW) == {"colour": "colour 3"}
    found = standings(told, NOW)
    assert [found[each.fact_id].reason for each in told] == ["expired", "withdrawn", "only"]
    assert traits_of(told[:2], NOW) == {}
    assert found[UUID(int=3)].wins
    assert not any(each.wins for each in standings(told[:2], NOW).values())


@given(
    st.lists(
        st.builds(
            fact,
            st.integers(0, 9),
            origin=st.sampled_from(["stated", "observed", "inferred"]),
            source=st.sampled_from(["api", "crm", "web"]),
            confidence=st.sampled_from([0.5, 1.0]),
            observed_at=st.sampled_from([NOW, EARLIER]),
            expires_at=st.sampled_from([None, EARLIER]),
        ),
        unique_by=lambda each: each.fact_id,
    )
)
def test_i7_the_winner_does_not_depend_on_the_order_and_beats_all_others(told: list[Fact]) -> None:
    best = winners(told, NOW)
    assert winners(list(reversed(told)), NOW) == best
    found = standings(told, NOW)
    assert {key for key, each in found.items() if each.wins} == {each.fact_id for each in best.values()}
    beaten_by = {each.beaten_by for each in found.values() if not each.wins}
    assert not best or beaten_by <= {each.fact_id for each in best.values()}


async def tell(profiles: Profiles, profile_id: str, **body: Any) -> dict[str, Any]:
    response = await profiles.client.post(f"/v1/profiles/{profile_id}/facts", json=body)
    assert response.status_code == 201, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def facts(profiles: Profiles, profile_id: str, **params: Any) -> list[dict[str, Any]]:
    response = await profiles.client.get(f"/v1/profiles/{profile_id}/facts", params=params)
    assert response.status_code == 200, response.text
    items: list[dict[str, Any]] = response.json()["items"]
    return items


async def test_i7_a_fact_keeps_where_it_comes_from_and_the_losers_stay(profiles: Profiles) -> None:
    ada = (await profiles.create(traits={"given_name": "Ada"}))["profile_id"]
    guess = await tell(
        profiles,
        ada,
        key="favourite_colour",
        value="blue",
        origin="inferred",
        source="clicks",
        confidence=0.6,
        observed_at="2026-05-01T08:00:00+08:00",
        expires_at="2100-01-01T00:00:00Z",
    )
    assert (guess["wins"], guess["reason"], guess["confidence"]) == (True, "only", 0.6)
    assert datetime.fromisoformat(guess["observed_at"]) == datetime(2026, 5, 1, tzinfo=UTC)
    said = await tell(profiles, ada, key="favourite_colour", value="green", observed_at="2025-01-01T00:00:00Z")
    assert (said["wins"], said["reason"], said["origin"]) == (True, "origin", "stated")
    assert (await profiles.read(ada))["traits"]["favourite_colour"] == "green"
    listed = await facts(profiles, ada, key="favourite_colour")
    assert [(each["value"], each["wins"], each["reason"], each["beaten_by"]) for each in listed] == [
        ("green", True, "origin", None),
        ("blue", False, "origin", said["fact_id"]),
    ]


async def test_i7_a_wrong_fact_is_taken_back_and_stays_so_unless_told_again(profiles: Profiles) -> None:
    ada = (await profiles.create(traits={"shoe_size": 41}))["profile_id"]
    wrong = await tell(profiles, ada, key="shoe_size", value=24, observed_at="2026-05-02T00:00:00Z", source="till")
    right = await tell(profiles, ada, key="shoe_size", value=42, observed_at="2026-05-01T00:00:00Z", source="till")
    path = f"/v1/profiles/{ada}/facts"
    (stated,) = [each for each in await facts(profiles, ada, key="shoe_size") if each["source"] == "api"]
    for each in (stated, wrong):
        gone = await profiles.client.delete(f"{path}/{each['fact_id']}", params={"reason": "typing error"})
        assert gone.status_code == 204
    assert (await profiles.read(ada))["traits"]["shoe_size"] == 42
    (kept,) = [each for each in await facts(profiles, ada) if each["fact_id"] == wrong["fact_id"]]
    assert (kept["wins"], kept["reason"], kept["beaten_by"]) == (False, "withdrawn", right["fact_id"])
    assert (kept["withdrawn_by"], kept["withdrawal_reason"]) == ("tester", "typing error")
    # An old message that comes once more does not bring it back; what is said after the withdrawal does.
    again = await tell(profiles, ada, key="shoe_size", value=24, observed_at="2026-05-02T00:00:00Z", source="till")
    assert again["reason"] == "withdrawn"
    later = datetime.now(UTC) + timedelta(minutes=1)
    anew = await tell(profiles, ada, key="shoe_size", value=24, observed_at=later.isoformat(), source="till")
    assert (anew["wins"], anew["withdrawn_at"]) == (True, None)
    other = (await profiles.create())["profile_id"]
    elsewhere = await profiles.client.delete(f"/v1/profiles/{other}/facts/{wrong['fact_id']}")
    assert elsewhere.status_code == 404
    assert elsewhere.json()["type"] == "urn:rapport:problem:unknown-fact"


async def test_i7_sources_can_be_ranked_for_one_attribute(profiles: Profiles) -> None:
    definition = {
        "schema": {"type": "string"},
        "survivorship": {"trusted_sources": ["register", "crm"]},
    }
    assert (await profiles.client.put("/v1/attributes/legal_name", json=definition)).status_code == 201
    firm = (await profiles.create(kind="organisation", traits={"legal_name": "From the web"}))["profile_id"]
    await tell(profiles, firm, key="legal_name", value="From the register", source="register", origin="observed")
    lost = await tell(profiles, firm, key="legal_name", value="From the CRM", source="crm")
    assert (lost["wins"], lost["reason"]) == (False, "source")
    assert (await profiles.read(firm))["traits"]["legal_name"] == "From the register"


async def test_i6_after_an_unmerge_each_side_has_its_own_facts_back(profiles: Profiles) -> None:
    ada = (await profiles.create(identifiers=pairs(("user_id", "ada")), traits={"city": "Taipei"}))["profile_id"]
    bob = (await profiles.create(identifiers=pairs(("email", "bob@example.org")), traits={"city": "Hue"}))["profile_id"]
    linked = await profiles.link(("user_id", "ada"), ("email", "bob@example.org"))
    assert linked["profiles_after"] == [ada]
    # Told to either id of the merged profile, and heard over the feed of either identity.
    await tell(profiles, ada, key="likes", value="tea")
    await tell(profiles, bob, key="likes", value="coffee")
    patched = await profiles.client.patch(f"/v1/profiles/{bob}", json={"traits": {"shoe_size": 44}})
    assert patched.headers["content-location"] == f"/v1/profiles/{ada}"
    await hear(profiles, [identify(("email", "bob@example.org"), {"hobby": "chess"}, NOW)])
    together = (await profiles.read(ada))["traits"]
    assert (together["likes"], together["shoe_size"], together["hobby"]) == ("coffee", 44, "chess")
    assert {each["value"] for each in await facts(profiles, ada, key="likes")} == {"tea", "coffee"}
    assert (await profiles.client.delete(f"/v1/links/{linked['link_id']}")).status_code == 200
    assert (await profiles.read(ada))["traits"] == {"city": "Taipei", "likes": "tea"}
    assert (await profiles.read(bob))["traits"] == {
        "city": "Hue",
        "likes": "coffee",
        "shoe_size": 44,
        "hobby": "chess",
    }


async def test_i12_facts_are_announced_by_key_and_never_by_value(profiles: Profiles) -> None:
    ada = (await profiles.create())["profile_id"]
    told = await tell(profiles, ada, key="diagnosis", value="a secret of hers")
    await profiles.client.delete(f"/v1/profiles/{ada}/facts/{told['fact_id']}")
    events = await profiles.events()
    updates = [each["data"] for each in events if each["type"] == "profile.updated"]
    assert [(each["profile_id"], each["keys"]) for each in updates] == [(ada, ["diagnosis"])] * 2
    assert "secret" not in str(events)


async def test_i7_interests_and_important_dates_are_lists(profiles: Profiles) -> None:
    traits = {
        "interests": ["hiking", "tea"],
        "category": ["regular", "wholesale"],
        "characteristics": ["patient"],
        "anniversary": "2001-09-09",
        "important_dates": [{"label": "shop opened", "date": "2015-02-28"}],
        "account_manager": "Nguyễn Văn An",
    }
    ada = await profiles.create(traits=traits)
    assert ada["traits"] == traits
    wrong = await profiles.client.patch(
        f"/v1/profiles/{ada['profile_id']}", json={"traits": {"anniversary": "2001-02-29", "interests": [1]}}
    )
    assert wrong.status_code == 422
    assert {each["pointer"] for each in wrong.json()["errors"]} == {"/traits/anniversary", "/traits/interests"}
    assert await profiles.read(ada["profile_id"]) == ada
