"""Two files turn out to be one customer, or so it seems: merged, and undone."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from rapport_local.demo.company import Company, good, money, until
from rapport_local.demo.report import Report


class History(NamedTuple):
    """What is known of a customer, to compare before and after."""

    profile: str
    touchpoints: int
    orders: int
    revenue: Decimal


async def tell(report: Report, company: Company, households: Sequence[int]) -> None:
    """Merge two customers by hand, look at both histories as one, take it back."""
    report.chapter("A merge, and its undoing")
    users = [f"hh-{household}" for household in households[:2]]
    before = [await _history(company, user) for user in users]
    _show(report, "before", users, before)

    a, b = ({"kind": "user_id", "value": user} for user in users)
    reason = "the customer says that both cards are theirs"
    link = good(await company.profiles.post("/v1/links", json={"a": a, "b": b, "reason": reason}))
    survivor = link["profiles_after"]
    report.check(
        len(survivor) == 1 and survivor[0] in link["profiles_before"],
        "merged: one profile, and one of the two ids survives",
        link,
    )
    whole = History(
        survivor[0],
        sum(each.touchpoints for each in before),
        sum(each.orders for each in before),
        sum((each.revenue for each in before), Decimal(0)),
    )
    merged = await _become(company, users, [whole, whole])
    _show(report, "merged", users, merged)
    report.check(merged == [whole, whole], "both logins show one history: the sum of the two", merged)
    absorbed = next(each.profile for each in before if each.profile != survivor[0])
    answer = await company.profiles.get(f"/v1/profiles/{absorbed}")
    report.check(
        good(answer)["profile_id"] == survivor[0] and survivor[0] in answer.headers.get("content-location", ""),
        "the absorbed id still answers, with the survivor",
        answer.headers.get("content-location"),
    )

    good(await company.profiles.delete(f"/v1/links/{link['link_id']}"))
    after = await _become(company, users, before)
    _show(report, "undone", users, after)
    report.check(after == before, "undone: two profiles under their own ids, each with its own history again", after)


async def _history(company: Company, user: str) -> History:
    async def known() -> tuple[str, dict[str, Any]] | None:
        profile = await company.resolve("user_id", user)
        standing = None if profile is None else await company.standing(profile)
        return None if profile is None or standing is None else (profile, standing)

    profile, standing = await until(known, f"{user} is known")
    context = good(await company.interactions.get(f"/v1/profiles/{profile}/context"))
    totals = standing["totals"]
    return History(profile, context["history"]["touchpoints"], totals["orders"], Decimal(totals["revenue"]["amount"]))


async def _become(company: Company, users: Sequence[str], expected: Sequence[History]) -> list[History]:
    found: list[History] = []

    async def same() -> bool:
        found[:] = [await _history(company, user) for user in users]
        return found == list(expected)

    try:
        await until(same, "the change has reached all services", patience=20)
    except Exception:  # noqa: BLE001  the check that follows shows what was found instead
        return found
    return found


def _show(report: Report, when: str, users: Sequence[str], histories: Sequence[History]) -> None:
    for user, each in zip(users, histories, strict=True):
        revenue = money({"amount": each.revenue})
        report.say(
            f"{when:>7}: {user:<8} profile …{each.profile[-6:]}  {each.touchpoints:>4} touchpoints"
            f"  {each.orders:>4} orders  {revenue:>10} USD"
        )
