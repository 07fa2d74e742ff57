"""A customer asks what the shop knows of them, and then to be forgotten."""

from pathlib import Path
from typing import Any

from rapport_local.demo.company import Company, good, until
from rapport_local.demo.report import Report

_EMAIL = "rosa.lind@example.com"
_PHONE = "+12025550188"
_MESSAGE = "Please forget me: I am moving to the moon."
_SERVICES = ("profile", "segment", "campaign", "interaction")


async def tell(report: Report, company: Company, folder: Path) -> None:
    """Make a customer known to all four services, give out what they hold, erase it, and look for what is left."""
    report.chapter("An erasure, with a receipt from every service")
    profile = await _arrive(company)
    seen = await _carried_out(company, "access")
    page = folder / "everything.html"
    page.write_text((await company.profiles.get(seen["exports"]["html"])).text)
    report.check(_MESSAGE in page.read_text(), "Rosa asks what is held of her, and reads it on one page, her words too")
    report.look_at("everything held of Rosa before her erasure", str(page))

    done = await _carried_out(company, "erasure")
    receipts = {each["service"]: each["counts"] for each in done["receipts"]}
    report.table(
        ("receipt of", "rows", "where"),
        [(each, sum(receipts[each].values()), ", ".join(sorted(receipts[each]))) for each in _SERVICES],
    )
    report.check(
        done["missing"] == [] and all(receipts[each] for each in _SERVICES),
        "Rosa asks to be forgotten: all four services have erased her, and say what",
        receipts,
    )
    gone = await company.profiles.get(f"/v1/profiles/{profile}")
    report.check(
        gone.status_code == 404 and await company.resolve("email", _EMAIL) is None,
        "her file is gone, and her address leads to nobody",
        gone.text,
    )
    report.check(
        await _reason(company) == "suppressed",
        "a list that brings her address back changes nothing: she is left alone, known by a keyed hash",
    )


async def _arrive(company: Company) -> str:
    """Rosa calls, and an offer is thought of; her profile, once segment-service knows her too."""
    identifiers = [{"kind": "email", "value": _EMAIL}, {"kind": "phone", "value": _PHONE}]
    body = {"identifiers": identifiers, "create": True}
    profile = str(good(await company.profiles.post("/v1/profiles/resolve", json=body))["profile_id"])
    call = {"channel": "phone", "direction": "inbound", "identifiers": identifiers, "message": {"text": _MESSAGE}}
    good(await company.interactions.post("/v1/engagements", json=call))
    moment = {"profile_id": profile, "channel": "phone", "moment": "call"}
    good(await company.campaigns.post("/v1/decisions", json=moment))
    await until(lambda: company.standing(profile), "segment-service knows Rosa")
    return profile


async def _carried_out(company: Company, type_: str) -> dict[str, Any]:
    body = {"type": type_, "identifiers": [{"kind": "email", "value": _EMAIL}]}
    request = good(await company.profiles.post("/v1/privacy-requests", json=body))

    async def over() -> dict[str, Any] | None:
        found = good(await company.profiles.get(f"/v1/privacy-requests/{request['id']}"))
        return found if found["state"] == "succeeded" else None

    return await until(over, f"the {type_} request is carried out")


async def _reason(company: Company) -> str:
    """Whether somebody with her address, on a list with a grant, may be written to."""
    body = {"identifiers": [{"kind": "email", "value": _EMAIL}], "create": True}
    profile = good(await company.profiles.post("/v1/profiles/resolve", json=body))["profile_id"]
    word = {"status": "granted", "source": "a bought list"}
    good(await company.profiles.put(f"/v1/profiles/{profile}/consents/email/marketing", json=word))
    check = {"profile_ids": [profile], "channel": "email", "purpose": "marketing"}
    (item,) = good(await company.profiles.post("/v1/consents/check", json=check))["items"]
    return str(item["reason"])
