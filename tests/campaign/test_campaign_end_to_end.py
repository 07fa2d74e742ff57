"""One measured campaign from draft to delivered mail."""

from collections import Counter
from uuid import uuid4

from tests.campaign.conftest import Campaigns


async def test_everybody_treated_gets_exactly_one_mail_and_control_gets_none(campaigns: Campaigns) -> None:
    customers = await campaigns.world.add(230)
    campaign_id = await campaigns.create()
    await campaigns.launch(campaign_id)
    sends = await campaigns.settled(campaign_id)
    people = await campaigns.recipients(campaign_id)
    arms = Counter(each["arm"] for each in people)
    assert len(people) == 230
    assert 25 <= arms["control"] <= 70
    assert sends == {"sent": arms["treatment"]}
    by_profile = {str(customer.profile_id): customer for customer in customers}
    treated = {by_profile[each["profile_id"]].email for each in people if each["arm"] == "treatment"}
    assert set(campaigns.mailbox.received) == treated
    assert set(campaigns.mailbox.received.values()) == {1}


async def test_a_mail_carries_the_customers_name_and_one_click_unsubscription(campaigns: Campaigns) -> None:
    (ada,) = await campaigns.world.add(1, given_name="Ada")
    campaign_id = await campaigns.create(control_share=0)
    await campaigns.launch(campaign_id)
    await campaigns.settled(campaign_id)
    (mail,) = campaigns.mailbox.messages
    assert mail["Subject"] == "Ada, ten percent off"
    assert mail["To"] == f"Ada Test <{ada.email}>"
    assert mail["From"] == "Shop <news@shop.test>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = str(mail["List-Unsubscribe"]).strip("<>")
    assert link.startswith("https://shop.test/u/")
    html, text = mail.get_body(("html",)), mail.get_body(("plain",))
    assert html is not None
    assert text is not None
    assert link in html.get_content()
    assert link in text.get_content()
    place = await campaigns.recipient(campaign_id, ada.profile_id)
    assert place["state"] == "sent"
    assert place["message_id"] == mail["Message-ID"]
    assert [each["outcome"] for each in place["tries"]] == ["accepted"]


async def test_who_is_left_out_has_a_reason(campaigns: Campaigns) -> None:
    denied, nowhere, complaining, fine = await campaigns.world.add(4)
    denied.allowed, denied.reason = False, "withdrawn"
    nowhere.email = None
    await campaigns.world.case(complaining, "complaint", "open", uuid4())
    await campaigns.caught_up()
    campaign_id = await campaigns.create(
        audience={
            "profile_ids": [str(each.profile_id) for each in (denied, nowhere, complaining, fine)] + [str(uuid4())]
        },
        control_share=0,
    )
    await campaigns.launch(campaign_id)
    await campaigns.settled(campaign_id)
    reasons = {
        each["profile_id"]: (each["included"], each["reason"]) for each in await campaigns.recipients(campaign_id)
    }
    assert reasons.pop(str(denied.profile_id)) == (False, "withdrawn")
    assert reasons.pop(str(nowhere.profile_id)) == (False, "no_address")
    assert reasons.pop(str(complaining.profile_id)) == (False, "complaint_open")
    assert reasons.pop(str(fine.profile_id)) == (True, "audience")
    assert list(reasons.values()) == [(False, "unknown_profile")]
    assert set(campaigns.mailbox.received) == {fine.email}


async def test_what_was_sent_is_told_on_the_feed(campaigns: Campaigns) -> None:
    (ada,) = await campaigns.world.add(1, given_name="Ada")
    campaign_id = await campaigns.create(control_share=0)
    await campaigns.launch(campaign_id)
    await campaigns.settled(campaign_id)
    (event,) = await campaigns.events()
    assert event["type"] == "message.sent"
    data = event["data"]
    assert data["campaign_id"] == campaign_id
    assert data["campaign_name"] == "Spring"
    assert data["profile_id"] == str(ada.profile_id)
    assert data["identity_id"] == str(ada.identity)
    assert data["subject"] == "Ada, ten percent off"
    assert (data["channel"], data["arm"], data["step"]) == ("email", "treatment", "1")
    assert data["sent_at"] is not None


