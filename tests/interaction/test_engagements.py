"""The main job: who this is, what was, what is open, what they are worth and what to do, in one answer."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from rapport.identity import identity_id

from tests.conftest import TokenFactory
from tests.interaction.conftest import Interactions
from tests.interaction.world import ACTIONS, STANDING

# The shape of api.md, member by member.
SHAPE = {
    "": "engagement_id profile conversation open history standing next degraded",
    "profile": "profile_id confidence created display_name language traits",
    "conversation": "conversation_id resumed topic opened_at last_channel last_message_at messages summary",
    "open": "cases promises tasks",
    "history": "touchpoints first_at last_at by_channel recent",
    "next": "actions question",
}


def assert_shape(answer: dict[str, Any]) -> None:
    """The answer has exactly the members that the contract names."""
    for part, members in SHAPE.items():
        found = answer[part] if part else answer
        assert found.keys() == set(members.split()), part


async def ada(interactions: Interactions, user: str) -> str:
    """A customer of some standing, known by login and phone."""
    traits = {"given_name": "Ada", "language": "zh-TW", "country": "TW", "birth_date": "1990-12-10"}
    profile = await interactions.world.person(("user_id", user), ("email", f"{user}@example.org"), **traits)
    interactions.world.standings[profile] = STANDING
    return str(profile)


async def test_the_answer_has_exactly_the_shape_of_the_contract(interactions: Interactions, user: str) -> None:
    profile = await ada(interactions, user)
    answer = await interactions.engage(("email", f"{user}@Example.org"), message={"text": "hello"}, topic="Shoes")
    assert_shape(answer)
    assert answer["profile"] == {
        "profile_id": profile,
        "confidence": 0.9,
        "created": False,
        "display_name": "Ada",
        "language": "zh-TW",
        "traits": {"given_name": "Ada", "language": "zh-TW", "country": "TW", "birth_date": "1990-12-10"},
    }
    assert answer["standing"] == STANDING
    assert answer["next"] == {"actions": ACTIONS, "question": None}
    assert answer["open"] == {"cases": [], "promises": [], "tasks": []}
    assert answer["degraded"] == []
    (said,) = answer["conversation"]["messages"]
    assert said.keys() == {"message_id", "direction", "channel", "author", "text", "occurred_at"}
    assert interactions.world.decisions[-1] == {"profile_id": profile, "channel": "chat", "moment": "engagement"}


async def test_history_is_what_was_before_this_contact(interactions: Interactions, user: str) -> None:
    await ada(interactions, user)
    start = datetime.now(UTC) - timedelta(days=400)
    pages = [
        {"type": "page", "userId": user, "timestamp": (start + timedelta(days=day)).isoformat(), "name": str(day)}
        for day in range(12)
    ]
    await interactions.collected("batch", {"batch": pages})
    phone = {"identifiers": [{"kind": "email", "value": f"{user}@example.org"}], "type": "call", "channel": "phone"}
    (call,) = await interactions.tell(phone)
    history = (await interactions.engage(("user_id", user)))["history"]
    assert (history["touchpoints"], history["by_channel"]) == (13, {"web": 12, "phone": 1})
    assert datetime.fromisoformat(history["first_at"]) == start
    last_at, newest = history["last_at"], history["recent"][0]["occurred_at"]
    assert datetime.fromisoformat(last_at) == datetime.fromisoformat(newest)
    assert history["recent"][0]["touchpoint_id"] == call["touchpoint_id"]
    assert [each["name"] for each in history["recent"][1:]] == [str(day) for day in range(11, 2, -1)]
    after = (await interactions.engage(("user_id", user)))["history"]
    assert (after["touchpoints"], after["by_channel"]["chat"]) == (14, 1)


async def test_a_contact_is_a_touchpoint_with_all_its_identifiers(interactions: Interactions, user: str) -> None:
    answer = await interactions.engage(("phone", "02 2345 6789"), ("user_id", user), direction="outbound")
    (recorded,) = await interactions.recorded()
    assert recorded["touchpoint_id"] == answer["engagement_id"]
    assert (recorded["type"], recorded["channel"], recorded["direction"]) == ("engagement", "chat", "outbound")
    assert recorded["identity_id"] == str(identity_id("user_id", user))
    phone = {"kind": "phone", "value": "+886223456789"}
    assert recorded["identifiers"] == [{"kind": "user_id", "value": user}, phone]


async def test_a_new_customer_is_created_once(interactions: Interactions, user: str) -> None:
    first = await interactions.engage(("user_id", user))
    second = await interactions.engage(("user_id", user))
    assert (first["profile"]["created"], second["profile"]["created"]) == (True, False)
    assert first["profile"]["profile_id"] == second["profile"]["profile_id"]
    assert (first["standing"], first["degraded"]) == (None, [])


async def test_an_unknown_identifier_that_is_not_to_be_created_still_gets_a_conversation(
    interactions: Interactions, user: str
) -> None:
    answer = await interactions.engage(("user_id", user), create_profile=False, message={"text": "who am I?"})
    assert_shape(answer)
    assert answer["profile"] == {
        "profile_id": None, "confidence": 0.0, "created": False, "display_name": None, "language": None, "traits": {},
    }  # fmt: skip
    assert (answer["standing"], answer["next"], answer["degraded"]) == (None, {"actions": [], "question": None}, [])
    again = await interactions.engage(("user_id", user), create_profile=False)
    assert again["conversation"]["conversation_id"] == answer["conversation"]["conversation_id"]
    assert (again["conversation"]["resumed"], again["history"]["touchpoints"]) == (True, 1)
    assert identity_id("user_id", user) not in interactions.world.owners
    profile = await interactions.world.person(("user_id", user))
    page = await interactions.get(f"/v1/profiles/{profile}/conversations")
    assert [each["conversation_id"] for each in page["items"]] == [answer["conversation"]["conversation_id"]]


async def test_context_is_the_same_answer_without_opening_anything(interactions: Interactions, user: str) -> None:
    profile = await ada(interactions, user)
    empty = await interactions.get(f"/v1/profiles/{profile}/context")
    assert (empty["engagement_id"], empty["conversation"]) == (None, None)
    answer = await interactions.engage(("user_id", user), message={"text": "hello"})
    found = await interactions.get(f"/v1/profiles/{profile}/context")
    assert_shape(found)
    assert found["engagement_id"] is None
    assert found["profile"] == {**answer["profile"], "confidence": 1.0}
    assert found["conversation"]["conversation_id"] == answer["conversation"]["conversation_id"]
    assert (found["standing"], found["next"]) == (answer["standing"], answer["next"])
    assert found["history"]["touchpoints"] == 1
    assert len(await interactions.recorded()) == 1


async def test_a_merge_joins_conversations_and_histories_and_a_split_parts_them(
    interactions: Interactions, user: str
) -> None:
    world, device = interactions.world, identity_id("device_id", user)
    kept, other = await world.person(("user_id", user)), await world.person(("device_id", user))
    by_login = await interactions.engage(("user_id", user), topic="one")
    by_device = await interactions.engage(("device_id", user), topic="two")

    async def topics(profile: Any) -> set[str]:
        await interactions.settled()
        page = await interactions.get(f"/v1/profiles/{profile}/conversations")
        return {each["topic"] for each in page["items"]}

    assert (await topics(kept), await topics(other)) == ({"one"}, {"two"})
    await world.assign({device: kept})
    assert (await topics(kept), await topics(other)) == ({"one", "two"}, {"one", "two"})
    resumed = await interactions.engage(("user_id", user), topic="two")
    assert resumed["conversation"]["conversation_id"] == by_device["conversation"]["conversation_id"]
    assert resumed["history"]["touchpoints"] == 2
    await world.assign({device: other})
    assert (await topics(kept), await topics(other)) == ({"one"}, {"two"})
    apart = await interactions.engage(("user_id", user))
    assert apart["conversation"]["conversation_id"] == by_login["conversation"]["conversation_id"]


async def test_an_older_version_of_the_map_changes_nothing(interactions: Interactions, user: str) -> None:
    world = interactions.world
    kept, other = await world.person(("user_id", user)), await world.person(("device_id", user))
    await interactions.tell({"identifiers": [{"kind": "device_id", "value": user}], "type": "x", "channel": "x"})
    device = identity_id("device_id", user)
    await world.assign({device: kept})
    world.owners[device] = other
    await world.announce([device], version=1)
    world.owners[device] = kept
    await interactions.settled()
    assert len(await interactions.history(kept)) == 1


async def test_personal_data_needs_its_scope(interactions: Interactions, user: str, token: TokenFactory) -> None:
    await ada(interactions, user)
    await interactions.collected("identify", {"userId": user, "traits": {"given_name": "Ada", "country": "TW"}})
    body = {"channel": "chat", "identifiers": [{"kind": "user_id", "value": user}]}
    async with httpx.AsyncClient(base_url=interactions.client.base_url) as client:
        headers = {"authorization": f"Bearer {token('interactions:write')}"}
        answer = (await client.post("/v1/engagements", json=body, headers=headers)).json()
        refused = await client.post(
            "/v1/engagements", json=body, headers={"authorization": f"Bearer {token('interactions:read')}"}
        )
    assert (refused.status_code, refused.json()["scope"]) == (403, "interactions:write")
    assert_shape(answer)
    assert "Ada" not in str(answer)
    assert "1990-12-10" not in str(answer)
    assert (answer["profile"]["traits"]["country"], answer["profile"]["language"]) == ("TW", "zh-TW")
    assert answer["history"]["recent"][0]["data"]["traits"]["country"] == "TW"


async def test_an_idempotency_key_makes_a_contact_once(interactions: Interactions, user: str) -> None:
    body = {"channel": "chat", "identifiers": [{"kind": "user_id", "value": user}], "message": {"text": "once"}}
    headers = {"idempotency-key": user}
    first, again = [await interactions.client.post("/v1/engagements", json=body, headers=headers) for _ in range(2)]
    assert first.content == again.content
    assert len(await interactions.recorded()) == 1


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"identifiers": []}, "/identifiers"),
        ({"identifiers": [{"kind": "phone", "value": "12"}]}, "/identifiers/0/value"),
        ({"channel": ""}, "/channel"),
        ({"message": {"text": ""}}, "/message/text"),
        ({"message": {}}, "/message/text"),
        ({"occurred_at": "2199-01-01T00:00:00Z"}, "/occurred_at"),
        ({"direction": "up"}, "/direction"),
    ],
)
async def test_bad_input_says_where_and_leaves_nothing(
    interactions: Interactions, user: str, change: dict[str, Any], pointer: str
) -> None:
    body = {"channel": "chat", "identifiers": [{"kind": "user_id", "value": user}], **change}
    response = await interactions.client.post("/v1/engagements", json=body)
    assert response.status_code == 422, response.text
    assert [each["pointer"] for each in response.json()["errors"]] == [pointer]
    assert await interactions.events() == []
