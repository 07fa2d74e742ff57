"""The same people in another list, spelt otherwise and without any identifier: found, joined where sure, undone."""

from typing import Any, Final

from rapport_local.demo.company import Company, good
from rapport_local.demo.lists import taken
from rapport_local.demo.report import Report

_AGAIN: Final = (
    ("Tran", "Ngoc", "1984-02-29", "", "", "12 Harbour Rd", "Portland", "97201"),
    ("Katherine", "Whitfeild", "1979-06-03", "", "", "8 Orchard Lane", "Salem", "97301"),
)


async def tell(report: Report, company: Company) -> None:
    """Take in a second list, look for duplicates, take one merge back."""
    report.chapter("Duplicates without a common identifier")
    for row in _AGAIN:
        report.say(f"the new list has {row[0]} {row[1]}, {row[2]}, {row[5]}")
    await taken(company, _AGAIN, source="mail-order-house")
    answer = await company.profiles.post("/v1/match-runs")
    good(answer)
    job = await company.finished(company.profiles, answer.headers["location"])
    result = job["result"]
    report.say(f"{result['profiles']} profiles compared: {result['linked']} linked, {result['offered']} for review")
    ngoc = await company.resolve("email", "ngoc.tran@example.net")
    links = good(await company.profiles.get(f"/v1/profiles/{ngoc}/links"))["items"] if ngoc else []
    match = next((each for each in links if each["kind"] == "match"), None)
    report.check(match is not None, "Ngọc Trần is one profile now, names swapped and without accents or not", links)
    if match is not None:
        report.say(f"because of {match['reason']}; probability {match['confidence']:.4f}")
        await _undo(report, company, match)


async def _undo(report: Report, company: Company, match: dict[str, Any]) -> None:
    undone = good(await company.profiles.delete(f"/v1/links/{match['link_id']}"))
    report.check(
        (len(undone["profiles_before"]), len(undone["profiles_after"])) == (1, 2),
        "the merge undone: two profiles again",
        undone,
    )
    answer = await company.profiles.post("/v1/match-runs", json={"full": True})
    job = await company.finished(company.profiles, answer.headers["location"])
    report.check(job["result"]["linked"] == 0, "and kept apart: the next run does not join them again", job["result"])
