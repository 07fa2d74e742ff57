"""A campaign to the medium class with a control group, delivered for real and measured."""

import email
import email.policy
import hashlib
import re
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

from rapport_local.demo.company import Company, good, money, share, until
from rapport_local.demo.report import Report

_CONTROL_SHARE = 0.2
_TEMPLATE = {
    "channel": "email",
    "subject": "{{ profile.given_name | default: 'Hello' }}, your favourites are waiting",
    "html": "<p>Dear {{ profile.given_name | default: 'customer' }},</p><p>{{ offer.text }}</p>"
    '<p><a href="{{ unsubscribe_url }}">No more of these</a></p>',
    "text": "Dear {{ profile.given_name | default: 'customer' }},\n\n{{ offer.text }}\n\n{{ unsubscribe_url }}\n",
}


async def tell(report: Report, company: Company, mailbox: Path, folder: Path) -> str:
    """Launch, deliver, play responses in, and report; gives the campaign's id."""
    report.chapter("A campaign to the medium class, with 20 % held back to measure it")
    present = {path.name for path in mailbox.glob("*.eml")}
    campaign_id = await _launched(company)
    people = await _recipients(company, campaign_id)
    treated = [each for each in people if each["included"] and each["arm"] != "control"]
    control = [each for each in people if each["included"] and each["arm"] == "control"]
    out = Counter(each["reason"] for each in people if not each["included"])
    report.say(
        f"{len(people)} in the class: {len(treated)} treated, {len(control)} control, left out: "
        + (", ".join(f"{count} {reason}" for reason, count in sorted(out.items())) or "nobody")
    )
    await _delivered(company, campaign_id, len(treated))
    mails = [path for path in mailbox.glob("*.eml") if path.name not in present]
    _check_mail(report, mails, len(treated))
    await _played_in(company, campaign_id, treated, control)
    await _measured(report, company, campaign_id, treated, control, folder)
    return campaign_id


async def _launched(company: Company) -> str:
    good(await company.campaigns.put("/v1/templates/demo-favourites", json=_TEMPLATE))
    created = good(
        await company.campaigns.post(
            "/v1/campaigns",
            json={
                "name": "Favourites for the middle",
                "channel": "email",
                "audience": {"rule": {"all": [{"value_class": ["medium"]}]}},
                "template": "demo-favourites",
                "offer": {"offer_id": "favourites-10", "text": "10 % off what you buy most, this week."},
                "control_share": _CONTROL_SHARE,
                "goal": {"event": "Order Completed", "window_days": 14},
                "cost_per_contact": {"amount": "0.05", "currency": "USD"},
                "margin": 0.3,
            },
        )
    )
    campaign_id = str(created["campaign_id"])
    accepted = await company.campaigns.post(f"/v1/campaigns/{campaign_id}/launch")
    good(accepted)
    await company.finished(company.campaigns, accepted.headers["location"])
    return campaign_id


async def _recipients(company: Company, campaign_id: str) -> list[dict[str, Any]]:
    people: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        parameters: dict[str, Any] = {"limit": 500} | ({"cursor": cursor} if cursor else {})
        page = good(await company.campaigns.get(f"/v1/campaigns/{campaign_id}/recipients", params=parameters))
        people += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return people


async def _delivered(company: Company, campaign_id: str, expected: int) -> None:
    async def settled() -> bool:
        found = good(await company.campaigns.get(f"/v1/campaigns/{campaign_id}/report"))
        return sum(int(arm["sent"]) for arm in found["arms"]) >= expected

    await until(settled, f"{expected} mails are out", patience=120)


