"""Whatever the mail server or the machine does: at most one message each, and a stated state for everybody."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.campaign.conftest import SCOPES, Campaigns, Start
from tests.campaign.mailbox import Mailbox
from tests.campaign.world import World
from tests.conftest import DatabaseFactory, TokenFactory
from tests.support.polling import eventually
from tests.support.processes import free_port, spawn_service

FINAL = {"sent", "failed", "unknown", "skipped"}


async def emails(campaigns: Campaigns, campaign_id: str) -> dict[str, dict[str, Any]]:
    """Everybody's place by address."""
    by_profile = {str(each.profile_id): str(each.email) for each in campaigns.world.customers}
    return {by_profile[each["profile_id"]]: each for each in await campaigns.recipients(campaign_id)}


async def mailbox_holds(mailbox: Mailbox, count: int) -> None:
    """Wait until so many mails have come."""
    await eventually(lambda: len(mailbox.messages) >= count, deadline=60)


async def test_temporary_refusals_are_tried_again_until_everybody_has_one(start: Start) -> None:
    async with Mailbox(deferred=0.3).served() as mailbox, start(box=mailbox, send_tries=50) as campaigns:
        await campaigns.world.add(80)
        campaign_id = await campaigns.create(control_share=0)
        await campaigns.launch(campaign_id)
        assert await campaigns.settled(campaign_id) == {"sent": 80}
        assert set(mailbox.received.values()) == {1}
        tried_again = [each for each in await campaigns.recipients(campaign_id) if each["attempts"] > 1]
        assert tried_again
        place = await campaigns.client.get(f"/v1/campaigns/{campaign_id}/recipients/{tried_again[0]['profile_id']}")
        outcomes = [each["outcome"] for each in place.json()["tries"]]
        assert outcomes == ["deferred"] * (len(outcomes) - 1) + ["accepted"]


async def test_a_connection_lost_after_data_is_unknown_and_never_repeated(start: Start) -> None:
    async with Mailbox(dropped_with=0.1, dropped_without=0.1).served() as mailbox, start(box=mailbox) as campaigns:
        await campaigns.world.add(100)
        campaign_id = await campaigns.create(control_share=0)
        await campaigns.launch(campaign_id)
        await campaigns.settled(campaign_id)
        places = await emails(campaigns, campaign_id)
        states = Counter(each["state"] for each in places.values())
        assert set(states) == {"sent", "unknown"}
        assert {address for address, each in places.items() if each["state"] == "unknown"} == mailbox.dropped
        assert max(mailbox.received.values()) == 1
        report = await campaigns.report(campaign_id)
        assert report["arms"][0]["sent"] == states["sent"]
        assert any("not known whether they arrived" in note for note in report["notes"])


async def test_a_refusal_is_final_and_says_what_the_server_said(start: Start) -> None:
    async with Mailbox(refused=1).served() as mailbox, start(box=mailbox) as campaigns:
        (customer,) = await campaigns.world.add(1)
        campaign_id = await campaigns.create(control_share=0)
        await campaigns.launch(campaign_id)
        assert await campaigns.settled(campaign_id) == {"failed": 1}
        place = await campaigns.recipient(campaign_id, customer.profile_id)
        assert "550" in place["detail"]
        assert place["attempts"] == 1


async def test_temporary_refusals_without_end_fail_in_the_end(start: Start) -> None:
    async with Mailbox(deferred=1).served() as mailbox, start(box=mailbox, send_tries=3) as campaigns:
        (customer,) = await campaigns.world.add(1)
        campaign_id = await campaigns.create(control_share=0)
        await campaigns.launch(campaign_id)
        assert await campaigns.settled(campaign_id) == {"failed": 1}
        place = await campaigns.recipient(campaign_id, customer.profile_id)
        assert place["detail"].startswith("given up after 3 attempts")


async def test_a_mail_server_that_is_away_costs_nobody_an_attempt(start: Start) -> None:
    mailbox = Mailbox()
    mailbox.port = free_port()
    async with start(box=mailbox, send_tries=1) as campaigns:
        await campaigns.world.add(20)
        campaign_id = await campaigns.create(control_share=0)
        await campaigns.launch(campaign_id)

        async def knocked() -> bool:
            async with campaigns.database() as conn:
                return bool(await conn.fetchval("SELECT bool_or(s.updated_at > c.prepared_at) FROM send s, campaign c"))

        await eventually(knocked)
        assert await campaigns.sends(campaign_id) == {"pending": 20}
        async with mailbox.served(mailbox.port):
            assert await campaigns.settled(campaign_id) == {"sent": 20}
            assert {each["attempts"] for each in await campaigns.recipients(campaign_id)} == {1}


async def test_pause_and_resume_lose_and_repeat_nothing(start: Start) -> None:
    async with Mailbox().served() as mailbox, start(box=mailbox, send_batch=5) as campaigns:
        mailbox.delay = 0.01
        await campaigns.world.add(150)
        campaign_id = await campaigns.create(control_share=0)
        await campaigns.launch(campaign_id)
        for _ in range(3):
            before = len(mailbox.messages)
            await mailbox_holds(mailbox, before + 10)
            assert (await campaigns.client.post(f"/v1/campaigns/{campaign_id}/pause")).status_code == 200

            async def quiet() -> bool:
                return "sending" not in await campaigns.sends(campaign_id)

            await eventually(quiet)
            assert (await campaigns.client.post(f"/v1/campaigns/{campaign_id}/resume")).status_code == 200
        assert await campaigns.settled(campaign_id) == {"sent": 150}
        assert set(mailbox.received.values()) == {1}


