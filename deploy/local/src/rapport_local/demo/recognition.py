"""Recognised from a new device, and a tablet that two people share."""

from collections.abc import Sequence
from uuid import uuid4

from rapport_local.demo.company import Company, good, until
from rapport_local.demo.report import Report


async def tell(report: Report, company: Company, households: Sequence[int]) -> None:
    """A login makes a new device known; a second login on it does not glue two customers together."""
    report.chapter("A customer turns up on a device nobody has seen before")
    first, second = (f"hh-{household}" for household in households[:2])
    known = {user: await company.resolve("user_id", user) for user in (first, second)}
    tablet = f"tablet-{uuid4().hex[:12]}"
    report.check(await company.resolve("anonymous_id", tablet) is None, f"{tablet} is unknown")

    await company.collect("page", {"anonymousId": tablet, "name": "Home"})
    await company.collect("identify", {"anonymousId": tablet, "userId": first})

    async def recognised() -> str | None:
        found = await company.resolve("anonymous_id", tablet)
        return found if found == known[first] else None

    await until(recognised, "the device leads to the customer")

    async def joined() -> list[dict[str, object]] | None:
        place = f"/v1/profiles/{known[first]}/touchpoints"
        history = good(await company.interactions.get(place, params={"limit": 5}))["items"]
        return history if any(item["type"] == "page" for item in history) else None

    await until(joined, "the page seen before the login is in the customer's history")
    report.check(True, f"it logs in as {first}: recognised, and the page it saw before the login is in that history")

    await company.collect("identify", {"anonymousId": tablet, "userId": second})

    async def held() -> list[dict[str, object]] | None:
        ledger = good(await company.profiles.get(f"/v1/profiles/{known[second]}/links"))["items"]
        return [link for link in ledger if link["state"] == "held"] or None

    stopped = await until(held, "the guard decides")
    both = {user: await company.resolve("user_id", user) for user in (first, second)}
    report.check(
        both == known,
        f"{second} logs in on the same tablet: still two customers ({stopped[0].get('held_by') or 'guard'})",
        stopped,
    )