def _check_mail(report: Report, mails: list[Path], expected: int) -> None:
    messages = [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in mails]
    receivers = Counter(str(message["X-Rcpt-To"]) for message in messages)
    report.check(
        len(mails) == expected and set(receivers.values()) <= {1},
        f"{len(mails)} mails arrived by SMTP: one for each treated customer, none for control",
        (len(mails), expected, receivers.most_common(2)),
    )
    report.check(
        all(message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click" for message in messages),
        "each can be unsubscribed with one click (RFC 8058)",
    )
    if messages:
        report.say(f'for instance: "{messages[0]["Subject"]}"')


def _chance(profile_id: str, what: str) -> float:
    """A number between 0 and 1 that is the same each time for one customer."""
    return int(hashlib.sha256(f"{what}{profile_id}".encode()).hexdigest()[:8], 16) / 0xFFFFFFFF


async def _played_in(
    company: Company, campaign_id: str, treated: list[dict[str, Any]], control: list[dict[str, Any]]
) -> None:
    """What customers do next, said to be played: a third of the treated answer; some of both groups order."""
    for person, orders_with in [(each, 0.5) for each in treated] + [(each, 0.25) for each in control]:
        user = await _user(company, person["profile_id"])
        if person["arm"] != "control" and _chance(user, "answers") < 0.33:
            await company.collect(
                "track",
                {
                    "userId": user,
                    "event": "Campaign Responded",
                    "properties": {"campaign_id": campaign_id, "channel": "email", "direction": "inbound"},
                },
            )
        if _chance(user, "orders") < orders_with:
            amount = round(20 + 60 * _chance(user, "amount"), 2)
            await company.collect(
                "track",
                {
                    "userId": user,
                    "event": "Order Completed",
                    "properties": {"order_id": f"demo-{uuid4()}", "revenue": amount, "currency": "USD"},
                },
            )


async def _user(company: Company, profile_id: str) -> str:
    profile = good(await company.profiles.get(f"/v1/profiles/{profile_id}"))
    return next(str(each["value"]) for each in profile["identifiers"] if each["kind"] == "user_id")


async def _measured(
    report: Report,
    company: Company,
    campaign_id: str,
    treated: list[dict[str, Any]],
    control: list[dict[str, Any]],
    folder: Path,
) -> None:
    users = {each["profile_id"]: await _user(company, each["profile_id"]) for each in treated + control}
    answers = sum(_chance(users[each["profile_id"]], "answers") < 0.33 for each in treated)
    orders = [
        sum(_chance(users[each["profile_id"]], "orders") < limit for each in group)
        for group, limit in ((treated, 0.5), (control, 0.25))
    ]

    async def complete() -> dict[str, Any] | None:
        found = good(await company.campaigns.get(f"/v1/campaigns/{campaign_id}/report"))
        arms = sorted(found["arms"], key=lambda arm: arm["is_control"])
        done = [arm["converted"] for arm in arms] == orders and arms[0]["responded"] == answers
        return found if done else None

    result = await until(complete, "responses and orders are attributed", patience=30)
    report.check(True, f"{answers} responses and {sum(orders)} orders played in, all attributed to their group")
    report.table(
        ["arm", "people", "sent", "response", "conversion", "sales a head", "cost"],
        [
            [
                arm["arm"],
                arm["people"],
                arm["sent"],
                share(arm["response_rate"]),
                share(arm["conversion_rate"]),
                money(arm["revenue_per_head"]),
                money(arm["cost"]),
            ]
            for arm in result["arms"]
        ],
    )
    for line in result["comparisons"]:
        low, high, difference = (_figure(line[name]) for name in ("low", "high", "difference"))
        report.say(f"{line['metric']}: {difference:+.3f}, 95 % between {low:+.3f} and {high:+.3f} ({line['method']})")
    ratio = result["sample_ratio"]
    report.check(bool(ratio["ok"]), f"the groups have the planned sizes (p = {ratio['p_value']:.2f})", ratio)
    page = await company.campaigns.get(f"/v1/campaigns/{campaign_id}/report.html")
    target = folder / "campaign.html"
    target.write_bytes(page.content)
    self_contained = not re.search(rb"<(script|link|img)[^>]+(src|href)=.https?:", page.content)
    report.check(page.status_code == 200 and self_contained, "the report as one page, chart inline")
    report.look_at("the campaign's report", str(target))


def _figure(value: Any) -> Decimal:
    return Decimal(str(value["amount"] if isinstance(value, dict) else value))
