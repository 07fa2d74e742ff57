"""Conversations: one for a topic, resumed, moved between channels, changed by people."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.interaction.conftest import Interactions
from tests.support.polling import eventually


def words(text: str) -> dict[str, str]:
    """A message."""
    return {"text": text}


async def opened(interactions: Interactions, user: str, **body: Any) -> str:
    """The id of a conversation that a contact opens."""
    answer = await interactions.engage(("user_id", user), **{"message": words("hello"), **body})
    assert answer["conversation"]["resumed"] is False
    return str(answer["conversation"]["conversation_id"])


async def test_first_messages_side_by_side_make_one_conversation(interactions: Interactions, user: str) -> None:
    answers = await asyncio.gather(
        *(interactions.engage(("user_id", user), message=words(f"number {number}")) for number in range(12))
    )
    assert len({each["conversation"]["conversation_id"] for each in answers}) == 1
    assert len({each["profile"]["profile_id"] for each in answers}) == 1
    assert sorted(each["conversation"]["resumed"] for each in answers) == [False] + [True] * 11
    profile = answers[0]["profile"]["profile_id"]
    page = await interactions.get(f"/v1/profiles/{profile}/conversations")
    assert len(page["items"]) == 1
    assert len(page["items"][0]["messages"]) == 10
    assert len(await interactions.events("conversation.opened")) == 1
    assert len(await interactions.events("conversation.message")) == 12


@pytest.mark.parametrize("create", [True, False])
async def test_side_by_side_under_several_identifiers_of_one_customer(
    interactions: Interactions, user: str, create: bool
) -> None:
    await interactions.world.person(("user_id", user), ("email", f"{user}@example.org"), ("device_id", user))
    kinds = [("user_id", user), ("email", f"{user}@example.org"), ("device_id", user)] * 3
    answers = await asyncio.gather(*(interactions.engage(each, create_profile=create) for each in kinds))
    assert len({each["conversation"]["conversation_id"] for each in answers}) == 1


@pytest.mark.parametrize("create", [True, False])
@pytest.mark.parametrize("known", [True, False])
async def test_twenty_first_messages_of_one_customer_side_by_side_make_one_conversation(
    interactions: Interactions, user: str, create: bool, known: bool
) -> None:
    login, email, phone = ("user_id", user), ("email", f"{user}@example.org"), ("messenger_id", user)
    if known:
        await interactions.world.person(login, email, phone)
    # All name the address, and some of them more: to whoever knows nobody yet each looks like somebody else.
    given = [[email], [login, email], [email, phone], [login, email, phone]] * 5
    answers = await asyncio.gather(*(interactions.engage(*each, create_profile=create) for each in given))
    assert len({each["conversation"]["conversation_id"] for each in answers}) == 1
    assert sorted(each["conversation"]["resumed"] for each in answers) == [False] + [True] * 19
    assert len(await interactions.events("conversation.opened")) == 1


async def test_a_message_resolved_before_another_identifier_was_known_finds_the_conversation(
    interactions: Interactions, user: str
) -> None:
    login, email = ("user_id", user), ("email", f"{user}@example.org")
    world = interactions.world
    await world.person(email)
    # The second contact is recognised by the address alone and waits; meanwhile the first opens under the login.
    with world.holding_answers() as held:
        late = asyncio.create_task(interactions.engage(email, message=words("second")))
        await held.arrived.wait()
    first = await interactions.engage(login, email, message=words("first"))
    held.release()
    second = await late
    assert (first["conversation"]["resumed"], second["conversation"]["resumed"]) == (False, True)
    assert second["conversation"]["conversation_id"] == first["conversation"]["conversation_id"]


async def test_two_people_on_one_device_do_not_continue_each_others_conversation(
    interactions: Interactions, user: str
) -> None:
    tablet = ("device_id", user)
    found = [
        await interactions.engage(("user_id", f"{user}-{name}"), tablet, create_profile=False, message=words(name))
        for name in ("ada", "bob")
    ]
    assert [each["conversation"]["resumed"] for each in found] == [False, False]


async def test_a_contact_resumes_the_open_conversation_in_whichever_channel(
    interactions: Interactions, user: str
) -> None:
    first = await opened(interactions, user, topic="Delivery")
    at = datetime.now(UTC).isoformat()
    answer = await interactions.engage(("user_id", user), channel="phone", message=words("me again"))
    found = answer["conversation"]
    assert (found["conversation_id"], found["resumed"], found["topic"]) == (first, True, "Delivery")
    assert [(each["channel"], each["text"]) for each in found["messages"]] == [("chat", "hello"), ("phone", "me again")]
    # Where and when it was before this contact.
    assert found["last_channel"] == "chat"
    assert datetime.fromisoformat(found["last_message_at"]) < datetime.fromisoformat(at)
    now = await interactions.get(f"/v1/conversations/{first}")
    assert now["last_channel"] == "phone"


async def test_topics_choose_among_the_open_ones_and_no_topic_takes_the_newest(
    interactions: Interactions, user: str
) -> None:
    delivery = await opened(interactions, user, topic="Late delivery")
    invoice = await opened(interactions, user, topic="Invoice")
    for topic, expected in [("  late   DELIVERY ", delivery), ("invoice", invoice), (None, invoice)]:
        answer = await interactions.engage(("user_id", user), topic=topic)
        assert (answer["conversation"]["conversation_id"], answer["conversation"]["resumed"]) == (expected, True)
    await interactions.engage(("user_id", user), topic="late delivery", message=words("and now?"))
    assert (await interactions.engage(("user_id", user)))["conversation"]["conversation_id"] == delivery


async def test_a_closed_conversation_is_not_resumed_until_it_is_reopened(interactions: Interactions, user: str) -> None:
    first = await opened(interactions, user)
    path = f"/v1/conversations/{first}"
    closed = await interactions.client.patch(path, json={"state": "closed"})
    assert closed.json()["closed_at"] is not None
    refused = await interactions.client.post(f"{path}/messages", json={"direction": "outbound", "text": "too late"})
    assert refused.status_code == 409
    second = await opened(interactions, user, message=words("something else"))
    assert second != first
    await interactions.client.patch(f"/v1/conversations/{second}", json={"state": "closed"})
    reopened = await interactions.client.patch(path, json={"state": "open"})
    assert (reopened.json()["state"], reopened.json()["closed_at"]) == ("open", None)
    answer = await interactions.engage(("user_id", user))
    assert (answer["conversation"]["conversation_id"], answer["conversation"]["resumed"]) == (first, True)
    kinds = [each["type"] for each in await interactions.events("conversation.opened", "conversation.closed")]
    assert kinds == [f"conversation.{each}" for each in ("opened", "closed", "opened", "closed", "opened")]


async def test_a_message_that_meets_its_conversation_being_closed_is_in_an_open_one(
    interactions: Interactions, user: str
) -> None:
    first = await opened(interactions, user)
    async with interactions.database() as conn:

        async def waits() -> bool:
            query = (
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
            return contact.done() or bool(await conn.fetchval(query))

        async with conn.transaction():
            await conn.execute("UPDATE conversation SET state = 'closed' WHERE conversation_id = $1", first)
            contact = asyncio.create_task(interactions.engage(("user_id", user), message=words("wait!")))
            await eventually(waits)
        answer = await contact
    found = answer["conversation"]
    assert found["conversation_id"] != first
    assert (found["resumed"], [each["text"] for each in found["messages"]]) == (False, ["wait!"])
    assert (await interactions.get(f"/v1/conversations/{found['conversation_id']}"))["state"] == "open"


async def test_messages_are_touchpoints_and_the_last_ten_are_shown_oldest_first(
    interactions: Interactions, user: str
) -> None:
    conversation = await opened(interactions, user)
    start = datetime.now(UTC)
    for number in range(12):
        body = {"direction": "outbound", "author": "Bob", "text": f"answer {number}"}
        at = (start + timedelta(seconds=number)).isoformat()
        path = f"/v1/conversations/{conversation}/messages"
        response = await interactions.client.post(path, json={**body, "occurred_at": at})
        assert response.status_code == 201, response.text
        assert response.json()["channel"] == "chat"
    found = await interactions.get(f"/v1/conversations/{conversation}")
    assert [each["text"] for each in found["messages"]] == [f"answer {number}" for number in range(2, 12)]
    recorded = await interactions.recorded()
    assert [each["type"] for each in recorded] == ["engagement"] + ["message"] * 12
    assert recorded[-1]["data"]["text"] == "answer 11"
    assert recorded[-1]["data"]["conversation_id"] == conversation


async def test_a_message_told_late_does_not_move_the_conversation_back(interactions: Interactions, user: str) -> None:
    conversation = await opened(interactions, user)
    before = await interactions.get(f"/v1/conversations/{conversation}")
    late = {"direction": "inbound", "text": "a letter", "channel": "letter", "occurred_at": "2026-02-01T00:00:00Z"}
    await interactions.client.post(f"/v1/conversations/{conversation}/messages", json=late)
    after = await interactions.get(f"/v1/conversations/{conversation}")
    assert (after["last_channel"], after["last_message_at"]) == (before["last_channel"], before["last_message_at"])
    assert [each["text"] for each in after["messages"]] == ["a letter", "hello"]


async def test_the_summary_says_what_was_asked_until_somebody_writes_one(interactions: Interactions, user: str) -> None:
    conversation = await opened(interactions, user, message=words("Where is order AB-1234?"))
    path = f"/v1/conversations/{conversation}"
    summary = (await interactions.get(path))["summary"]
    assert "Where is order AB-1234?" in summary
    assert "Not answered yet." in summary
    assert "Orders mentioned: AB-1234." in summary
    await interactions.client.post(f"{path}/messages", json={"direction": "outbound", "text": "On its way."})
    assert "Answered." in (await interactions.get(path))["summary"]
    written = await interactions.client.patch(path, json={"summary": "Calmed down."})
    assert written.json()["summary"] == "Calmed down."
    again = await interactions.client.patch(path, json={"summary": None})
    assert "Answered." in again.json()["summary"]


async def test_etag_and_if_match_keep_people_from_overwriting_each_other(interactions: Interactions, user: str) -> None:
    path = f"/v1/conversations/{await opened(interactions, user)}"
    read = await interactions.client.get(path)
    tag = read.headers["etag"]
    first = await interactions.client.patch(path, json={"topic": "One"}, headers={"if-match": tag})
    assert (first.status_code, first.json()["topic"]) == (200, "One")
    assert first.headers["etag"] != tag
    stale = await interactions.client.patch(path, json={"topic": "Two"}, headers={"if-match": tag})
    assert stale.status_code == 412
    assert stale.headers["content-type"] == "application/problem+json"
    assert (await interactions.get(path))["topic"] == "One"
    either = await interactions.client.patch(path, json={"topic": "Three"}, headers={"if-match": f'{tag}, "2"'})
    anything = await interactions.client.patch(path, json={"topic": "Four"}, headers={"if-match": "*"})
    assert (either.status_code, anything.status_code) == (200, 200)
    assert anything.headers["etag"] == (await interactions.client.get(path)).headers["etag"]


async def test_of_many_patches_of_one_version_only_one_wins(interactions: Interactions, user: str) -> None:
    path = f"/v1/conversations/{await opened(interactions, user)}"
    headers = {"if-match": (await interactions.client.get(path)).headers["etag"]}
    answers = await asyncio.gather(
        *(interactions.client.patch(path, json={"topic": f"t{number}"}, headers=headers) for number in range(8))
    )
    assert sorted(each.status_code for each in answers) == [200] + [412] * 7


@pytest.mark.parametrize("patch", [{"state": None}, {"state": "asleep"}, {"topic": ""}, {"owner": "me"}, []])
async def test_a_patch_that_makes_no_sense_is_422(interactions: Interactions, user: str, patch: Any) -> None:
    path = f"/v1/conversations/{await opened(interactions, user)}"
    assert (await interactions.client.patch(path, json=patch)).status_code == 422


async def test_pages_of_conversations_newest_first(interactions: Interactions, user: str) -> None:
    topics = [f"topic {number}" for number in range(5)]
    ids = [await opened(interactions, user, topic=topic) for topic in topics]
    profile = (await interactions.engage(("user_id", user), topic=topics[0]))["profile"]["profile_id"]
    found: list[str] = []
    cursor: str | None = None
    while True:
        page = await interactions.get(f"/v1/profiles/{profile}/conversations", limit=2, cursor=cursor)
        found += [each["conversation_id"] for each in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert found == [ids[0], *reversed(ids[1:])]


async def test_an_unknown_conversation_is_404(interactions: Interactions) -> None:
    path = f"/v1/conversations/{uuid4()}"
    answers = [
        await interactions.client.get(path),
        await interactions.client.patch(path, json={"topic": "x"}),
        await interactions.client.post(f"{path}/messages", json={"direction": "inbound", "text": "x"}),
    ]
    assert [each.status_code for each in answers] == [404, 404, 404]
