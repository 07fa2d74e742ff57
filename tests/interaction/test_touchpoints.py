"""Telling of contacts, and reading them back as one customer's history."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from rapport.identity import identity_id

from tests.conftest import TokenFactory
from tests.interaction.conftest import Interactions


def visit(user: str, at: datetime | str | None = None, **changes: Any) -> dict[str, Any]:
    """A touchpoint as a shop tells of it."""
    told = {"identifiers": [{"kind": "user_id", "value": user}], "type": "visit", "channel": "shop", **changes}
    return {**told, "occurred_at": at.isoformat() if isinstance(at, datetime) else at} if at else told


def months_ago(count: int) -> datetime:
    """The middle of a month before this one."""
    now = datetime.now(UTC)
    month = now.year * 12 + now.month - 1 - count
    return datetime(month // 12, month % 12 + 1, 15, 12, tzinfo=UTC)


async def test_one_and_a_list(interactions: Interactions, user: str) -> None:
    one = await interactions.client.post("/v1/touchpoints", json=visit(user, data={"a": 1}))
    several = await interactions.client.post("/v1/touchpoints", json=[visit(user)])
    assert (one.status_code, several.status_code) == (201, 201)
    (listed,) = several.json()["items"]
    assert one.json().keys() == listed.keys() == {"touchpoint_id", "identity_id", "duplicate"}
    assert one.json()["identity_id"] == str(identity_id("user_id", user))
    recorded = await interactions.recorded()
    assert [each["touchpoint_id"] for each in recorded] == [one.json()["touchpoint_id"], listed["touchpoint_id"]]
    assert recorded[0]["data"] == {"a": 1}


async def test_stored_under_the_strongest_identifier_and_announced_with_all(
    interactions: Interactions, user: str
) -> None:
    identifiers = [{"kind": "device_id", "value": user}, {"kind": "email", "value": f"{user}@Example.ORG"}]
    (stored,) = await interactions.tell({**visit(user), "identifiers": [*identifiers, identifiers[1]]})
    (found,) = await interactions.recorded()
    assert stored["identity_id"] == found["identity_id"] == str(identity_id("email", f"{user}@example.org"))
    assert [each["kind"] for each in found["identifiers"]] == ["email", "device_id"]


async def test_a_history_is_newest_first_over_all_identities(interactions: Interactions, user: str) -> None:
    profile = await interactions.world.person(("user_id", user), ("email", f"{user}@example.org"))
    start = datetime.now(UTC) - timedelta(days=9)
    for hour in (3, 1, 4, 2):
        who = [{"kind": "email", "value": f"{user}@example.org"}] if hour % 2 else visit(user)["identifiers"]
        await interactions.tell({**visit(user, start + timedelta(hours=hour), data={"hour": hour}), "identifiers": who})
    found = await interactions.history(profile)
    assert [each["data"]["hour"] for each in found] == [4, 3, 2, 1]
    assert len({each["identity_id"] for each in found}) == 2


async def test_filters_by_type_channel_and_time(interactions: Interactions, user: str) -> None:
    profile = await interactions.world.person(("user_id", user))
    noon = datetime(2026, 6, 1, 12, tzinfo=UTC)
    await interactions.tell(
        *(
            visit(user, noon + timedelta(days=day), type=kind, channel=channel, data={"day": day})
            for day, kind, channel in [
                (0, "visit", "shop"),
                (1, "call", "phone"),
                (2, "visit", "fair"),
                (3, "call", "shop"),
            ]
        )
    )

    async def days(**wanted: Any) -> list[int]:
        return [each["data"]["day"] for each in await interactions.history(profile, **wanted)]

    assert await days() == [3, 2, 1, 0]
    assert await days(type="call") == [3, 1]
    assert await days(channel="shop") == [3, 0]
    assert await days(type="visit", channel="shop") == [0]
    second = (noon + timedelta(days=1)).isoformat()
    third = (noon + timedelta(days=2)).isoformat()
    assert await days(since=second) == [3, 2, 1]
    assert await days(until=third) == [1, 0]
    assert await days(since=second, until=third) == [1]
    assert await days(type="letter") == []


@pytest.mark.parametrize("limit", [1, 3, 7])
async def test_pages_neither_repeat_nor_leave_out_at_equal_times(
    interactions: Interactions, user: str, limit: int
) -> None:
    profile = await interactions.world.person(("user_id", user), ("device_id", user))
    at = datetime.now(UTC) - timedelta(days=40)
    kinds = ["user_id", "device_id", "user_id", "device_id", "user_id", "user_id", "device_id"]
    told = [{**visit(user, at), "identifiers": [{"kind": kind, "value": user}]} for kind in kinds]
    stored = await interactions.tell(*told)
    found = [each["touchpoint_id"] for each in await interactions.history(profile, limit=limit)]
    assert found == sorted((each["touchpoint_id"] for each in stored), reverse=True)


async def test_months_far_apart_and_late_arrivals_find_their_place(interactions: Interactions, user: str) -> None:
    profile = await interactions.world.person(("user_id", user))
    order = [0, 240, 7, 1, 30, 400, 12, 66]
    for count in order:
        await interactions.tell(visit(user, months_ago(count), data={"months": count}))
    await interactions.collected(
        "track", {"userId": user, "event": "Old", "timestamp": months_ago(50).isoformat(), "properties": {"months": 50}}
    )
    found = await interactions.history(profile, limit=2)
    assert [each["data"]["months"] for each in found] == sorted([*order, 50])
    answer = await interactions.get(f"/v1/profiles/{profile}/context")
    assert datetime.fromisoformat(answer["history"]["first_at"]) == months_ago(400)
    assert answer["history"]["touchpoints"] == len(order) + 1


async def test_new_months_are_made_once_when_many_need_them_at_once(interactions: Interactions, user: str) -> None:
    profile = await interactions.world.person(("user_id", user))
    months = list(range(100, 140))
    await asyncio.gather(*(interactions.tell(visit(user, months_ago(month))) for month in months * 2))
    assert len(await interactions.history(profile, limit=100)) == 80


async def test_a_message_id_told_again_names_the_first(interactions: Interactions, user: str) -> None:
    told = visit(user, message_id=user)
    first, again, other = await interactions.tell(told, told, visit(user))
    later = (await interactions.client.post("/v1/touchpoints", json=told)).json()
    assert (first["duplicate"], again["duplicate"], other["duplicate"]) == (False, True, False)
    assert first["touchpoint_id"] == again["touchpoint_id"] == later["touchpoint_id"]
    assert later["duplicate"] is True
    assert len(await interactions.recorded()) == 2


async def test_an_idempotency_key_gives_the_first_answer_again(interactions: Interactions, user: str) -> None:
    headers = {"idempotency-key": user}
    first = await interactions.client.post("/v1/touchpoints", json=visit(user), headers=headers)
    again = await interactions.client.post("/v1/touchpoints", json=visit(user), headers=headers)
    assert first.status_code == again.status_code == 201
    assert first.content == again.content
    assert again.headers["idempotent-replayed"] == "true"
    other = await interactions.client.post("/v1/touchpoints", json=visit("other"), headers=headers)
    assert other.status_code == 422
    assert len(await interactions.recorded()) == 1


async def test_an_idempotency_key_used_side_by_side_acts_once(interactions: Interactions, user: str) -> None:
    async def post() -> httpx.Response:
        headers = {"idempotency-key": f"{user}-parallel"}
        return await interactions.client.post("/v1/touchpoints", json=visit(user), headers=headers)

    answers = await asyncio.gather(*(post() for _ in range(12)))
    assert {each.status_code for each in answers} <= {201, 409}
    assert len({each.content for each in answers if each.status_code == 201}) == 1
    assert len(await interactions.recorded()) == 1


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"identifiers": []}, "/identifiers"),
        ({"identifiers": [{"kind": "email", "value": "nobody"}]}, "/identifiers/0/value"),
        ({"identifiers": [{"kind": "No Kind", "value": "x"}]}, "/identifiers/0/kind"),
        ({"type": ""}, "/type"),
        ({"direction": "sideways"}, "/direction"),
        ({"occurred_at": "2026-11-02T10:00:00"}, "/occurred_at"),
        ({"occurred_at": "2199-01-01T00:00:00Z"}, "/occurred_at"),
        ({"data": {"a": "x" * 40_000}}, "/data"),
        ({"data": {"a": "\0"}}, "/data"),
        ({"colour": "red"}, "/colour"),
    ],
)
async def test_bad_input_says_where_and_stores_nothing(
    interactions: Interactions, user: str, change: dict[str, Any], pointer: str
) -> None:
    bad = {**visit(user), **change}
    for body, prefix in ((bad, ""), ([bad], "/0"), ([visit(user), bad], "/1")):
        response = await interactions.client.post("/v1/touchpoints", json=body)
        assert response.status_code == 422, response.text
        assert [each["pointer"] for each in response.json()["errors"]] == [prefix + pointer]
    assert await interactions.recorded() == []


async def test_who_may_tell_and_read_and_what_is_hidden(
    interactions: Interactions, user: str, token: TokenFactory
) -> None:
    profile = await interactions.world.person(("user_id", user))
    await interactions.tell(visit(user, data={"email": "ada@example.org", "traits": {"country": "TW", "name": "A"}}))
    path = f"/v1/profiles/{profile}/touchpoints"
    async with httpx.AsyncClient(base_url=interactions.client.base_url) as client:
        assert (await client.get(path)).status_code == 401

        async def read(*scopes: str) -> httpx.Response:
            return await client.get(path, headers={"authorization": f"Bearer {token(*scopes)}"})

        refused = await read("collect")
        assert (refused.status_code, refused.json()["scope"]) == (403, "interactions:read")
        (masked,) = (await read("interactions:read")).json()["items"]
    assert "ada@example.org" not in str(masked)
    assert masked["data"]["traits"]["country"] == "TW"
    assert masked["data"]["traits"]["name"] != "A"
    (whole,) = await interactions.history(profile)
    assert whole["data"]["email"] == "ada@example.org"


async def test_an_unknown_profile_is_404_and_a_strange_cursor_422(interactions: Interactions, user: str) -> None:
    assert (await interactions.client.get(f"/v1/profiles/{uuid4()}/touchpoints")).status_code == 404
    profile = await interactions.world.person(("user_id", user))
    for cursor in ("x", "é", "bnVsbA", "W10"):
        response = await interactions.client.get(f"/v1/profiles/{profile}/touchpoints", params={"cursor": cursor})
        assert response.status_code == 422, cursor


async def test_a_merged_id_answers_with_the_survivor(interactions: Interactions, user: str) -> None:
    world = interactions.world
    kept, absorbed = await world.person(("user_id", user)), await world.person(("device_id", user))
    await interactions.tell(visit(user), {**visit(user), "identifiers": [{"kind": "device_id", "value": user}]})
    await world.assign({identity_id("device_id", user): kept})
    await interactions.settled()
    response = await interactions.client.get(f"/v1/profiles/{absorbed}/touchpoints")
    assert response.headers["content-location"] == f"/v1/profiles/{kept}/touchpoints"
    assert len(response.json()["items"]) == 2


async def test_what_a_campaign_sent_is_a_touchpoint_once(interactions: Interactions, user: str) -> None:
    profile = await interactions.world.person(("email", f"{user}@example.org"))
    sent = {
        "send_id": str(uuid4()),
        "identity_id": str(identity_id("email", f"{user}@example.org")),
        "channel": "email",
        "sent_at": (datetime.now(UTC) - timedelta(days=70)).isoformat(),
        "campaign_name": "Spring",
    }
    await interactions.world.campaign_feed.add(("message.sent", sent), ("message.sent", sent))
    await interactions.settled()
    await interactions.world.campaign_feed.add(("campaign.launched", {}), ("message.sent", sent))
    await interactions.settled()
    (found,) = await interactions.history(profile)
    assert (found["type"], found["name"], found["direction"]) == ("message", "Spring", "outbound")
    assert found["data"]["send_id"] == sent["send_id"]