async def test_a_report_counts_by_hand(campaigns: Campaigns) -> None:
    await campaigns.world.add(120)
    campaign_id = await campaigns.create()
    await campaigns.launch(campaign_id)
    await campaigns.settled(campaign_id)
    by_profile = {str(customer.profile_id): customer for customer in campaigns.world.customers}
    people = await campaigns.recipients(campaign_id)
    treated = [by_profile[each["profile_id"]] for each in people if each["arm"] == "treatment"]
    control = [by_profile[each["profile_id"]] for each in people if each["arm"] == "control"]
    for number, customer in enumerate(treated[:30]):
        await campaigns.world.track(
            customer, "Order Completed", {"order_id": f"t{number}", "revenue": 10, "currency": "USD"}
        )
    for number, customer in enumerate(control[:4]):
        await campaigns.world.track(
            customer, "Order Completed", {"order_id": f"c{number}", "revenue": 5.5, "currency": "USD"}
        )
    for customer in treated[:12]:
        await campaigns.world.track(customer, "Coupon Redeemed", {"campaign_id": campaign_id})
    await campaigns.caught_up()
    report = await campaigns.report(campaign_id)
    arms = {arm["arm"]: arm for arm in report["arms"]}
    n = len(treated)
    assert arms["treatment"] == {
        "arm": "treatment",
        "is_control": False,
        "people": n,
        "sent": n,
        "delivered": n,
        "responded": 12,
        "response_rate": 12 / n,
        "converted": 30,
        "conversion_rate": 30 / n,
        "revenue": {"amount": "300.00", "currency": "USD"},
        "revenue_per_head": {"amount": f"{300 / n:.4f}", "currency": "USD"},
        "cost": {"amount": f"{0.05 * n:.2f}", "currency": "USD"},
    }
    assert arms["control"]["revenue"] == {"amount": "22.00", "currency": "USD"}
    assert (arms["control"]["responded"], arms["control"]["converted"]) == (0, 4)
    assert [each["metric"] for each in report["comparisons"]] == [
        "response_rate",
        "conversion_rate",
        "revenue_per_head",
        "profit_per_head",
    ]
    per_head = report["comparisons"][2]
    assert per_head["difference"] == 300 / n - 22 / len(control)
    assert per_head["low"] < per_head["difference"] < per_head["high"]
    profit = (300 / n - 22 / len(control)) * n * 0.5 - 0.05 * n
    assert abs(float(report["incremental"]["profit"]["amount"]) - profit) < 0.01
    assert abs(report["incremental"]["return_on_spend"] - profit / (0.05 * n)) < 1e-6
    assert report["sample_ratio"]["ok"] is True
    assert report["window"]["from"] is not None
    assert report["randomised"] is True
    page = (await campaigns.client.get(f"/v1/campaigns/{campaign_id}/report.html")).text
    chance = per_head["low"] <= 0 <= per_head["high"]
    assert ("Not told apart from chance" in page) is chance
    assert ("would not have happened without the campaign" in page) is not chance


async def test_a_decision_proposes_the_offer_to_the_treated_and_not_to_control(campaigns: Campaigns) -> None:
    await campaigns.world.add(40)
    campaign_id = await campaigns.create(control_share=0.5)
    await campaigns.launch(campaign_id)
    people = await campaigns.recipients(campaign_id)
    decided = {}
    for arm in ("treatment", "control"):
        person = next(each for each in people if each["arm"] == arm)
        body = {"profile_id": person["profile_id"], "channel": "phone", "moment": "inbound"}
        response = await campaigns.client.post("/v1/decisions", json=body)
        assert response.status_code == 200, response.text
        decided[arm] = response.json()
    (action,) = decided["treatment"]["actions"]
    assert (action["kind"], action["offer_id"], action["text"]) == ("offer", "ten", "ten percent off")
    assert action["decision_id"] == decided["treatment"]["decision_id"]
    assert decided["control"]["actions"] == []
    assert decided["control"]["considered"][0]["verdict"] == "ruled_out"
    assert "control group" in decided["control"]["considered"][0]["reason"]
    record = await campaigns.client.get(f"/v1/decisions/{action['decision_id']}")
    assert record.json()["actions"] == [action]
    assert record.json()["channel"] == "phone"
