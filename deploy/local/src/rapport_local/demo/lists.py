"""A list bought from elsewhere: taken in row by row, what is wrong with it said, used only as it may be."""

import csv
import io
import json
from collections.abc import Sequence
from typing import Any, Final

from rapport_local.demo.company import Company, Refused, good
from rapport_local.demo.report import Report
from rapport_local.sample.people import person

_COLUMNS: Final = ("First", "Last", "Born", "Mail", "Telephone", "Street", "Town", "Zip")
_SPEC: Final[dict[str, Any]] = {
    "lawful_basis": "consent",
    "permitted_uses": ["marketing"],
    "expires_at": "2030-12-31",
    "country": "US",
    "mapping": {
        "First": {"trait": "given_name"},
        "Last": {"trait": "family_name"},
        "Born": {"trait": "birth_date"},
        "Mail": {"identifier": "email"},
        "Telephone": {"identifier": "phone"},
        "Street": {"trait": "address.street"},
        "Town": {"trait": "address.city"},
        "Zip": {"trait": "address.postcode"},
    },
}
_VISITORS: Final = (
    ("Ngọc", "Trần", "1984-02-29", "ngoc.tran@example.net", "", "12 Harbour Road", "Portland", "97201"),
    ("Kate", "Whitfield", "1979-06-03", "", "", "8 Orchard Lane", "Salem", "97301"),
    ("小明", "王", "1990-11-12", "", "+886 2 2345 6789", "7 Mill Street", "Eugene", "97401"),
)
_SLIPS: Final = (
    ("Ola", "Berg", "1981-02-30", "ola.berg@example.net", "", "1 Hill Road", "Bend", "97701"),
    ("Pat", "Quinn", "1969-01-20", "pat.quinn(at)example.net", "", "3 Lake Drive", "Bend", "97701"),
)


async def tell(report: Report, company: Company, household: int) -> None:
    """Take in a list with new people, a customer and two bad rows."""
    report.chapter("A list from a trade fair, with mistakes in it")
    known = person(household)
    customer = (known.given_name, known.family_name, "", known.email.upper(), "", "", "", "")
    rows = (*_VISITORS, customer, *_SLIPS)
    before = await company.resolve("email", known.email)
    done = await taken(company, rows)
    report.say(f"{done['rows']} rows: {done['accepted']} taken, {done['rejected']} refused")
    report.check((done["accepted"], done["rejected"]) == (4, 2), "every good row counts, and only those", done)
    faults = await company.profiles.get(f"/v1/imports/{done['id']}/errors.csv")
    lines = list(csv.DictReader(io.StringIO(faults.text)))
    for line in lines:
        report.say(f"row {line['row']}, {line['column']}: {line['reason']}")
    report.check(
        [line["column"] for line in lines] == ["Born", "Mail"], "each refused row says which column is wrong, and why"
    )
    report.check(
        await company.resolve("email", known.email) == before, "the customer among them is recognised, not made anew"
    )


async def taken(company: Company, rows: Sequence[Sequence[str]], source: str = "fair-2026") -> dict[str, Any]:
    """The import of a list, once it is over."""
    file = io.StringIO()
    csv.writer(file, delimiter=";").writerows([_COLUMNS, *rows])
    content = file.getvalue().encode("utf-16")
    answer = await company.profiles.post(
        "/v1/imports", files={"file": ("fair.csv", content)}, data={"spec": json.dumps({**_SPEC, "source": source})}
    )
    accepted = good(answer)
    await company.finished(company.profiles, answer.headers["location"])
    done = good(await company.profiles.get(f"/v1/imports/{accepted['id']}"))
    if done["state"] != "succeeded":
        raise Refused(f"the import ended as {done['state']}: {done['error']}")
    return done
