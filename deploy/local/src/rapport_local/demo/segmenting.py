"""Segments that follow the event, groups found in the data, and customers like the good ones."""

import time
from pathlib import Path
from typing import Any
from uuid import uuid4

from rapport_local.demo.company import Company, good, until
from rapport_local.demo.report import Report

_REDEEMED = {"event": "Coupon Redeemed"}
_AT_RISK = {"all": [{"value_class": ["top", "large", "medium"]}, {"lifecycle": ["at_risk", "lapsed"]}]}
_GRADES = [
    {
        "grade": "gold",
        "enter": {"metric": "period_revenue", "gte": 2_000},
        "keep": {"metric": "period_revenue", "gte": 1_600},
        "privileges": ["free delivery", "a manager of one's own"],
    },
    {"grade": "silver", "enter": {"metric": "period_revenue", "gte": 1_000}},
]


async def tell(report: Report, company: Company, household: str, folder: Path) -> None:
    """Keep segments, watch somebody enter, find groups, rank by likeness."""
    report.chapter("Segments, groups and likeness")
    await _segments(report, company, household)
    await _grades(report, company)
    await _groups(report, company, folder)
    await _likeness(report, company, folder)


async def _segments(report: Report, company: Company, household: str) -> None:
    preview = good(await company.segments.post("/v1/segments/preview", json={"rule": _REDEEMED, "sample": 1}))
    report.say(f"a rule tried first: {preview['size']:,} of {preview['customers']:,} customers redeemed a coupon")
    await _kept(company, "coupon-redeemers", "Coupon redeemers", _REDEEMED)
    valuable = await _kept(company, "valuable-at-risk", "Valuable and at risk", _AT_RISK)
    report.say(f"valuable customers who have gone quiet: {valuable['size']:,}")
    fans = {"event": "Order Completed", "where": {"products.category": {"eq": "ROLLER SKATES"}}, "within": "30d"}
    await _kept(company, "skaters", "Bought roller skates", fans)
    products = [{"product_id": "s1", "category": "ROLLER SKATES", "price": 59, "quantity": 1}]
    properties = {"order_id": str(uuid4()), "revenue": 59, "currency": "USD", "products": products}
    began = time.monotonic()
    await company.collect("track", {"userId": household, "event": "Order Completed", "properties": properties})

    async def entered() -> dict[str, Any] | None:
        found = good(await company.segments.get("/v1/segments/skaters/members"))["items"]
        return found[0] if found else None

    member = await until(entered, "the buyer is in the segment", patience=20)
    took = time.monotonic() - began
    report.check(took < 10, f"{household} buys roller skates and is in the segment {took:.1f} s later")
    reasons = good(await company.segments.get(f"/v1/segments/skaters/members/{member['profile_id']}"))
    report.check(reasons["matches"], "and the service says why", reasons)


async def _kept(company: Company, key: str, name: str, rule: dict[str, Any]) -> dict[str, Any]:
    good(await company.segments.put(f"/v1/segments/{key}", json={"name": name, "rule": rule}))

    async def ready() -> dict[str, Any] | None:
        found = good(await company.segments.get(f"/v1/segments/{key}"))
        return found if found["health"]["state"] == "ready" else None

    return await until(ready, f"everybody has been asked about {key}")


async def _grades(report: Report, company: Company) -> None:
    good(await company.segments.put("/v1/gradings/vip", json={"name": "VIP", "grades": _GRADES}))

    async def graded() -> dict[str, Any] | None:
        found = good(await company.segments.get("/v1/gradings/vip"))
        return found if found["state"] == "ready" else None

    found = await until(graded, "everybody has a grade")
    report.say(", ".join(f"{each['grade']}: {each['customers']:,} customers" for each in found["sizes"]))
    treatment = {
        "name": "Gold",
        "applies_to": {"grades": {"vip": ["gold"]}},
        "account_manager": True,
        "visit_every_days": 60,
        "cost_per_year": 40,
    }
    good(await company.segments.put("/v1/treatments/gold", json=treatment))
    gold = good(await company.segments.get("/v1/gradings/vip/grades/gold/customers"))["items"]
    given = good(await company.segments.get(f"/v1/profiles/{gold[0]['profile_id']}/treatment"))["treatment"]
    report.check(given["key"] == "gold", f"a gold customer gets their treatment, {given['reason']}", given)


async def _groups(report: Report, company: Company, folder: Path) -> None:
    accepted = await company.segments.post("/v1/clusterings", json={"most": 6})
    started = good(accepted)
    await company.finished(company.segments, accepted.headers["location"])
    address = f"/v1/clusterings/{started['clustering_id']}"
    result = good(await company.segments.get(address))["result"]
    report.table(
        ["group found", "customers", "what sets it apart"],
        [[each["name"], f"{each['size']:,}", each["description"].split("; ")[0]] for each in result["groups"]],
    )
    whole = sum(each["size"] for each in result["groups"]) == result["customers"]
    report.check(whole, f"{result['chosen']} groups among {result['customers']:,} customers, each with a name", result)
    (folder / "groups.svg").write_bytes((await company.segments.get(f"{address}/groups.svg")).content)
    report.look_at("the groups found", str(folder / "groups.svg"))


async def _likeness(report: Report, company: Company, folder: Path) -> None:
    asked = {"name": "coupon redeemers", "seeds": {"segment": "coupon-redeemers"}}
    accepted = await company.segments.post("/v1/lookalikes", json=asked)
    started = good(accepted)
    await company.finished(company.segments, accepted.headers["location"])
    address = f"/v1/lookalikes/{started['lookalike_id']}"
    result = good(await company.segments.get(address))["result"]
    best = result["gains"][0]
    report.say(f"most telling: {'; '.join(each['words'] for each in result['drivers'][:2])}")
    report.check(
        best["lift"] > 1,
        f"among customers held out, the tenth most like coupon redeemers holds {best['lift']:.1f} times the average "
        f"(AUC {result['auc']:.2f}, {result['model'].replace('_', ' ')})",
        result["gains"],
    )
    (folder / "likeness.svg").write_bytes((await company.segments.get(f"{address}/gains.svg")).content)
    report.look_at("how well likeness ranks", str(folder / "likeness.svg"))
