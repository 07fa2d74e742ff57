"""Whatever ails the services around, a contact gets its answer, and says what is missing in it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from interaction_service.settings import InteractionSettings
from rapport.identity import identity_id
from rapport.tokens import KeyStore
from rapport_local.services import service_command

from tests.conftest import DatabaseFactory, TokenFactory
from tests.interaction.conftest import Interactions, Start
from tests.interaction.test_engagements import assert_shape
from tests.interaction.world import ACTIONS, STANDING, Mood
from tests.support.polling import eventually
from tests.support.processes import SpawnedService, free_port

MOODS: list[Mood] = ["stuck", "down", "garbage", "wrong_shape", "refusing"]
PARTS = {"segment": "standing", "campaign": "next"}


def test_segment_and_campaign_have_150_ms() -> None:
    fields = InteractionSettings.model_fields
    assert fields["standing_budget_ms"].default == fields["decision_budget_ms"].default == 150


async def known(interactions: Interactions, user: str) -> str:
    """A customer whom all services know."""
    profile = await interactions.world.person(("user_id", user))
    interactions.world.standings[profile] = STANDING
    await interactions.settled()
    return str(profile)


@pytest.mark.parametrize("name", PARTS)
async def test_a_service_in_any_mood_costs_its_own_part_alone(start: Start, user: str, name: str) -> None:
    own = {"segment": "standing_budget_ms", "campaign": "decision_budget_ms"}[name]
    whole = {"standing": STANDING, "next": {"actions": ACTIONS, "question": None}, PARTS[name]: None}
    async with start(**{own: 150}) as interactions:
        profile = await known(interactions, user)
        for mood in MOODS:
            getattr(interactions.world, name).mood = mood
            answer = await interactions.engage(("user_id", user), topic=mood, message={"text": "hello"})
            context = await interactions.get(f"/v1/profiles/{profile}/context")
            for found in (answer, context):
                assert found["degraded"] == [name], mood
                assert {part: found[part] for part in PARTS.values()} == whole
                assert found["profile"]["profile_id"] == profile
            assert answer["conversation"]["messages"][0]["text"] == "hello"
            assert answer.keys() == context.keys()


async def test_a_service_that_is_well_again_is_asked_again(start: Start, user: str) -> None:
    async with start() as interactions:
        await known(interactions, user)
        segment = interactions.world.segment
        segment.mood = "down"
        for _ in range(8):
            assert (await interactions.engage(("user_id", user)))["degraded"] == ["segment"]
        asked = segment.asked
        assert (await interactions.engage(("user_id", user)))["degraded"] == ["segment"]
        assert segment.asked == asked, "a service that is down is left alone for a moment"
        segment.mood = "well"

        async def whole() -> dict[str, Any]:
            answer = await interactions.engage(("user_id", user))
            assert answer["degraded"] == []
            return answer

        assert (await eventually(whole, every=0.2))["standing"] == STANDING


async def test_all_three_at_once(start: Start, user: str) -> None:
    async with start(resolve_budget_ms=300, standing_budget_ms=150, decision_budget_ms=150) as interactions:
        world = interactions.world
        profile = await known(interactions, user)
        world.profile.mood, world.segment.mood, world.campaign.mood = "stuck", "garbage", "stuck"
        answer = await interactions.engage(("user_id", user))
        context = await interactions.get(f"/v1/profiles/{profile}/context")
    assert answer["degraded"] == context["degraded"] == ["profile", "segment", "campaign"]
    # The map knows who was here before.
    assert answer["profile"]["profile_id"] == context["profile"]["profile_id"] == profile
    assert (answer["standing"], answer["next"]) == (None, None)


async def test_without_profile_service_there_is_a_conversation_under_the_bare_identity_that_joins_later(
    start: Start, user: str
) -> None:
    async with start(resolve_budget_ms=300) as interactions:
        world = interactions.world
        for mood in MOODS:
            world.profile.mood, own = mood, f"{user}-{mood}"
            answer = await interactions.engage(("device_id", own), ("user_id", own), message={"text": "anybody there?"})
            assert_shape(answer)
            assert answer["degraded"] == ["profile"], mood
            assert (answer["profile"]["profile_id"], answer["profile"]["created"]) == (None, False)
            again = await interactions.engage(("user_id", own))
            conversation = answer["conversation"]["conversation_id"]
            assert again["conversation"]["conversation_id"] == conversation
            # What profile-service will know of it when it is back.
            recorded = (await interactions.recorded())[-2]
            assert [each["kind"] for each in recorded["identifiers"]] == ["user_id", "device_id"]
            assert recorded["identity_id"] == str(identity_id("user_id", own))
            world.recover()
            profile = await world.person(("user_id", own), ("device_id", own))
            await interactions.settled()
            page = await interactions.get(f"/v1/profiles/{profile}/conversations")
            assert [each["conversation_id"] for each in page["items"]] == [conversation]
            assert len(await interactions.history(profile)) == 2


async def test_slow_neighbours_hold_no_connection_to_the_database(start: Start, user: str) -> None:
    async with start(pool_size=4) as interactions:
        profile = await known(interactions, user)
        conversation = (await interactions.engage(("user_id", user)))["conversation"]["conversation_id"]
        segment = interactions.world.segment
        segment.mood, before = "stuck", segment.asked
        async with asyncio.TaskGroup() as group:
            # More than there are connections, all waiting for segment-service.
            waiting = [group.create_task(interactions.get(f"/v1/profiles/{profile}/context")) for _ in range(10)]
            waiting += [group.create_task(interactions.engage(("user_id", user))) for _ in range(10)]
            await eventually(lambda: segment.asked == before + 20)
            found = await interactions.get(f"/v1/conversations/{conversation}")
            assert not any(each.done() for each in waiting)
            segment.mood = "well"
            segment.release()
    assert found["conversation_id"] == conversation
    assert all(each.result()["degraded"] == [] for each in waiting)


@asynccontextmanager
async def real_profile_service(
    port: int, database_url: str, keys: KeyStore, token: str, interaction_url: str, folder: Path
) -> AsyncIterator[SpawnedService]:
    """profile-service itself, following the interaction-service of the test."""
    env = {
        "PROFILE_DATABASE_URL": database_url,
        "RAPPORT_JWKS_FILE": str(keys.jwks_path),
        "RAPPORT_SERVICE_TOKEN": token,
        "RAPPORT_INTERACTION_URL": interaction_url,
    }
    service = SpawnedService(service_command("profile", port), port, env, folder / "profile.log")
    try:
        await service.start()
        yield service
    finally:
        await service.close()


async def test_the_real_profile_service_takes_in_what_came_while_it_was_away(
    start: Start, user: str, database: DatabaseFactory, keys: KeyStore, token: TokenFactory, tmp_path: Path
) -> None:
    port, admin = free_port(), token("admin")
    async with start(profile_url=f"http://127.0.0.1:{port}", service_token=admin) as interactions:
        answer = await interactions.engage(("email", f"{user}@example.org"), message={"text": "anybody there?"})
        assert answer["degraded"] == ["profile"]
        url, base = await database("profile"), str(interactions.client.base_url).rstrip("/")
        async with real_profile_service(port, url, keys, admin, base, tmp_path) as service:
            async with httpx.AsyncClient(base_url=service.url, headers={"authorization": f"Bearer {admin}"}) as client:
                body = {"identifiers": [{"kind": "email", "value": f"{user}@example.org"}], "create": False}

                async def recognised() -> str:
                    response = await client.post("/v1/profiles/resolve", json=body)
                    assert response.status_code == 200, response.text
                    return str(response.json()["profile_id"])

                profile = await eventually(recognised, deadline=30, every=0.1)
            page = await interactions.get(f"/v1/profiles/{profile}/conversations")
            assert [each["conversation_id"] for each in page["items"]] == [answer["conversation"]["conversation_id"]]
            later = await interactions.engage(("email", f"{user}@example.org"))
    assert (later["profile"]["profile_id"], later["conversation"]["resumed"]) == (profile, True)
    assert later["conversation"]["conversation_id"] == answer["conversation"]["conversation_id"]
