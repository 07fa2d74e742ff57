"""A chat on the web, continued by telephone the next day."""

from datetime import UTC, datetime, timedelta
from typing import Any

from rapport_local.demo.company import Company, good, money, until
from rapport_local.demo.report import Report
from rapport_local.sample.messages import user_id
from rapport_local.sample.people import person


async def tell(report: Report, company: Company, household: int) -> None:
    """Open a chat, answer it, continue by phone, complain: each time the agent sees what went before."""
    report.chapter("A chat on the web, continued by telephone the next day")
    known = person(household)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    chat = await _engage(
        company,
        channel="web",
        identifiers=[{"kind": "user_id", "value": user_id(household)}],
        message={"text": "My last order was short by two jars of honey. Can you look?"},
        occurred_at=yesterday.isoformat(),
    )
    conversation = chat["conversation"]
    report.say(f'yesterday, web: "{conversation["messages"][-1]["text"]}"')
    answer = {
        "direction": "outbound",
        "channel": "web",
        "author": "Lee, service",
        "text": "We will check and call you back tomorrow.",
        "occurred_at": (yesterday + timedelta(minutes=4)).isoformat(),
    }
    place = f"/v1/conversations/{conversation['conversation_id']}"
    good(await company.interactions.post(f"{place}/messages", json=answer))
    report.say(f'yesterday, web, {answer["author"]}: "{answer["text"]}"')

    call = await _engage(
        company,
        channel="phone",
        identifiers=[{"kind": "phone", "value": known.phone}],
        message={"text": "I am calling about the honey."},
    )
    resumed = call["conversation"]
    report.check(
        resumed["resumed"] and resumed["conversation_id"] == conversation["conversation_id"],
        "today, phone: the caller's number leads to the same customer and the same conversation",
        resumed,
    )
    texts = [message["text"] for message in resumed["messages"]]
    report.check(answer["text"] in texts and len(texts) >= 3, "with what both sides said yesterday", texts)
    report.check(call["degraded"] == [] and call["standing"] is not None, "and nothing is missing", call["degraded"])
    _screen(report, call)

    case = good(
        await company.interactions.post(
            "/v1/cases",
            json={
                "profile_id": call["profile"]["profile_id"],
                "kind": "complaint",
                "severity": "normal",
                "subject": "Two jars of honey missing",
            },
        )
    )

    async def quiet() -> dict[str, Any] | None:
        body = {"profile_id": call["profile"]["profile_id"], "channel": "phone", "moment": "call"}
        decided = good(await company.campaigns.post("/v1/decisions", json=body))
        kinds = {action["kind"] for action in decided["actions"]}
        return decided if decided["actions"] and "offer" not in kinds else None

    decided = await until(quiet, "the complaint stops selling")
    report.check(True, f"a complaint is opened: {decided['actions'][0]['reason']}")
    closed = await company.interactions.patch(f"/v1/cases/{case['case_id']}", json={"state": "resolved"})
    good(closed)


async def _engage(company: Company, **body: Any) -> dict[str, Any]:
    body = {"direction": "inbound", "topic": None, "create_profile": True} | body
    return good(await company.interactions.post("/v1/engagements", json=body))


def _screen(report: Report, call: dict[str, Any]) -> None:
    """What the agent sees as the phone rings."""
    profile, standing, history = call["profile"], call["standing"], call["history"]
    totals = standing["totals"]
    lines = [
        ("who", f"{profile['display_name']} ({profile['language']}), confidence {profile['confidence']}"),
        (
            "worth",
            f"class {standing['value_class']}, {standing['lifecycle']['stage']}; {totals['orders']} orders,"
            f" {money(totals['revenue'])} {totals['currency']}; rfm {standing['rfm'] and standing['rfm']['group']}",
        ),
        ("history", f"{history['touchpoints']} touchpoints since {history['first_at'][:10]}: {history['by_channel']}"),
        ("summary", str(call["conversation"]["summary"])),
        ("open", f"{len(call['open']['cases'])} cases"),
    ]
    following = call["next"]["actions"] if call["next"] else []
    lines += [("next", f"{action['kind']}: {action['text']} ({action['reason']})") for action in following]
    for name, text in lines:
        report.say(f"  {name:>8} │ {text}")
