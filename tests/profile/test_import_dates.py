"""I9: lists say how their dates are written, and a preview tells which way that may be."""

import copy
from typing import Any

import pytest
from profile_service.imports.dates import DateFormat, fitting

from tests.profile.conftest import Profiles
from tests.profile.lists import Lists

HEADER = "E-mail,Born,Joined\n"
MAPPING = {"E-mail": {"identifier": "email"}, "Born": {"trait": "birth_date"}, "Joined": {"fact": "joined"}}


def spec(joined: str | None = None, **changes: Any) -> dict[str, Any]:
    """A list of dates; `joined` is how its second date is written."""
    mapping: dict[str, Any] = copy.deepcopy(MAPPING)
    if joined is not None:
        mapping["Joined"]["date_format"] = joined
    return {"source": "fair", "mapping": mapping, **changes}


@pytest.mark.parametrize(
    ("how", "written", "day"),
    [
        ("DD/MM/YYYY", "31/12/1980", "1980-12-31"),
        ("dd/mm/yyyy", " 1/2/1980", "1980-02-01"),
        ("MM/DD/YYYY", "12/31/1980", "1980-12-31"),
        ("YYYYMMDD", "19801231", "1980-12-31"),
        ("%d.%m.%Y", "31.12.1980 00:00:00", "1980-12-31"),
        ("DD/MM/YY", "31/12/80", "1980-12-31"),
        ("DD-MMM-YYYY", "3-Feb-1990", "1990-02-03"),
        ("%B %d, %Y", "September 5, 1977", "1977-09-05"),
        ("ROC/MM/DD", "79/2/3", "1990-02-03"),
        ("ROCMMDD", "0790203", "1990-02-03"),
        ("DD/MM/YYYY", "１/２/１９８０", "1980-02-01"),  # noqa: RUF001
        ("DD/MM/YYYY", "1980-12-31", "1980-12-31"),
    ],
)
def test_i9_days_are_read_as_the_format_says(how: str, written: str, day: str) -> None:
    assert DateFormat.parse(how).read(written) == day


@pytest.mark.parametrize(
    ("how", "written"),
    [
        ("DD/MM/YYYY", "12/31/1980"),
        ("DD/MM/YYYY", "31.12.1980"),
        ("DD/MM/YYYY", "31/02/1980"),
        ("DD/MM/YYYY", "31/12/1980 14:30"),
        ("YYYY-DD-MM", "1980-12-31"),
        ("YYYYMMDD", "198011"),
    ],
)
def test_i9_what_does_not_fit_the_format_is_no_day(how: str, written: str) -> None:
    with pytest.raises(ValueError, match="day"):
        DateFormat.parse(how).read(written)


@pytest.mark.parametrize(
    ("values", "formats"),
    [
        (["31/12/1980", "01/02/1990", "unknown"], ["DD/MM/YYYY"]),
        (["12/31/1980", "01/02/1990"], ["MM/DD/YYYY"]),
        (["01/02/1990"], ["DD/MM/YYYY", "MM/DD/YYYY"]),
        (["1980-01-02", "1980/2/3", "19900203"], ["YYYY-MM-DD"]),
        (["105/02/03", "79/5/6"], ["ROC/MM/DD"]),
        (["31/12/1980", "12/31/1980"], []),
        (["nobody knows"], []),
    ],
)
def test_i9_values_tell_which_formats_they_fit(values: list[str], formats: list[str]) -> None:
    assert fitting(values, birth=True).fitting == formats


async def test_i9_dates_are_read_by_the_list_and_by_the_column(lists: Lists, profiles: Profiles) -> None:
    rows = HEADER + "ada@example.org,31/12/1980,02-28-2020\ngrace@example.org,12/31/1980,28.02.2020\n"
    done = await lists.take(rows, spec("MM-DD-YYYY", date_format="DD/MM/YYYY"))
    assert (done["accepted"], done["date_format"], done["mapping"]["Joined"]["date_format"]) == (
        1,
        "DD/MM/YYYY",
        "MM-DD-YYYY",
    )
    ada = await profiles.read(await profiles.profile_of("email", "ada@example.org"))
    assert ada["traits"] == {"birth_date": "1980-12-31", "joined": "2020-02-28"}
    assert [(each["column"], each["value"]) for each in await lists.faults(done["id"])] == [
        ("Born", "12/31/1980"),
        ("Joined", "28.02.2020"),
    ]


async def test_i9_attributes_that_are_dates_follow_the_list(lists: Lists, profiles: Profiles) -> None:
    rows = "E-mail,Wedding\nada@example.org,3.7.2005\n"
    mapping = {"E-mail": {"identifier": "email"}, "Wedding": {"trait": "anniversary"}}
    await lists.take(rows, {"source": "fair", "mapping": mapping, "date_format": "DD.MM.YYYY"})
    ada = await profiles.read(await profiles.profile_of("email", "ada@example.org"))
    assert ada["traits"] == {"anniversary": "2005-07-03"}


async def test_i9_a_day_that_could_be_two_is_refused_with_what_to_do(lists: Lists) -> None:
    done = await lists.take(HEADER + "ada@example.org,01/02/1980,\n", spec())
    (fault,) = await lists.faults(done["id"])
    assert "date_format" in fault["reason"]


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"date_format": "DD/MM"}, "/spec/date_format"),
        ({"date_format": "%H"}, "/spec/date_format"),
        ({"date_format": ""}, "/spec/date_format"),
        (
            {"mapping": {**MAPPING, "Born": {"trait": "birth_date", "date_format": "whatever"}}},
            "/spec/mapping/Born/date_format",
        ),
        (
            {"mapping": {**MAPPING, "E-mail": {"identifier": "email", "date_format": "YYYYMMDD"}}},
            "/spec/mapping/E-mail",
        ),
    ],
)
async def test_i9_a_wrong_date_format_is_refused(lists: Lists, changes: dict[str, Any], pointer: str) -> None:
    response = await lists.send(HEADER + "a@example.org,,\n", {**spec(), **changes})
    assert response.status_code == 422, response.text
    assert pointer in {each["pointer"] for each in response.json()["errors"]}


async def test_i9_a_preview_suggests_how_dates_are_written(lists: Lists) -> None:
    rows = HEADER + "a@example.org,31/12/1980,01/02/2020\nb@example.org,01/02/1980,03/04/2020\n"
    joined = spec("DD/MM/YYYY")
    answer = (await lists.send(rows, joined, to="/v1/imports/preview")).json()
    born, since = answer["dates"]
    assert (born["column"], born["suggested"], born["ambiguous"], born["values"]) == ("Born", "DD/MM/YYYY", False, 2)
    assert (since["given"], since["suggested"], since["ambiguous"]) == ("DD/MM/YYYY", "DD/MM/YYYY", False)
    unclear = (await lists.send(rows.replace("31/12", "05/12"), joined, to="/v1/imports/preview")).json()["dates"][0]
    assert (unclear["suggested"], unclear["ambiguous"]) == (None, True)
    assert unclear["fitting"] == ["DD/MM/YYYY", "MM/DD/YYYY"]
    plain = (await lists.send(rows.replace("/", "x"), spec(), to="/v1/imports/preview")).json()["dates"]
    assert [(each["suggested"], each["fitting"]) for each in plain] == [(None, [])]
