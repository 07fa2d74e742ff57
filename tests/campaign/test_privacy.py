"""I11 in campaign-service: erased people leave the results as they were; restricted ones get nothing more."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from tests.campaign.conftest import Campaigns, Start
from tests.campaign.mailbox import Mailbox
from tests.conftest import TokenFactory
from tests.support.polling import eventually


async def test_i11_an_erasure_takes_the_person_and_leaves_the_results(
    campaigns: Campaigns, token: TokenFactory
) -> None:
    await campaigns.world.add(40)
    campaign_id = await campaigns.create(control_share=0.2)
    await campaigns.launch(campaign_id)
    await campaigns.settled(campaign_id)
    person = next(each for each in campaigns.world.customers if str(each.email) in campaigns.mailbox.received)
    known = await _rows(campaigns, "identity_map")
    identities = [str(each["identity_id"]) for each in known if each["profile_id"] == person.profile_id]
    order = {"order_id": "order-77", "revenue": 50, "currency": "USD"}
    await campaigns.world.interaction_feed.add(
        (
            "touchpoint.recorded",
            {
                "touchpoint_id": str(uuid4()),
                "identity_id": identities[0],
                "type": "track",
                "name": "Order Completed",
                "occurred_at": datetime.now(UTC).isoformat(),
                "data": order,
            },
        )
    )
    await campaigns.caught_up()
    before = await campaigns.report(campaign_id)
    assert sum(float(arm["revenue"]["amount"]) for arm in before["arms"]) == 50
    body = {
        "request_id": str(uuid4()),
        "identities": identities,
        "profiles": [str(person.profile_id)],
        "values": [str(person.email)],
    }
    headers = {"Authorization": f"Bearer {token('privacy')}"}

    async def erase(round_: int) -> dict[str, int]:
        answer = await campaigns.client.post("/v1/privacy/erasures", json={**body, "round": round_}, headers=headers)
        assert answer.status_code == 200, answer.text
        counts: dict[str, int] = answer.json()["counts"]
        return counts

    counts = await erase(1)
    assert (counts["send"], counts["recipient"], counts["purchase"]) == (1, 1, 1)
    assert await erase(1) == counts, "the same round is done once"
    assert await erase(2) == {}, "and then nothing is found any more"
    after = await campaigns.report(campaign_id)
    assert [_figures(arm) for arm in after["arms"]] == [_figures(arm) for arm in before["arms"]]
    for table in ("send", "recipient", "purchase", "identity_map", "outbox"):
        text = str([dict(row) for row in await _rows(campaigns, table)])
        for trace in (str(person.email), *identities, str(person.profile_id), "order-77"):
            assert trace not in text, (table, trace)
    assert (await campaigns.client.post("/v1/privacy/erasures", json=body)).status_code == 403


async def test_i11_somebody_with_very_many_identities_is_found_in_the_feed_by_the_last_of_them(
    campaigns: Campaigns, token: TokenFactory
) -> None:
    await campaigns.world.add(1)
    campaign_id = await campaigns.create(control_share=0)
    await campaigns.launch(campaign_id)
    await campaigns.settled(campaign_id)
    (person,) = campaigns.world.customers
    body = {
        "request_id": str(uuid4()),
        "identities": [str(uuid4()) for _ in range(9_000)],
        "profiles": [*(str(uuid4()) for _ in range(999)), str(person.profile_id)],
    }
    headers = {"Authorization": f"Bearer {token('privacy')}"}
    answer = await campaigns.client.post("/v1/privacy/erasures", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.json()["counts"]["events"] > 0


async def test_i11_what_waits_for_somebody_restricted_is_not_sent(start: Start) -> None:
    async with Mailbox(deferred=1.0).served() as mailbox, start(box=mailbox, retry_seconds=600) as campaigns:
        await campaigns.world.add(2)
        campaign_id = await campaigns.create(control_share=0)
        await campaigns.launch(campaign_id)
        person, other = campaigns.world.customers

        async def tried() -> bool:
            rows = await _rows(campaigns, "send")
            return len(rows) == 2 and all(row["state"] == "pending" and row["attempts"] for row in rows)

        await eventually(tried, deadline=30)
        event = {"request_id": str(uuid4()), "profile_ids": [str(person.profile_id)]}
        await campaigns.world.profile_feed.add(("privacy.restricted", event))
        await campaigns.caught_up()
        place = await campaigns.recipient(campaign_id, person.profile_id)
        assert (place["state"], (await campaigns.recipient(campaign_id, other.profile_id))["state"]) == (
            "cancelled",
            "pending",
        )


async def _rows(campaigns: Campaigns, table: str) -> list[Any]:
    async with campaigns.database() as conn:
        return list(await conn.fetch(f"SELECT * FROM {table}"))


def _figures(arm: dict[str, Any]) -> dict[str, Any]:
    return {name: arm[name] for name in ("arm", "people", "sent", "converted", "revenue")}