async def test_a_stop_sends_nothing_more(start: Start) -> None:
    async with Mailbox().served() as mailbox, start(box=mailbox, send_batch=5) as campaigns:
        mailbox.delay = 0.02
        await campaigns.world.add(200)
        campaign_id = await campaigns.create(control_share=0)
        await campaigns.launch(campaign_id)
        await eventually(lambda: len(mailbox.messages) >= 10)
        assert (await campaigns.client.post(f"/v1/campaigns/{campaign_id}/stop")).status_code == 200
        sends = await campaigns.settled(campaign_id)
        assert set(sends) == {"sent", "cancelled"}
        assert sends["sent"] == len(mailbox.messages)
        cancelled = await campaigns.recipients(campaign_id, state="cancelled")
        assert {each["detail"] for each in cancelled} == {"campaign_stopped"}


async def test_consent_withdrawn_after_the_launch_is_heeded(start: Start) -> None:
    async with Mailbox().served() as mailbox, start(box=mailbox) as campaigns:
        customers = await campaigns.world.add(10)
        campaign_id = await campaigns.create(control_share=0)
        response = await campaigns.client.post(f"/v1/campaigns/{campaign_id}/launch")
        await campaigns.client.post(f"/v1/campaigns/{campaign_id}/pause")
        await campaigns.job(response.headers["location"])
        already = set(mailbox.received)
        late = [each for each in customers if each.email not in already]
        for customer in late[:4]:
            customer.allowed, customer.reason = False, "withdrawn"
        await campaigns.client.post(f"/v1/campaigns/{campaign_id}/resume")
        await campaigns.settled(campaign_id)
        for customer in late[:4]:
            place = await campaigns.recipient(campaign_id, customer.profile_id)
            assert (place["state"], place["detail"]) == ("skipped", "withdrawn")
            assert mailbox.received[str(customer.email)] == 0


async def test_a_template_that_fails_for_one_person_does_not_hold_up_the_others(campaigns: Campaigns) -> None:
    good, bad = await campaigns.world.add(2)
    bad.traits["count"] = 20_000
    good.traits["count"] = 2
    template = {"subject": "x", "text": "{% for i in (1..profile.count) %}.{% endfor %}"}
    campaign_id = await campaigns.create(control_share=0, template=template)
    await campaigns.launch(campaign_id)
    assert await campaigns.settled(campaign_id) == {"failed": 1, "sent": 1}
    assert "loop iteration limit" in (await campaigns.recipient(campaign_id, bad.profile_id))["detail"]


@pytest.mark.timeout(240)
async def test_kill_9_during_300_sends_and_no_one_gets_two(
    database: DatabaseFactory,
    token: TokenFactory,
    world: World,
    environment: Callable[[str, World, Mailbox], dict[str, Any]],
) -> None:
    mailbox = Mailbox(deferred=0.03, dropped_with=0.02)
    mailbox.delay = 0.01
    url = await database("campaign")
    async with mailbox.served():
        changed = {"send_timeout_seconds": 0.5, "lease_seconds": 1, "send_lanes": 3, "send_batch": 20}
        settings = {**environment(url, world, mailbox), **changed}
        shared = {"jwks_file", "profile_url", "segment_url", "interaction_url", "service_token"}
        env = {("RAPPORT_" if name in shared else "CAMPAIGN_") + name.upper(): str(v) for name, v in settings.items()}
        await world.add(300)
        async with spawn_service("campaign", env) as service:
            headers = {"authorization": f"Bearer {token(*SCOPES)}"}
            async with httpx.AsyncClient(base_url=service.url, headers=headers, timeout=30) as client:
                campaigns = Campaigns(client, url, world, mailbox)
                campaign_id = await campaigns.create(control_share=0)
                response = await client.post(f"/v1/campaigns/{campaign_id}/launch")
                assert response.status_code == 202
                for killed_at in (0, 30, 110, 220):
                    await mailbox_holds(mailbox, killed_at)
                    await service.kill()
                    await service.start()
                assert (await campaigns.job(response.headers["location"]))["state"] == "succeeded"
                sends = await campaigns.settled(campaign_id, deadline=120)
                places = await emails(campaigns, campaign_id)
    assert sum(sends.values()) == 300 == len(places)
    assert set(sends) <= FINAL
    assert max(mailbox.received.values()) == 1
    for address, place in places.items():
        got = mailbox.received[address]
        if place["state"] == "sent":
            assert got == 1, place
        else:
            assert place["state"] in {"unknown", "failed"}, place
            assert place["detail"], place
    # Each kill can leave one message in each lane in the dark, besides those that the server dropped.
    in_the_dark = [address for address, each in places.items() if each["state"] == "unknown"]
    assert len(set(in_the_dark) - mailbox.dropped) <= 4 * 3
