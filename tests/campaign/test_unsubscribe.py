"""Leaving by the link in a message."""

import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx

from tests.campaign.conftest import Campaigns, Start
from tests.conftest import DatabaseFactory

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


async def one_mail(campaigns: Campaigns) -> tuple[str, str]:
    """A campaign sent to one new customer: its id and the path of the link in the mail."""
    await campaigns.world.add(1)
    campaign_id = await campaigns.create(control_share=0)
    await campaigns.launch(campaign_id)
    await campaigns.settled(campaign_id)
    link = str(campaigns.mailbox.messages[-1]["List-Unsubscribe"]).strip("<>")
    return campaign_id, link.removeprefix("https://shop.test")


def anonymous(campaigns: Campaigns) -> httpx.AsyncClient:
    """Somebody without a token."""
    return httpx.AsyncClient(base_url=campaigns.base)


async def test_looking_at_the_link_changes_nothing(campaigns: Campaigns) -> None:
    _, path = await one_mail(campaigns)
    async with anonymous(campaigns) as reader:
        for _ in range(2):
            page = await reader.get(path)
            assert page.status_code == 200
            assert page.headers["content-type"].startswith("text/html")
            assert '<form method="post">' in page.text
            assert "<script" not in page.text
            assert not re.search(r"(src|href)=", page.text)
    assert [each["type"] for each in await campaigns.events()] == ["message.sent"]


async def test_one_click_is_recorded_once_and_told_on_the_feed(campaigns: Campaigns) -> None:
    _, path = await one_mail(campaigns)
    (customer,) = campaigns.world.customers
    async with anonymous(campaigns) as reader:
        for _ in range(2):
            assert (await reader.post(path, data=ONE_CLICK)).status_code == 200
        assert "You are unsubscribed" in (await reader.get(path)).text
    sent, withdrawn = await campaigns.events()
    assert withdrawn["type"] == "consent.withdrawn"
    data = withdrawn["data"]
    assert data.pop("at")
    assert data == {
        "identity_id": str(customer.identity),
        "profile_id": str(customer.profile_id),
        "kind": "email",
        "value": customer.email,
        "channel": "email",
        "purpose": "marketing",
        "source": "unsubscribe link",
        "proof": sent["data"]["send_id"],
    }


async def test_who_left_is_out_of_every_later_campaign_at_once(campaigns: Campaigns) -> None:
    _, path = await one_mail(campaigns)
    (customer,) = campaigns.world.customers
    async with anonymous(campaigns) as reader:
        await reader.post(path, data=ONE_CLICK)
    later = await campaigns.create(control_share=0)
    await campaigns.launch(later)
    place = await campaigns.recipient(later, customer.profile_id)
    assert (place["included"], place["reason"]) == (False, "unsubscribed")
    assert sum(campaigns.mailbox.received.values()) == 1


async def test_who_leaves_between_launch_and_sending_gets_nothing(campaigns: Campaigns) -> None:
    _, path = await one_mail(campaigns)
    (customer,) = campaigns.world.customers
    later = await campaigns.create(control_share=0)
    response = await campaigns.client.post(f"/v1/campaigns/{later}/launch")
    await campaigns.client.post(f"/v1/campaigns/{later}/pause")
    await campaigns.job(response.headers["location"])
    if (await campaigns.sends(later)).get("pending"):
        async with anonymous(campaigns) as reader:
            await reader.post(path, data=ONE_CLICK)
        await campaigns.client.post(f"/v1/campaigns/{later}/resume")
        await campaigns.settled(later)
        place = await campaigns.recipient(later, customer.profile_id)
        assert (place["state"], place["detail"]) == ("skipped", "unsubscribed")


async def test_another_address_of_the_same_customer_is_left_alone_too(campaigns: Campaigns) -> None:
    _, path = await one_mail(campaigns)
    (customer,) = campaigns.world.customers
    async with anonymous(campaigns) as reader:
        await reader.post(path, data=ONE_CLICK)
    await campaigns.caught_up()
    customer.email = "private@home.test"
    await campaigns.world.announce([customer])
    await campaigns.caught_up()
    later = await campaigns.create(control_share=0)
    await campaigns.launch(later)
    assert (await campaigns.recipient(later, customer.profile_id))["reason"] == "unsubscribed"


async def test_consent_given_again_later_counts(campaigns: Campaigns) -> None:
    _, path = await one_mail(campaigns)
    (customer,) = campaigns.world.customers
    async with anonymous(campaigns) as reader:
        await reader.post(path, data=ONE_CLICK)
    change = {
        "profile_id": str(customer.profile_id),
        "identity_id": str(customer.login),
        "channel": "email",
        "purpose": "marketing",
        "status": "granted",
    }
    before, after = (datetime.now(UTC) + timedelta(days=each) for each in (-1, 1))
    await campaigns.world.profile_feed.add(("consent.changed", {**change, "at": before.isoformat()}))
    await campaigns.caught_up()
    later = await campaigns.create(control_share=0)
    await campaigns.launch(later)
    assert (await campaigns.recipient(later, customer.profile_id))["reason"] == "unsubscribed"
    await campaigns.world.profile_feed.add(("consent.changed", {**change, "at": after.isoformat()}))
    await campaigns.caught_up()
    again = await campaigns.create(control_share=0)
    await campaigns.launch(again)
    assert (await campaigns.recipient(again, customer.profile_id))["reason"] == "audience"


async def test_a_link_that_we_did_not_make_is_unknown(campaigns: Campaigns) -> None:
    _, path = await one_mail(campaigns)
    changed = path[:-1] + ("A" if path[-1] != "A" else "B")
    async with anonymous(campaigns) as reader:
        for wrong in (f"/u/{uuid4()}", "/u/x", changed[:-4], "/u/%00", f"{path[:8]}{'A' * 30}"):
            assert (await reader.get(wrong)).status_code == 404, wrong
            assert (await reader.post(wrong, data=ONE_CLICK)).status_code == 404, wrong
        page = await reader.get("/u/x", headers={"accept": "text/html"})
        assert page.status_code == 404
        assert "This link is not complete" in page.text
    assert [each["type"] for each in await campaigns.events()] == ["message.sent"]


async def test_links_survive_a_restart(start: Start, database: DatabaseFactory) -> None:
    url = await database("campaign")
    async with start(database_url=url) as first:
        _, path = await one_mail(first)
    async with start(database_url=url) as second, anonymous(second) as reader:
        assert (await reader.get(path)).status_code == 200
