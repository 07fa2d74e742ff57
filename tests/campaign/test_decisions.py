"""What to do next for a customer."""

from typing import Any
from uuid import UUID, uuid4

from tests.campaign.conftest import Campaigns


async def decide(campaigns: Campaigns, profile_id: UUID) -> dict[str, Any]:
    body = {"profile_id": str(profile_id), "channel": "chat", "moment": "inbound"}
    response = await campaigns.client.post("/v1/decisions", json=body)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


async def launched(campaigns: Campaigns, **changes: Any) -> str:
    campaign_id = await campaigns.create(control_share=0, **changes)
    await campaigns.launch(campaign_id)
    return campaign_id


async def test_an_open_complaint_stops_selling_and_its_end_lets_it_go_on(campaigns: Campaigns) -> None:
    (customer,) = await campaigns.world.add(1)
    campaign_id = await launched(campaigns)
    case_id = uuid4()
    await campaigns.world.case(customer, "complaint", "open", case_id)
    await campaigns.caught_up()
    decided = await decide(campaigns, customer.profile_id)
    (action,) = decided["actions"]
    assert (action["kind"], action["offer_id"]) == ("service", None)
    assert "complaint is open" in action["reason"]
    (weighed,) = decided["considered"]
    assert (weighed["campaign_id"], weighed["verdict"]) == (campaign_id, "ruled_out")
    await campaigns.world.case(customer, "complaint", "closed", case_id)
    await campaigns.caught_up()
    (action,) = (await decide(campaigns, customer.profile_id))["actions"]
    assert action["kind"] == "offer"


async def test_a_suggestion_stops_nothing(campaigns: Campaigns) -> None:
    (customer,) = await campaigns.world.add(1)
    await launched(campaigns)
    await campaigns.world.case(customer, "suggestion", "open", uuid4())
    await campaigns.caught_up()
    assert (await decide(campaigns, customer.profile_id))["actions"][0]["kind"] == "offer"


async def test_the_highest_priority_wins_then_the_newest(campaigns: Campaigns) -> None:
    (customer,) = await campaigns.world.add(1)
    for name, priority in (("low", 1), ("old", 5), ("new", 5)):
        await launched(campaigns, priority=priority, offer={"offer_id": name, "text": name})
    decided = await decide(campaigns, customer.profile_id)
    assert [action["offer_id"] for action in decided["actions"]] == ["new"]
    assert [(each["offer_id"], each["verdict"]) for each in decided["considered"]] == [
        ("new", "chosen"),
        ("old", "outranked"),
        ("low", "outranked"),
    ]


async def test_an_offer_ends_with_its_campaign(campaigns: Campaigns) -> None:
    (customer,) = await campaigns.world.add(1)
    campaign_id = await launched(campaigns)
    for action, kinds in (("pause", []), ("resume", ["offer"]), ("stop", [])):
        await campaigns.client.post(f"/v1/campaigns/{campaign_id}/{action}")
        decided = await decide(campaigns, customer.profile_id)
        assert [each["kind"] for each in decided["actions"]] == kinds, action
        assert bool(decided["reasons"]) is not bool(kinds)


async def test_who_is_not_in_the_audience_gets_no_offer_and_the_reason_is_told(campaigns: Campaigns) -> None:
    inside, outside = await campaigns.world.add(2)
    outside.value_class = "top"
    await launched(campaigns)
    decided = await decide(campaigns, outside.profile_id)
    assert decided["actions"] == []
    assert decided["considered"][0]["reason"] == "The customer is not in the campaign's audience."
    assert (await decide(campaigns, inside.profile_id))["actions"]


async def test_a_variant_has_its_own_offer(campaigns: Campaigns) -> None:
    customers = await campaigns.world.add(30)
    variants = [{"name": each, "offer": {"offer_id": each, "text": each}} for each in ("a", "b")]
    template = {"subject": "{{ offer.text }}", "text": "hello"}
    campaign_id = await launched(campaigns, variants=variants, offer=None, template=template)
    arms = {each["profile_id"]: each["arm"] for each in await campaigns.recipients(campaign_id)}
    assert set(arms.values()) == {"a", "b"}
    for customer in customers[:8]:
        (action,) = (await decide(campaigns, customer.profile_id))["actions"]
        assert action["offer_id"] == arms[str(customer.profile_id)]
    await campaigns.settled(campaign_id)
    assert {str(mail["Subject"]) for mail in campaigns.mailbox.messages} == {"a", "b"}


async def test_a_customer_is_found_under_the_id_from_before_a_merge(campaigns: Campaigns) -> None:
    (customer,) = await campaigns.world.add(1)
    campaign_id = await launched(campaigns)
    old, survivor = customer.profile_id, uuid4()
    await campaigns.caught_up()
    moved = [{**each, "profile_id": str(survivor), "version": 99} for each in customer.assignments(99)]
    await campaigns.world.profile_feed.add(("identity.assigned", {"assignments": moved}))
    await campaigns.world.case(customer, "complaint", "open", uuid4())
    await campaigns.caught_up()
    for profile_id in (old, survivor):
        decided = await decide(campaigns, profile_id)
        assert [each["kind"] for each in decided["actions"]] == ["service"]
        assert (await campaigns.recipient(campaign_id, profile_id))["included"] is True


async def test_the_record_says_what_was_known(campaigns: Campaigns) -> None:
    (customer,) = await campaigns.world.add(1)
    campaign_id = await launched(campaigns)
    decided = await decide(campaigns, customer.profile_id)
    record = (await campaigns.client.get(f"/v1/decisions/{decided['decision_id']}")).json()
    assert {key: record[key] for key in decided} == decided
    assert record["known"]["campaigns"][0]["campaign_id"] == campaign_id
    assert record["known"]["campaigns"][0]["arm"] == "treatment"
    assert record["known"]["open_complaints"] == []
    assert (await campaigns.client.get(f"/v1/decisions/{uuid4()}")).status_code == 404


async def test_the_same_idempotency_key_is_one_decision(campaigns: Campaigns) -> None:
    headers = {"idempotency-key": str(uuid4())}
    body = {"profile_id": str(uuid4()), "channel": "chat", "moment": "inbound"}
    answers = [(await campaigns.client.post("/v1/decisions", json=body, headers=headers)).json() for _ in range(2)]
    assert answers[0] == answers[1]
